"""What comes in: real series, a phantom that a small model reads in a second, stays; and how it is sent."""

import json
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx2
import numpy as np
import pytest
import yaml
from pydicom import dcmread
from pydicom.dataset import Dataset

from bridge.demo import record, series
from bridge.demo.again import as_another_exam, as_another_stay
from bridge.rules_file import SHIPPED
from guarantee.case import CaseKind, case_id
from guarantee.errors import Unavailable
from guarantee.ids import digest
from inference.registry import shipped
from tests.dicom import samples
from tests.dicom.enhanced import enhanced
from tests.inference.builders import mask_package
from tests.installation import CACHE, ROOT
from tests.peers.base import program

SHARED: Final = ROOT.parent / "shared" / "data"
"""Real data beside the checkout, read in place: never copied, never committed."""

SCHWANNOMA: Final = SHARED / "dicom" / "mr_t1_brain_vsseg001_jpegls.tar"

SEND_S: Final = 120.0
"""Longest run of dcmsend."""

PHANTOM: Final = "phantom-volume"
"""A model of the product's own recipe with a network that repeats what it sees: a bright ball is found as a ball."""

PHANTOM_SLICES: Final = 12

_SUBJECT: Final = {
    "key": "brain",
    "label": {"fr": "Encéphale (fantôme)", "en": "Brain (phantom)"},
    "category": {"code": "91723000", "scheme": "SCT", "meaning": "Anatomical structure"},
    "type": {"code": "12738006", "scheme": "SCT", "meaning": "Brain"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Files of one study, and what it will be called."""

    uid: str
    files: tuple[Path, ...]

    def case(self, revision: int = 1) -> str:
        """Return the identifier of a revision of the case that it becomes."""
        return case_id(CaseKind.STUDY, self.uid, revision)


# ------------------------------------------------------------------------------------------------------------ models


def models(folder: Path) -> dict[str, Any]:
    """Write the phantom's model and the rules that choose it; return settings with it beside what is shipped."""
    package = mask_package(
        folder / "packages" / PHANTOM,
        parameters={
            "subject": _SUBJECT,
            "volume": {
                "concept": {"code": "118565006", "scheme": "SCT", "meaning": "Volume"},
                "label": {"fr": "Volume", "en": "Volume"},
                "unit": {"code": "mL", "scheme": "UCUM", "meaning": "milliliter"},
                "step": Decimal("0.1"),
            },
            "present": {"fr": "Fantôme : {volume} mL.", "en": "Phantom: {volume} mL."},
        },
        name=PHANTOM,
        envelope=[
            {
                "fact": "Modality",
                "one_of": ["MR"],
                "code": "modality",
                "why": {"fr": "Ce système lit des IRM.", "en": "This system reads MRI."},
            }
        ],
    )
    rules = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rules["routes"].append(
        {
            "name": "phantom",
            "kind": "study",
            "when": [
                {
                    "fact": "BodyPartExamined",
                    "has": ["PHANTOM"],
                    "code": "body-part",
                    "why": {"fr": "fantôme", "en": "phantom"},
                }
            ],
            "models": [PHANTOM],
        }
    )
    path = folder / "routing.yaml"
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    packages = [str(package), *(str(each) for each in shipped())]
    return {"models": {"packages": packages}, "routing": {"rules": str(path)}}


# ------------------------------------------------------------------------------------------------------------ images


def phantom(folder: Path, name: str, *, modality: str = "MR", multi_frame: bool = False, **header: str) -> Study:
    """Return a study of a bright ball in 12 slices; another ``name`` is another study.

    Args:
        multi_frame: as one enhanced image, its frames from the last to the first.
    """
    images = samples.series(
        modality, slices=PHANTOM_SLICES, rows=32, columns=32, spacing_mm=(2.0, 2.0), step_mm=4.0, study=_short(name)
    )
    for image, pixels in zip(images, _ball(), strict=True):
        image.BodyPartExamined = "PHANTOM"
        samples.set_pixels(image, pixels)
        for keyword, value in header.items():
            setattr(image, keyword, value)
    return write(folder / name, [enhanced(images, range(PHANTOM_SLICES)[::-1])] if multi_frame else images)


def _short(name: str) -> str:
    """Return a name that fits into an accession number (SH, 16 characters)."""
    return digest(name.encode())[:12]


def write(folder: Path, images: Sequence[Dataset]) -> Study:
    """Write data sets as files of one study."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, image in enumerate(images, start=1):
        files.append(folder / f"{number:04d}.dcm")
        files[-1].write_bytes(samples.to_file(image))
    return Study(uid=str(images[0].StudyInstanceUID), files=tuple(files))


def late_image(folder: Path, name: str) -> Study:
    """Return one more image of the study that ``phantom(…, name)`` makes."""
    image = samples.series("MR", slices=1, rows=32, columns=32, study=_short(name), number=2)[0]
    image.BodyPartExamined = "PHANTOM"
    return write(folder / f"{name}-late", [image])


def head(folder: Path, number: int) -> Study:
    """Return the demonstration's real head MR as exam ``number``; skip with the reason when it cannot be had."""
    try:
        files = series.make_series(CACHE, folder / "head")
    except Unavailable as reason:
        pytest.skip(str(reason))
    files = as_another_exam(files, folder / f"head-{number}", number)
    return Study(uid=str(dcmread(files[0], stop_before_pixels=True).StudyInstanceUID), files=tuple(files))


def schwannoma(folder: Path) -> Study:
    """Unpack a head MR that nobody prepared for us: another hospital's, JPEG-LS, private tags, no birth date."""
    if not SCHWANNOMA.exists():
        pytest.skip("the real images of VS-SEG are not beside this checkout")
    with tarfile.open(SCHWANNOMA) as tar:
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Debian 12's Python 3.11.2 has none
        tar.extractall(folder / "vsseg", **safely)  # type: ignore[arg-type]
    files = tuple(sorted(path for path in (folder / "vsseg").rglob("*.dcm")))
    return Study(uid=str(dcmread(files[0], stop_before_pixels=True).StudyInstanceUID), files=files)


def _ball() -> np.ndarray[Any, np.dtype[np.uint16]]:
    z, y, x = np.meshgrid(
        np.arange(PHANTOM_SLICES) * 4.0 - 22.0, np.arange(32) * 2.0 - 31.0, np.arange(32) * 2.0 - 31.0, indexing="ij"
    )
    return np.where(x * x + y * y + z * z < 18.0**2, 1000, 10).astype("<u2")


def dcmsend(study: Study, port: int) -> "subprocess.CompletedProcess[str]":
    """Send a study as a modality does, and return how that ended."""
    command = [program("dcmsend"), "-v", "-aet", "SCANNER1", "-aec", "AVAL", "--decompress-never"]
    return subprocess.run(
        [*command, "-to", "20", "-ta", "20", "-td", "60", "127.0.0.1", str(port), *map(str, study.files)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SEND_S,
        check=False,
    )


def send(study: Study, port: int) -> None:
    """Send a study; every image must be taken."""
    done = dcmsend(study, port)
    taken = (done.stdout + done.stderr).count("Received C-STORE Response (Success)")
    assert (done.returncode, taken) == (0, len(study.files)), done.stdout[-2000:] + done.stderr[-2000:]


# ------------------------------------------------------------------------------------------------------------- stays


def stay(folder: Path, number: int) -> Path:
    """Return a record message: SUPPORT2 as published, or beside the checkout; skip when neither can be had."""
    try:
        bundle = record.make_bundle(CACHE, folder / "stay", at=datetime.now(UTC) - timedelta(hours=1))
    except Unavailable as reason:
        pytest.skip(str(reason))
    return as_another_stay(bundle, number)


def support2(name: str) -> Path:
    """Return a stay of SUPPORT2 beside the checkout, or skip."""
    path = SHARED / "fhir" / "support2" / f"{name}.json"
    if not path.exists():
        pytest.skip("the SUPPORT2 bundles are not beside this checkout")
    return path


def push(bundle: bytes | Path, url: str) -> httpx2.Response:
    """POST a record message, and return the answer."""
    body = bundle.read_bytes() if isinstance(bundle, Path) else bundle
    headers = {"Content-Type": "application/fhir+json"}
    with httpx2.Client(trust_env=False, timeout=60) as web:
        return web.post(url, content=body, headers=headers)


def stay_uid(bundle: Path) -> str:
    """Return what the case of a message will be called: its encounter's identifier, or where it is at the sender."""
    for entry in json.loads(bundle.read_text(encoding="utf-8"))["entry"]:
        if entry["resource"]["resourceType"] == "Encounter":
            identifier = entry["resource"].get("identifier")
            return f"{identifier[0]['system']}|{identifier[0]['value']}" if identifier else entry["request"]["url"]
    raise AssertionError(f"{bundle.name} holds no encounter")


def stay_case(bundle: Path, revision: int = 1) -> str:
    """Return the identifier of a revision of the case that a message becomes."""
    return case_id(CaseKind.RECORD, stay_uid(bundle), revision)
