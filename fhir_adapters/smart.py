"""SMART Backend Services, our side as a client (SMART App Launch 2.2, private_key_jwt).

    {base}/.well-known/smart-configuration      the token endpoint, unless the settings name it
    POST token endpoint                         a signed assertion, five minutes at most, never twice the same
    Authorization: Bearer …                     until shortly before it expires; asked for once more after a 401

Tokens and assertions are in no log and no error.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

from fhir_adapters.jose import PrivateKey, sign
from guarantee.errors import Unavailable

ASSERTION_S: Final = 240
"""Life of an assertion; SMART allows 300 s, and the server's clock may be behind ours."""

EARLY_S: Final = 30.0
"""How long before its end a token is not used any more."""

LIFE_S: Final = 60.0
"""Life of a token whose server does not say."""

LIFE_MAX_S: Final = 3600.0
"""Longest that a token is kept, whatever its server says."""

TOKEN_CHARACTERS_MAX: Final = 16_384
"""Longest token that is sent with every request."""

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Ask: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""Method, address, headers, body to status and body; raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How we are registered at a server.

    Args:
        client_id: as the server's administrator registered us.
        key: whose public half the administrator has.
        scope: e.g. "system/*.rs".
        token_url: token endpoint; "" to ask the server for it.
    """

    client_id: str
    key: PrivateKey = field(repr=False)
    scope: str
    token_url: str = ""


class Tokens:
    """The access token of one client at one server; from any thread.

    Args:
        ask: speaks to the server, bounded in time and size.
    """

    def __init__(self, options: Options, base_url: str, ask: Ask) -> None:
        self._options = options
        self._base_url = base_url
        self._ask = ask
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def current(self) -> str:
        """Return a token that has some life left.

        Raises:
            Unavailable: the server gives none.
        """
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token, life_s = self._fetched()
                self._until = time.monotonic() + max(1.0, life_s - EARLY_S)
            return self._token

    def forget(self, token: str) -> None:
        """Let go of a token that the server did not take; not of another one that came meanwhile."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _fetched(self) -> tuple[str, float]:
        url = self._options.token_url or self._discovered()
        form = {
            "grant_type": "client_credentials",
            "scope": self._options.scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(url),
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        status, data = self._ask("POST", url, headers, urlencode(form).encode())
        told = _object(data)
        token = told.get("access_token")
        if status != 200 or not isinstance(token, str) or not _is_token(token):
            raise Unavailable("no-token", f"the token endpoint answered {status}: check client_id, key and scope there")
        return token, _life_s(told.get("expires_in"))

    def _assertion(self, url: str) -> str:
        mine, now = self._options, int(time.time())
        claims = {"iss": mine.client_id, "sub": mine.client_id, "aud": url, "iat": now, "exp": now + ASSERTION_S}
        return sign({**claims, "jti": secrets.token_urlsafe(24)}, mine.key)

    def _discovered(self) -> str:
        """Return the token endpoint, when it is where the server is: one elsewhere must be named in the settings."""
        address = f"{self._base_url}/.well-known/smart-configuration"
        status, data = self._ask("GET", address, {"Accept": "application/json"}, b"")
        url = str(_object(data).get("token_endpoint", "")) if status == 200 else ""
        if not url:
            raise Unavailable("no-token-endpoint", "the FHIR server names no token endpoint; give smart.token_url")
        if urlsplit(url)[:2] != urlsplit(self._base_url)[:2]:
            raise Unavailable("token-elsewhere", "the token endpoint is on another server; give smart.token_url")
        return url


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_token(text: str) -> bool:
    return 0 < len(text) <= TOKEN_CHARACTERS_MAX and text.isascii() and text.isprintable() and " " not in text


def _life_s(said: object) -> float:
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    return min(float(said), LIFE_MAX_S) if is_number and said > 0 else LIFE_S  # type: ignore[operator,arg-type]
