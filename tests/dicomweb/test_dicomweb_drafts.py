"""A draft in another viewer: only what the desk has shown, to whom it has shown it, marked as what it is."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage
from starlette.testclient import TestClient

from bridge.flows import stop as stopping
from bridge.web.routes.dicomweb import router
from dicom_adapters.render.draft import UNVALIDATED, draft_uid
from guarantee.policy import Role
from guarantee.result import Mode, Result
from guarantee.stops import Scope
from tests.dicom import endorsements
from tests.dicomweb.place import Place, mask_of

LISTS = ("", "/series", "/metadata")
"""What lists a whole study."""


@pytest.fixture
def study(fresh: Place) -> str:
    """An MR with its draft, which nobody has opened."""
    return fresh.study("drafts")[0]


@pytest.fixture
def reader(fresh: Place) -> TestClient:
    """A radiologist."""
    return fresh.client()


def series_of(client: TestClient, study: str) -> list[dict[str, Any]]:
    """Return the series that are listed."""
    answer = client.get(f"/dicom-web/studies/{study}/series")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def modalities(client: TestClient, study: str) -> list[str]:
    """Return the modality of each series that is listed."""
    return sorted(one["00080060"]["Value"][0] for one in series_of(client, study))


def objects(client: TestClient, study: str) -> dict[str, Any]:
    """Return everything of the study that is handed out, parsed, by class."""
    answer = client.get(f"/dicom-web/studies/{study}")
    assert answer.status_code == 200, answer.text
    between = answer.headers["content-type"].partition("boundary=")[2].encode()
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.content.split(b"--" + between)[1:-1]]
    read = [dcmread(BytesIO(body.removesuffix(b"\r\n"))) for body in bodies]
    return {one.SOPClassUID: one for one in read}


def addresses_of_draft(result: Result, study: str) -> list[str]:
    """Return every address that bears nothing but the draft."""
    assert result.draft is not None
    found = []
    for kind in ("seg", "sr"):
        uid = draft_uid(kind, result.id, result.draft, endorsements.SITE)
        series = draft_uid(f"{kind}-series", result.id, result.draft, endorsements.SITE)
        root = f"/dicom-web/studies/{study}/series/{series}"
        one = f"{root}/instances/{uid}"
        found += [root, f"{root}/metadata", f"{root}/instances", one, f"{one}/metadata", f"{one}/frames/1"]
    return found


def words(result: Result) -> tuple[bytes, ...]:
    """Return what only the draft says."""
    return (b"1498", b"Cerveau", str(result.draft).encode(), b"AI_DRAFT", b"non valid")


def test_what_nobody_opened_is_in_no_answer(fresh: Place, study: str, reader: TestClient) -> None:
    result = fresh.draft(study)
    for path in LISTS:
        answer = reader.get(f"/dicom-web/studies/{study}{path}")
        assert answer.status_code == 200
        assert not any(word in answer.content for word in words(result))
        assert answer.headers["warning"] == '299 aval "drafts withheld: NotOpened"'
    assert modalities(reader, study) == ["MR"]
    for address in addresses_of_draft(result, study):
        answer = reader.get(address)
        assert (answer.status_code, answer.json()["code"]) == (403, "draft-unopened"), address
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_was_opened_is_shown_with_the_images(fresh: Place, study: str, reader: TestClient) -> None:
    result = fresh.opened(study, reader)
    assert modalities(reader, study) == ["MR", "SEG", "SR"]
    for one in series_of(reader, study):
        if one["00080060"]["Value"] != ["MR"]:
            assert one["0008103E"]["Value"] == [UNVALIDATED]
            assert one["00201209"]["Value"] == [1]
    shown = objects(reader, study)
    assert shown[Comprehensive3DSRStorage].VerificationFlag == "UNVERIFIED"
    segmentation = shown[SegmentationStorage]
    mask = mask_of(fresh, result)
    numbers = {uid: index for index, uid in enumerate(mask.grid.frames)}
    for number, group in enumerate(segmentation.PerFrameFunctionalGroupsSequence, start=1):
        address = (
            f"/dicom-web/studies/{study}/series/{segmentation.SeriesInstanceUID}"
            f"/instances/{segmentation.SOPInstanceUID}/frames/{number}"
        )
        source = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        frame = reader.get(address, headers={"Accept": "application/octet-stream"})
        assert frame.content == mask.frame(numbers[source])
    for address in addresses_of_draft(result, study)[:3]:
        assert reader.get(address).status_code == 200, address


def test_no_browser_keeps_anything_of_a_draft(fresh: Place, study: str, reader: TestClient) -> None:
    before = reader.get(f"/dicom-web/studies/{study}/series")
    result = fresh.opened(study, reader)
    after = [reader.get(f"/dicom-web/studies/{study}{path}") for path in LISTS]
    for answer in [before, *after, *(reader.get(path) for path in addresses_of_draft(result, study))]:
        assert answer.headers["cache-control"] == "no-store"


def test_one_reader_s_opening_shows_nothing_to_another(fresh: Place, study: str, reader: TestClient) -> None:
    result = fresh.opened(study, reader)
    other = fresh.client(Role.CLINICIAN)
    assert modalities(other, study) == ["MR"]
    for address in addresses_of_draft(result, study):
        assert other.get(address).json()["code"] == "draft-unopened"


def test_the_journal_says_before_what_a_viewer_shows(fresh: Place, study: str, reader: TestClient) -> None:
    result = fresh.opened(study, reader)
    with fresh.sql.reading() as unit:
        shown = [line for line in unit.views.timeline(result.id) if line.action == "draft.shown"]
        exposures = unit.first_reads.exposures(result.id)
    assert len(shown) == 1
    assert [(one.reader, one.shown) for one in exposures] == [("dr.martin", result.draft)]
    modalities(reader, study)
    with fresh.sql.reading() as unit:
        assert unit.first_reads.exposures(result.id) == exposures


def test_a_stop_shuts_the_viewer_too(fresh: Place, study: str, reader: TestClient) -> None:
    result = fresh.opened(study, reader)
    stopping.stop(Scope.ALL, "", by="dr.martin", reason="essai", store=fresh.store, clock=fresh.clock)
    answer = reader.get(f"/dicom-web/studies/{study}/series")
    assert answer.headers["warning"] == '299 aval "drafts withheld: Held"'
    assert modalities(reader, study) == ["MR"]
    for address in addresses_of_draft(result, study):
        assert reader.get(address).json()["code"] == "held"


def test_what_was_decided_is_a_draft_no_more(fresh: Place, study: str, reader: TestClient) -> None:
    result = fresh.opened(study, reader)
    fresh.answer(result)
    assert modalities(reader, study) == ["MR"]
    for address in addresses_of_draft(result, study):
        assert reader.get(address).json()["code"] == "not-found"


def test_a_result_in_shadow_mode_does_not_exist(fresh: Place, study: str, reader: TestClient) -> None:
    fresh.opened(study, reader)
    shadow = fresh.draft(study, Mode.SHADOW)
    assert shadow.draft is not None
    assert modalities(reader, study) == ["MR", "SEG", "SR"]
    for address in addresses_of_draft(shadow, study):
        assert reader.get(address).json()["code"] == "not-found"


def test_a_draft_is_kept_nowhere(fresh: Place, study: str, reader: TestClient, tmp_path: Path) -> None:
    fresh.opened(study, reader)
    kept = {path: path.stat().st_size for path in (tmp_path / "vault").rglob("*") if path.is_file()}
    assert len(objects(reader, study)) == 3
    assert kept == {path: path.stat().st_size for path in (tmp_path / "vault").rglob("*") if path.is_file()}
    assert not fresh.deliveries(fresh.draft(study).id)


# ---------------------------------------------------------------------------------------------------------- read first


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[Place]:
    """A desk where everything is read first."""
    made = Place(tmp_path, first_read=1000)
    yield made
    made.close()


def test_who_reads_first_is_shown_images_alone_until_the_reveal(blind: Place) -> None:
    study, _ = blind.study("blind")
    reader, result = blind.client(), blind.draft(study)

    def refused() -> None:
        for path in LISTS:
            answer = reader.get(f"/dicom-web/studies/{study}{path}")
            assert answer.status_code == 200
            assert not any(word in answer.content for word in words(result))
            assert answer.headers["warning"] == '299 aval "drafts withheld: FirstReadDue"'
        for address in addresses_of_draft(result, study):
            answer = reader.get(address)
            assert (answer.status_code, answer.json()["code"]) == (403, "first-read-due"), address
        assert modalities(reader, study) == ["MR"]

    refused()
    assert reader.post(f"/api/results/{result.id}/first-read").status_code == 201
    refused()
    assert reader.post(f"/api/results/{result.id}/impression", json={"word": "none"}).status_code == 201
    refused()
    with blind.sql.reading() as unit:
        assert not unit.first_reads.exposures(result.id)
    blind.opened(study, reader)
    assert modalities(reader, study) == ["MR", "SEG", "SR"]


def test_a_search_for_studies_is_alike_whatever_a_model_said(fresh: Place, study: str, reader: TestClient) -> None:
    before = reader.get("/dicom-web/studies?includefield=all").content
    fresh.opened(study, reader)
    assert reader.get("/dicom-web/studies?includefield=all").content == before
    (found,) = reader.get("/dicom-web/studies").json()
    assert found["00080061"]["Value"] == ["MR"]
    assert (found["00201206"]["Value"], found["00201208"]["Value"]) == ([1], [4])


def test_every_address_below_a_study_is_looked_at_here() -> None:
    """A new one joins LISTS or addresses_of_draft."""
    paths = {route.path.removeprefix("/dicom-web/studies") for route in router.routes}  # type: ignore[attr-defined]
    series, one = "/{study}/series/{series}", "/{study}/series/{series}/instances/{uid}"
    assert paths == {
        "",
        *(f"/{{study}}{path}" for path in LISTS),
        *(series, f"{series}/metadata", f"{series}/instances"),
        *(one, f"{one}/metadata", f"{one}/frames/{{frames}}"),
    }
