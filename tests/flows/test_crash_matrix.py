"""Crash matrix: each flow dies at its first call to the outside, then at its second, … until it succeeds.

After each death the process starts again on what the disk holds, senders and people who were told nothing try again,
and everything must come to rest by itself: nothing lost, nothing twice, nothing stuck, the journal whole.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from guarantee.events import DeliveryDue, ResultQueued
from guarantee.release import mint
from tests.flows.crashes import Crash
from tests.flows.fakes import arrival
from tests.flows.invariants import check, check_all
from tests.flows.machine import Machine, Snapshot
from tests.flows.stories import STORIES, Story, decided, receive_one

CASES_MIN = 600
"""Deaths that the whole matrix must have seen: fewer means that a flow was not walked."""

CALLS_MAX = 400
"""No flow makes more calls than this: beyond it the matrix walks in a circle."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("matrix"))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def empty(machine: Machine) -> Snapshot:
    return machine.snapshot()


def walk(machine: Machine, empty: Snapshot, story: Story) -> int:
    """Let ``story`` die at every call in turn, and once not at all; return how often it died."""
    machine.restore(empty)
    story.before(machine)
    before = machine.snapshot()
    followed: set[str] = set()
    for at in range(1, CALLS_MAX):
        machine.restore(before)
        fuse = machine.arm(at)
        try:
            story.act(machine)
        except Crash:
            machine.restart()
            left = machine.fingerprint()
            if left in followed:
                continue  # another death left the same disk and the same outside: it was followed to its end
            followed.add(left)
            check(machine)
            story.again(machine)
            end_well(machine, story, f"{story.name}, dead at {fuse.calls[-1]} (call {at})")
        else:
            machine.restart()
            end_well(machine, story, f"{story.name}, alive")
            return at - 1
    raise AssertionError(f"{story.name} makes more than {CALLS_MAX} calls")


def end_well(machine: Machine, story: Story, what: str) -> None:
    story.then(machine)
    machine.settle()
    machine.accept_all()
    machine.settle()
    check_all(machine)
    states = Counter(str(result.state) for result in machine.results())
    assert states == Counter(story.ends), f"{what}: {states}"
    if story.copies >= 0:
        copies = {name: len(place.results) for name, place in machine.destinations.items()}
        assert copies == dict.fromkeys(machine.destinations, story.copies), f"{what}: {copies}"


def test_every_flow_survives_a_crash_at_every_call(
    machine: Machine, empty: Snapshot, told: Callable[[str], None]
) -> None:
    deaths = {story.name: walk(machine, empty, story) for story in STORIES}
    told(f"crash matrix: {len(STORIES)} stories, {sum(deaths.values())} crashes, each followed to the end")
    assert min(deaths.values()) >= 3
    assert sum(deaths.values()) >= CASES_MIN


def _send_before_noting(machine: Machine) -> None:
    """Send first, note the attempt afterwards: the order that deliver.py must not have."""
    for _, fact in machine.pending():
        assert isinstance(fact, DeliveryDue | ResultQueued)
        if isinstance(fact, DeliveryDue):
            with machine.store.reading() as unit:
                delivery = unit.deliveries.get(fact.delivery)
                assert delivery is not None
                terms, seal = unit.gate.terms(delivery.release)
                release = mint(
                    terms=terms, seal=seal, grounds=unit.gate.grounds(delivery.release), witness=machine.ring
                )
            receipt = machine.dispatch.destinations[fact.destination].send(release)
            with machine.store.transaction("deliver") as unit:
                now = machine.clock.now()
                unit.deliveries.begin(delivery, at=now, until=now)
                unit.deliveries.confirm(delivery, 1, receipt)


def _answer_before_commit(machine: Machine) -> None:
    """Tell the sender that all is well, then write it down."""
    machine.acknowledged.append(arrival(machine.disk))
    receive_one(machine)


def test_the_matrix_fails_a_deliver_that_sends_before_noting_the_attempt(machine: Machine, empty: Snapshot) -> None:
    wrong = Story(name="hasty deliver", before=decided, act=_send_before_noting, again=lambda _: None)
    with pytest.raises(AssertionError, match=r"P3: .* no attempt says so"):
        walk(machine, empty, wrong)


def test_the_matrix_fails_an_intake_that_answers_before_its_commit(machine: Machine, empty: Snapshot) -> None:
    wrong = Story(name="hasty intake", act=_answer_before_commit, again=lambda _: None)
    with pytest.raises(AssertionError, match="P2: acknowledged"):
        walk(machine, empty, wrong)


def test_the_matrix_fails_a_delivery_whose_identifiers_are_new_each_time(machine: Machine, empty: Snapshot) -> None:
    for place in machine.destinations.values():
        place.forgets = True
    try:
        with pytest.raises(AssertionError, match=r"P3: .* more than once"):
            walk(machine, empty, next(story for story in STORIES if story.name == "deliver"))
    finally:
        for place in machine.destinations.values():
            place.forgets = False


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_step_taken_twice_ends_as_if_taken_once(machine: Machine, empty: Snapshot, story: Story) -> None:
    machine.restore(empty)
    story.before(machine)
    story.act(machine)
    story.again(machine)
    end_well(machine, story, f"{story.name}, twice")
