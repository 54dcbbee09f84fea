"""STOW-RS: what the answer names as stored is kept, byte for byte; everything else is named with a reason."""

import gzip
import socket
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless

import bridge.web.stow_door
import dicom_adapters.listen.stow
from dicom_adapters.listen.rates import Rate
from dicom_adapters.read.part10 import part10
from guarantee.errors import Refused, Unavailable
from tests.dicom import samples
from tests.dicom.stow_site import FAILED, MARK, OTHERS, REFERENCED, TOKEN, StowSite, body, head_of
from tests.peers.base import wait_until
from tests.peers.orthanc import Orthanc


@pytest.fixture
def site_of(tmp_path: Path) -> Iterator[Callable[..., StowSite]]:
    sites: list[StowSite] = []

    def start(**options: Any) -> StowSite:
        sites.append(StowSite(tmp_path / str(len(sites)), **options))
        return sites[-1]

    yield start
    for site in sites:
        site.server.stop()


@pytest.fixture
def site(site_of: Callable[..., StowSite]) -> StowSite:
    return site_of()


def files(count: int = 3, **changes: Any) -> list[bytes]:
    return samples.to_files(changed(samples.series(slices=count), **changes))


def changed(datasets: list[Dataset], **changes: Any) -> list[Dataset]:
    for dataset in datasets:
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
    return datasets


NAMES = [str(dataset.SOPInstanceUID) for dataset in samples.series(slices=8)]
STUDY = samples.uid("study", "1")


# --------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("path", ["/studies", f"/studies/{STUDY}"])
def test_each_instance_is_kept_and_named(site: StowSite, path: str) -> None:
    said = site.post(body(*files(3)), path)
    assert (said.status, said.headers["Content-Type"]) == (200, "application/dicom+json")
    assert said.instances(REFERENCED) == NAMES[:3]
    assert said.module.keys() == {"00081190", REFERENCED}
    assert [arrival.source.uid for arrival in site.arrivals] == NAMES[:3]
    assert {(arrival.sender, arrival.site, arrival.uid) for arrival in site.arrivals} == {("viewer", "annexe", STUDY)}
    assert site.batches == [3], "committed together"
    assert {arrival.conversation for arrival in site.arrivals} == {""}, "nobody waits for more of it"
    assert site.ended == []
    assert site.refused == []


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, JPEG2000Lossless])
def test_a_data_set_is_kept_byte_for_byte_in_its_own_syntax_as_the_listener_keeps_it(
    site: StowSite, syntax: str
) -> None:
    (dataset,) = samples.series(slices=1)
    file = samples.to_file(dataset, syntax)
    strange = b"II*\0".ljust(128, b"\7") + file[128:]
    assert site.post(body(strange)).status == 200
    assert site.vault.get(site.arrivals[0].source.digest) == part10(
        samples.data_set_of(file),
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        transfer_syntax_uid=syntax,
    )


def test_many_instances_are_committed_in_groups(site: StowSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_adapters.listen.stow, "COMMIT_EVERY", 3)
    monkeypatch.setattr(dicom_adapters.listen.stow, "FLUSHING_MAX", 0)
    assert len(site.post(body(*files(8))).instances(REFERENCED)) == 8
    assert site.batches == [3, 3, 2]
    assert {arrival.conversation for arrival in site.arrivals} == {*site.ended}, "one request is one conversation"


