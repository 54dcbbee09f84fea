"""What is said of discordances and incidents, and what a page shows of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.web.i18n import N_
from bridge.web.reporting import Reported
from bridge.web.words import Word
from guarantee.declarations import QUESTIONS, SETTLED, Answer, Standing, Timer, parse_answers, timers
from guarantee.incident import OVERSEERS, File, Grade, Kind
from guarantee.opinion import Reader
from guarantee.policy import Role

SEE_ALL: Final = OVERSEERS | {Role.ENGINEER}
"""Who sees every incident; the others see what they reported themselves."""

GRADES: Final[Mapping[Grade, str]] = {
    Grade.D0: N_("D0 · no discordance"),
    Grade.D1: N_("D1 · wording"),
    Grade.D2: N_("D2 · the follow-up changes"),
    Grade.D3: N_("D3 · management changes now"),
    Grade.D4: N_("D4 · harm, or nearly: the system is stopped"),
}

KINDS: Final[Mapping[Kind, str]] = {
    Kind.GRADE: N_("Graded"),
    Kind.ANSWERS: N_("Form answered"),
    Kind.ACTION: N_("Corrective action asked for"),
    Kind.DONE: N_("Corrective action done"),
    Kind.DECLARED: N_("Declared"),
    Kind.SET_ASIDE: N_("Judged not to be declared"),
    Kind.CLOSED: N_("Closed"),
    Kind.REOPENED: N_("Opened again"),
}

ANSWERS: Final[Mapping[Answer, str]] = {
    Answer.UNKNOWN: N_("not known"),
    Answer.YES: N_("yes"),
    Answer.NO: N_("no"),
}

OPEN: Final = Word(text=N_("Open"), icon="clock", tone="wait")
OVERDUE: Final = Word(text=N_("Overdue"), icon="alert", tone="alert")
CLOSED: Final = Word(text=N_("Closed"), icon="check", tone="human")
COUNTED: Final = Word(text=N_("Counted"), icon="minus", tone="quiet")

STANDINGS: Final[Mapping[Standing, Word]] = {
    Standing.APPLIES: Word(text=N_("To be declared, by the answers"), icon="send", tone="alert"),
    Standing.OPEN: Word(text=N_("To be settled: the clock runs"), icon="clock", tone="wait"),
    Standing.NOT_POINTED_AT: Word(text=N_("No answer points at it; a person confirms"), icon="minus", tone="quiet"),
    Standing.DECLARED: Word(text=N_("Declared"), icon="check", tone="human"),
    Standing.SET_ASIDE: Word(text=N_("Set aside by a person"), icon="minus", tone="quiet"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One incident on the page.

    Args:
        answers: to the form, by question; what nobody answered is not known.
        late: how many of its clocks have run out.
    """

    one: Reported
    word: Word
    timers: Sequence[Timer]
    answers: Mapping[str, Answer]
    late: int

    @property
    def file(self) -> File:
        """What was said of it."""
        return self.one.file


def shown(listed: Sequence[Reported], reader: Reader, now: datetime) -> tuple[Shown, ...]:
    """Return what a page shows this reader: what is overdue first, then what is open, then the rest."""
    mine = [one for one in listed if reader.role in SEE_ALL or one.file.incident.by == reader.login]
    found = [_shown(one, now) for one in mine]
    order = (OVERDUE, OPEN, COUNTED, CLOSED)
    return tuple(sorted(found, key=lambda one: order.index(one.word)))


def duty_word(timer: Timer, now: datetime) -> Word:
    """Return how one declaration stands."""
    return OVERDUE if timer.is_overdue(now) else STANDINGS[timer.standing]


def is_settled(timer: Timer) -> bool:
    """Return whether a named person settled it."""
    return timer.standing in SETTLED


def _shown(one: Reported, now: datetime) -> Shown:
    file = one.file
    due = timers(file)
    late = 0 if file.is_closed else sum(timer.is_overdue(now) for timer in due) + file.is_overdue(now)
    word = CLOSED if file.is_closed else OVERDUE if late else OPEN if file.is_open else COUNTED
    form = file.last(Kind.ANSWERS)
    given = parse_answers(form.note) if form else {}
    answers = {question: given.get(question, Answer.UNKNOWN) for question in QUESTIONS}
    return Shown(one=one, word=word, timers=due, answers=answers, late=late)
