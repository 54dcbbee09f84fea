"""What an identity token must say before anybody is signed in (OpenID Connect Core 1.0, 3.1.3.7)."""

import hmac
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bridge.oidc.errors import LevelTooLow, TokenRefused

SKEW_S: Final = 60
"""How far the provider's clock may be from ours, in seconds. Both are kept by NTP; a minute forgives a lazy one."""

AGE_MAX_S: Final = 300
"""Oldest token, in seconds since it was issued: it is fetched at once, so an older one was kept by somebody."""

PROFESSIONAL_ID: Final = re.compile(r"[A-Za-z0-9/.-]{1,64}")
"""A professional identifier: 8 and an RPPS number (IDNPS), 0 and an ADELI number, or FINESS/number of an employee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the token of one sign-in is held against.

    Args:
        nonce: that this sign-in sent.
        levels: values of "acr" that are enough; none where the level of this sign-in opens nothing by itself.
    """

    issuer: str
    client: str
    nonce: str
    levels: tuple[str, ...]


def require_claims(said: Mapping[str, Any], expected: Expected, now: datetime) -> str:
    """Return the level ("acr") of a verified token, when it is for us, of now, and of this sign-in.

    Raises:
        TokenRefused: it is not.
        LevelTooLow: it is, and the person proved who they are in a weaker way than is asked for.
    """
    if said.get("iss") != expected.issuer:
        raise TokenRefused("issuer")
    _require_for(said, expected.client)
    _require_now(said, now.timestamp())
    nonce = said.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise TokenRefused("nonce")
    if not isinstance(said.get("sub"), str) or not said["sub"]:
        raise TokenRefused("subject")
    level = said.get("acr")
    if expected.levels and level not in expected.levels:
        raise LevelTooLow("the level of the sign-in is not among desk.oidc.acr_values")
    return str(level or "")


def professional_id(said: Mapping[str, Any], claim: str) -> str:
    """Return the professional identifier; "" when it is not said, or is none."""
    value = said.get(claim)
    return value if isinstance(value, str) and PROFESSIONAL_ID.fullmatch(value) else ""


def _require_for(said: Mapping[str, Any], client: str) -> None:
    """A token for several audiences must say that it was issued to us; one that names nobody else need not."""
    audience = said.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if client not in named:
        raise TokenRefused("audience")
    if (len(named) > 1 or "azp" in said) and said.get("azp") != client:
        raise TokenRefused("authorized party")


def _require_now(said: Mapping[str, Any], now_s: float) -> None:
    expires, issued = (_seconds(said.get(name)) for name in ("exp", "iat"))
    if now_s >= expires + SKEW_S:
        raise TokenRefused("expired")
    if not now_s - AGE_MAX_S - SKEW_S <= issued <= now_s + SKEW_S:
        raise TokenRefused("issued at another time")
    if "nbf" in said and _seconds(said["nbf"]) > now_s + SKEW_S:
        raise TokenRefused("not valid yet")


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenRefused("time")
    return float(value)
