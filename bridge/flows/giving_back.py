"""After a rollback: what waits of the version that was left, and nobody decided, is given to the one in routine again.

The result of the version that was left becomes stale, with that cause, and its case is routed to the older version, in
one transaction for each. What was decided, failed or excluded stays. Done by who routes, from what the rows say: a
process that is killed in the middle goes on, and nobody has to ask for it.
"""

from dataclasses import dataclass, field
from typing import Final

from bridge.flows.completeness import Completion, give, incomplete
from bridge.flows.route import MISSING, Routed, route
from guarantee.errors import Refused
from guarantee.ids import ResultId
from guarantee.orders import facts_of
from guarantee.result import Cause, Result
from guarantee.rollout import Appointment, Rollout
from guarantee.states import ResultState, ResultVerb
from guarantee.unit import Unit

LEFT: Final = "version-left"
"""Code of the cause of a result whose version was gone back from before anybody decided on it."""

UNDECIDED: Final = frozenset({ResultState.QUEUED, ResultState.AWAITING_REVIEW})
"""What is given back: what waits for a worker, and what waits for a reader."""


@dataclass(slots=True, kw_only=True)
class Giving:
    """Gives back, and remembers what it could not, until it starts again.

    What no route gives to the older version, or what this process does not hold the older version for, stays with the
    newer one: a draft that a reader may look at is better than none.
    """

    tools: Completion
    _kept: set[ResultId] = field(default_factory=set)

    def give_back(self) -> tuple[ResultId, ...]:
        """Give back whatever waits; return what became stale by it."""
        with self.tools.store.reading() as unit:
            left = [result for result in unit.rollouts.left_waiting() if result not in self._kept]
        return tuple(result for result in left if self._give_back(result))

    def _give_back(self, result_id: ResultId) -> bool:
        now = self.tools.clock.now()
        try:
            with self.tools.store.transaction("sweep:rollback") as unit:
                result, rollout = unit.results.get(result_id), unit.rollouts.now()
                line = rollout.appointments[result.model.name]
                if result.state not in UNDECIDED or line.model == result.model.id:
                    return False
                routed = _routed(result, line, rollout, unit, self.tools)
                if routed is None:
                    self._kept.add(result_id)
                    return False
                cause = Cause(code=LEFT, detail=f"{line.model} is in routine again")
                unit.results.move(result.after(ResultVerb.OVERTAKE, cause=cause), now)
                give((routed,), unit.cases.get(result.case), unit, now)
        except Refused:  # somebody promoted meanwhile: nothing was done, and the next round looks again
            return False
        return True


def _routed(result: Result, line: Appointment, rollout: Rollout, unit: Unit, tools: Completion) -> Routed | None:
    """Return what the older version is to do with the case, as if it came now; None when it does not get it."""
    case = unit.cases.get(result.case)
    inputs = [used for used in unit.cases.inputs(case.kind, case.uid) if used.is_used]
    found = route(
        case,
        result.manifest,
        inputs,
        routing=tools.routing,
        catalogue=tools.catalogue,
        rollout=rollout,
        order_facts=facts_of(unit.orders.of(case)),
    )
    mine = next((one for one in found if one.result.model.id == line.model and one.result.mode is result.mode), None)
    if mine is None or (mine.refusal is not None and mine.refusal.code == MISSING):
        return None
    judgement = unit.judging.judgement(case.id)
    return mine if judgement is None else incomplete(mine, judgement)
