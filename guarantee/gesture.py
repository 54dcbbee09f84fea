"""A personal gesture over exactly one statement: what an authenticator signs, and what that must say.

The reader's authenticator signs a challenge that is the digest of the very bytes that the desk seals, so the gesture
counts for that statement and for no other. What is checked here needs no key: what the signed bytes say. Whether the
signature is by the registered key is checked where signatures can be (bridge/passkeys.py, deploy/verify_journal.py).

Source: Web Authentication Level 3 (W3C), 5.8.1, 6.1 and 7.2.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from guarantee.errors import Forged, Malformed

BY_PASSKEY: Final = "+passkey"
"""How ``Statement.auth`` ends when it was signed by a gesture: "password+totp+passkey"."""

CLIENT_DATA_CHARS_MAX: Final = 2_048
"""Longest client data; browsers write under 300 characters, and room for members that they may add."""

AUTHENTICATOR_DATA_BYTES: Final = range(37, 1_025)
"""Authenticator data of an assertion: 37 bytes, and extensions that nobody asked for."""

SIGNATURE_BYTES: Final = range(64, 1_025)
"""ES256 takes 70 to 72 bytes, EdDSA 64, RS256 256 to 512."""

USER_PRESENT: Final = 0x01
USER_VERIFIED: Final = 0x04
"""Flags of authenticator data, byte 32: somebody touched it; and proved, by PIN or fingerprint, to be its owner."""


class Level(StrEnum):
    """What a signature proves, named as it is (governance: L3, a professional certificate, is not offered here)."""

    SEAL = "L1"
    """The desk's seal after a sign-in with two factors: what the service recorded."""
    GESTURE = "L2"
    """A gesture of a verified person over exactly these bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A person's authenticator, as it was registered.

    Args:
        id: credential identifier, base64url without padding.
        name: what the person calls it.
        algorithm: "ES256", "EdDSA" or "RS256".
        public_key: hexadecimal: x and y of a point of P-256; 32 bytes of Ed25519; an RSA modulus (exponent 65537).
    """

    id: str
    login: str
    name: str
    algorithm: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """An assertion of an authenticator.

    Args:
        passkey: identifier of the passkey, base64url.
        authenticator_data: hexadecimal.
        client_data: JSON text, as the browser wrote it.
        signature: hexadecimal, over authenticator data and SHA-256 of the client data.
    """

    passkey: str
    authenticator_data: str
    client_data: str
    signature: str

    def __post_init__(self) -> None:
        if len(self.client_data) > CLIENT_DATA_CHARS_MAX:
            raise Malformed(f"client data has at most {CLIENT_DATA_CHARS_MAX} characters")
        if len(_bytes(self.authenticator_data)) not in AUTHENTICATOR_DATA_BYTES:
            raise Malformed("authenticator data has another length")
        if len(_bytes(self.signature)) not in SIGNATURE_BYTES:
            raise Malformed("a signature has another length")

    @property
    def said(self) -> dict[str, object]:
        """What the browser says: type, challenge, origin.

        Raises:
            Malformed: it is no JSON object.
        """
        try:
            said = json.loads(self.client_data)
        except (ValueError, RecursionError) as error:
            raise Malformed("client data is not JSON") from error
        if not isinstance(said, dict):
            raise Malformed("client data is not a JSON object")
        return said

    @property
    def is_verified(self) -> bool:
        """Whether somebody was present, and proved to be the authenticator's owner."""
        wanted = USER_PRESENT | USER_VERIFIED
        return _bytes(self.authenticator_data)[32] & wanted == wanted

    @property
    def party(self) -> bytes:
        """SHA-256 of the host that the authenticator signed for."""
        return _bytes(self.authenticator_data)[:32]

    @property
    def counter(self) -> int:
        """How often the authenticator has signed; 0 for ever where it does not count."""
        return int.from_bytes(_bytes(self.authenticator_data)[33:37], "big")

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return _bytes(self.authenticator_data) + hashlib.sha256(self.client_data.encode()).digest()


def challenge_of(payload: bytes) -> str:
    """Return what an authenticator is asked to sign for ``payload``: its SHA-256, base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(payload).digest()).decode().rstrip("=")


def require_over(gesture: Gesture, payload: bytes) -> None:
    """Return when ``gesture`` is a verified person's over exactly ``payload``, as far as its bytes say.

    Raises:
        Forged: it is over something else, was made for something else, or nobody was verified.
    """
    said = gesture.said
    if said.get("type") != "webauthn.get":
        raise Forged("the authenticator was asked for something else than a signature")
    if said.get("challenge") != challenge_of(payload):
        raise Forged("the gesture was made over other bytes than this statement")
    if not gesture.is_verified:
        raise Forged("the authenticator did not verify who made the gesture")


def level_of(auth: str) -> Level:
    """Return what a statement with this ``auth`` proves."""
    return Level.GESTURE if auth.endswith(BY_PASSKEY) else Level.SEAL


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed("not hexadecimal") from error
