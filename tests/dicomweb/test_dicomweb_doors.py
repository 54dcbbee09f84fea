"""Who may ask, for what, in which form: every address, every role, every study."""

import pytest
from starlette.testclient import TestClient

from guarantee.policy import Role
from tests.dicom import samples
from tests.dicomweb.place import Place

REVIEWERS = {Role.RADIOLOGIST, Role.CLINICIAN}
PATHS = (
    "",
    "/{study}",
    "/{study}/metadata",
    "/{study}/series",
    "/{study}/series/{series}",
    "/{study}/series/{series}/metadata",
    "/{study}/series/{series}/instances",
    "/{study}/series/{series}/instances/{uid}",
    "/{study}/series/{series}/instances/{uid}/metadata",
    "/{study}/series/{series}/instances/{uid}/frames/1",
)


@pytest.fixture(scope="module")
def study(place: Place) -> dict[str, str]:
    """An MR, by its identifiers."""
    dataset = samples.series("MR", slices=4, study="doors")[1]
    place.study("doors")
    return {
        "study": dataset.StudyInstanceUID,
        "series": dataset.SeriesInstanceUID,
        "uid": dataset.SOPInstanceUID,
    }


@pytest.fixture(scope="module")
def reader(place: Place) -> TestClient:
    """A radiologist."""
    return place.client()


def address(path: str, names: dict[str, str]) -> str:
    """Return an address."""
    return "/dicom-web/studies" + path.format(**names)


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_only_reviewers_are_answered(place: Place, study: dict[str, str], role: Role | None) -> None:
    client = place.client(role)
    for path in PATHS:
        answer = client.get(address(path, study))
        if role in REVIEWERS:
            assert answer.status_code == 200, (path, answer.text)
        else:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == ("role-refused" if role else "not-signed-in"), path


@pytest.mark.parametrize("name", ["study", "series", "uid"])
def test_what_is_not_here_is_not_found(reader: TestClient, study: dict[str, str], name: str) -> None:
    for path in PATHS:
        if f"{{{name}}}" in path:
            answer = reader.get(address(path, study | {name: "1.2.3.4"}))
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), path


@pytest.mark.parametrize("frame", ["0", "2", "99999", "1,2"])
def test_a_frame_that_is_not_there_is_not_found(reader: TestClient, study: dict[str, str], frame: str) -> None:
    answer = reader.get(address(PATHS[-1], study).removesuffix("1") + frame)
    assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_cookie_counts_on_pages_of_the_desk_alone(place: Place, study: dict[str, str], site: str) -> None:
    """Another site's page makes the browser send the cookie; it must not be able to fetch a patient by that."""
    client = place.client()
    client.headers.pop("Sec-Fetch-Site")
    for path in PATHS:
        answer = client.get(address(path, study), headers={"Sec-Fetch-Site": site} if site else {})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross-site"), path


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(place: Place, reader: TestClient, study: dict[str, str], method: str) -> None:
    for path in PATHS:
        for client in (reader, TestClient(place.app())):  # the second one says nothing of where it comes from
            answer = client.request(method, address(path, study), content=b"x" * 1_000_000)
            assert (answer.status_code, answer.json()["code"]) == (405, "wrong-method"), path


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/{study}/series", "application/dicom+xml"),
        ("/{study}/metadata", 'multipart/related; type="application/dicom+xml"'),
        ("/{study}/metadata", "text/html"),
        ("/{study}", "application/dicom"),
        ("/{study}", "application/zip"),
        ("/{study}", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90'),
        ("/{study}/series/{series}/instances/{uid}/frames/1", 'multipart/related; type="image/jp2"'),
        ("/{study}/series/{series}/instances/{uid}/frames/1", "image/png"),
        ("/{study}/series/{series}/instances/{uid}/frames/1", "application/octet-stream; q=0"),
    ],
)
def test_a_form_that_is_not_given_is_refused(reader: TestClient, study: dict[str, str], path: str, accept: str) -> None:
    answer = reader.get(address(path, study), headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")


@pytest.mark.parametrize(
    "query",
    [
        "PatientWeight=70",
        "limit=-1",
        "limit=x",
        "offset=999999",
        "StudyDate=2026",
        "StudyDate=20261301",
        "StudyInstanceUID=%27",
        "PatientName=" + "x" * 1001,
        "&".join("includefield=00100010" for _ in range(65)),
    ],
)
def test_a_query_that_cannot_be_answered_as_it_stands_is_refused(reader: TestClient, query: str) -> None:
    answer = reader.get(f"/dicom-web/studies?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert "x" * 1001 not in answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("StudyDate=20261121", 1),
        ("StudyDate=20261101-20261130", 1),
        ("StudyDate=20261122-", 0),
        ("StudyDate=-20261120", 0),
        ("StudyDate=-20261121", 1),
        ("PatientName=%5B*", 0),
        ("PatientName=*", 1),
        ("AccessionNumber=nothing", 0),
        ("limit=0", 0),
        ("offset=1", 0),
        ("fuzzymatching=true", 1),
        ("StudyInstanceUID=1.2,{study}", 1),
        ("StudyInstanceUID=1.2", 0),
    ],
)
def test_a_query_finds_what_fits(reader: TestClient, study: dict[str, str], query: str, found: int) -> None:
    answer = reader.get(f"/dicom-web/studies?{query.format(**study)}")
    assert answer.status_code == 200
    assert len(answer.json()) == found, answer.text


