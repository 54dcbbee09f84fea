"""Models at work in whole installations, embedded and distributed: examined, suspended, hostile, urgent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.db.views import Row
from guarantee.result import Priority
from guarantee.states import ResultState
from guarantee.stops import in_force
from tests.e2e import inputs, wards
from tests.e2e.script import FAULT, SAID_NO, called, require
from tests.installation import PROCESSES, Installation


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param("distributed", marks=[pytest.mark.peer("postgresql"), pytest.mark.peer("rabbitmq")]),
    ],
)
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with the models of wards.py and no destination."""
    folder = tmp_path_factory.mktemp(request.param)
    more: dict[str, Any] = {}
    if request.param == "distributed":
        more = {
            "cluster": request.getfixturevalue("cluster"),
            "broker": request.getfixturevalue("rabbitmq").url,
        }
    made = Installation(folder / "data", wards.settings(folder), **more)
    try:
        made.start(*(PROCESSES if more else ("all",)))
        yield made
        made.stop()
    finally:
        made.kill()


def post(ward: Installation, *stays: list[dict[str, Any]]) -> None:
    answer = inputs.push(wards.message(*stays), ward.fhir)
    assert answer.status_code == 200, answer.text


def rows(ward: Installation, model: str) -> list[Row]:
    with ward.reading() as unit:
        return [row for row in unit.views.results((), limit=1000) if row.result.model.name == model]


def ended(ward: Installation, model: str, count: int = 1) -> list[Row]:
    """Return the results of a model once there are so many, and all of them have ended."""

    def look() -> list[Row]:
        found = rows(ward, model)
        over = len(found) == count and all(row.result.state is not ResultState.QUEUED for row in found)
        return found if over else []

    return ward.eventually(look, f"{count} results of {model} to end")


def test_a_model_whose_golden_case_fails_is_suspended_while_the_other_works(ward: Installation) -> None:
    def stopped() -> set[tuple[str, str]]:
        with ward.reading() as unit:
            return {(stop.target, stop.by) for stop in in_force(unit.stops.lines())}

    assert ward.eventually(stopped, "the worker to suspend a version") == {("strict@1.0.0", "infer")}
    post(ward, wards.stay(1, "IMP"))
    (row,) = ended(ward, "probe")
    assert row.result.state is ResultState.AWAITING_REVIEW
    (waiting,) = ward.eventually(lambda: rows(ward, "strict"), "the other result to be queued")
    assert (waiting.result.state, waiting.held, waiting.result.attempts) == (ResultState.QUEUED, True, 0)
    with ward.reading() as unit:
        assert any(
            (link.action, link.subject) == ("stop.stop", "version:strict@1.0.0") for link in unit.journal.links()
        )


def test_a_hostile_model_ends_visibly_and_the_next_study_goes_on(ward: Installation) -> None:
    before = len(rows(ward, "probe"))
    post(ward, wards.stay(2, "ACUTE", years=70))
    (failed,) = ended(ward, "hostile")
    assert failed.result.state is ResultState.FAILED
    assert failed.result.cause is not None
    assert failed.result.cause.code == "nonsense"
    post(ward, wards.stay(3, "ACUTE", years=0))
    states = sorted(str(row.result.state) for row in ended(ward, "hostile", 2))
    assert states == ["awaiting_review", "failed"]
    assert {row.result.state for row in ended(ward, "probe", before + 2)} == {ResultState.AWAITING_REVIEW}


def test_a_stat_result_that_came_later_is_computed_before_the_routine_ones(ward: Installation) -> None:
    post(ward, *(wards.stay(number, "AMB") for number in range(10, 15)), wards.stay(15, "AMB", stat=True))
    found = ended(ward, "slow", 6)
    assert {row.result.state for row in found} == {ResultState.AWAITING_REVIEW}
    (urgent,) = (row for row in found if row.result.priority is Priority.STAT)
    routine = [row for row in found if row.result.priority is Priority.ROUTINE]
    in_work = [row for row in routine if urgent.queued_at < row.moved_at < urgent.moved_at]
    assert len(in_work) <= 1, "at most the one that was in work when it came"
    assert len([row for row in routine if row.moved_at > urgent.moved_at]) >= 2, "it overtook none: nothing was tried"


# ---------------------------------------------------------------------------------------------- a GPU that is not there


def test_a_worker_that_was_promised_a_gpu_does_not_start_without_one(tmp_path: Path) -> None:
    quiet = Installation(tmp_path / "data", wards.settings(tmp_path))
    asked = {"AVAL_MODELS__PROVIDER": "cuda"}
    said = require(quiet.aval("run", "infer", "--for", "1", **asked), SAID_NO)
    assert "models.provider is cuda" in said.stderr
    assert "extra `gpu`" in said.stderr
    assert 'set models.provider = "cpu"' in said.stderr
    require(called("check", folder=quiet.folder, **asked), FAULT, "models.provider is cuda", "provider")
    require(quiet.aval("run", "infer", "--for", "1", AVAL_MODELS__PROVIDER="tpu"), SAID_NO, "models.provider")


def test_a_worker_that_was_promised_a_server_does_not_start_without_one(tmp_path: Path) -> None:
    quiet = Installation(tmp_path / "data", wards.settings(tmp_path))
    asked = {"AVAL_MODELS__PROVIDER": "triton", "AVAL_MODELS__TRITON__ADDRESS": "127.0.0.1:1"}
    said = require(quiet.aval("run", "infer", "--for", "1", **asked), SAID_NO, "models.provider is triton")
    assert "--model-control-mode=explicit" in said.stderr
    require(called("check", folder=quiet.folder, **asked), FAULT, "the server does not answer", "provider")
