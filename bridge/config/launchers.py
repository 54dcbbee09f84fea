"""The systems that open the desk on an exam: PACS, RIS, record."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.config.base import Section
from bridge.links.signing import KEY_CHARACTERS_MIN

_ORIGIN: Final = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def _require_origin(text: str) -> str:
    """Return an origin in small letters. What stands here goes into a header as it is."""
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError("an origin is scheme://host[:port] and nothing else, e.g. https://pacs.chu.example:8443")
    return text.lower()


Origin = Annotated[str, AfterValidator(_require_origin)]
"""What a browser calls the place of a page (RFC 6454, 6.2)."""


class LauncherSettings(Section):
    """One system with a button that opens the desk."""

    key: SecretStr = Field(
        SecretStr(""), description="what it signs its links with, 32 characters or more; empty for none"
    )
    key_before: SecretStr = Field(
        SecretStr(""), description="another key that is still taken, while keys are exchanged; empty for none"
    )
    unsigned: bool = Field(
        default=False, description="take its links without a signature too; the person still signs in, as always"
    )
    frames: tuple[Origin, ...] = Field((), description="origins of its pages that may show the desk in a frame")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that is taken, the present one first."""
        return tuple(key for key in (self.key.get_secret_value(), self.key_before.get_secret_value()) if key)

    @model_validator(mode="after")
    def _can_launch(self) -> Self:
        """Short keys are guessed."""
        if any(len(key) < KEY_CHARACTERS_MIN for key in self.keys):
            raise ValueError(f"a key has {KEY_CHARACTERS_MIN} characters or more: openssl rand -hex 32")
        if not self.keys and not self.unsigned:
            raise ValueError("give key, or unsigned = true")
        return self
