"""``aval route try``: what the rules would do, said before anything is sent."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.wiring.install import install
from tests.dicom import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path / "data")
    return tmp_path / "data"


def files(folder: Path, modality: str, **header: str) -> Path:
    folder.mkdir()
    for number, image in enumerate(samples.series(modality, slices=3, rows=16, columns=16), start=1):
        for keyword, value in header.items():
            setattr(image, keyword, value)
        (folder / f"{number}.dcm").write_bytes(samples.to_file(image))
    return folder


def tried(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["route", "try", *words, "--dir", str(folder)])


def test_a_study_that_no_route_takes_is_told_which_condition_fails(folder: Path, tmp_path: Path) -> None:
    done = tried(folder, str(files(tmp_path / "ct", "CT")))
    assert done.exit_code == 0
    assert "3 instances in 1 series" in done.output
    assert "route head-mr does not fire: modality is not met (the study holds MR images)" in done.output


def test_a_model_outside_its_envelope_is_told_why(folder: Path, tmp_path: Path) -> None:
    done = tried(folder, str(files(tmp_path / "mr", "MR", BodyPartExamined="KNEE")), "--json")
    (case,) = json.loads(done.output)["cases"]
    (route,) = case["routes"]
    (model,) = route["models"]
    assert (route["fires"], model["runs"]) == (True, False)
    assert model["why_not"]["code"]
    assert list(case["series"].values()) == [3]


def test_what_would_be_turned_away_is_named_with_its_reason(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.dcm").write_bytes(b"not an image")
    (tmp_path / "message.json").write_text('{"resourceType": "Patient"}')
    done = tried(folder, str(tmp_path / "notes.dcm"), str(tmp_path / "message.json"))
    assert done.exit_code == 1
    assert "notes.dcm would be turned away: not-dicom" in done.output
    assert "message.json would be turned away: 4" in done.output


def test_what_is_neither_a_file_nor_known_is_said(folder: Path) -> None:
    done = tried(folder, "1.2.3")
    assert done.exit_code == 3


def test_nothing_is_kept(folder: Path, tmp_path: Path) -> None:
    before = (folder / "aval.db").read_bytes()
    assert tried(folder, str(files(tmp_path / "mr", "MR"))).exit_code == 0
    assert (folder / "aval.db").read_bytes() == before
    assert not list((folder / "vault").rglob("*.dcm"))
