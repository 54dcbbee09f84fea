"""Beside every forgery: the real places outside, looked at all the time, and honest work that arrives after it."""

import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.outside import Outside, Watch
from tests.e2e.reader import AtDesk
from tests.installation import Installation, eventually

NOBODY: Final = "00000000-0000-5000-8000-000000000000"
"""An identifier of the right form that names nothing."""


def drafted(reader: AtDesk, folder: Path) -> tuple[Study, str]:
    """Send a phantom, and return it with the result that awaits review."""
    study = inputs.phantom(folder, f"forged-{time.monotonic_ns()}")
    inputs.send(study, reader.installation.scp)
    return study, reader.draft_of(study.case(), PHANTOM)


def require_honest_work(reader: AtDesk, outside: Outside, study: Study, result: str) -> None:
    """Fail unless somebody honest can still sign, and what they sign arrives."""
    reader.sign(result)
    reader.wait_for(result, "delivered")
    assert outside.objects(study.uid).keys() == {"SR", "SEG"}


def keep_looking(watch: Watch) -> None:
    """Look a few times more: what was set off a moment ago would arrive now."""
    enough = len(watch.looks) + 4
    eventually(lambda: len(watch.looks) >= enough, "both places to be looked at again")


def world_of(installation: Installation) -> dict[str, Any]:
    """Return everything that an attack would change."""
    tables = {
        "results": "SELECT id, state, version FROM results ORDER BY id",
        "opinions": "SELECT id FROM opinions ORDER BY id",
        "decisions": "SELECT id FROM decisions ORDER BY id",
        "releases": "SELECT id FROM releases ORDER BY id",
        "withdrawals": "SELECT id FROM withdrawals ORDER BY id",
        "deliveries": "SELECT id, state FROM deliveries ORDER BY id",
        "attempts": "SELECT delivery_id, n FROM attempts ORDER BY 1, 2",
    }
    with installation.reading() as unit:
        return {name: [tuple(row) for row in unit.connection.execute(text(sql))] for name, sql in tables.items()}
