"""How long models took, in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import orjson
from sqlalchemy import Connection, and_, insert, or_, select

from bridge.db import tables
from bridge.db.results import insert_once
from guarantee.codec import time_text
from guarantee.ids import ResultId
from guarantee.runs import Feature, Outcome, Run, Spent

_INPUTS, _RESULTS, _CASES = tables.inputs, tables.results, tables.cases

_WORDS: Final = {"manufacturer": "Manufacturer", "device": "ManufacturerModelName", "sequence": "ScanningSequence"}
_NUMBERS: Final = {"slice-thickness": "SliceThickness", "field-strength": "MagneticFieldStrength"}
"""Header facts by which a change is noticed."""


@dataclass(frozen=True, slots=True)
class _Origin:
    sender: str = ""
    facts: Mapping[str, list[str]] | None = None

    def word(self, name: str) -> str:
        """Return what a header says, so only what can be printed of it; "" when it says nothing."""
        said = next(iter((self.facts or {}).get(name, ())), "")
        return "".join(letter for letter in said if letter.isprintable())

    @property
    def scanner(self) -> str:
        """The device's model name."""
        return self.word("ManufacturerModelName")

    @property
    def features(self) -> dict[str, Feature]:
        """Facts of the header as features; none of an input that has no header."""
        if not self.facts or "Modality" not in self.facts:
            return {}
        words = {f"input/{name}": self.word(keyword) or None for name, keyword in _WORDS.items()}
        return words | {f"input/{name}": _number(self.word(keyword)) for name, keyword in _NUMBERS.items()}


class SqlRuns:
    """Attempts of models, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, run: Run) -> None:
        """Insert an attempt that ended, with where its inputs came from."""
        origin = self._origin(run.result)
        self._connection.execute(
            insert(tables.runs).values(
                result_id=run.result,
                started_at=time_text(run.started_at),
                ended_at=time_text(run.ended_at),
                holder=run.holder,
                outcome=str(run.outcome),
                cause_code=run.cause,
                sender=origin.sender,
                scanner=origin.scanner,
                fetch_ms=_ms(run.fetch_s),
                start_ms=_ms(run.start_s),
                store_ms=_ms(run.store_s),
                **_spent(run.spent),
            )
        )
        if run.features:
            self._learn(run, origin)

    def outcomes(self, model: str, most: int) -> tuple[Outcome, ...]:
        """Return how the last runs of a version ended, the newest first: those in which its model was asked."""
        runs = tables.runs
        asked = [str(outcome) for outcome in (Outcome.DRAFTED, Outcome.EXCLUDED, Outcome.FAILED, Outcome.RETRIED)]
        query = (
            select(runs.c.outcome)
            .join(_RESULTS, _RESULTS.c.id == runs.c.result_id)
            .where(_RESULTS.c.model_id == model, runs.c.outcome.in_(asked))
            .order_by(runs.c.ended_at.desc(), runs.c.started_at.desc())
            .limit(most)
        )
        return tuple(Outcome(found) for found in self._connection.scalars(query))

    def _learn(self, run: Run, origin: _Origin) -> None:
        """Keep the features of a run, once for each study or stay that a version answers: repeats are no new case."""
        case = select(
            _RESULTS.c.model_id, _RESULTS.c.mode, _CASES.c.kind, _CASES.c.uid.label("case_uid"), _CASES.c.site
        )
        of_result = case.join(_CASES, _CASES.c.id == _RESULTS.c.case_id).where(_RESULTS.c.id == run.result)
        row = dict(self._connection.execute(of_result).mappings().one())
        row |= {
            "result_id": run.result,
            "at": time_text(run.ended_at),
            "sender": origin.sender,
            "scanner": origin.scanner,
            "answered": int(run.outcome is Outcome.DRAFTED),
            "body": orjson.dumps(origin.features | dict(run.features), option=orjson.OPT_SORT_KEYS).decode(),
        }
        self._connection.execute(insert_once(self._connection, tables.features).values(**row))

    def _origin(self, result: ResultId) -> _Origin:
        """Return who sent the first input that the model looked at, and what its header says."""
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
        return _Origin(row.sender, orjson.loads(row.facts)) if row else _Origin()


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _spent(spent: Spent | None) -> dict[str, Any]:
    if spent is None:
        return {}
    parts = {"preprocess": spent.preprocess_s, "predict": spent.predict_s, "postprocess": spent.postprocess_s}
    return {f"{name}_ms": _ms(part) for name, part in parts.items()}


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
