"""Which released results a person may mean when they take many back: by model, version, site, sender and time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select, true, tuple_

from bridge.db import tables
from guarantee.codec import parse_time, time_text
from guarantee.ids import Digest, ResultId
from guarantee.states import ResultState

OUTSIDE: Final = (ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED)
"""States of what was released and is not taken back: what retract.withdraw takes."""

_RESULTS: Any = tables.results
_CASES: Any = tables.cases
_DECISIONS: Any = tables.decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is looked for; "" and None narrow nothing.

    Args:
        model, version: name, or "name@version".
        device: the sender of any of the case's inputs.
        since, until: when the decision was made; ``until`` is not in it.
    """

    model: str = ""
    version: str = ""
    site: str = ""
    device: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        """Return the criteria as a person may read them."""
        named = {"model": self.model, "version": self.version, "site": self.site, "device": self.device}
        named |= {
            "from": time_text(self.since) if self.since else "",
            "to": time_text(self.until) if self.until else "",
        }
        return " ".join(f"{name}={value}" for name, value in named.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """One released result.

    Args:
        content: digest of what was endorsed.
        decided_at: when it was released; a release is made with its decision.
    """

    result: ResultId
    model: str
    site: str
    state: ResultState
    content: Digest
    decided_at: datetime


class SqlSelection:
    """Looks for released results, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, criteria: Criteria, *, limit: int, after: Selected | None = None) -> tuple[Selected, ...]:
        """Return at most ``limit`` released results, the oldest decision first, from the one after ``after`` on."""
        at, result = _DECISIONS.c.at, _DECISIONS.c.result_id
        rows = self._connection.execute(
            self._narrowed(
                select(
                    _RESULTS.c.id,
                    _RESULTS.c.model_id,
                    _CASES.c.site,
                    _RESULTS.c.state,
                    _DECISIONS.c.content,
                    _DECISIONS.c.at,
                ),
                criteria,
            )
            .where(tuple_(at, result) > (time_text(after.decided_at), after.result) if after else true())
            .order_by(at, result)
            .limit(limit)
        )
        return tuple(
            Selected(
                result=ResultId(row.id),
                model=row.model_id,
                site=row.site,
                state=ResultState(row.state),
                content=Digest(row.content),
                decided_at=parse_time(row.at),
            )
            for row in rows
        )

    def count(self, criteria: Criteria) -> int:
        """Return how many there are."""
        return self._connection.scalar(self._narrowed(select(func.count()), criteria)) or 0

    def _narrowed(self, query: Any, criteria: Criteria) -> Any:
        query = query.select_from(
            _DECISIONS.join(_RESULTS, _RESULTS.c.id == _DECISIONS.c.result_id).join(
                _CASES, _CASES.c.id == _RESULTS.c.case_id
            )
        ).where(_DECISIONS.c.verdict != "reject", _RESULTS.c.state.in_([str(state) for state in OUTSIDE]))
        models, inputs = tables.models, tables.inputs
        if criteria.model:
            query = query.where(_RESULTS.c.model_id.in_(select(models.c.id).where(models.c.name == criteria.model)))
        if criteria.version:
            query = query.where(_RESULTS.c.model_id == criteria.version)
        if criteria.site:
            query = query.where(_CASES.c.site == criteria.site)
        if criteria.device:
            mine = and_(inputs.c.kind == _CASES.c.kind, inputs.c.case_uid == _CASES.c.uid)
            query = query.where(select(inputs.c.uid).where(mine, inputs.c.sender == criteria.device).exists())
        if criteria.since is not None:
            query = query.where(_DECISIONS.c.at >= time_text(criteria.since))
        if criteria.until is not None:
            query = query.where(_DECISIONS.c.at < time_text(criteria.until))
        return query
