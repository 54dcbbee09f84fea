"""Results of one model version that wait are run together where its card says so; each ends as it would have alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.flows import infer, stop
from bridge.flows.infer import ATTEMPTS_MAX, Inference
from guarantee.card import Card
from guarantee.errors import ModelFailed, NotEligible, PortError, Unavailable
from guarantee.ids import ResultId
from guarantee.inputs import Inputs, Record
from guarantee.ports import Proposal
from guarantee.result import Priority, Result
from guarantee.states import ResultState
from guarantee.stops import Scope
from tests.flows.fakes import FakeModel, another_card, arrival, card
from tests.flows.world import World

MOST = 4


@dataclass
class SeveralModel(FakeModel):
    """Notes who is run with whom, by age; says what it is told to of some ages, to the whole run when that fails."""

    together: list[list[int]] = field(default_factory=list)
    says: dict[int, PortError] = field(default_factory=dict)

    def run(self, card: Card, inputs: Inputs) -> Proposal:
        self.together.append([_age(inputs)])
        if (error := self.says.get(_age(inputs))) is not None:
            raise error
        return super().run(card, inputs)

    def run_together(self, card: Card, many: Sequence[Inputs]) -> list[Proposal | NotEligible]:
        ages = [_age(inputs) for inputs in many]
        self.together.append(ages)
        answers: list[Proposal | NotEligible] = []
        for age, inputs in zip(ages, many, strict=True):
            match self.says.get(age):
                case None:
                    answers.append(super().run(card, inputs))
                case NotEligible() as refusal:
                    answers.append(refusal)
                case error:
                    raise error
        return answers


def _age(inputs: Inputs) -> int:
    assert isinstance(inputs, Record)
    return int(inputs.age_years or 0)


class Several(World):
    """A world whose model takes four cases in a run, and reads the number of each study as an age."""

    model: SeveralModel

    def __init__(self, folder: Path, most: int = MOST, deadline_s: int = 60) -> None:
        changes = {"batch_most": most, "deadline_s": deadline_s}
        super().__init__(folder, cards=(replace(card(), **changes), another_card("other", **changes)))
        self.model = SeveralModel()

    @property
    def inference(self) -> Inference:
        return replace(super().inference, read_volume=self._read)

    def _read(self, data: Sequence[bytes]) -> Inputs:
        return Record(readings=(), age_years=int(data[0]), sex="", at=self.clock.time)  # type: ignore[arg-type]

    def queue(self, *ages: int, stat: bool = False, site: str = "site-1") -> None:
        """Let one study of each age be complete; the first model alone looks at them."""
        for age in ages:
            image = replace(arrival(self.vault, study=f"1.2.{age}", data=b"%d" % age), site=site)
            if stat:
                image = replace(image, facts={**image.facts, "RequestedProcedurePriority": frozenset({"STAT"})})
            self.receive(image)
        self.complete()

    def of(self, age: int, model: str = "toy") -> Result:
        with self.sql.reading() as unit:
            uids = {case.id: case.uid for case in unit.views.cases(100)}
        return next(r for r in self.results() if uids[r.case] == f"1.2.{age}" and r.model.name == model)

    def infer(self, age: int) -> bool:
        return infer.infer(self.of(age).id, self.inference)

    def states(self, *ages: int) -> list[ResultState]:
        return [self.of(age).state for age in ages]

    def outcomes(self) -> list[str]:
        with self.sql.reading() as unit:
            return sorted(unit.connection.scalars(select(tables.runs.c.outcome)))


@pytest.fixture
def world(tmp_path: Path) -> Several:
    return Several(tmp_path)


def test_what_waits_for_the_same_version_goes_with_the_one_that_was_rung_for(world: Several) -> None:
    world.queue(1, 2, 3)
    assert world.infer(2)
    assert world.model.together == [[2, 1, 3]]
    assert world.states(1, 2, 3) == [ResultState.AWAITING_REVIEW] * 3
    assert world.of(1, "other").state is ResultState.QUEUED
    assert not world.infer(1), "its own ring finds it done"


def test_a_draft_is_the_same_whoever_it_was_run_with(tmp_path: Path) -> None:
    drafts = []
    for most in (1, MOST):
        (tmp_path / str(most)).mkdir()
        world = Several(tmp_path / str(most), most)
        world.queue(1, 2, 3)
        for age in (1, 2, 3):
            world.infer(age)
        drafts.append([world.of(age).draft for age in (1, 2, 3)])
        assert len(world.model.together) == (1 if most > 1 else 3)
    assert drafts[0] == drafts[1]
    assert None not in drafts[0]


def test_no_more_than_the_card_says(world: Several) -> None:
    world.queue(*range(1, 7))
    for age in range(1, 7):
        world.infer(age)
    assert world.model.together == [[1, 2, 3, 4], [5, 6]]


def test_who_comes_while_a_run_lasts_goes_with_the_next(tmp_path: Path) -> None:
    world = Several(tmp_path, deadline_s=600)
    world.queue(1, 2)
    run = world.model.run_together

    def meanwhile(card: Card, many: Sequence[Inputs]) -> list[Proposal | NotEligible]:
        answers = run(card, many)
        if len(world.model.together) == 1:
            world.queue(3, 4)
        return answers

    world.model.run_together = meanwhile  # type: ignore[method-assign]
    for age in (1, 2, 3, 4):
        world.infer(age)
    assert world.model.together == [[1, 2], [3, 4]]


def test_what_is_wanted_at_once_waits_for_nothing_less_urgent(world: Several) -> None:
    world.queue(1, 2)
    world.queue(3, 4, stat=True)
    world.infer(3)
    assert world.model.together == [[3, 4]]
    world.queue(5, stat=True)
    world.infer(1)
    assert world.model.together[1:] == [[1, 5, 2]], "a place in a run that begins anyway is given to the most urgent"
    assert {r.priority for r in world.results() if r.state is ResultState.AWAITING_REVIEW} == set(Priority)


def test_a_refusal_excludes_one_and_no_other(world: Several) -> None:
    world.queue(1, 2, 3)
    world.model.says[2] = NotEligible("slices-missing", "two")
    world.infer(1)
    assert world.model.together == [[1, 2, 3]]
    assert world.states(1, 2, 3) == [ResultState.AWAITING_REVIEW, ResultState.EXCLUDED, ResultState.AWAITING_REVIEW]


def test_a_poison_study_is_found_by_halves_and_fails_alone(world: Several) -> None:
    world.queue(1, 2, 3, 4)
    world.model.says[3] = ModelFailed("crashed", "signal 11")
    assert world.infer(1), "the one that was rung for has its draft"
    assert world.model.together == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert world.states(1, 2, 3, 4) == [
        *[ResultState.AWAITING_REVIEW] * 2,
        ResultState.QUEUED,
        ResultState.AWAITING_REVIEW,
    ]
    world.queue(5)
    for _ in range(ATTEMPTS_MAX - 2):
        with pytest.raises(Unavailable, match="model-failed"):
            world.infer(3)
    world.infer(3)
    assert world.model.together[5:] == [[3], [3]], "once it was tried it is alone"
    failed = world.of(3)
    assert (failed.state, failed.cause and failed.cause.code) == (ResultState.FAILED, "crashed")
    assert world.states(5) == [ResultState.QUEUED]
    assert world.outcomes() == ["drafted"] * 3 + ["failed"] + ["retried"] * 2


def test_the_one_that_was_rung_for_is_rung_for_again_when_it_is_the_poison(world: Several) -> None:
    world.queue(1, 2)
    world.model.says[1] = ModelFailed("memory", "too much")
    with pytest.raises(Unavailable, match="model-failed"):
        world.infer(1)
    assert world.states(1, 2) == [ResultState.QUEUED, ResultState.AWAITING_REVIEW]


def test_every_lease_is_renewed_before_each_further_run(world: Several) -> None:
    """Each run here takes nearly the card's deadline: four of them are longer than one lease."""
    world.queue(1, 2, 3, 4)
    world.model.says[4] = ModelFailed("timeout", "60 s")
    run, together = world.model.run, world.model.run_together
    world.model.run = lambda *given: (world.clock.advance(seconds=59), run(*given))[1]  # type: ignore[method-assign]
    world.model.run_together = lambda *given: (  # type: ignore[method-assign]
        world.clock.advance(seconds=59),
        together(*given),
    )[1]
    world.infer(1)
    assert world.model.together == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert world.outcomes() == ["drafted"] * 3 + ["retried"]


