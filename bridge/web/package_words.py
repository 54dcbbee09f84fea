"""What the page of the systems says of a package's signature: whose it is, and whether it holds now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.web.i18n import N_
from bridge.web.model_words import ORIGINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The signature of one installed package, looked at now.

    Args:
        word: a key of WORDS.
        publisher: who signed it, as the settings call them; "" for nobody known.
        key: name of the key that signed; "" without a signature.
        known_at: when the version was made known here; None while it is not.
        first: who had signed it then, as the database kept it; "" for nobody.
    """

    word: str
    publisher: str = ""
    key: str = ""
    known_at: datetime | None = None
    first: str = ""

    @property
    def icon(self) -> str:
        """What stands before the words."""
        return {"signed": "check", "shipped": "check"}.get(self.word, "alert")

    @property
    def has_changed(self) -> bool:
        """Whether somebody else signed it when it was made known, or nobody does any more."""
        return bool(self.first) and self.first != self.publisher


WORDS: Final[Mapping[str, str]] = {
    **ORIGINS,
    "refused": N_("it does not hold: these are not the bytes that its publisher signed, and they are not run"),
}
"""Whose it is. A signature has no date of its own; when it was first found good here, the database kept."""
