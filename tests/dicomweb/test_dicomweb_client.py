"""What the client of another project makes of it: byte for byte, pixel for pixel."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from tests.dicom import samples
from tests.dicomweb.place import HERE, Place

SYNTAXES = (ImplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless)


def written(data: bytes | Dataset) -> bytes:
    """Return a file; what the client has parsed is written again without its file meta."""
    return data if isinstance(data, bytes) else samples.data_set_of(samples.encoded(data))


@pytest.fixture(scope="module")
def client(place: Place) -> DICOMwebClient:
    """A client with the cookie of a radiologist."""
    session = requests.Session()
    session.trust_env = False
    url = place.serve()
    session.cookies["aval"] = place.session()
    session.headers.update(HERE)
    return DICOMwebClient(f"{url}/dicom-web", session=session)


@pytest.fixture(scope="module")
def study(place: Place) -> tuple[str, list[bytes]]:
    """An MR with its draft."""
    return place.study("client")


def parts(session: Any, url: str, accept: str) -> list[tuple[str, bytes]]:
    """Return the parts of a body as they stand, with their content types."""
    answer = session.get(url, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    found = []
    for part in answer.content.split(b"--" + boundary + b"\r\n")[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        body = body.removesuffix(b"--" + boundary + b"--\r\n").removesuffix(b"\r\n")
        found.append((head.decode().partition(": ")[2], body))
    return found


def address(client: DICOMwebClient, file: bytes, *more: str) -> str:
    """Return where one instance is."""
    read = dcmread(BytesIO(file), stop_before_pixels=True)
    path = ("studies", read.StudyInstanceUID, "series", read.SeriesInstanceUID, "instances", read.SOPInstanceUID)
    return "/".join((client.base_url, *path, *more))


def test_a_study_is_found_by_what_viewers_ask_for(client: DICOMwebClient, study: tuple[str, list[bytes]]) -> None:
    uid, _ = study
    for wanted in (
        {"StudyInstanceUID": uid},
        {"PatientID": "SAMPLE-0001"},
        {"PatientName": "durand*"},
        {"PatientName": "DURAND^?lodie"},
        {"ModalitiesInStudy": "MR"},
        {"00100020": "SAMPLE-0001", "0020000D": uid},
    ):
        found = client.search_for_studies(search_filters=wanted)
        assert [one["0020000D"]["Value"][0] for one in found] == [uid], wanted
    for wanted in ({"PatientName": "durand"}, {"PatientID": "SAMPLE"}, {"ModalitiesInStudy": "CT"}):
        assert client.search_for_studies(search_filters=wanted) == [], wanted


def test_what_is_received_comes_back_byte_for_byte(client: DICOMwebClient, study: tuple[str, list[bytes]]) -> None:
    uid, files = study
    url = f"{client.base_url}/studies/{uid}"
    got = parts(client._session, url, 'multipart/related; type="application/dicom"; transfer-syntax=*')
    assert sorted(body for _, body in got) == sorted(files)
    for file in files:
        ((kind, body),) = parts(client._session, address(client, file), 'multipart/related; type="application/dicom"')
        assert body == file
        assert kind == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
        alone = client._session.get(address(client, file), headers={"Accept": "application/dicom"})
        assert alone.content == file


def test_the_client_reads_the_study_that_was_sent(client: DICOMwebClient, study: tuple[str, list[bytes]]) -> None:
    uid, files = study
    sent = {one.SOPInstanceUID: one for one in (dcmread(BytesIO(file)) for file in files)}
    for read in client.retrieve_study(uid):
        assert read == sent[read.SOPInstanceUID]
    described = client.retrieve_study_metadata(uid)
    assert {one["00080018"]["Value"][0] for one in described} == sent.keys()
    for one in described:
        plain = Dataset.from_json(one)
        original = sent[plain.SOPInstanceUID]
        for element in original:
            if element.keyword not in {"PixelData", "SpecificCharacterSet"}:
                assert plain[element.tag].value == element.value, element.keyword
        assert "PixelData" not in plain


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_decoded_frame_has_pydicom_s_pixels(place: Place, client: DICOMwebClient, syntax: str) -> None:
    _, files = place.study(f"pixels {syntax}", samples.to_files(samples.series("MR", slices=2, study=syntax), syntax))
    for file in files:
        original = dcmread(BytesIO(file))
        accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
        ((kind, body),) = parts(client._session, address(client, file, "frames", "1"), accept)
        assert kind.startswith("application/octet-stream")
        assert np.array_equal(np.frombuffer(body, "<u2").reshape(36, 44), original.pixel_array)
        (frame,) = client.retrieve_instance_frames(
            original.StudyInstanceUID,
            original.SeriesInstanceUID,
            original.SOPInstanceUID,
            [1],
            media_types=("application/octet-stream",),
        )
        assert frame == body


@pytest.mark.parametrize(
    ("syntax", "kind"),
    [(RLELossless, "image/dicom-rle"), (JPEGLSLossless, "image/jls"), (JPEG2000Lossless, "image/jp2")],
)
def test_a_compressed_frame_is_given_as_it_is_kept(
    place: Place, client: DICOMwebClient, syntax: str, kind: str
) -> None:
    _, (file, *_) = place.study(f"kept {syntax}", samples.to_files(samples.series("MR", study=f"k{syntax}"), syntax))
    accept = f'multipart/related; type="{kind}"'
    ((said, body),) = parts(client._session, address(client, file, "frames", "1"), accept)
    assert said == f"{kind}; transfer-syntax={syntax}"
    assert body
    assert body in file


def test_big_endian_is_turned_round(place: Place, client: DICOMwebClient) -> None:
    original = samples.series("MR", slices=1, study="big")[0]
    _, (file,) = place.study("big", [samples.to_file(original, ExplicitVRBigEndian)])
    ((_, body),) = parts(client._session, address(client, file, "frames", "1"), "*/*")
    assert np.array_equal(np.frombuffer(body, "<u2"), np.frombuffer(original.PixelData, "<u2"))
    (described,) = client._session.get(address(client, file, "metadata")).json()
    assert described["00280010"]["Value"] == [36]