def test_a_result_that_another_worker_took_over_is_left_to_it(world: Several) -> None:
    world.queue(1, 2)
    world.model.says[1] = ModelFailed("timeout", "60 s")

    def taken(_card: Card, _many: Sequence[Inputs]) -> list[Proposal | NotEligible]:
        world.clock.advance(seconds=500)
        until = world.clock.now() + timedelta(seconds=60)
        with world.sql.transaction("infer:another") as unit:
            assert unit.results.claim(world.of(2).id, "infer:another", now=world.clock.now(), until=until)
        raise ModelFailed("timeout", "60 s")

    world.model.run_together = taken  # type: ignore[method-assign]
    world.infer(1)
    assert world.model.together == [], "neither lease was ours any more"
    assert world.states(1, 2) == [ResultState.QUEUED] * 2
    assert world.outcomes() == ["overtaken"] * 2
    with world.sql.reading() as unit:
        assert unit.results.holds(world.of(2).id, "infer:another", now=world.clock.now())


def test_a_worker_that_cannot_run_gives_all_of_them_back_untried(world: Several) -> None:
    world.queue(1, 2)
    world.model.says[1] = Unavailable("busy", "not now")
    with pytest.raises(Unavailable, match="busy"):
        world.infer(1)
    world.model.says.clear()
    world.infer(2)
    assert world.model.together == [[1, 2], [2, 1]], "no attempt was counted"
    assert world.states(1, 2) == [ResultState.AWAITING_REVIEW] * 2


def test_bytes_that_are_gone_fail_one_and_no_other(world: Several) -> None:
    world.queue(1, 2, 3)
    for path in (world.engine and Path(str(world.engine.url.database)).parent / "vault").rglob("*"):
        if path.is_file() and path.read_bytes() == b"2":
            path.unlink()
    world.infer(1)
    assert world.model.together == [[1, 3]]
    assert world.states(1, 2, 3) == [ResultState.AWAITING_REVIEW, ResultState.FAILED, ResultState.AWAITING_REVIEW]


def test_a_held_result_goes_with_nobody(world: Several) -> None:
    world.queue(1)
    world.queue(2, site="held-site")
    stop.stop(Scope.SITE, "held-site", by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    world.infer(1)
    assert world.model.together == [[1]]
    assert world.states(2) == [ResultState.QUEUED]


def test_of_a_worker_that_died_each_result_is_run_alone(world: Several) -> None:
    world.queue(1, 2)
    died: list[ResultId] = []

    def dies(_card: Card, _many: Sequence[Inputs]) -> list[Proposal | NotEligible]:
        died.append(world.of(1).id)
        raise KeyboardInterrupt

    run, world.model.run_together = world.model.run_together, dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.infer(1)
    world.model.run_together = run  # type: ignore[method-assign]
    world.clock.advance(seconds=121)
    world.infer(1)
    world.infer(2)
    assert world.model.together == [[1], [2]]
    assert died
