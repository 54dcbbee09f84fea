"""What is done about a subscription, by the clock: mended at once, then ever more rarely; told when it stays broken."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.flows.subscriptions import AT_MOST, AT_START, SLICE, Watch
from bridge.wiring.numbers import Numbers
from guarantee.errors import PortError, Unavailable
from guarantee.subscription import Held
from tests.flows.world import World

ACTIVE = Held(place="Subscription/1", status="active")


class Record:
    """A record that holds what a test says, and counts what it is asked for."""

    def __init__(self, held: Held | None) -> None:
        self.now_held = held
        self.fault: PortError | None = None
        self.refuses: PortError | None = None
        self.asked = 0

    def held(self) -> Held | None:
        if self.fault:
            raise self.fault
        return self.now_held

    def make(self) -> None:
        self.asked += 1
        if self.refuses:
            raise self.refuses

    def renew(self, held: Held) -> None:
        assert held == self.now_held
        self.make()


class Place:
    """A watch over a record, in a world whose clock a test moves."""

    def __init__(self, folder: Path, held: Held | None) -> None:
        self.world = World(folder)
        self.record = Record(held)
        self.numbers = Numbers()
        self.watch = self.another_watch()

    def another_watch(self) -> Watch:
        """Return one as after a restart."""
        return Watch(
            name="dpi",
            site="essai",
            search="Encounter?status=in-progress",
            record=self.record,
            store=self.world.store,
            clock=self.world.clock,
            told_after=timedelta(minutes=10),
            missing=self.numbers.missing,
        )

    def look_for(self, span: timedelta, every: timedelta = timedelta(minutes=1)) -> None:
        until = self.world.clock.now() + span
        while self.world.clock.now() < until:
            self.world.clock.advance(seconds=every.total_seconds())
            self.watch.look()

    def recorded(self, code: str) -> int:
        with self.world.store.reading() as unit:
            return sum(row["code"] == code for row in unit.views.turned_away(10_000))

    def searched(self) -> list[str]:
        """Return every search that was noted, the oldest period first."""
        with self.world.store.reading() as unit:
            return sorted(unit.connection.execute(text("SELECT what FROM fetches")).scalars())


def searches(span: timedelta) -> int:
    return span // SLICE


def test_one_that_is_well_is_left_alone_and_the_last_hour_is_looked_through_once(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    old = place.world.clock.now() - timedelta(days=9)
    place.record.now_held = Held(place="Subscription/1", status="active", changed_at=old)
    place.look_for(timedelta(minutes=30))
    assert place.record.asked == 0
    assert len(place.searched()) - searches(AT_START) in {0, 1}, "a period need not begin where a slice does"
    first = place.searched()[0]
    assert first.startswith("Encounter?status=in-progress&_lastUpdated=ge2")
    assert first.count("Z") == 2


def test_one_that_changed_lately_may_have_been_broken_before_we_looked(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    place.record.now_held = Held(place="Subscription/1", status="active", changed_at=place.world.clock.now())
    place.watch.look()
    assert len(place.searched()) - searches(AT_MOST) in {0, 1}


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (None, "missing"),
        (Held(place="Subscription/1", status="error"), "error"),
        (Held(place="Subscription/1", status="active", is_as_wanted=False), "changed"),
    ],
)
def test_one_that_stays_broken_is_asked_for_ever_more_rarely_and_told(
    held: Held | None, code: str, tmp_path: Path
) -> None:
    place = Place(tmp_path, held)
    place.watch.look()
    assert place.record.asked == 1
    place.look_for(timedelta(minutes=9))
    assert place.recorded("broken") == 0
    place.look_for(timedelta(hours=5))
    assert 8 <= place.record.asked <= 13
    assert place.recorded(code) == place.record.asked
    assert place.recorded("broken") == 5, "after ten minutes, then each hour"


def test_one_that_somebody_switched_off_is_told_and_not_overruled(tmp_path: Path) -> None:
    place = Place(tmp_path, Held(place="Subscription/1", status="off"))
    place.look_for(timedelta(minutes=15))
    assert place.record.asked == 0
    assert place.recorded("broken") == 1


def test_what_changed_while_it_was_broken_is_searched_from_the_last_good_look(tmp_path: Path) -> None:
    place = Place(tmp_path, ACTIVE)
    place.watch.look()
    before = set(place.searched())
    place.record.now_held = Held(place="Subscription/1", status="error")
    place.record.refuses = Unavailable("http-503", "not now")
    place.look_for(timedelta(hours=2))
    place.record.now_held = ACTIVE
    place.look_for(timedelta(minutes=1))
    later = [what for what in place.searched() if what not in before]
    assert searches(timedelta(hours=2)) <= len(later) <= searches(timedelta(hours=2)) + 3


def test_a_record_that_does_not_answer_is_told_and_searched_when_it_does(tmp_path: Path) -> None:
    place = Place(tmp_path, ACTIVE)
    place.watch.look()
    before = len(place.searched())
    place.record.fault = Unavailable("connection", "nobody answers")
    place.look_for(timedelta(minutes=20))
    assert (place.record.asked, place.recorded("broken")) == (0, 1)
    place.record.fault = None
    place.look_for(timedelta(minutes=1))
    assert len(place.searched()) > before


def test_numbers_that_did_not_come_are_searched_for_a_look_later(tmp_path: Path) -> None:
    place = Place(tmp_path, None)

    def look_at(events: int) -> None:
        place.record.now_held = Held(place="Subscription/1", status="active", events=events)
        place.look_for(timedelta(minutes=1))

    look_at(40)
    look_at(43)
    place.numbers.heard((41, 43))
    look_at(43)
    assert place.recorded("missed-events") == 1, "42 had a whole look's time to come"
    place.numbers.heard((44,))
    look_at(44)
    look_at(44)
    assert place.recorded("missed-events") == 1
    look_at(0)
    look_at(0)
    assert place.recorded("missed-events") == 1, "another subscription counts from nothing"
