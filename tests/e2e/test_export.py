"""Reviewed cases under a pseudonym: from a running installation, beside its processes."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.canary import patient
from tests.canary.sinks import found_in
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM
from tests.e2e.reader import AtDesk
from tests.e2e.script import DONE, MISUSE, SAID_NO, Done, called, require
from tests.installation import Installation, json_of
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet")]

OURS = "<InversionTime>"
"""What dciodvfy misses in the phantom's images already before they are exported."""


@pytest.fixture
def aval(place: Installation) -> Callable[..., Done]:
    """Run a verb beside the installation that runs."""
    return lambda *words: called(*words, folder=place.folder)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_bytes(b"s" * 32)
    path.chmod(0o600)
    return str(path)


def drafted(place: Installation, martin: AtDesk, folder: Path, **header: str) -> str:
    name = f"export-{time.monotonic_ns()}"
    uid = f"{patient.STUDY_UID}.{time.monotonic_ns() % 10**9}"
    study = inputs.phantom(folder, name, **{**patient.HEADER, "StudyInstanceUID": uid, **header})
    inputs.send(study, place.scp)
    return martin.draft_of(study.case(), PHANTOM)


def objects(folder: Path) -> list[Dataset]:
    return [dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


@pytest.mark.peer("dicom3tools")
@pytest.mark.peer("dcmtk")
def test_a_delivered_result_leaves_with_its_images_and_nobody_in_them(
    place: Installation,
    martin: AtDesk,
    aval: Callable[..., Done],
    secret: str,
    tmp_path: Path,
    dicom3tools: Dicom3Tools,
    dcmtk: Dcmtk,
) -> None:
    result = drafted(place, martin, tmp_path)
    edits = {"report": f"Vu avec {patient.FAMILY}", "added": [{"label": patient.WORDS}]}
    martin.sign(result, verdict="amend", reason="other", comment=patient.WORDS, edits=edits)
    out = tmp_path / "out"
    words = ("export", result, "--out", str(out), "--secret-file", secret, "--reason", "CER 2026-12", "--json")
    (said,) = json_of(require(aval(*words), DONE))["results"]
    found = objects(out)
    assert said["files"] == len(found)
    assert {one.Modality for one in found} == {"MR", "SEG", "SR"}
    files = [(str(path), path.read_bytes()) for path in out.rglob("*") if path.is_file()]
    assert found_in(files) == {}
    assert found_in([("names", "\n".join(str(path.relative_to(out)) for path in out.rglob("*")).encode())]) == {}
    fit_together(found)
    for path in out.rglob("*.dcm"):
        assert [fault for fault in dicom3tools.errors(path) if OURS not in fault] == [], path
        if dcmread(path).Modality == "SR":
            printed = dcmtk.printed(path)
            assert "mL" in printed
    journal = json_of(require(aval("results", "show", result, "--json"), DONE))["timeline"]
    (line,) = (link for link in journal if link["action"] == "export.basic")
    assert line["body"]["objects"] == len(found)


def fit_together(found: list[Dataset]) -> None:
    """One patient, one study, and every reference points at an image that is there."""
    assert len({one.PatientID for one in found}) == len({one.StudyInstanceUID for one in found}) == 1
    images = {one.SOPInstanceUID for one in found if one.Modality == "MR"}
    (segmentation,) = (one for one in found if one.Modality == "SEG")
    (report,) = (one for one in found if one.Modality == "SR")
    (series,) = segmentation.ReferencedSeriesSequence
    assert {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence} <= images
    referenced = {
        one.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for each in study.ReferencedSeriesSequence
        for one in each.ReferencedSOPSequence
    }
    assert referenced <= images | {segmentation.SOPInstanceUID}
    assert segmentation.SOPInstanceUID in referenced
    assert all(one.PatientIdentityRemoved == "YES" for one in found)


def test_a_rejected_result_leaves_with_its_images_alone_and_an_undecided_one_not(
    place: Installation, martin: AtDesk, aval: Callable[..., Done], secret: str, tmp_path: Path
) -> None:
    result = drafted(place, martin, tmp_path)
    words = ("--out", str(tmp_path / "out"), "--secret-file", secret, "--reason", "essai")
    require(aval("export", result, *words), SAID_NO, "awaiting_review", "only what was decided")
    assert not (tmp_path / "out").exists()
    martin.sign(result, verdict="reject", reason="false-positive")
    require(aval("export", result, *words), DONE)
    assert {one.Modality for one in objects(tmp_path / "out")} == {"MR"}
    (about,) = (tmp_path / "out").rglob("*.json")
    assert json.loads(about.read_text())["verdict"] == "reject"


def test_what_was_taken_back_is_not_exported(
    place: Installation, martin: AtDesk, aval: Callable[..., Done], secret: str, tmp_path: Path
) -> None:
    result = drafted(place, martin, tmp_path)
    martin.sign(result)
    martin.wait_for(result, "delivered")
    martin.retract(result, comment="mauvais patient")
    words = ("--out", str(tmp_path / "out"), "--secret-file", secret, "--reason", "essai")
    require(aval("export", result, *words), SAID_NO, "retracted")


def test_a_secret_that_others_can_read_and_a_missing_reason_are_refused(
    aval: Callable[..., Done], secret: str, tmp_path: Path
) -> None:
    words = ("export", "0", "--out", str(tmp_path / "out"), "--secret-file", secret)
    require(aval(*words), MISUSE, "--reason")
    Path(secret).chmod(0o644)
    require(aval(*words, "--reason", "essai"), SAID_NO, "can be read by others")
