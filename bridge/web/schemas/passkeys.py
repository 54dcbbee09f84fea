"""Passkeys: what a browser is asked, and what it says."""

from typing import Annotated

from pydantic import Field

from bridge.web.schemas.base import DigestText, In, Out, TimeText
from guarantee.gesture import AUTHENTICATOR_DATA_BYTES, CLIENT_DATA_CHARS_MAX, SIGNATURE_BYTES, Gesture

NAME_CHARS_MAX = 80
"""Longest name of a passkey."""

PasskeyText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,1364}$", description="credential identifier, base64url")]
"""At most 1023 bytes (Web Authentication Level 3, 5.8.3)."""


class PasskeyOut(Out):
    """One passkey of the caller."""

    id: str
    name: str
    algorithm: str
    added_at: TimeText
    ended_at: TimeText | None


class CodeIn(In):
    """A one-time code, typed again: an open session alone adds no passkey."""

    code: str = Field(min_length=1, max_length=32)


class AskedOut(Out):
    """What an authenticator is asked for a new key."""

    challenge: str
    host: str
    desk: str
    user: str
    known: tuple[str, ...]
    algorithms: tuple[int, ...]
    life_s: int


class PasskeyIn(In):
    """What a browser says of a new passkey."""

    name: str = Field(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
    client_data: str = Field(min_length=1, max_length=CLIENT_DATA_CHARS_MAX)
    attestation: str = Field(min_length=1, max_length=20_000, pattern=r"^[A-Za-z0-9_-]+$")


class SigningOut(Out):
    """How the caller may sign an opinion on a result."""

    gesture: str = Field(description="passkey when nothing else counts")
    passkeys: int = Field(description="how many of the caller's count")


class PreparedOut(Out):
    """What an authenticator is asked to sign."""

    challenge: str
    statement: DigestText
    host: str
    passkeys: tuple[str, ...]
    life_s: int


class GestureIn(In):
    """What an authenticator signed."""

    passkey: PasskeyText
    authenticator_data: str = Field(pattern=r"^([0-9a-f]{2})+$", max_length=2 * AUTHENTICATOR_DATA_BYTES.stop)
    client_data: str = Field(min_length=1, max_length=CLIENT_DATA_CHARS_MAX)
    signature: str = Field(pattern=r"^([0-9a-f]{2})+$", max_length=2 * SIGNATURE_BYTES.stop)

    def to_gesture(self) -> Gesture:
        """Return the value that the desk takes."""
        return Gesture(
            passkey=self.passkey,
            authenticator_data=self.authenticator_data,
            client_data=self.client_data,
            signature=self.signature,
        )
