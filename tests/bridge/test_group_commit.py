"""One transaction for several associations: who is committed with whom, and who pays for whose fault."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.wiring.group_commit import TOGETHER_MAX, GroupCommit
from guarantee.errors import Refused, Unavailable
from guarantee.unit import Arrival
from tests.flows.fakes import FakeVault, arrival
from tests.peers.base import wait_until

ONE = arrival(FakeVault())


class Database:
    """What commits; it can be held up, and told whom it refuses."""

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []
        self.faults: dict[str, Exception] = {}
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def receive(self, arrivals: Sequence[Arrival]) -> None:
        self.transactions.append([each.source.uid for each in arrivals])
        assert self.may_go_on.wait(60)
        for each in arrivals:
            if each.source.uid in self.faults:
                raise self.faults[each.source.uid]


class Senders:
    """Associations, each with one image, that all wait while the first is being committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.commit = GroupCommit(database.receive)
        self.ends: dict[str, Exception | None] = {}
        self._threads: list[threading.Thread] = []

    def send(self, *uids: str) -> None:
        self.database.may_go_on.clear()
        self._start("first")
        wait_until(lambda: bool(self.database.transactions), "the first transaction")
        for uid in uids:
            self._start(uid)
        wait_until(lambda: len(self.commit._waiting) == len(uids), "everybody to wait")
        self.database.may_go_on.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)

    def _start(self, uid: str) -> None:
        self._threads.append(threading.Thread(target=self._send, args=(uid,)))
        self._threads[-1].start()

    def _send(self, uid: str) -> None:
        try:
            self.commit(replace(ONE, source=replace(ONE.source, uid=uid)))
        except (Refused, Unavailable, KeyError) as error:
            self.ends[uid] = error
        else:
            self.ends[uid] = None


@pytest.fixture
def senders() -> Senders:
    return Senders(Database())


def test_one_alone_is_committed_at_once() -> None:
    database = Database()
    GroupCommit(database.receive)(ONE)
    assert database.transactions == [[ONE.source.uid]]


def test_those_who_arrive_during_a_commit_share_the_next_one(senders: Senders) -> None:
    senders.send("a", "b", "c")

    first, together = senders.database.transactions
    assert (first, sorted(together)) == (["first"], ["a", "b", "c"])
    assert senders.ends == dict.fromkeys(("first", "a", "b", "c"))


def test_one_that_is_refused_harms_no_other(senders: Senders) -> None:
    senders.database.faults = {"b": Refused("a wall"), "c": KeyError("a fault of ours")}
    senders.send("a", "b", "c", "d")

    assert {uid: str(error) for uid, error in senders.ends.items() if error} == {
        "b": "a wall",
        "c": "'a fault of ours'",
    }
    assert sorted(map(len, senders.database.transactions)) == [1, 1, 1, 1, 1, 4]


def test_a_database_that_does_not_answer_is_not_asked_for_each(senders: Senders) -> None:
    down = Unavailable("database", "the database did not answer in time")
    senders.database.faults = dict.fromkeys(("a", "b", "c"), down)
    senders.send("a", "b", "c")

    assert {uid for uid, error in senders.ends.items() if error is down} == {"a", "b", "c"}
    assert list(map(len, senders.database.transactions)) == [1, 3, 1]


def test_a_transaction_is_never_endless(senders: Senders) -> None:
    senders.send(*map(str, range(TOGETHER_MAX + 5)))

    assert list(map(len, senders.database.transactions)) == [1, TOGETHER_MAX, 5]
    assert not any(senders.ends.values())
