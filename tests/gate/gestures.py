"""Rows about passkeys and what was signed with them, as direct SQL.

In the world dr.martin has three passkeys, "m", of which one is revoked and one has counted to 5, and dr.leroy has one,
"l". The policy "by-passkey@1" asks for a gesture.
"""

from dataclasses import replace
from typing import Any, Final

from guarantee.gesture import challenge_of
from guarantee.policy import Policy
from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import a_policy

MARTIN, COUNTED, REVOKED, LEROY = "m", "m-counted", "m-revoked", "l"
OWNERS: Final = {MARTIN: "dr.martin", COUNTED: "dr.martin", REVOKED: "dr.martin", LEROY: "dr.leroy"}
BY_PASSKEY: Final[Policy] = replace(a_policy(), id="by-passkey", gesture="passkey")


def passkey(key: str = "new", **changes: Any) -> Sql:
    values = {"id": key, "login": OWNERS.get(key, "dr.martin"), "name": "clé", "algorithm": "ES256"}
    return insert("passkeys", values | {"public_key": "00" * 64, "at": SIGNED} | changes)


def passkey_end(key: str = LEROY, **changes: Any) -> Sql:
    values = {"passkey": key, "by_whom": OWNERS.get(key, "dr.martin"), "reason": "perdue", "at": SIGNED}
    return insert("passkey_ends", values | changes)


def challenge(**changes: Any) -> Sql:
    values = {"challenge": "c", "session": "t", "purpose": "sign", "at": SIGNED, "used_at": None}
    return insert("challenges", values | changes)


def authenticator_data(flags: int = 5, counter: int = 0) -> str:
    return f"{'ab' * 32}{flags:02x}{counter:08x}"


def gesture(name: str, key: str = MARTIN, *, by: str = "dr.martin", statement: str = "{}", **changes: Any) -> Sql:
    """The gesture over an opinion whose statement is ``statement``."""
    client_data = f'{{"type":"webauthn.get","challenge":"{challenge_of(statement.encode())}","origin":"https://chu"}}'
    values = {"opinion_id": f"opinion {name}:{by}", "passkey": key, "authenticator_data": authenticator_data()}
    return insert("gestures", values | {"client_data": client_data, "signature": "00" * 70} | changes)
