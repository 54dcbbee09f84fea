"""A person says of a held case that it may go on, doubts and all, or that it stays apart.

A held revision is final. Admitting it opens the next one, with the same inputs, which is judged complete like any
other; what was let through (these traits, this sender, these bytes) no longer holds it, and anything new does.
"""

from dataclasses import replace

from guarantee.case import Case
from guarantee.errors import NotAllowed
from guarantee.identity import Admission, Verdict
from guarantee.ids import CaseId
from guarantee.ports import Clock, Store
from guarantee.states import CaseState


def admit(case: CaseId, *, by: str, reason: str, store: Store, clock: Clock) -> Case:
    """Let a held case go on; return its next revision.

    Args:
        by: who says so, e.g. a login or "operator:root".
        reason: one sentence; never patient data.

    Raises:
        NotAllowed: it is not held, or somebody has said something else of it.
    """
    with store.transaction(f"admit:{by}") as unit:
        held = unit.cases.get(case)
        _require_held(held, unit.identities.admission(case))
        now = clock.now()
        unit.identities.admit(Admission(case=case, verdict=Verdict.ADMIT, by=by, reason=reason, at=now))
        admitted = " ".join(sorted({*held.admitted.split(), held.cause}))
        following = replace(held.following(), admitted=admitted)
        unit.cases.add(following, now)
    return following


def keep_apart(case: CaseId, *, by: str, reason: str, store: Store, clock: Clock) -> None:
    """Say that no model sees a held case, ever.

    Args:
        by: who says so, e.g. a login or "operator:root".
        reason: one sentence; never patient data.

    Raises:
        NotAllowed: it is not held, or somebody has said something else of it.
    """
    with store.transaction(f"admit:{by}") as unit:
        _require_held(unit.cases.get(case), unit.identities.admission(case))
        unit.identities.admit(Admission(case=case, verdict=Verdict.KEEP_APART, by=by, reason=reason, at=clock.now()))


def _require_held(case: Case, said: Verdict | None) -> None:
    if case.state is not CaseState.QUARANTINED:
        raise NotAllowed(f"case {case.id} is {case.state}; only a held one is admitted or kept apart")
    if said is not None:
        raise NotAllowed(f"somebody has already said of case {case.id}: {said}")