def test_series_and_instances_are_looked_for_too(reader: TestClient, study: dict[str, str]) -> None:
    series, instances = address(PATHS[3], study), address(PATHS[6], study)
    assert len(reader.get(f"{series}?Modality=MR").json()) == 1
    assert reader.get(f"{series}?Modality=CT").json() == []
    assert len(reader.get(f"{instances}?limit=2&offset=1").json()) == 2
    (one,) = reader.get(f"{instances}?SOPInstanceUID={study['uid']}&includefield=PatientName").json()
    assert one["00100010"]["Value"] == [{"Alphabetic": "DURAND^Élodie"}]
    assert one["00081190"]["Value"] == [f"http://testserver{instances}/{study['uid']}"]


def test_what_was_received_may_be_kept_for_one_reading(reader: TestClient, study: dict[str, str]) -> None:
    headers = reader.get(address(PATHS[-1], study)).headers
    assert headers["cache-control"] == "private, max-age=600"
    assert "Cookie" in headers["vary"]


def test_a_held_study_is_shown_to_no_viewer(fresh: Place) -> None:
    """Two patients in one study: a person must first say whose it is."""
    mixed = samples.series("MR", slices=4, study="held")
    mixed[2].PatientID, mixed[2].PatientName, mixed[2].PatientBirthDate = "OTHER", "AUTRE^Paul", "19500101"
    fresh.receive_files(samples.to_files(mixed))
    fresh.complete()
    client = fresh.client()
    assert client.get("/dicom-web/studies").json() == []
    assert client.get(f"/dicom-web/studies/{mixed[0].StudyInstanceUID}/series").status_code == 404


def test_what_is_still_being_received_is_shown_already(fresh: Place) -> None:
    half = samples.series("MR", slices=4, study="half")
    fresh.receive_files(samples.to_files(half[:2]))
    client, study = fresh.client(), half[0].StudyInstanceUID
    assert len(client.get(f"/dicom-web/studies/{study}/metadata").json()) == 2


def test_a_broken_value_costs_no_other(fresh: Place) -> None:
    broken = samples.series("MR", slices=1, study="broken")[0]
    file = samples.to_file(broken).replace(b"1.5\\1.25", b"1.5\\x.25")
    study, _ = fresh.study("broken", [file])
    (found,) = fresh.client().get(f"/dicom-web/studies/{study}/metadata").json()
    assert found["00280030"]["Value"] == [1.5, None]
    assert found["00280010"]["Value"] == [36]
