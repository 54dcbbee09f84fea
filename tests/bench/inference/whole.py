"""From the last instance of a study to "awaiting review", without the quiet time and without the model."""

from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bridge.db.engine import engine_at
from guarantee.codec import parse_time
from tests.bench.dicom.parts import Part
from tests.bench.figures import Spread, table, target
from tests.bench.machine import wait_until_quiet
from tests.e2e import inputs
from tests.installation import Installation

QUIET_S: Final = 1.0
BEYOND_S: Final = 0.5

_ROWS: Final = text(
    "SELECT c.last_input_at, r.queued_at, r.drafted_at, n.started_at, n.preprocess_ms, n.predict_ms, n.postprocess_ms "
    "FROM results r JOIN cases c ON c.id = r.case_id JOIN runs n ON n.result_id = r.id "
    "WHERE r.state = 'awaiting_review' AND n.outcome = 'drafted' ORDER BY r.queued_at"
)


def measure_whole(folder: Path, *, repetitions: int, quiet_s: float) -> Part:
    """Return how long after its last instance a study awaits review, by the times that the rows themselves hold.

    The first study is not counted: the model's process is started with it.
    """
    installation = Installation(
        folder / "data", inputs.models(folder) | {"quiet": {"default_s": QUIET_S, "by_modality_s": {"": QUIET_S}}}
    )
    try:
        installation.start("all")
        for number in range(repetitions + 1):
            wait_until_quiet(quiet_s)
            inputs.send(inputs.phantom(folder / "images", f"study-{number}"), installation.scp)
            _wait(installation, number + 1)
        with engine_at(installation.owner) as engine, engine.connect() as connection:
            rows = connection.execute(_ROWS).all()[1:]
        installation.stop()
    finally:
        installation.kill()
    model_s = [(row.preprocess_ms + row.predict_ms + row.postprocess_ms) / 1000 for row in rows]
    whole = [
        _between(row.last_input_at, row.drafted_at) - QUIET_S - model for row, model in zip(rows, model_s, strict=True)
    ]
    parts = {
        "judged, after its quiet time": [_between(row.last_input_at, row.queued_at) - QUIET_S for row in rows],
        "until a worker has it": [_between(row.queued_at, row.started_at) for row in rows],
        "read, sent to the model, stored": [
            _between(row.started_at, row.drafted_at) - model for row, model in zip(rows, model_s, strict=True)
        ],
        "the model itself (not counted)": model_s,
        "all of it": whole,
    }
    name = "seconds from the last instance to awaiting review, beyond the quiet time and the model"
    return Part(
        name="whole",
        shown=table(("stage", "seconds"), [(stage, str(Spread.of(each))) for stage, each in parts.items()]),
        targets=(target(name, "at most", BEYOND_S, Spread.of(whole)),),
        data=parts,
    )


def _between(begin: str, end: str) -> float:
    times: tuple[datetime, datetime] = (parse_time(begin), parse_time(end))
    return (times[1] - times[0]).total_seconds()


def _wait(installation: Installation, count: int) -> None:
    def drafted() -> bool:
        with installation.reading() as unit:
            return unit.views.counts().get("awaiting_review", 0) >= count

    installation.eventually(drafted, f"{count} drafts")
