"""The source of a study is asked how much of it there is; on threads of its own, so that nothing waits for it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from guarantee.errors import PortError
from guarantee.ids import CaseId
from guarantee.judging import Expectation

Ask: TypeAlias = Callable[[str, frozenset[str]], Sequence[Expectation]]
"""Study Instance UID, and the series that came, to what the source holds; raises PortError when it does not say."""

ANSWER_S: Final = 5.0
"""How long a case waits for its source. No answer means that nothing is known: the other rules then decide."""

AT_ONCE_S: Final = 0.1
"""How long a round of judging waits for an answer that may come at once, before it goes on to the next case."""

ASK_AGAIN_S: Final = 60.0
"""How often the source of a case that waits for missing images is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a source is asked about; an answer from before the last input is asked for again.

    Args:
        series: those that came.
        sender: who brought the last input.
    """

    case: CaseId
    uid: str
    series: frozenset[str]
    sender: str
    last_input_at: datetime


@dataclass(slots=True)
class _Question:
    about: About
    asked_at: datetime
    answer: Future[Sequence[Expectation]]
    is_taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is known of an answer.

    Args:
        is_pending: whether it may still come.
        said: what the source holds; () when it does not say, or was heard already.
    """

    is_pending: bool = False
    said: tuple[Expectation, ...] = ()


@dataclass(slots=True)
class Asking:
    """Asks sources, once for each state of a case, and again every ASK_AGAIN_S.

    Args:
        sources: by name of the sender.
    """

    sources: Mapping[str, Ask]
    executor: Executor
    _questions: dict[CaseId, _Question] = field(default_factory=dict)

    def reply(self, about: About, now: datetime) -> Reply:
        """Return what the source says of a study; the first call asks."""
        ask = self.sources.get(about.sender)
        if ask is None:
            return Reply()
        question = self._questions.get(about.case)
        if question is None or question.about != about or now - question.asked_at >= _AGAIN:
            self._drop(about.case)
            answer = self.executor.submit(ask, about.uid, about.series)
            question = _Question(about=about, asked_at=now, answer=answer)
            self._questions[about.case] = question
        return self._taken(question, now)

    def _taken(self, question: _Question, now: datetime) -> Reply:
        if question.is_taken:
            return Reply()
        wait([question.answer], AT_ONCE_S)
        if not question.answer.done() and now - question.asked_at < _ANSWER:
            return Reply(is_pending=True)
        question.is_taken = True
        if question.answer.cancel():
            return Reply()
        try:
            return Reply(said=tuple(question.answer.result(0)))
        except (PortError, TimeoutError):
            return Reply()

    def forget(self, others: frozenset[CaseId]) -> None:
        """Forget every case that is not one of ``others``."""
        for case in self._questions.keys() - others:
            self._drop(case)

    def _drop(self, case: CaseId) -> None:
        """Forget a question; one that waits for its turn is never asked, or a slow source would gather them."""
        question = self._questions.pop(case, None)
        if question is not None:
            question.answer.cancel()


_AGAIN: Final = timedelta(seconds=ASK_AGAIN_S)
_ANSWER: Final = timedelta(seconds=ANSWER_S)
