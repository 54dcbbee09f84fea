"""How much one sender may bring."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dicom_adapters.listen.admission import Admission, Rejection, Sender
from dicom_adapters.listen.levels import Levels
from dicom_adapters.listen.rates import Rate, Rates
from guarantee.errors import Unavailable
from tests.dicom.post import Post, instance
from tests.dicom.raw_peer import ACCEPTED, REJECTED, RELEASED, Peer

SUCCESS, RETRY_LATER = 0x0000, 0xA700
PostOf = Callable[..., Post]


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def taken(rates: Rates, rate: Rate, size: int = 1, *, times: int, sender: str = "mr-2") -> int:
    """Return how many of ``times`` instances are let through."""
    through = 0
    for _ in range(times):
        with suppress(Unavailable):
            rates.take(sender, rate, size)
            through += 1
    return through


def test_instances_of_one_second_may_come_at_once_and_no_more() -> None:
    hands, rate = Hands(), Rate(instances_per_s=4)
    rates = Rates(hands)

    assert taken(rates, rate, times=20) == 4
    hands.s += 0.5
    assert taken(rates, rate, times=20) == 2
    hands.s += 3600
    assert taken(rates, rate, times=20) == 4


def test_less_than_one_instance_per_second_is_a_limit_too() -> None:
    hands, rate = Hands(), Rate(instances_per_s=0.5)
    rates = Rates(hands)

    assert taken(rates, rate, times=3) == 1
    hands.s += 2
    assert taken(rates, rate, times=3) == 1


def test_an_instance_larger_than_a_minute_gets_through_and_is_paid_for_afterwards() -> None:
    hands, rate = Hands(), Rate(bytes_per_min=60)
    rates = Rates(hands)

    assert taken(rates, rate, 180, times=2) == 1
    hands.s += 179
    assert taken(rates, rate, 180, times=2) == 0
    hands.s += 2
    assert taken(rates, rate, 180, times=2) == 1


def test_what_one_sender_brings_does_not_count_for_another_and_no_limit_is_none() -> None:
    rates, rate = Rates(Hands()), Rate(instances_per_s=1)

    assert taken(rates, rate, times=5) == 1
    assert taken(rates, rate, times=5, sender="ct-1") == 1
    assert taken(rates, Rate(), 10**12, times=50, sender="pacs") == 50


def test_a_sender_without_a_limit_is_not_remembered() -> None:
    rates = Rates(Hands())
    for number in range(5):
        rates.take(f"unknown:{number}", Rate(), 1)
    assert rates._buckets == {}


def test_a_refusal_counts_for_nothing() -> None:
    hands, rate = Hands(), Rate(instances_per_s=1, bytes_per_min=60)
    rates = Rates(hands)

    assert taken(rates, rate, 30, times=10) == 1
    hands.s += 1
    assert taken(rates, rate, 30, times=10) == 1


def test_processes_that_share_a_port_count_together(tmp_path: Path) -> None:
    hands, rate, path = Hands(), Rate(instances_per_s=4, bytes_per_min=6_000), tmp_path / "levels"
    one, other = (Rates(hands, Levels(path, ["ct-1", "mr-2"])) for _ in range(2))
    assert taken(one, rate, 100, times=3) == 3
    assert taken(other, rate, 100, times=3) == 1
    assert taken(other, rate, 100, times=3, sender="ct-1") == 3
    hands.s += 0.5
    assert taken(other, rate, 100, times=9) == 2
    assert taken(one, rate, 100, times=9) == 0
    hands.s += 3600
    assert taken(one, rate, 3_000, times=9) == 2, "bytes too"
    assert taken(other, rate, 3_000, times=9) == 0


def test_what_was_counted_is_kept_for_a_process_that_is_started_again(tmp_path: Path) -> None:
    hands, rate, path = Hands(), Rate(instances_per_s=4), tmp_path / "levels"
    assert taken(Rates(hands, Levels(path, ["mr-2"])), rate, times=9) == 4
    assert taken(Rates(hands, Levels(path, ["mr-2"])), rate, times=9) == 0
    assert taken(Rates(hands, Levels(path, ["ct-1", "mr-2"])), rate, times=9) == 4, "its place is another's now"
    hands.s = 5.0
    assert taken(Rates(hands, Levels(path, ["ct-1", "mr-2"])), rate, times=9) == 4, "the machine was started again"


def test_a_sender_that_has_no_place_is_counted_alone(tmp_path: Path) -> None:
    hands, rate, path = Hands(), Rate(instances_per_s=4), tmp_path / "levels"
    for _ in range(2):
        assert taken(Rates(hands, Levels(path, ["ct-1"])), rate, times=9) == 4


COUNTING = """
import sys
from contextlib import suppress
from pathlib import Path
from dicom_adapters.listen.levels import Levels
from dicom_adapters.listen.rates import Rate, Rates
from guarantee.errors import Unavailable
rates, through = Rates(lambda: 1000.0, Levels(Path(sys.argv[1]), ["mr-2"])), 0
for _ in range(3000):
    with suppress(Unavailable):
        rates.take("mr-2", Rate(bytes_per_min=5000), 1)
        through += 1