def test_an_instance_that_the_disk_does_not_take_is_named_and_the_others_are_kept(
    site: StowSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, flushed = site.vault.flush, []

    def full(descriptor: int, place: Path) -> None:
        flushed.append(place)
        if len(flushed) == 2:
            raise OSError(28, "No space left on device")
        flush(descriptor, place)

    monkeypatch.setattr(site.vault, "flush", full)
    said = site.post(body(*files(4)))
    assert (said.status, said.reasons()) == (202, [0xA700])
    assert {*said.instances(REFERENCED), *said.instances(FAILED)} == {*NAMES[:4]}
    assert {arrival.source.uid for arrival in site.arrivals} == {*said.instances(REFERENCED)}
    assert all(site.vault.get(arrival.source.digest) for arrival in site.arrivals)


def test_an_answer_in_xml_says_the_same(site: StowSite) -> None:
    said = site.post(body(files(1)[0], b"nothing"), Accept="application/dicom+xml")
    assert (said.status, said.headers["Content-Type"]) == (202, "application/dicom+xml")
    root = ET.fromstring(said.body)
    attributes = {each.attrib["keyword"]: each for each in root}
    assert attributes.keys() == {"RetrieveURL", "ReferencedSOPSequence", "OtherFailuresSequence"}
    stored = attributes["ReferencedSOPSequence"].find("Item/DicomAttribute[@keyword='ReferencedSOPInstanceUID']/Value")
    assert stored is not None
    assert stored.text == NAMES[0]


@pytest.mark.peer("orthanc")
def test_orthanc_posts_a_study(site: StowSite, orthanc: Orthanc) -> None:
    given = [samples.to_file(dataset) for dataset in samples.series(slices=12, study="stow-orthanc")]
    names = [orthanc.store(file) for file in given]
    orthanc.post_to(f"{site.url}/", TOKEN, names)
    kept = {arrival.source.uid: site.vault.get(arrival.source.digest) for arrival in site.arrivals}
    assert len(kept) == 12
    assert {samples.data_set_of(data) for data in kept.values()} == {samples.data_set_of(file) for file in given}
    assert site.refused == []


@pytest.mark.peer("orthanc")
def test_orthanc_is_told_that_an_instance_was_refused(site_of: Callable[..., StowSite], orthanc: Orthanc) -> None:
    site = site_of(instance_bytes_max=100)
    name = orthanc.store(samples.to_file(samples.series(slices=1, study="stow-refused")[0]))
    with pytest.raises(OSError, match="HTTP Error"):
        orthanc.post_to(f"{site.url}/", TOKEN, [name])
    assert site.codes == ["instance-too-large"]


# ------------------------------------------------------------------------------------------------------ what is refused


def test_one_bad_instance_does_not_take_the_others_with_it(site: StowSite) -> None:
    good = files(3)
    torn = good[1][:-200]
    said = site.post(body(good[0], torn, b"", good[2]))
    assert said.status == 202
    assert said.instances(REFERENCED) == [NAMES[0], NAMES[2]]
    assert (said.instances(FAILED), said.reasons()) == ([NAMES[1]], [0xC002])
    assert said.reasons(OTHERS) == [0xC001], "nobody can say which instance an empty part is"
    assert site.codes == ["truncated", "not-dicom"]
    assert "DURAND" not in str(site.refused)


@pytest.mark.parametrize(
    ("file", "reason", "code"),
    [
        (b"MZ" + bytes(400), 0xC000, "executable"),
        (bytes(400), 0xC001, "not-dicom"),
        (samples.to_file(samples.series(slices=1)[0], DeflatedExplicitVRLittleEndian), 0xC122, "deflated"),
        (files(1)[0].replace(NAMES[0].encode(), NAMES[0][:-1].encode() + b"x", 1), 0xC00B, "uid-form"),
        (files(1)[0].replace(NAMES[0].encode(), NAMES[0][:-1].encode() + b"7", 1), 0xA900, "class-mismatch"),
    ],
)
def test_what_is_no_instance_is_a_conflict_with_its_reason(site: StowSite, file: bytes, reason: int, code: str) -> None:
    said = site.post(body(file))
    assert said.status == 409
    assert said.reasons() + said.reasons(OTHERS) == [reason]
    assert site.codes == [code]
    assert site.arrivals == []


def test_an_instance_of_another_study_than_the_url_names_is_refused(site: StowSite) -> None:
    said = site.post(body(*files(1)), "/studies/1.2.3")
    assert (said.status, said.reasons(), site.codes) == (409, [0xA900], ["study-mismatch"])


def test_a_url_that_names_no_study_is_refused(site: StowSite) -> None:
    said = site.post(body(*files(1)), "/studies/not-a-uid")
    assert (said.status, site.codes) == (400, ["uid-form"])
    assert "not-a-uid" not in str(said.headers) + said.body.decode() + str(site.refused)


def test_when_we_cannot_keep_anything_the_sender_comes_back(site: StowSite) -> None:
    site.trouble = Unavailable("database", "does not answer")
    said = site.post(body(*files(2)))
    assert (said.status, said.headers["Retry-After"]) == (503, "30")
    assert said.reasons() == [0xA700, 0xA700]
    site.trouble = None
    assert site.post(body(*files(2))).status == 200


def test_what_the_database_refuses_is_tried_one_by_one(site: StowSite) -> None:
    site.trouble = Refused("no")
    said = site.post(body(*files(2)))
    assert (said.status, said.reasons(), site.codes) == (409, [0x0110, 0x0110], ["refused", "refused"])


def test_a_fault_of_ours_is_recorded_with_its_place_and_without_what_it_says(site: StowSite) -> None:
    site.trouble = ValueError("DUPONT Jean")
    said = site.post(body(*files(1)))
    assert (said.status, said.reasons(), site.codes) == (409, [0x0110], ["unexpected"])
    assert "ValueError in _receive, line" in site.refused[0][2]
    assert "DUPONT" not in said.body.decode() + str(said.headers) + str(site.refused)


def test_an_instance_that_is_too_large_is_refused_and_the_next_one_kept(site_of: Callable[..., StowSite]) -> None:
    site = site_of(instance_bytes_max=3000)
    small = samples.to_file(samples.document(samples.CLASSES["MR"], "MR"))
    said = site.post(body(*files(1), small))
    assert (said.status, said.reasons(), len(site.arrivals)) == (202, [0xC00C], 1)
    assert site.post(body(*files(1))).status == 413


def test_beyond_its_rate_a_sender_hears_later_and_the_rest_is_heard(site_of: Callable[..., StowSite]) -> None:
    site = site_of(rate=Rate(instances_per_s=0.001))
    said = site.post(body(*files(3)))
    assert (said.status, said.reasons(), site.codes) == (202, [0xA700] * 2, ["rate-exceeded"] * 2)
    assert said.instances(REFERENCED) == NAMES[:1]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Bearer other"}, 401, "sender-unknown"),
        ({"Authorization": ""}, 401, "sender-unknown"),
        ({"Content_Type": "application/dicom"}, 415, "content-type"),
        ({"Content_Type": 'multipart/related; type="application/dicom+json"; boundary=a'}, 415, "content-type"),
        ({"Content_Type": 'multipart/related; type="application/dicom"'}, 400, "no-boundary"),
        ({"Content_Encoding": "gzip"}, 415, "content-encoding"),
        ({"Accept": "text/html"}, 406, "accept"),
    ],
)
def test_a_request_that_is_none_of_ours_is_not_read(
    site: StowSite, headers: dict[str, str], status: int, code: str
) -> None:
    said = site.post(body(*files(1)), **headers)
    assert (said.status, site.codes, site.arrivals) == (status, [code], [])
    assert code in said.headers["Warning"]


