"""First impressions as a person chooses them: in words, each with the key that chooses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.web.i18n import N_
from guarantee.case import CaseKind
from guarantee.first_read import Word as Impression


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A first impression as a person chooses it.

    Args:
        text: message to translate.
        key: that chooses it; the same in every language, because it is printed beside the text.
    """

    text: str
    key: str


IMPRESSIONS: Final[Mapping[CaseKind, Mapping[Impression, Choice]]] = {
    CaseKind.STUDY: {
        Impression.NONE: Choice(text=N_("Nothing of what the system looks for"), key="N"),
        Impression.PRESENT: Choice(text=N_("Present"), key="P"),
        Impression.UNSURE: Choice(text=N_("Unsure"), key="U"),
    },
    CaseKind.RECORD: {
        Impression.LOW: Choice(text=N_("Low"), key="L"),
        Impression.MEDIUM: Choice(text=N_("Medium"), key="E"),
        Impression.HIGH: Choice(text=N_("High"), key="G"),
        Impression.NO_OPINION: Choice(text=N_("No opinion"), key="O"),
    },
}
"""What may be said before anything of AI is shown, by kind of case."""
