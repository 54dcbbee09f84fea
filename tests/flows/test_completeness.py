"""Judging cases complete: quiet times, announcements, the source that is asked, what a reader is told."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.flows import intake
from bridge.flows.announcements import from_headers
from bridge.flows.asking import Asking
from bridge.flows.completeness import Completion
from guarantee.completeness import Announced, Basis, Incomplete, Status, Verdict
from guarantee.errors import Unavailable
from guarantee.judging import Expectation
from guarantee.lifecycle import Stage
from guarantee.states import CaseState, ResultState
from guarantee.unit import Arrival, Input
from tests.flows.fakes import another_card, card
from tests.flows.judging import STUDY, announce, card_with, count, draft, image, listing, look, with_card
from tests.flows.world import World, begin

# ------------------------------------------------------------------------------------------------ quiet times, series


def test_three_series_on_associations_of_their_own_are_one_revision_when_the_gaps_are_short(world: World) -> None:
    for n in (1, 2, 3):
        world.receive(replace(image(world, 1, series=str(n)), conversation=f"assoc {n}"))
        intake.hang_up(f"assoc {n}", broken_off=False, store=world.store, clock=world.clock, actor="scp")
        assert look(world, after_s=299) is None
    judged = look(world, after_s=2)
    assert judged is not None
    assert (judged.verdict, judged.how, judged.instances) == (Verdict.COMPLETE, "quiet", 3)
    assert [result.state for result in world.results()] == [ResultState.QUEUED]


def test_a_gap_above_the_quiet_time_is_a_revision_of_its_own_and_runs_the_models_again(world: World) -> None:
    for n in (1, 2):
        world.receive(replace(image(world, 1, series=str(n)), conversation=f"assoc {n}"))
        intake.hang_up(f"assoc {n}", broken_off=False, store=world.store, clock=world.clock, actor="scp")
        assert look(world, after_s=301) is not None
        world.infer_all()
    states = {result.state for result in world.results()}
    assert states == {ResultState.STALE, ResultState.AWAITING_REVIEW}
    with world.sql.reading() as unit:
        assert [(case.revision, case.state) for case in unit.views.cases(9)] == [
            (2, CaseState.COMPLETE),
            (1, CaseState.SUPERSEDED),
        ]


def test_a_series_still_inside_its_own_quiet_time_keeps_the_study_open(world: World) -> None:
    """A CT (60 s here) beside a PET or an MR (300 s): the shorter time of the other series does not end the wait."""
    world.receive(image(world, 1, series="1", modality="MR"))
    world.receive(image(world, 1, series="2", modality="CT"))
    assert look(world, after_s=61) is None
    assert look(world, after_s=240) is not None


def test_a_transfer_that_broke_off_is_waited_for_longer_and_then_told_to_the_reader(world: World) -> None:
    world.receive(replace(image(world), conversation="a"))
    intake.hang_up("a", broken_off=True, store=world.store, clock=world.clock, actor="scp")
    assert look(world, after_s=301) is None
    judged = look(world, after_s=60)
    assert judged is not None
    assert (judged.verdict, judged.how) == (Verdict.SHORT, "doubt")
    world.infer_all()
    assert "broken off" in draft(world).cautions[0].en


# ------------------------------------------------------------------------------------------------------- announcements


def test_a_list_that_is_all_here_completes_the_study_at_once(world: World) -> None:
    images = [image(world, n) for n in (1, 2)]
    announce(world, listing(world, *images))
    world.receive(images[0])
    assert look(world) is None
    world.receive(images[1])
    judged = look(world)
    assert judged is not None
    assert (judged.verdict, judged.how) == (Verdict.COMPLETE, "listed")


def test_what_was_listed_and_does_not_come_is_waited_for_then_told(world: World) -> None:
    images = [image(world, n) for n in (1, 2, 3)]
    world.receive(*images[:2])
    announce(world, listing(world, *images))
    completion = world.completion
    assert look(world, completion, after_s=301) is None
    assert look(world, completion, after_s=1_400) is None
    judged = look(world, completion, after_s=100)
    assert judged is not None
    assert (judged.verdict, judged.how) == (Verdict.SHORT, "deadline")
    world.infer_all()
    assert "2 images of the analysed series received of 3" in draft(world).cautions[0].en


def test_a_model_that_runs_with_a_banner_does_not_wait(world: World) -> None:
    with_card(world, Incomplete.RUN)
    world.receive(image(world))
    announce(world, count(9))
    judged = look(world, after_s=301)
    assert judged is not None
    assert judged.how == "not-awaited"
    world.infer_all()
    assert "1 images of the exam received of 9" in draft(world).cautions[0].en


def test_a_model_that_refuses_is_excluded_with_the_cause_that_a_person_reads(world: World) -> None:
    with_card(world, Incomplete.REFUSE)
    world.receive(image(world))
    announce(world, count(9))
    assert look(world, after_s=301) is None
    assert look(world, after_s=1_500) is not None
    (result,) = world.results()
    assert result.state is ResultState.EXCLUDED
    assert result.cause is not None
    assert result.cause.code == "incomplete"
    assert "of 9 announced" in result.cause.detail


def test_what_is_missing_of_another_series_is_no_matter_of_this_one(world: World) -> None:
    with_card(world, Incomplete.REFUSE)
    images = [image(world, n) for n in (1, 2)]
    world.receive(*images)
    announce(world, listing(world, *images), listing(world, image(world, 1, series="7")))
    assert look(world, after_s=1_801) is not None
    world.infer_all()
    assert world.results()[-1].state is ResultState.AWAITING_REVIEW
    assert draft(world).cautions == ()


def test_a_missing_image_that_comes_after_all_completes_the_study_at_once(world: World) -> None:
    images = [image(world, n) for n in (1, 2)]
    announce(world, listing(world, *images))
    world.receive(images[0])
    completion = world.completion
    assert look(world, completion, after_s=400) is None
    world.receive(images[1])
    judged = look(world, completion, after_s=1)
    assert judged is not None
    assert judged.how == "listed"


def test_a_step_that_goes_on_holds_the_study_and_its_end_lets_it_go(world: World) -> None:
    one = image(world)
    world.receive(one)
    announce(world, listing(world, source="mpps:1.9", status=Status.IN_PROGRESS))
    completion = world.completion
    assert look(world, completion, after_s=400) is None
    announce(world, listing(world, source="mpps:1.9"), listing(world, one, source="mpps:1.9"))
    judged = look(world, completion, after_s=1)
    assert judged is not None
    assert judged.how == "listed"


def test_a_list_that_the_vault_lost_holds_nothing_up(world: World) -> None:
    world.receive(image(world))
    announce(world, replace(count(3), basis=Basis.LIST, listed=card().model.digest))
    assert look(world, after_s=301) is not None


def test_nothing_is_looked_at_twice_for_nothing(world: World) -> None:
    completion = world.completion
    world.receive(image(world))
    with world.sql.reading() as unit:
        (moving,) = unit.judging.receiving(silent_before=world.clock.now())
    assert look(world, completion) is None
    assert not completion.memory.is_due(moving, world.clock.now())
    assert completion.memory.is_due(moving, world.clock.now() + timedelta(seconds=300))
    assert completion.memory.is_due(
        replace(moving, told_at=moving.last_input_at), world.clock.now() + timedelta(seconds=2)
    )
    assert not completion.memory.is_due(replace(moving, is_open=True), world.clock.now() + timedelta(seconds=400))


# ------------------------------------------------------------------------------------------------------------- headers


def headers(world: World, *arrivals: Arrival, heed: bool = True) -> set[tuple[Basis, str, int]]:
    inputs = [
        Input(source=a.source, facts=a.facts, conflict=False, modality="MR", sender="mr1", at=world.clock.now())
        for a in arrivals
    ]
    found: Sequence[Announced] = tuple(from_headers(inputs, heed_acquisitions=heed))
    return {(said.basis, said.group, said.instances) for said in found}


def test_counts_of_the_study_and_of_a_series_are_read_from_headers(world: World) -> None:
    one = image(world, NumberOfStudyRelatedInstances="120", NumberOfSeriesRelatedInstances="60")
    other = image(world, 2, NumberOfStudyRelatedInstances="121", NumberOfSeriesRelatedInstances="x")
    assert headers(world, one, other) == {(Basis.HEADER, "", 121), (Basis.HEADER, f"{STUDY}.0", 60)}
    assert headers(world, image(world, NumberOfStudyRelatedInstances="99999999999999")) == set()


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([{"ImagesInAcquisition": "60"}] * 2, 60),
        ([{"ImagesInAcquisition": "60", "AcquisitionNumber": n} for n in "1122"], 120),
        ([{"ImagesInAcquisition": "4", "AcquisitionNumber": n} for n in "1234"], 4),
        ([{"NumberOfSlices": "47"}], 47),
        ([{"NumberOfSlices": "20", "NumberOfTemporalPositions": "3"}], 60),
        ([{"ImagesInAcquisition": "60", "NumberOfFrames": "60"}], 0),
        ([{"ImagesInAcquisition": "many"}], 0),
    ],
    ids=["one acquisition", "two", "each image one", "slices", "over time", "frames", "no number"],
)
def test_counts_of_acquisitions_are_hints(world: World, images: list[dict[str, str]], expected: int) -> None:
    arrivals = [image(world, n, **facts) for n, facts in enumerate(images)]
    hinted = {(Basis.HINT, f"{STUDY}.0", expected)} if expected else set()
    assert headers(world, *arrivals) == hinted
    assert headers(world, *arrivals, heed=False) == set()


# --------------------------------------------------------------------------------------------- the source that is asked


class AtOnce(Executor):
    """Runs what it is given where it is given; or, when told, leaves it pending."""

    def __init__(self) -> None:
        self.is_slow = False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.is_slow:
            return future
        try:
            future.set_result(fn(*args, **kwargs))
        except Unavailable as error:
            future.set_exception(error)
        return future


def asked(world: World, *answers: Sequence[Expectation] | Unavailable) -> tuple[Completion, AtOnce]:
    left = list(answers)

    def ask(_uid: str, _series: frozenset[str]) -> Sequence[Expectation]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    executor = AtOnce()
    return replace(world.completion, asking=Asking({"scanner": ask}, executor)), executor


def test_the_source_is_asked_when_the_quiet_time_is_over_and_what_it_holds_beyond_is_waited_for(world: World) -> None:
    world.receive(image(world))
    completion, _ = asked(world, [count(2)])
    assert look(world, completion, after_s=301) is None, "the answer came and must be heard"
    assert look(world, completion) is None, "one more is there"
    world.receive(image(world, 2))
    judged = look(world, completion, after_s=301)
    assert judged is not None
    assert (judged.verdict, judged.how) == (Verdict.COMPLETE, "counted")


def test_a_source_that_does_not_answer_leaves_the_decision_to_the_other_rules(world: World) -> None:
    world.receive(image(world))
    completion, _ = asked(world, Unavailable("down", "nobody answered"))
    judged = look(world, completion, after_s=301)
    assert judged is not None
    assert judged.how == "quiet"


def test_a_slow_source_is_waited_for_a_little(world: World) -> None:
    world.receive(image(world))
    completion, executor = asked(world, [count(2)])
    executor.is_slow = True
    assert look(world, completion, after_s=301) is None
    assert look(world, completion, after_s=6) is not None


def test_a_sender_without_a_source_is_not_asked(world: World) -> None:
    world.receive(replace(image(world), sender="somebody"))
    completion, _ = asked(world, [count(2)])
    assert look(world, completion, after_s=301) is not None


def test_two_models_one_of_which_refuses_share_one_revision(world: World) -> None:
    """What one model would rather wait for, all wait for; then each does as its card says."""
    cards = (card_with(Incomplete.RUN), another_card("careful", incomplete=Incomplete.REFUSE))
    with world.sql.transaction("setup") as unit:
        unit.registry.register_model(cards[1].model, world.clock.now())
        unit.lives.add(begin(cards[1].model.id, Stage.PILOT, world.clock.now()))
    world.catalogue.cards = cards
    world.receive(image(world))
    announce(world, count(9))
    assert look(world, after_s=301) is None
    assert look(world, after_s=1_500) is not None
    assert {r.model.name: r.state for r in world.results()} == {
        "toy": ResultState.QUEUED,
        "careful": ResultState.EXCLUDED,
    }
