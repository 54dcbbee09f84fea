"""The topology as RabbitMQ's definitions: what an administrator imports before our processes first connect.

They declare the same when they connect; imported first, their declarations change nothing, and a process may be given
a login that can declare nothing else.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bridge.broker.topology import ARGUMENTS, DEAD_ARGUMENTS, DEAD_LETTERS, EXCHANGES, queue_of, topics
from bridge.broker.topology import EXCHANGE as FACTS

VHOST: Final = "aval"
"""Our own virtual host: nothing of ours is seen from another one."""

OURS: Final = "^aval(\\..*)?$"
"""The names that our login may declare, write to and read."""


def definitions(destinations: Iterable[str], passwords: Mapping[str, str], *, vhost: str = VHOST) -> dict[str, Any]:
    """Return what `rabbitmqctl import_definitions` reads.

    Args:
        passwords: of each login; what is returned holds salted hashes of them.
    """
    named = {queue_of(topic): topic for topic in topics(destinations)}
    place = {"vhost": vhost}
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(name, password) for name, password in passwords.items()],
        "permissions": [{"user": name, **place, "configure": OURS, "write": OURS, "read": OURS} for name in passwords],
        "exchanges": [
            {"name": name, **place, "type": str(kind.value), **_LASTING, "internal": False}
            for name, kind in EXCHANGES.items()
        ],
        "queues": [
            {"name": DEAD_LETTERS, **place, **_LASTING, "arguments": dict(DEAD_ARGUMENTS)},
            *({"name": name, **place, **_LASTING, "arguments": dict(ARGUMENTS)} for name in named),
        ],
        "bindings": [
            _binding(DEAD_LETTERS, DEAD_LETTERS, DEAD_LETTERS, vhost),
            *(_binding(FACTS, name, topic, vhost) for name, topic in named.items()),
        ],
    }


_LASTING: Final[Mapping[str, Any]] = {"durable": True, "auto_delete": False, "arguments": {}}


def _binding(source: str, queue: str, key: str, vhost: str) -> dict[str, Any]:
    return {
        "source": source,
        "vhost": vhost,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }


def _user(name: str, password: str) -> dict[str, Any]:
    """Return a login with its hash, as RabbitMQ computes it: base64 of salt and SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {
        "name": name,
        "password_hash": hashed,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
        "limits": {},
    }
