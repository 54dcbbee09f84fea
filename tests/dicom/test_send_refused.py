"""Archives that misbehave are tried again or given up, by what they answer; and what may not be sent is not."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage
from pynetdicom import AE, evt

from bridge.demo.pacs import SimulatedPacs
from dicom_adapters.deliver.archive import DicomWeb
from dicom_adapters.deliver.held import data_set_start
from dicom_adapters.deliver.send import Confirm, Options
from guarantee.errors import Declined, Malformed, PortError, Unavailable
from guarantee.release import Package
from tests.dicom import endorsements as e
from tests.dicom.sending import destination, ready, refused, to_simulated
from tests.peers.base import free_port

# ---------------------------------------------------------------------------------------------- archives that misbehave


@contextmanager
def scripted(
    status: int | Callable[[Any], int], *, classes: Sequence[str] | None = None, **ae_options: Any
) -> Iterator[int]:
    """Yield the port of an archive that answers every C-STORE with ``status``."""
    ae = AE("SCRIPTED")
    for name, value in ae_options.items():
        setattr(ae, name, value)
    for sop_class in classes or (SegmentationStorage, Comprehensive3DSRStorage):
        ae.add_supported_context(sop_class)
    answer = status if callable(status) else lambda _: status
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (0xA700, Unavailable, "not-now"),
        (0xA7FF, Unavailable, "not-now"),
        (0x0110, Unavailable, "not-now"),
        (0x0213, Unavailable, "not-now"),
        (0xA900, Declined, "refused"),
        (0xC000, Declined, "refused"),
        (0xC123, Declined, "refused"),
        (0x0122, Declined, "refused"),
        (0x0124, Declined, "refused"),
        (0x0000, Unavailable, "not-confirmed"),  # success is not proof
        (0xB000, Unavailable, "not-confirmed"),
        (0xB006, Unavailable, "not-confirmed"),
        (0xB007, Unavailable, "not-confirmed"),
        (0x0111, Unavailable, "not-confirmed"),
    ],
)
def test_each_status_is_judged(tmp_path: Path, status: int, kind: type[PortError], code: str) -> None:
    given = ready(tmp_path)
    with scripted(status) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(kind, lambda: pacs.send(given.release)) == code


def test_the_segmentation_is_sent_before_the_report_and_a_refusal_stops_there(tmp_path: Path) -> None:
    seen: list[str] = []

    def refuse(event: Any) -> int:
        seen.append(event.request.AffectedSOPClassUID)
        return 0xC000

    given = ready(tmp_path)
    with scripted(refuse) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "refused"
    assert seen == [SegmentationStorage]


@pytest.mark.parametrize("classes", [[SegmentationStorage], ["1.2.840.10008.5.1.4.1.1.2"]])
def test_a_class_the_archive_does_not_take_is_declined_before_anything_is_sent(
    tmp_path: Path, classes: list[str]
) -> None:
    given = ready(tmp_path)
    with scripted(0, classes=classes) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "class-not-accepted"


def test_an_archive_that_does_not_know_us_is_tried_again(tmp_path: Path) -> None:
    given = ready(tmp_path)
    strict = scripted(0, require_calling_aet=["SOMEBODY"])
    with strict as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "association-rejected"


def test_nobody_there_is_tried_again(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with destination(given, peer_aet="NOBODY", peer_port=free_port()) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-connection"


def test_an_archive_that_hangs_up_in_the_middle_is_tried_again(tmp_path: Path) -> None:
    def hang_up(event: Any) -> int:
        event.assoc.abort()
        return 0

    given = ready(tmp_path)
    with scripted(hang_up) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-answer"


def test_an_archive_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    waiting = threading.Event()

    def sleep(_: Any) -> int:
        waiting.wait(5)
        return 0

    given = ready(tmp_path)
    with scripted(sleep) as port, destination(given, peer_aet="SCRIPTED", peer_port=port, answer_s=0.3) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-answer"
        waiting.set()


# -------------------------------------------------------------------------------------------------- what may be sent


def test_a_package_that_is_not_in_the_vault_is_declined(tmp_path: Path) -> None:
    given = ready(tmp_path)
    given.vault.path(given.package.parts[1].digest).unlink()
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "blob-missing"


def test_a_damaged_object_is_declined(tmp_path: Path) -> None:
    given = ready(tmp_path)
    path = given.vault.path(given.package.parts[1].digest)
    path.write_bytes(path.read_bytes().replace(b"VERIFIED", b"VERIFIE!"))
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "blob-damaged"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: b"{}", "not-dicom"),
        (lambda data: data.replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x18\x00UI"), None),
        (lambda data: data[:-20], "not-dicom"),
    ],
)
def test_only_whole_dicom_objects_are_sent(
    simulated: SimulatedPacs, tmp_path: Path, change: Callable[[bytes], bytes], code: str | None
) -> None:
    given = ready(tmp_path)
    data = change(given.objects[1].data)
    part = replace(given.package.parts[1], digest=given.vault.put(data))
    package = Package(parts=(part,))
    given.vault.put(package.to_bytes())
    with destination(given, **to_simulated(simulated)) as pacs:
        release = e.release(given.endorsed, package)
        if code is None:
            assert pacs.send(release).package == package.digest
        else:
            assert refused(Declined, lambda: pacs.send(release)) == code
            assert simulated.held() == ()


def test_an_object_under_another_name_is_not_sent(tmp_path: Path) -> None:
    given = ready(tmp_path)
    package = Package(parts=(replace(given.package.parts[1], uid="1.2.3"),))
    given.vault.put(package.to_bytes())
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(e.release(given.endorsed, package))) == "wrong-object"


def test_an_object_that_would_be_encoded_otherwise_is_not_sent(tmp_path: Path) -> None:
    given = ready(tmp_path)
    data = given.objects[1].data
    start = data_set_start(data)
    group_length = b"\x08\x00\x00\x00UL\x04\x00\x10\x00\x00\x00"  # retired, and dropped by encoders
    strange = given.vault.put(data[:start] + group_length + data[start:])
    package = Package(parts=(replace(given.package.parts[1], digest=strange),))
    given.vault.put(package.to_bytes())
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(e.release(given.endorsed, package))) == "not-sendable-unchanged"


def test_a_release_for_another_place_is_not_sent_here(tmp_path: Path) -> None:
    given = ready(tmp_path)
    elsewhere = destination(given, peer_aet="X", peer_port=1, name="archive-2")
    with elsewhere as pacs, pytest.raises(Malformed, match="allows nothing to go to"):
        pacs.send(given.release)


def test_options_that_cannot_work_are_refused() -> None:
    good = {"name": "pacs", "aet": "AVAL", "peer_aet": "PACS", "peer_host": "pacs", "peer_port": 104}
    Options(**good)  # type: ignore[arg-type]
    for wrong in ({"confirm": Confirm.DICOMWEB}, {"aet": ""}, {"peer_aet": "X" * 17}):
        with pytest.raises(Malformed):
            Options(**(good | wrong))  # type: ignore[arg-type]
    assert refused(Declined, lambda: DicomWeb("file:///etc", 1)) == "bad-address"