def test_a_gzip_bomb_is_not_opened(site: StowSite) -> None:
    bomb = gzip.compress(bytes(50 * 1024**2))
    assert site.post(bomb, Content_Encoding="gzip").status == 415
    assert site.post(body(bomb)).status == 409
    said = site.post(body(b"x").replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1))
    assert (said.status, site.codes[-1]) == (415, "part-type")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (body(*files(2), end=b""), 400, "body-broken"),
        (body(*files(2)).replace(MARK.encode(), b"another"), 400, "body-broken"),
        (b"", 400, "body-broken"),
        (f"--{MARK}--".encode(), 400, ""),
        (body(body(*files(1)), kind=f"multipart/related; boundary={MARK}"), 415, "part-type"),
        (body(b"{}", kind="application/dicom+json"), 415, "part-type"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(site: StowSite, data: bytes, status: int, code: str) -> None:
    said = site.post(data)
    assert said.status == status
    assert site.codes == [code][: bool(code)]
    assert not site.is_busy


def test_what_was_whole_before_the_body_broke_is_kept_and_said(site: StowSite) -> None:
    said = site.post(body(*files(2))[:-300])
    assert (said.status, said.instances(REFERENCED)) == (400, NAMES[:1])
    assert [arrival.source.uid for arrival in site.arrivals] == NAMES[:1]


# ------------------------------------------------------------------------------------------------------------ limits


def test_a_hundred_thousand_parts_are_not_all_read(site: StowSite) -> None:
    said = site.post(body(*[b""] * 100_000))
    assert said.status == 409
    assert len(site.refused) == dicom_adapters.listen.stow.FAILURES_MAX + 1
    assert site.codes[-1] == "too-many-failures"


def test_more_parts_than_a_request_may_have_are_not_read(site_of: Callable[..., StowSite]) -> None:
    site = site_of(parts_max=2)
    said = site.post(body(*files(4)))
    assert (said.status, said.instances(REFERENCED), site.codes) == (413, NAMES[:2], ["too-many-parts"])


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_request_longer_than_one_may_be_is_cut(site_of: Callable[..., StowSite], says_its_length: bool) -> None:
    site = site_of(request_bytes_max=10_000)
    data = body(*files(8))
    length = f"Content-Length: {len(data)}" if says_its_length else "Transfer-Encoding: chunked"
    chunked = data if says_its_length else b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
    with site.connect() as connection:
        connection.sendall(head_of(site, length) + (b"" if says_its_length else chunked))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    assert site.codes == ["request-too-large"]


def test_a_silent_sender_is_cut_off_and_what_was_whole_is_kept(site: StowSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.web.stow_door, "SILENCE_S", 0.5)
    monkeypatch.setattr(bridge.web.stow_door, "PIECE_BYTES", 100)
    data = body(*files(2))[:-300]
    with site.connect() as connection:
        connection.sendall(head_of(site) + b"%x\r\n%b\r\n" % (len(data), data))
        said = connection.recv(65536)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert NAMES[0].encode() in said + connection.recv(65536)
    assert site.codes == ["timeout"]


def test_a_sender_that_drips_is_cut_off(site: StowSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.web.stow_door, "REQUEST_S", 1.0)
    with site.connect() as connection:
        connection.sendall(head_of(site))
        assert drip(connection).startswith(b"HTTP/1.1 408 ")
    assert site.codes == ["timeout"]


def drip(connection: socket.socket) -> bytes:
    """Send a byte every twentieth of a second until an answer comes."""
    connection.settimeout(0.05)
    for _ in range(600):
        connection.sendall(b"1\r\n-\r\n")
        try:
            return connection.recv(65536)
        except TimeoutError:
            continue
    raise AssertionError("nothing was answered")


def test_a_connection_that_ends_in_the_middle_leaves_what_was_whole(
    site: StowSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.web.stow_door, "PIECE_BYTES", 100)
    monkeypatch.setattr(dicom_adapters.listen.stow, "COMMIT_EVERY", 1)
    monkeypatch.setattr(dicom_adapters.listen.stow, "FLUSHING_MAX", 0)
    data = body(*files(2))[:-300]
    with site.connect() as connection:
        connection.sendall(head_of(site) + b"%x\r\n%b\r\n" % (len(data), data))
        wait_until(lambda: bool(site.arrivals), "the first instance")
    wait_until(lambda: bool(site.ended), "the end of the request")
    assert [arrival.source.uid for arrival in site.arrivals] == NAMES[:1]
    assert site.codes == ["cut-off"]


def test_more_requests_than_may_be_open_are_told_to_come_back(site_of: Callable[..., StowSite]) -> None:
    site = site_of(requests_max=1)
    with site.connect() as connection:
        connection.sendall(head_of(site) + b"4\r\n--a-\r\n")
        wait_until(lambda: site.is_busy, "the first request to be open")
        said = site.post(body(*files(1)))
        assert (said.status, said.headers["Retry-After"], site.codes) == (503, "30", ["too-many-requests"])
    wait_until(lambda: not site.is_busy, "the end of the first request")
    assert site.post(body(*files(1))).status == 200


def test_nothing_else_of_dicomweb_is_served(site: StowSite) -> None:
    said = site.post(b"", f"/studies/{STUDY}/series")
    assert said.status == 404
    assert STUDY not in said.body.decode()


def test_a_request_says_it_waits_for_leave(site: StowSite) -> None:
    data = body(*files(1))
    with site.connect() as connection:
        connection.sendall(head_of(site, f"Content-Length: {len(data)}", Expect="100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(data)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
