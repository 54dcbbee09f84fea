"""Associations that are kept for the next delivery, and what a transfer syntax that is not taken looks like."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from bridge.demo.pacs import SimulatedPacs
from dicom_adapters.deliver.echo import takes
from dicom_adapters.deliver.send import OURS, Confirm, Duplicate
from dicom_adapters.destination import SYNTAXES
from guarantee.errors import Declined, NotProved, Unavailable
from tests.broker.proxy import Proxy
from tests.dicom import endorsements as e
from tests.dicom.sending import Ready, data_set, destination, ready, refused, store, to_orthanc, to_simulated
from tests.dicom.test_query import answer_with
from tests.peers.base import free_port, listens, program, wait_until
from tests.peers.dicom_tools import Dicom3Tools
from tests.peers.orthanc import Orthanc


@contextmanager
def proxied(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.stop()


@contextmanager
def counting(
    answer: Callable[[Any], int] = lambda _: 0, find: Callable[[Any], Iterator[Any]] = lambda _: iter(())
) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield the port of an archive that counts what happens to its associations."""
    seen = {"stored": 0, "accepted": 0, "released": 0}

    def count(what: str) -> Callable[[Any], None]:
        return lambda _: seen.__setitem__(what, seen[what] + 1)

    def store(event: Any) -> int:
        seen["stored"] += 1
        return answer(event)

    ae = AE("COUNTING")
    for sop_class in OURS:
        ae.add_supported_context(sop_class, list(SYNTAXES.values()))
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    events = ((evt.EVT_ACCEPTED, "accepted"), (evt.EVT_RELEASED, "released"))
    handlers = [
        (evt.EVT_C_STORE, store),
        (evt.EVT_C_FIND, find),
        *((event, count(what)) for event, what in events),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()


def to_counting(port: int, **options: Any) -> dict[str, Any]:
    return {"peer_aet": "COUNTING", "peer_port": port, "confirm": Confirm.QUERY, "idle_s": 20.0} | options


@pytest.mark.parametrize(("idle_s", "associations"), [(30.0, 2), (0.0, 10)])
def test_consecutive_deliveries_to_orthanc_share_an_association(
    orthanc: Orthanc, tmp_path: Path, idle_s: float, associations: int
) -> None:
    """One carries the objects, one the questions; without keeping, each delivery opens both."""
    given = [ready(tmp_path, study=f"kept-{idle_s}-{n}") for n in range(5)]
    with proxied(orthanc.port) as proxy:
        options = to_orthanc(orthanc, peer_port=proxy.port, confirm=Confirm.QUERY, idle_s=idle_s)
        with destination(given[0], **options) as pacs:
            for one in given:
                assert pacs.send(one.release).method == "query"
        assert proxy.connections == associations


def test_an_association_that_was_cut_meanwhile_is_opened_again(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="kept-cut")
    with proxied(orthanc.port) as proxy:
        options = to_orthanc(orthanc, peer_port=proxy.port, confirm=Confirm.QUERY, idle_s=30.0)
        with destination(given, **options) as pacs:
            for _ in range(3):
                assert pacs.send(given.release).method == "query"
                proxy.cut_all()


def test_several_threads_share_without_meeting(orthanc: Orthanc, tmp_path: Path) -> None:
    given = [ready(tmp_path, study=f"kept-threads-{n}") for n in range(4)]
    failures: list[BaseException] = []
    with proxied(orthanc.port) as proxy:
        options = to_orthanc(orthanc, peer_port=proxy.port, confirm=Confirm.QUERY, idle_s=30.0)
        with destination(given[0], **options) as pacs:

            def send(one: Ready) -> None:
                try:
                    for _ in range(3):
                        pacs.send(one.release)
                except BaseException as error:
                    failures.append(error)
                    raise

            threads = [threading.Thread(target=send, args=(one,)) for one in given]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
            assert not any(thread.is_alive() for thread in threads)
        assert failures == []
        assert proxy.connections <= 8, "one for objects and one for questions, for each thread"


def test_nobody_comes_and_it_is_released(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with counting() as (port, seen), destination(given, **to_counting(port, idle_s=0.2)) as pacs:
        assert refused(NotProved, lambda: pacs.send(given.release)) == "not-confirmed"
        wait_until(lambda: seen["released"] == seen["accepted"], "the association to be released")


def test_it_is_released_when_the_destination_is_closed(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with counting() as (port, seen):
        with destination(given, **to_counting(port)) as pacs:
            refused(NotProved, lambda: pacs.send(given.release))
            assert seen["released"] == 0
        wait_until(lambda: seen["released"] == seen["accepted"], "the association to be released")


def test_it_is_released_after_so_many_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_adapters.deliver.lines.USES_MAX", 2)
    given = ready(tmp_path)
    with counting() as (port, seen), destination(given, **to_counting(port)) as pacs:
        for _ in range(5):
            refused(NotProved, lambda: pacs.send(given.release))
        assert seen["accepted"] == 2 * 3


def test_an_archive_that_is_silent_is_not_asked_twice(tmp_path: Path) -> None:
    """The association was there; a second time would wait as long, and the deliverer has other things to send."""
    silent, waiting = threading.Event(), threading.Event()

    def answer(_: Any) -> int:
        if silent.is_set():
            waiting.wait(5)
        return 0

    given = ready(tmp_path)
    with counting(answer) as (port, seen), destination(given, **to_counting(port, answer_s=1.0)) as pacs:
        refused(NotProved, lambda: pacs.send(given.release))
        stored = seen["stored"]
        silent.set()
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-answer"
        waiting.set()
        assert seen["stored"] == stored + 1


def test_a_refusal_in_words_does_not_cost_the_association(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with counting(lambda _: 0xC000) as (port, seen), destination(given, **to_counting(port)) as pacs:
        for _ in range(3):
            assert refused(Declined, lambda: pacs.send(given.release)) == "refused"
        assert seen["accepted"] == 1, "nothing was asked afterwards"


# --------------------------------------------------------------------------------------------- another product: DCMTK


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """Yield the port of DCMTK's storescp, which keeps what it receives in ``folder``."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    command = [program("storescp"), *options, "-aet", "STORESCP", "-od", str(folder), str(port)]
    process = Popen(command, stdout=DEVNULL, stderr=DEVNULL)
    try:
        wait_until(lambda: listens(port), "storescp")
        yield port
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize(
    ("option", "codes"),
    [
        ("--refuse", {"association-rejected", "association-aborted"}),
        ("--abort-after", {"no-answer", "association-lost"}),
        ("--abort-during", {"no-answer", "association-lost"}),
    ],
)
def test_a_storescp_that_refuses_or_aborts_is_tried_again_later(tmp_path: Path, option: str, codes: set[str]) -> None:
    given = ready(tmp_path)
    to = {"peer_aet": "STORESCP", "idle_s": 20.0}
    with storescp(tmp_path / "kept", option) as port, destination(given, peer_port=port, **to) as pacs:
        for _ in range(2):
            assert refused(Unavailable, lambda: pacs.send(given.release)) in codes


def test_what_takes_implicit_vr_alone_is_sent_nothing_that_was_sealed_in_explicit_vr(tmp_path: Path) -> None:
    given = ready(tmp_path)
    to = {"peer_aet": "STORESCP"}
    with (
        storescp(tmp_path / "kept", "+xi") as port,
        destination(given, peer_port=port, **to) as pacs,
        pytest.raises(Declined) as caught,
    ):
        pacs.send(given.release)
    assert caught.value.code == "syntax-not-accepted"
    assert 'transfer_syntax = "implicit"' in caught.value.detail
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_is_taken_can_be_asked_before_anything_is_sealed(tmp_path: Path) -> None:
    with storescp(tmp_path / "kept", "+xi") as port:
        told = takes(aet="AVAL", peer_aet="STORESCP", host="127.0.0.1", port=port, timeout_s=20.0)
    assert told.count(": implicit") == len(OURS)
    ae = AE("ECHO")
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        told = takes(aet="AVAL", peer_aet="ECHO", host="127.0.0.1", port=server.server_address[1], timeout_s=20.0)
    finally:
        server.shutdown()
    assert told.count("not taken") == len(OURS)


def test_rendered_in_implicit_vr_it_arrives_as_it_was_sealed(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    given = ready(tmp_path, options=replace(e.OPTIONS, transfer_syntax="implicit"))
    with storescp(tmp_path / "kept", "+xi") as port, destination(given, peer_aet="STORESCP", peer_port=port) as pacs:
        assert refused(NotProved, lambda: pacs.send(given.release)) == "not-confirmed", "storescp proves nothing"
    kept = {dcmread(path).SOPInstanceUID: path for path in (tmp_path / "kept").iterdir()}
    for part in given.objects:
        path = kept[part.uid]
        assert dcmread(path).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert data_set(path.read_bytes()) == data_set(part.data)
        assert dicom3tools.errors(path) == []


def test_implicit_vr_is_read_back_from_orthanc(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="implicit", options=replace(e.OPTIONS, transfer_syntax="implicit"))
    with destination(given, **to_orthanc(orthanc, confirm=Confirm.DICOMWEB)) as pacs:
        assert pacs.send(given.release).method == "read-back"


# -------------------------------------------------------------------------------------------------------- duplicates


def test_a_duplicate_that_cannot_be_compared_is_not_believed_where_the_site_asks_for_that(
    simulated: SimulatedPacs, tmp_path: Path
) -> None:
    given = ready(tmp_path)
    other = dcmread(BytesIO(given.objects[-1].data))
    other.CompletionFlagDescription = "autre chose"
    assert store("SIMPACS", simulated.port, other) == 0
    compare = to_simulated(simulated, confirm=Confirm.COMMITMENT, duplicate=Duplicate.COMPARE)
    with destination(given, **compare) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "duplicate-not-compared"
    nowhere = {**compare, "dicomweb_url": f"http://127.0.0.1:{free_port()}/dicom-web"}
    with destination(given, **nowhere) as pacs:
        assert refused(NotProved, lambda: pacs.send(given.release)) == "duplicate-not-compared", "it may answer later"
    fresh = ready(tmp_path / "fresh", study="2")
    with destination(fresh, **compare) as pacs:
        assert pacs.send(fresh.release).method == "storage-commitment", "what is no duplicate is believed as ever"


def test_an_answer_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    """An acceptance of 2 GiB, from an archive gone wrong: nothing says so but the length of its PDU."""
    given, sent = ready(tmp_path), []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        talker = threading.Thread(target=answer_with, args=(listening, b"\2\0\x7f\xff\xff\xff", sent))
        talker.start()
        with destination(given, **to_counting(listening.getsockname()[1])) as pacs:
            assert refused(Unavailable, lambda: pacs.send(given.release)) == "association-aborted"
        talker.join(30)
    assert len(sent) < 32, "most of it lies in the buffers of the two sockets"


def test_a_search_without_an_end_is_cut_off(tmp_path: Path) -> None:
    def go_on(event: Any) -> Iterator[tuple[int, Dataset]]:
        while event.assoc.is_established:
            yield 0xFF00, event.identifier

    given = ready(tmp_path)
    with counting(find=go_on) as (port, _), destination(given, **to_counting(port, answer_s=1.0)) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "answer-too-large"
