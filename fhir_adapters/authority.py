"""SMART Backend Services, our side as a server: senders that are registered here get tokens for five minutes.

A sender signs an assertion with its own key (private_key_jwt); its public keys are a file of the settings, and no
address in a token is ever followed. An assertion works once. A token says whose it is and until when, under a MAC of
ours; it opens the FHIR door as its sender and nothing else, and only from where that sender may come.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from fhir_adapters.errors import TokenRefused
from fhir_adapters.jose import TOKEN_CHARACTERS_MAX, PublicKey, claims_of, verify
from fhir_adapters.smart import ASSERTION_TYPE

TOKEN_S: Final = 300
"""Life of a token."""

ASSERTION_S_MAX: Final = 300
"""Longest life of an assertion (SMART 2.2: at most five minutes)."""

CLOCK_S: Final = 30
"""How far a sender's clock may be off."""

JTI_CHARACTERS_MAX: Final = 256

SCOPE: Final = "system/*.c"
"""What every token is for: to create. Nothing can be read here."""

ASKED: Final = frozenset({SCOPE, "system/Bundle.c", "system/*.cruds", "system/*.write", "system/*.*"})
"""Scopes that may be asked for; what is given is SCOPE."""


class BadForm(Exception):
    """A request for a token is not one.

    Args:
        code: of RFC 6749 (5.2).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Gives tokens to registered senders, and says whose a token is.

    Args:
        base_url: of the FHIR door, as senders reach it.
        clients: keys of each registered sender, by its name, which is its client_id.
        secret: of the MAC, at least 32 bytes.
        once: notes that something was used, and returns False when it was before.
    """

    base_url: str
    clients: Mapping[str, tuple[tuple[str, PublicKey], ...]]
    secret: bytes = field(repr=False)
    once: Callable[[str], bool]
    now: Callable[[], datetime]

    @property
    def token_url(self) -> str:
        """Where tokens are given out: the audience of every assertion."""
        return f"{self.base_url}/auth/token"

    def configuration(self) -> dict[str, Any]:
        """Return what .well-known/smart-configuration says."""
        return {
            "token_endpoint": self.token_url,
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "scopes_supported": [SCOPE],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        }

    def client_of(self, form: bytes) -> tuple[str, str]:
        """Return whose name a request for a token bears, not yet verified, and its assertion.

        Raises:
            BadForm: it is none, or for something that is not given.
            TokenRefused: no registered sender has this name.
        """
        given = _fields(form)
        if given.get("grant_type") != "client_credentials":
            raise BadForm("unsupported_grant_type")
        if given.get("client_assertion_type") != ASSERTION_TYPE:
            raise BadForm("invalid_request")
        if not ASKED & set(given.get("scope", "").split()):
            raise BadForm("invalid_scope")
        assertion = given.get("client_assertion", "")
        name = claims_of(assertion).get("iss")
        if not isinstance(name, str) or name not in self.clients:
            raise TokenRefused("client")
        return name, assertion

    def given(self, name: str, assertion: str) -> dict[str, Any]:
        """Return the answer with a new token for ``name``.

        Raises:
            TokenRefused: the assertion is not of its key, not for us, not of now, or was used before.
            PortError: that it was used cannot be noted now.
        """
        claims = verify(assertion, self.clients[name])
        self._require(name, claims)
        if not self.once(hashlib.sha256(f"{name}\0{claims['jti']}".encode()).hexdigest()):
            raise TokenRefused("again")
        until = int(self.now().timestamp()) + TOKEN_S
        body = urlsafe_b64encode(json.dumps([name, until]).encode())
        token = (body + b"." + urlsafe_b64encode(self._mac(body))).decode()
        return {"access_token": token, "token_type": "bearer", "expires_in": TOKEN_S, "scope": SCOPE}

    def holder(self, token: str) -> str:
        """Return whose token this is; "" when it is none of ours, or its time is over."""
        body, _, mac = token.encode().partition(b".")
        if len(token) > TOKEN_CHARACTERS_MAX or not hmac.compare_digest(mac, urlsafe_b64encode(self._mac(body))):
            return ""
        name, until = json.loads(urlsafe_b64decode(body))
        is_known = name in self.clients and self.now().timestamp() < until
        return str(name) if is_known else ""

    def _require(self, name: str, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud")
        jti = claims.get("jti")
        is_ours = self.token_url in (audience if isinstance(audience, list) else [audience])
        is_named = isinstance(jti, str) and 0 < len(jti) <= JTI_CHARACTERS_MAX
        if claims.get("iss") != name or claims.get("sub") != name or not is_ours or not is_named:
            raise TokenRefused("claims")
        now = self.now().timestamp()
        begins = [_number(claims[each]) for each in ("iat", "nbf") if each in claims]
        left_s = _number(claims.get("exp")) - now
        if not -CLOCK_S < left_s <= ASSERTION_S_MAX + CLOCK_S or any(begin > now + CLOCK_S for begin in begins):
            raise TokenRefused("time")

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self.secret, body, "sha256")


def _fields(form: bytes) -> dict[str, str]:
    try:
        found = parse_qs(form.decode("ascii"), strict_parsing=True, max_num_fields=12)
    except ValueError as error:
        raise BadForm("invalid_request") from error
    if any(len(values) != 1 for values in found.values()):
        raise BadForm("invalid_request")  # two readers would take two of them
    return {name: values[0] for name, values in found.items()}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise TokenRefused("time")
    return float(value)
