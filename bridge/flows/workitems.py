"""Work that a worklist server has for us (UPS, IHE AIW-I): claim it, let the case run, and say what became of it.

The server keeps the list and the claims; our own rows say how far a case is. Nothing else is remembered, so each round
does the same whatever happened before it: a process that was killed goes on, and doing a step twice is doing it once.

A workitem is completed when what came of it was released and a destination holds it, and never before a clinician has
decided. Whatever ends without that (excluded, rejected, failed, expired, taken back, not routed) cancels it, with a
cause.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from guarantee.case import Case, CaseKind
from guarantee.deliveries import Delivery
from guarantee.errors import PortError
from guarantee.identity import Verdict
from guarantee.ports import Clock, Store
from guarantee.result import Mode, Result
from guarantee.states import CaseState, ResultState
from guarantee.unit import Unit

SCHEDULED: Final = "SCHEDULED"
IN_PROGRESS: Final = "IN PROGRESS"
"""Procedure Step State (0074,1000): PS3.4, CC.1.1."""

_RELEASED: Final = frozenset({ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED})

_log = logging.getLogger("aval.ups")


class Code(Protocol):
    """A code of a workitem."""

    @property
    def value(self) -> str:
        """Code value."""


class Item(Protocol):
    """A workitem, as far as it matters here."""

    @property
    def uid(self) -> str:
        """Its UID."""

    @property
    def codes(self) -> Sequence[Code]:
        """What is to be done."""

    @property
    def study_uids(self) -> Sequence[str]:
        """The studies it is to be done with."""


I = TypeVar("I", bound=Item)  # noqa: E741


class Server(Protocol[I]):
    """One worklist server. What returns False says that the workitem is not ours."""

    def in_state(self, state: str) -> Sequence[I]:
        """Return the workitems for us in a state."""

    def claim(self, item: I, now: datetime) -> bool:
        """Take a scheduled workitem."""

    def report(self, item: I, percent: int, word: str, now: datetime) -> bool:
        """Say how far it is."""

    def cancel(self, item: I, reason: str, now: datetime, *, failed: bool = False) -> bool:
        """End it with nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a case is.

    Args:
        percent, word: for the server; never a word about the patient or about what was found.
        held: deliveries that destinations confirmed.
        ends: nothing more will come.
        failed: something broke.
    """

    percent: int
    word: str
    held: tuple[Delivery, ...] = ()
    ends: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Performing(Generic[I]):
    """What performing needs.

    Args:
        models: workitem code to the name of the model it asks for; empty: any code, every model.
        fetch: brings what is missing of the workitem's study here; returns how many instances the archive lists.
        complete: ends a workitem with what confirmed deliveries hold; returns False when it is not ours.
    """

    store: Store
    clock: Clock
    server: Server[I]
    models: Mapping[str, str]
    fetch: Callable[[I], int]
    complete: Callable[[I, Sequence[Delivery], datetime], bool]


def perform(tools: Performing[I]) -> None:
    """Do one round: what is ours first, then what waits to be claimed.

    One workitem that cannot be worked on now holds up no other; it is tried again in the next round.

    Raises:
        Unavailable: the server does not list its workitems.
    """
    for item in tools.server.in_state(IN_PROGRESS):
        _attempt(item, tools)
    for item in tools.server.in_state(SCHEDULED):
        if _model(item, tools) is not None and _claimed(item, tools):
            _attempt(item, tools)


def _claimed(item: I, tools: Performing[I]) -> bool:
    try:
        return tools.server.claim(item, tools.clock.now())
    except PortError as error:
        _log.warning("ups.claim-unknown code=%s", error.code)
        return False


def _attempt(item: I, tools: Performing[I]) -> None:
    try:
        _advance(item, tools)
    except PortError as error:
        _log.warning("ups.waiting code=%s", error.code)


def _advance(item: I, tools: Performing[I]) -> None:
    """Take one workitem one step further; the first thing said to the server shows whether it is still ours."""
    model = _model(item, tools)
    problem = "code-unknown" if model is None else "not-one-study" if len(item.study_uids) != 1 else ""
    standing = None if problem or model is None else _standing(item.study_uids[0], model, tools)
    now = standing or Standing(percent=5, word=problem or "fetching")
    if not tools.server.report(item, now.percent, now.word, tools.clock.now()):
        return
    if problem:
        _cancel(item, now, tools)
    elif standing is None:
        if not tools.fetch(item):
            _cancel(item, Standing(percent=0, word="study-unknown"), tools)
    elif standing.held:
        if tools.complete(item, standing.held, tools.clock.now()):
            _log.info("ups.completed")
    elif standing.ends:
        _cancel(item, standing, tools)


def _cancel(item: I, standing: Standing, tools: Performing[I]) -> None:
    if tools.server.cancel(item, standing.word, tools.clock.now(), failed=standing.failed):
        _log.info("ups.canceled cause=%s", standing.word)


def _model(item: I, tools: Performing[I]) -> str | None:
    """Return the model a workitem asks for, "" for every one, or None when we do nothing of the kind."""
    if not tools.models:
        return ""
    return next((tools.models[code.value] for code in item.codes if code.value in tools.models), None)


def _standing(study: str, model: str, tools: Performing[I]) -> Standing | None:
    """Return how far the study is; None while its images are not all here."""
    with tools.store.reading() as unit:
        case = unit.cases.latest(CaseKind.STUDY, study)
        if case is None or case.state is CaseState.RECEIVING:
            return None
        return judge(case, model, unit)


def judge(case: Case, model: str, unit: Unit) -> Standing:
    """Return how far a case is, of which everything has arrived.

    Args:
        model: whose result counts; "" for every model's. Results in shadow mode count for nothing: they never leave.
    """
    if case.state is CaseState.QUARANTINED:
        apart = unit.identities.admission(case.id) is Verdict.KEEP_APART
        return Standing(percent=10, word=f"held: {case.cause}", ends=apart)  # until a person lets it go on
    found = [result for result in unit.results.of_case(case.id) if result.mode is Mode.CARE]
    results = [result for result in found if model in {"", result.model.name}]
    if not results:
        return Standing(percent=0, word=case.cause or "no-route", ends=True)
    if any(result.state is ResultState.QUEUED for result in results):
        return Standing(percent=30, word="computing")
    if any(result.state is ResultState.AWAITING_REVIEW for result in results):
        return Standing(percent=60, word="waiting for review")
    deliveries = [
        delivery
        for result in results
        if result.state in _RELEASED
        for delivery in unit.deliveries.of_result(result.id)
        if delivery.kind == "result"
    ]
    if any(delivery.state == "due" for delivery in deliveries):
        return Standing(percent=80, word="released")
    held = tuple(delivery for delivery in deliveries if delivery.state == "confirmed")
    return Standing(percent=100, word=_causes(results), held=held, ends=True, failed=_failed(results))


def _causes(results: Sequence[Result]) -> str:
    said = (f"{r.model.id} {r.state}" + (f" ({r.cause.code})" if r.cause else "") for r in results)
    return "; ".join(said)


def _failed(results: Sequence[Result]) -> bool:
    return any(result.state is ResultState.FAILED for result in results)
