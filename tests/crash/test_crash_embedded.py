"""Everything in one process tree, killed with -9 while images arrive, models run, somebody signs and reports leave."""

from pathlib import Path

import pytest

from tests.crash.ledger import Outside
from tests.crash.storm import STAGES, storm
from tests.e2e import inputs
from tests.installation import Installation
from tests.peers.dicom_tools import Dcmtk

pytestmark = pytest.mark.peer("dcmtk")

ROUNDS = 3
"""Kills at each stage."""

SEED = 20_261_122


def test_twelve_kills_lose_nothing_and_everything_arrives_once(dcmtk: Dcmtk, outside: Outside, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data", inputs.models(tmp_path) | outside.settings())
    try:
        installation.start()
        with storm(installation, outside, tmp_path / "studies", SEED) as everybody:
            stages = list(STAGES * ROUNDS)
            everybody.luck.shuffle(stages)
            for stage in stages:
                everybody.wait_for(stage)
                installation.kill()
                everybody.kills[stage] += 1
                everybody.require_nothing_lost()
                installation.start()
            found = everybody.settle()
        found.require_exactly_once()
        assert set(everybody.hit) == set(STAGES), f"no kill met {set(STAGES) - set(everybody.hit)}"
        everybody.close("crash, embedded", SEED, found)
    finally:
        installation.kill()
