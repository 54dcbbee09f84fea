"""Peers that speak badly, beside one that does not; FUZZ_BURSTS, FUZZ_PDU_S and FUZZ_SEED run more, or others.

What goes wrong says under which seed, and at which burst: FUZZ_SEED=… FUZZ_FIRST=… FUZZ_BURSTS=1 runs that one again.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Final

import pytest

from guarantee.ids import digest
from tests.dicom.raw_peer import CT, RELEASED, Peer, data, pdu, store_request
from tests.installation import Installation
from tests.museum.attackers import attack
from tests.museum.visitors import MEBIBYTE, Shipment, Weight, arrived, echoes, half_written, image

BURSTS: Final = int(os.environ.get("FUZZ_BURSTS", "2"))
FIRST: Final = int(os.environ.get("FUZZ_FIRST", "0"))
"""The burst to begin with."""

DURATION_S: Final = float(os.environ.get("FUZZ_PDU_S", "0"))
"""Go on until so much time has passed, whatever BURSTS says."""

LIMIT_S: Final = 300.0 + 2 * DURATION_S
"""Longest campaign: what was asked for, and time to look at what came of it. The limit of every other test would end it
in the middle of a burst, as if that had been one too many."""

SEED: Final = int(os.environ.get("FUZZ_SEED", "20261127"))
BURST: Final = 40
"""Connections of one burst, ATTACKERS at a time."""

ATTACKERS: Final = 12
SILENT: Final = 60
SUCCESS: Final = 0x0000

GROWTH_BYTES_MAX: Final = 192 * MEBIBYTE
"""What the allocator may keep of many threads at their busiest. 160 bad connections left no new Python object behind;
whether hours of them grow without end was not measured."""


class Honest:
    """A sender that minds its business, one association after another, until it is told to stop."""

    def __init__(self, port: int, first: int) -> None:
        self.acknowledged: list[Shipment] = []
        self.refused: list[int] = []
        self.trouble = ""
        """What ended it before it was told to stop."""
        self._port, self._next = port, first
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="honest")

    @contextmanager
    def beside(self) -> Iterator["Honest"]:
        """Send while the body runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._enough.set()
            self._thread.join(120)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._send()
        except (OSError, AssertionError) as error:
            self.trouble = repr(error)

    def _send(self) -> None:
        while not self._enough.is_set():
            with Peer(self._port).associated() as peer:
                for _ in range(5):
                    shipment = image(self._next)
                    self._next += 1
                    status = peer.store(shipment.data_set, shipment.sop_instance_uid)
                    if status == SUCCESS:
                        self.acknowledged.append(shipment)
                    else:
                        self.refused.append(status)
                assert peer.release() == RELEASED


@pytest.fixture(scope="module")
def before(house: Installation) -> Weight:
    """Weigh the listener once everything that it needs at all is loaded, faults included."""
    _burst(house.scp, Random(f"{SEED}/warm"))
    assert image(1).send(house.scp) == SUCCESS
    time.sleep(1)
    return Weight.of(house)


@pytest.mark.timeout(LIMIT_S)
def test_bursts_of_bad_peers_harm_nobody_beside_them(house: Installation, before: Weight) -> None:
    seen, begun, bursts = Counter[str](), time.monotonic(), 0
    with Honest(house.scp, first=1_000_000).beside() as honest:
        while bursts < BURSTS or time.monotonic() - begun < DURATION_S:
            at = f"burst {FIRST + bursts} under FUZZ_SEED={SEED}"
            seen.update(_burst(house.scp, Random(f"{SEED}/{FIRST + bursts}")))
            bursts += 1
            assert echoes(house), f"no echo after {at}\n{house.tail()}"
            assert not honest.trouble, f"the honest sender ended in {at}: {honest.trouble}\n{house.tail()}"
            grown = (Weight.of(house).memory_bytes - before.memory_bytes) // MEBIBYTE
            assert grown * MEBIBYTE < GROWTH_BYTES_MAX, f"{grown} MiB more after {at} than before the first"

    print(f"{bursts} bursts, {dict(seen)}; beside them {len(honest.acknowledged)} instances; {grown} MiB more")
    assert honest.refused == []
    assert honest.trouble == ""
    assert len(honest.acknowledged) >= bursts
    assert {shipment.sop_instance_uid for shipment in honest.acknowledged} <= arrived(house)
    for shipment in honest.acknowledged:
        assert house.vault.get(digest(shipment.kept)) == shipment.kept
    _is_as_before(house, before)


def test_sixty_silent_sockets_keep_nobody_out_and_are_closed(house: Installation, before: Weight) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(Peer(house.scp)) for _ in range(SILENT)]
        assert echoes(house)
        assert image(2_000_000).send(house.scp) == SUCCESS
        for peer in silent:
            assert peer.receive()[0] in {0, 7}  # closed, or aborted first

    _is_as_before(house, before)


def test_slow_senders_take_no_time_from_the_others(house: Installation, before: Weight) -> None:
    """Ten that send a byte a second, some in the request, some in an instance; an honest one beside them."""
    slow_image = image(3_000_000)
    message = data(1, 3, store_request(CT, slow_image.sop_instance_uid)) + data(1, 2, slow_image.data_set)
    with ExitStack() as stack:
        asking = [stack.enter_context(Peer(house.scp, calling="SLOW")) for _ in range(5)]
        sending = [stack.enter_context(Peer(house.scp, calling="SLOW").associated()) for _ in range(5)]
        for second in range(6):
            for peer in asking:
                _whisper(peer, pdu(1, bytes(200)), second)
            for peer in sending:
                _whisper(peer, message, second)
            assert image(3_000_001 + second).send(house.scp) == SUCCESS
            time.sleep(1)
        for peer in asking:
            assert peer.receive()[0] in {0, 7}  # a request has acse_timeout_s, whole
        assert slow_image.sop_instance_uid not in arrived(house)

    _is_as_before(house, before)


def _burst(port: int, chance: Random) -> list[str]:
    seeds = [chance.random() for _ in range(BURST)]
    with ThreadPoolExecutor(ATTACKERS) as pool:
        return list(pool.map(lambda seed: attack(port, Random(seed)), seeds))


def _whisper(peer: Peer, words: bytes, at: int) -> None:
    try:
        peer.socket.sendall(words[at : at + 1])
    except OSError:
        return  # cut off


def _is_as_before(house: Installation, before: Weight) -> None:
    house.eventually(lambda: Weight.of(house).threads <= before.threads + 1, "the threads of bad peers to end")
    house.eventually(lambda: Weight.of(house).files <= before.files + 1, "their sockets to be closed")
    assert Weight.of(house).memory_bytes < before.memory_bytes + GROWTH_BYTES_MAX
    assert half_written(house) == []
    assert "Traceback" not in house.said(), house.said().partition("Traceback")[2][:4_000]
