"""What was drafted from a case is out of date: nothing that nobody outside may hold a copy of yet leaves any more."""

from datetime import datetime
from typing import TypeAlias

from guarantee.case import Case, CaseKind
from guarantee.result import Cause
from guarantee.states import ResultState, ResultVerb
from guarantee.unit import Unit

Latest: TypeAlias = dict[tuple[CaseKind, str], Case | None]
"""The newest revision of each case that a transaction has locked, as it stands now."""


def overtake(case: Case, cause: Cause, unit: Unit, at: datetime) -> None:
    """Make every result of ``case`` stale that nobody outside may hold a copy of yet.

    A validated result whose sending has begun stays as it is: its remaining deliveries are withheld when they come up
    (deliver.py), and a person decides whether to take it back.
    """
    for result in unit.results.of_case(case.id):
        begun = any(delivery.attempts for delivery in unit.deliveries.of_result(result.id))
        if result.state in _OVERTAKABLE and not begun:
            unit.results.move(result.after(ResultVerb.OVERTAKE, cause=cause), at)
            for delivery in unit.deliveries.of_result(result.id):
                unit.deliveries.close(delivery, "withheld", cause, at)


_OVERTAKABLE = frozenset({ResultState.QUEUED, ResultState.AWAITING_REVIEW, ResultState.VALIDATED, ResultState.AMENDED})
