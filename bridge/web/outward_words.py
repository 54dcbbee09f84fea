"""How destinations stand, in words: their breakers, and why they last did not answer."""

from collections.abc import Mapping
from typing import Final

from bridge.web.i18n import N_
from bridge.web.outward import Standing
from bridge.web.words import CAUSES, Word
from guarantee.breaker import Phase
from guarantee.result import Cause

BREAKERS: Final[Mapping[Phase, Word]] = {
    Phase.CLOSED: Word(text=N_("Answers"), icon="check", tone="human"),
    Phase.OPEN: Word(text=N_("Does not answer, left alone"), icon="alert", tone="alert"),
    Phase.HALF_OPEN: Word(text=N_("Being tried again"), icon="hourglass", tone="wait"),
}

PAUSED: Final = Word(text=N_("Paused by a person"), icon="pause", tone="wait")
FAILING: Final = Word(text=N_("Did not answer last time"), icon="alert", tone="wait")

KINDS: Final[Mapping[str, str]] = {
    "pacs": N_("PACS"),
    "record": N_("Health record"),
    "hl7": N_("Health record, by HL7v2"),
    "": N_("No longer configured"),
}

FAILURES: Final[Mapping[str, str]] = {
    "no-connection": N_("It cannot be reached"),
    "connection": N_("It cannot be reached"),
    "dicomweb-unreachable": N_("Its DICOMweb service cannot be reached"),
    "association-rejected": N_("It rejected the association"),
    "association-aborted": N_("It ended the association"),
    "association-lost": N_("It ended the association"),
    "no-answer": N_("It did not answer in time"),
    "timeout": N_("It did not answer in time"),
    "not-now": N_("It is out of resources"),
    "http-429": N_("It asks to be sent less at a time"),
    "http-401": N_("It does not accept our token"),
    "http-403": N_("It does not let us write"),
    "hl7-ae": N_("It says that it cannot take it now"),
    "hl7-ce": N_("It says that it cannot take it now"),
    "other-answer": N_("Its answer was about another message"),
    "bad-answer": N_("Its answer cannot be read"),
    "tls": N_("It does not speak TLS as configured"),
    "http-503": N_("It is out of service for the moment"),
}


def standing_word(standing: Standing) -> Word:
    """Return how a destination stands: what a person decided comes before what was found."""
    if standing.pause is not None:
        return PAUSED
    if standing.breaker is Phase.CLOSED and standing.failures:
        return FAILING
    return BREAKERS[standing.breaker]


def failure_text(cause: Cause) -> str:
    """Return the message for why a destination did not answer; its own code when no table has words for it."""
    return FAILURES.get(cause.code) or CAUSES.get(cause.code, cause.code)
