"""How long models took, in SQL."""

from typing import Any

import orjson
from sqlalchemy import Connection, and_, insert, or_, select

from bridge.db import tables
from guarantee.codec import time_text
from guarantee.ids import ResultId
from guarantee.runs import Run, Spent

_INPUTS, _RESULTS, _CASES = tables.inputs, tables.results, tables.cases


class SqlRuns:
    """Attempts of models, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, run: Run) -> None:
        """Insert an attempt that ended, with where its inputs came from."""
        sender, scanner = self._origin(run.result)
        self._connection.execute(
            insert(tables.runs).values(
                result_id=run.result,
                started_at=time_text(run.started_at),
                ended_at=time_text(run.ended_at),
                holder=run.holder,
                outcome=str(run.outcome),
                cause_code=run.cause,
                sender=sender,
                scanner=scanner,
                fetch_ms=_ms(run.fetch_s),
                start_ms=_ms(run.start_s),
                store_ms=_ms(run.store_s),
                **_spent(run.spent),
            )
        )

    def _origin(self, result: ResultId) -> tuple[str, str]:
        """Return who sent the first input that the model looked at, and the device that made it; "" for unknown."""
        focus = or_(_RESULTS.c.focus == "", _INPUTS.c.group_uid == _RESULTS.c.focus)
        query = (
            select(_INPUTS.c.sender, _INPUTS.c.facts)
            .select_from(_RESULTS)
            .join(_CASES, _CASES.c.id == _RESULTS.c.case_id)
            .join(_INPUTS, and_(_INPUTS.c.kind == _CASES.c.kind, _INPUTS.c.case_uid == _CASES.c.uid, focus))
            .where(_RESULTS.c.id == result, _INPUTS.c.conflict == 0)
            .order_by(_INPUTS.c.uid, _INPUTS.c.digest)
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return (row.sender, _scanner(row.facts)) if row else ("", "")


def _scanner(facts: str) -> str:
    """Return the device's model name: what a header says, so only what can be printed of it."""
    said = next(iter(orjson.loads(facts).get("ManufacturerModelName", ())), "")
    return "".join(letter for letter in said if letter.isprintable())


def _spent(spent: Spent | None) -> dict[str, Any]:
    if spent is None:
        return {}
    parts = {"preprocess": spent.preprocess_s, "predict": spent.predict_s, "postprocess": spent.postprocess_s}
    return {f"{name}_ms": _ms(part) for name, part in parts.items()}


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
