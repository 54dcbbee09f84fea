"""What the engineer's page says of stages, outcomes and events, in words."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from bridge.figures import N_MIN as N_MIN  # noqa: PLC0414 - the page says it
from bridge.figures import Waiting
from bridge.web.i18n import N_, Language
from bridge.web.words import doubt_text

NO_BREAK: Final = "\u00a0"
"""Between a number and its unit."""

STAGES: Final[Mapping[str, str]] = {
    "receive": N_("Reception"),
    "complete": N_("Waiting until the exam is complete"),
    "queue": N_("Queue"),
    "retry": N_("Attempts that failed"),
    "fetch": N_("Reading the inputs"),
    "start": N_("Waiting for the model's process"),
    "preprocess": N_("Preprocessing"),
    "predict": N_("Prediction"),
    "postprocess": N_("Postprocessing"),
    "store": N_("Storing the draft"),
    "review": N_("Waiting for review"),
    "deliver": N_("Delivery"),
    "to-draft": N_("From the last input to the draft"),
}

OUTCOMES: Final[Mapping[str, str]] = {
    "drafted": N_("Draft made"),
    "excluded": N_("Not eligible"),
    "failed": N_("Failed for good"),
    "retried": N_("Failed, run again"),
    "unavailable": N_("Something else was down"),
    "overtaken": N_("The exam or the version in use changed meanwhile"),
}

PLACES: Final[Mapping[str, str]] = {
    "complete": N_("Exams being received"),
    "held": N_("Held: a person must look"),
    "queue": N_("Waiting for a worker"),
    "outbox": N_("Facts that were not handed to the bell yet"),
    "review": N_("Waiting for review"),
    "deliver": N_("Waiting to be sent"),
}

EVENTS: Final[Mapping[str, str]] = {
    "model": N_("Model added"),
    "service": N_("Model version entered service"),
    "retirement": N_("Model version retired"),
    "policy": N_("Review policy added"),
    "stop": N_("Stop"),
    "resume": N_("Resumed after a stop"),
    "pause": N_("Destination paused"),
    "unpause": N_("Destination resumed"),
    "worker": N_("Worker started"),
}

KINDS: Final[Mapping[str, str]] = {
    "study": N_("Studies"),
    "record": N_("Records"),
}

GROUPS: Final[Mapping[str, str]] = {
    "model": N_("Model"),
    "sender": N_("Sender"),
    "scanner": N_("Device"),
    "site": N_("Site"),
}

WINDOWS: Final[Mapping[str, str]] = {
    "night": N_("Last night"),
    "day": N_("24 hours"),
    "week": N_("7 days"),
    "month": N_("28 days"),
}


def duration(seconds: float, language: Language) -> str:
    """Return a duration with the digits that matter: 0.42 s, 3.1 s, 42 s, 9 min 12 s, then hours and days."""
    if seconds < 59.5:
        digits = "0.01" if seconds < 1 else "0.1" if seconds < 9.95 else "1"
        return f"{language.number(Decimal(seconds).quantize(Decimal(digits)))}{NO_BREAK}s"
    whole = round(seconds)
    return f"{whole // 60}{NO_BREAK}min {whole % 60:02}{NO_BREAK}s" if whole < 3600 else language.span(whole)


def scale(seconds: float, language: Language) -> str:
    """Return a line of a scale of durations: 0.1 s, 10 s, 10 min, 1 h 00."""
    if seconds < 60:
        return f"{language.number(Decimal(str(seconds)))}{NO_BREAK}s"
    return language.span(seconds)


def percent(share: float, language: Language) -> str:
    """Return a share from 0 to 1 as a percentage with one decimal place."""
    return f"{language.number(Decimal(100 * share).quantize(Decimal('0.1')))}{NO_BREAK}%"


def day_and_clock(moment: datetime, language: Language) -> str:
    """Return day, month and time, for an axis."""
    return f"{moment.astimezone(language.zone):%d/%m %H:%M}"


def subject(waits: Waiting) -> str:
    """Return what waits, as a message to translate where there is one: a model or a destination is called by name."""
    if waits.place == "held":
        return doubt_text(waits.of)
    return KINDS.get(waits.of, waits.of) if waits.place == "complete" else waits.of
