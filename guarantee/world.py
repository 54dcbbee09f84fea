"""Is the world still the one the draft was made in? Asked at the signature, at the release and before each send.

A check at decision time alone is not enough: images arrive, identities are corrected and models are stopped between
the signature and the send.
"""

from collections.abc import Iterable
from typing import Final

from guarantee.case import Case
from guarantee.errors import Held, Objected, WorldChanged
from guarantee.objections import OBJECTION, Objection, cause_of
from guarantee.result import Cause, Mode, Result
from guarantee.states import CaseState
from guarantee.stops import Stop


def obstacles(result: Result, case: Case, stops: Iterable[Stop], objections: Iterable[Objection]) -> tuple[Cause, ...]:
    """Return everything that forbids deciding or sending ``result`` now; empty when nothing does.

    Args:
        case: the revision that the result was computed from, as it is now.
        stops: those in force that cover it (stops.Stops.over).
        objections: those that stand and cover its patient (objections.Objections.over).
    """
    found = []
    if case.state is not CaseState.COMPLETE:
        found.append(Cause(code="inputs-changed", detail=f"revision {case.revision} of the case is {case.state}"))
    if case.manifest != result.manifest:
        found.append(Cause(code="manifest-changed", detail="the inputs are not those the model was given"))
    if case.identity_version != result.identity_version:
        found.append(Cause(code="identity-changed", detail="the patient's identity was merged or corrected"))
    if result.mode is Mode.SHADOW:
        found.append(Cause(code="shadow", detail="this model runs in shadow mode: its results are never released"))
    found.extend(
        Cause(code="held", detail=f"{stop.scope} {stop.target} stopped by {stop.by}: {stop.reason}") for stop in stops
    )
    found.extend(cause_of(objection) for objection in objections)
    return tuple(found)


_KINDS: Final = {"held": Held, OBJECTION: Objected}


def require_unchanged(result: Result, case: Case, stops: Iterable[Stop], objections: Iterable[Objection]) -> None:
    """Return when nothing forbids deciding or sending ``result`` now.

    Raises:
        Held: a stop covers it.
        Objected: its patient objects to AI.
        WorldChanged: anything else changed.
    """
    for cause in obstacles(result, case, stops, objections):
        kind = _KINDS.get(cause.code, WorldChanged)
        raise kind(f"result {result.id}: {cause.code}. {cause.detail}")
