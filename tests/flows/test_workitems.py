"""Work from a worklist server: claimed, run like every case, ended only by what a clinician decided or by a cause."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from bridge.flows.admit import admit, keep_apart
from bridge.flows.retract import withdraw
from bridge.flows.workitems import IN_PROGRESS, SCHEDULED, Performing, perform
from guarantee.case import Case, CaseKind
from guarantee.content import Text
from guarantee.deliveries import Delivery
from guarantee.errors import ModelFailed, NotEligible, Unavailable
from guarantee.opinion import Reason, Verdict
from guarantee.release import WithdrawalReason
from guarantee.result import Mode
from guarantee.rules import Condition, Route
from guarantee.states import ResultState
from tests.flows.fakes import arrival, card, somebody_else
from tests.flows.world import World

STUDY = "1.2.3"
ENDED = {"COMPLETED", "CANCELED"}


@dataclass(frozen=True)
class FakeCode:
    value: str


@dataclass(frozen=True)
class FakeItem:
    uid: str = "w1"
    codes: tuple[FakeCode, ...] = (FakeCode("brain"),)
    study_uids: tuple[str, ...] = (STUDY,)


@dataclass
class FakeServer:
    """Keeps states and claims as a server does, and raises what it is told to, once.

    Args:
        lost: number of the call, from one, that is obeyed and whose answer nobody gets; 0 for none.
    """

    items: list[FakeItem]
    states: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    reasons: dict[str, tuple[str, bool]] = field(default_factory=dict)
    held: list[Delivery] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    lost: int = 0
    calls: int = 0
    ends: int = 0

    def in_state(self, state: str) -> Sequence[FakeItem]:
        return [item for item in self.items if self.states.get(item.uid, SCHEDULED) == state]

    def claim(self, item: FakeItem, now: datetime) -> bool:
        return self._changed(item, SCHEDULED, IN_PROGRESS)

    def report(self, item: FakeItem, percent: int, word: str, now: datetime) -> bool:
        self._trouble()
        if item.uid in self.taken:
            return False
        self.said.append(word)
        return self._answered()

    def cancel(self, item: FakeItem, reason: str, now: datetime, *, failed: bool = False) -> bool:
        self.reasons[item.uid] = (reason, failed)
        return self._changed(item, IN_PROGRESS, "CANCELED")

    def complete(self, item: FakeItem, held: Sequence[Delivery], now: datetime) -> bool:
        self.held = list(held)
        return self._changed(item, IN_PROGRESS, "COMPLETED")

    def _changed(self, item: FakeItem, before: str, after: str) -> bool:
        self._trouble()
        if item.uid in self.taken or self.states.get(item.uid, SCHEDULED) != before:
            return False
        self.states[item.uid] = after
        self.ends += after in ENDED
        return self._answered()

    def _answered(self) -> bool:
        self.calls += 1
        if self.calls == self.lost:
            raise Unavailable("timeout", "no answer")
        return True

    def _trouble(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)


class Performer:
    """A performer over a world: ``round`` is one look at the server."""

    def __init__(self, world: World, *items: FakeItem, models: dict[str, str] | None = None) -> None:
        self.world = world
        self.server = FakeServer(list(items) or [FakeItem()])
        self.models = {"brain": "toy"} if models is None else models
        self.archive: dict[str, list[int]] = {STUDY: [1, 2]}
        self.fetches = 0

    def round(self) -> str:
        perform(
            Performing(
                store=self.world.store,
                clock=self.world.clock,
                server=self.server,
                models=self.models,
                fetch=self.fetch,
                complete=self.server.complete,
            )
        )
        return self.state

    def fetch(self, item: FakeItem) -> int:
        self.fetches += 1
        images = self.archive.get(item.study_uids[0], [])
        self.world.receive(*(arrival(self.world.vault, image=n, study=item.study_uids[0]) for n in images))
        return len(images)

    @property
    def state(self) -> str:
        return self.server.states.get("w1", SCHEDULED)

    def drafted(self) -> None:
        self.round()
        self.world.complete()
        self.world.infer_all()


@pytest.fixture
def performer(world: World) -> Performer:
    return Performer(world)


def test_a_workitem_is_claimed_its_study_fetched_and_it_ends_when_what_came_of_it_is_delivered(
    performer: Performer,
) -> None:
    world = performer.world
    assert performer.round() == IN_PROGRESS
    assert performer.round() == IN_PROGRESS
    world.complete()
    assert performer.round() == IN_PROGRESS
    world.infer_all()
    assert performer.round() == IN_PROGRESS
    (result,) = world.results()
    world.answer(result)
    assert performer.round() == IN_PROGRESS, "released, and not yet anywhere"
    world.deliver_all()
    assert performer.round() == "COMPLETED"
    assert {delivery.destination for delivery in performer.server.held} == {"pacs", "dpi"}
    assert list(dict.fromkeys(performer.server.said)) == [
        *("fetching", "computing", "waiting for review", "released"),
        "toy@1.0.0 delivered",
    ]


def test_nothing_is_completed_before_a_clinician_has_decided(performer: Performer) -> None:
    performer.drafted()
    for _ in range(5):
        assert performer.round() == IN_PROGRESS
        performer.world.deliver_all()
    assert performer.server.ends == 0


def excluded(world: World) -> None:
    world.model.failures = [NotEligible("field-of-view", "too small")]


def failed(world: World) -> None:
    world.model.failures = [ModelFailed("crashed", "signal 11")] * 3


@pytest.mark.parametrize(
    ("before", "reason", "broken"),
    [(excluded, "toy@1.0.0 excluded (field-of-view)", False), (failed, "toy@1.0.0 failed (crashed)", True)],
)
def test_what_does_not_run_cancels_with_its_cause(
    performer: Performer, before: Callable[[World], None], reason: str, broken: bool
) -> None:
    before(performer.world)
    performer.round()
    performer.world.complete()
    for _ in range(3):
        try:
            performer.world.infer_all()
        except Unavailable:
            continue
    assert performer.round() == "CANCELED"
    assert performer.server.reasons["w1"] == (reason, broken)


def test_a_rejection_by_the_reader_cancels(performer: Performer) -> None:
    performer.drafted()
    performer.world.answer(performer.world.results()[0], Verdict.REJECT, reason=Reason.FALSE_POSITIVE)
    assert performer.round() == "CANCELED"
    assert performer.server.reasons["w1"][0].startswith("toy@1.0.0 rejected")


def test_a_rejection_by_rule_and_no_route_cancel_with_different_words(world: World) -> None:
    why = Text(fr="essai", en="trial")
    never = Condition(fact="Modality", has=("CT",), why=why, code="modality")
    for rules, word in (
        ((Route(name="ct", kind=CaseKind.STUDY, when=(never,), models=("toy",)),), "no-route"),
        (
            (
                Route(name="all", kind=CaseKind.STUDY, when=(), models=("toy",)),
                Route(name="no", kind=CaseKind.STUDY, when=(), models=(), reject=why),
            ),
            "toy@1.0.0 excluded (rule)",
        ),
    ):
        study = f"{STUDY}.{len(rules)}"
        performer = Performer(world, FakeItem(study_uids=(study,)))
        performer.archive[study] = [1]
        world.rules = rules
        performer.round()
        world.complete()
        assert performer.round() == "CANCELED"
        assert performer.server.reasons["w1"] == (word, False)


def test_what_is_taken_back_before_it_is_told_is_not_completed(performer: Performer) -> None:
    performer.drafted()
    world = performer.world
    (result,) = world.results()
    world.answer(result)
    world.deliver_all()
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.WRONG_PATIENT, comment="x", tools=world.review)
    assert performer.round() == "CANCELED"
    assert world.result(result.id).state is ResultState.RETRACTED


def held(performer: Performer) -> Case:
    world = performer.world
    world.receive(arrival(world.vault, image=7, patient=somebody_else()))
    performer.round()
    assert performer.round() == IN_PROGRESS
    assert performer.server.said[-1] == "held: two-patients"
    with world.sql.reading() as unit:
        case = unit.cases.latest(CaseKind.STUDY, STUDY)
    assert case is not None
    return case


def test_a_held_study_waits_for_a_person_and_ends_when_it_is_kept_apart(performer: Performer) -> None:
    case, world = held(performer), performer.world
    keep_apart(case.id, by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    assert performer.round() == "CANCELED"
    assert performer.server.reasons["w1"] == ("held: two-patients", False)


def test_a_held_study_that_is_let_through_goes_on(performer: Performer) -> None:
    case, world = held(performer), performer.world
    admit(case.id, by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    assert performer.round() == IN_PROGRESS
    world.complete()
    assert performer.round() == IN_PROGRESS
    assert performer.server.said[-1] == "computing"


def test_a_result_that_nobody_may_see_counts_for_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = World(tmp_path_factory.mktemp("shadow"), cards=(replace(card(), mode=Mode.SHADOW),))
    performer = Performer(world)
    performer.drafted()
    assert performer.round() == "CANCELED"
    assert performer.server.reasons["w1"][0] == "no-route"
    world.engine.dispose()


# ------------------------------------------------------------------------------------------------- what cannot be done


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (FakeItem(study_uids=()), "not-one-study"),
        (FakeItem(study_uids=("1.2", "1.3")), "not-one-study"),
        (FakeItem(study_uids=("1.9",)), "study-unknown"),
    ],
)
def test_a_workitem_that_makes_no_sense_is_canceled(world: World, item: FakeItem, reason: str) -> None:
    performer = Performer(world, item)
    assert performer.round() == "CANCELED"
    assert performer.server.reasons["w1"] == (reason, False)


def test_a_workitem_for_something_we_do_not_do_is_not_claimed(world: World) -> None:
    performer = Performer(world, FakeItem(codes=(FakeCode("lungs"),)))
    assert performer.round() == SCHEDULED
    anything = Performer(world, FakeItem(codes=(FakeCode("lungs"),)), models={})
    assert anything.round() == IN_PROGRESS


# ------------------------------------------------------------------------------------------------- killed, taken, down


def test_a_study_that_is_here_already_is_not_fetched_again(performer: Performer) -> None:
    world = performer.world
    world.receive(arrival(world.vault), arrival(world.vault, image=2))
    world.complete()
    performer.round()
    performer.round()
    assert performer.fetches == 0
    assert len({result.case for result in world.results()}) == 1


def test_a_performer_that_was_killed_after_its_claim_goes_on(world: World) -> None:
    before = Performer(world)
    before.server.states["w1"] = IN_PROGRESS
    assert before.round() == IN_PROGRESS
    assert before.fetches == 1


CALLS = 10
"""The claim, two reports at each of its steps, and its end."""


@pytest.mark.parametrize("lost", range(1, CALLS + 1))
def test_an_answer_that_is_lost_anywhere_costs_a_round_and_nothing_else(performer: Performer, lost: int) -> None:
    world, server = performer.world, performer.server
    server.lost = lost
    sign = lambda: world.answer(world.results()[0])  # noqa: E731
    for step in (lambda: None, world.complete, world.infer_all, sign, world.deliver_all):
        step()
        performer.round()
        performer.round()
    assert server.calls >= CALLS
    assert performer.state == "COMPLETED"
    assert server.ends == 1
    assert {delivery.destination for delivery in server.held} == {"pacs", "dpi"}
    assert len({result.case for result in world.results()}) == 1


@pytest.mark.parametrize("at", range(4))
def test_a_server_that_hears_nothing_for_some_rounds_is_told_afterwards(performer: Performer, at: int) -> None:
    performer.drafted()
    world = performer.world
    world.answer(world.results()[0])
    world.deliver_all()
    lost = Unavailable("timeout", "no answer")
    for _ in range(at):
        performer.server.troubles = [lost]
        assert performer.round() == IN_PROGRESS
    assert performer.round() == "COMPLETED"
    performer.round()
    assert performer.server.ends == 1


def test_a_claim_that_somebody_took_over_is_left_alone(performer: Performer) -> None:
    performer.drafted()
    performer.server.taken.add("w1")
    world = performer.world
    world.answer(world.results()[0])
    world.deliver_all()
    assert performer.round() == IN_PROGRESS
    assert performer.server.ends == 0
    assert performer.fetches == 1


def test_a_claim_that_is_lost_in_the_race_is_left_alone(performer: Performer) -> None:
    performer.server.taken.add("w1")
    assert performer.round() == SCHEDULED
    assert performer.fetches == 0


def test_a_claim_without_an_answer_is_seen_in_the_next_round(performer: Performer) -> None:
    performer.server.lost = 1
    assert performer.round() == IN_PROGRESS
    assert performer.fetches == 0, "nobody knows yet whose it is"
    assert performer.round() == IN_PROGRESS
    assert performer.fetches == 1


def test_a_claim_that_does_not_arrive_is_made_in_the_next_round(performer: Performer) -> None:
    performer.server.troubles = [Unavailable("timeout", "no answer")]
    assert performer.round() == SCHEDULED
    assert performer.round() == IN_PROGRESS


def test_one_workitem_that_cannot_be_worked_on_holds_up_no_other(world: World) -> None:
    performer = Performer(world, FakeItem(uid="w0"), FakeItem())
    performer.server.states = {"w0": IN_PROGRESS, "w1": IN_PROGRESS}
    performer.server.troubles = [Unavailable("timeout", "no answer")]
    performer.round()
    assert performer.fetches == 1


def test_every_word_that_leaves_is_a_stable_one(performer: Performer) -> None:
    performer.drafted()
    performer.round()
    assert set(performer.server.said) == {"fetching", "waiting for review"}