print(through)
"""


def test_processes_that_count_at_one_instant_lose_no_count(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "levels")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(process.communicate(timeout=120)[0]) for process in processes) == 5_000


def test_a_place_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="levels"):
        Levels(tmp_path / "nowhere" / "levels", ["mr-2"])


def test_a_sender_beyond_its_rate_hears_try_later_and_keeps_its_association(post_of: PostOf) -> None:
    limited = Sender(name="mr-2", rate=Rate(instances_per_s=0.001))
    post = post_of(senders={"MR2": limited, "CT1": Sender(name="ct-1")})
    body, name = instance()
    with Peer(post.port).associated() as peer, Peer(post.port, calling="CT1").associated() as other:
        assert peer.store(body, name) == SUCCESS
        assert peer.store(body, name) == RETRY_LATER
        assert other.store(body, name) == SUCCESS
        assert peer.release() == RELEASED

    assert [refused[:2] for refused in post.refused] == [("mr-2", "rate-exceeded")]
    assert len(post.arrivals) == 2


@pytest.mark.parametrize("limit", [1, 2])
def test_a_sender_opens_no_more_associations_than_it_may(post_of: PostOf, limit: int) -> None:
    post = post_of(senders={"MR2": Sender(name="mr-2", associations_max=limit), "CT1": Sender(name="ct-1")})
    open_ones = [Peer(post.port).associated() for _ in range(limit)]
    with Peer(post.port) as late:
        assert late.associate() == (3, b"\0\2\3\2")
    with Peer(post.port, calling="CT1").associated() as other:
        assert other.release() == RELEASED
    for peer in open_ones:
        assert peer.release() == RELEASED
        peer.socket.close()

    assert [refused[:2] for refused in post.refused] == [("mr-2", "too-many-associations")]


def test_calls_at_one_instant_do_not_share_the_last_place(post_of: PostOf, monkeypatch: pytest.MonkeyPatch) -> None:
    post = post_of(senders={"MR2": Sender(name="mr-2", associations_max=1)})
    judge = Admission.rejection

    def slowly(*arguments: Any, **counted: Any) -> Rejection | None:
        judged = judge(*arguments, **counted)
        time.sleep(0.2)
        return judged

    monkeypatch.setattr(Admission, "rejection", slowly)
    peers = [Peer(post.port) for _ in range(4)]
    for peer in peers:
        peer.socket.sendall(peer.request())
    answers = [peer.receive()[0] for peer in peers]
    for peer in peers:
        peer.socket.close()

    assert sorted(answers) == [ACCEPTED, REJECTED, REJECTED, REJECTED]
