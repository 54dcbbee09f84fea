"""Real inputs: series and bundles as a model gets them, read here by the plainest means."""

import json
import os
import tarfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pydicom
import pytest

from guarantee.inputs import Coded, Reading, Record, Slice, Volume
from guarantee.rules import Facts

SHARED = Path(__file__).parents[3] / "shared" / "data"

CACHE = Path(__file__).parents[2] / ".peers" / "cache"
"""Where demonstration packages are kept between runs."""


def shared(*parts: str) -> Path:
    """Return a file of the shared test data, or skip."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside the repository")
    return path


def missing(reason: str) -> NoReturn:
    """Skip with the reason; in CI, where skips are not allowed, fail with it."""
    if os.environ.get("AVAL_TESTS_ALLOW_SKIP", "1") == "0":
        pytest.fail(f"something is missing and skips are not allowed: {reason}")
    pytest.skip(reason)


def members(archive: Path) -> list[bytes]:
    """Return every file in a tar archive."""
    with tarfile.open(archive) as opened:
        return [file.read() for member in opened if (file := opened.extractfile(member)) is not None]


def series(files: Sequence[bytes | Path]) -> list[pydicom.Dataset]:
    """Return the images that have a place, ordered along their normal."""
    read = [pydicom.dcmread(BytesIO(file) if isinstance(file, bytes) else file) for file in files]
    images = [image for image in read if "ImagePositionPatient" in image]
    row, column = np.array(images[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(row, column)
    return sorted(images, key=lambda image: float(normal @ np.array(image.ImagePositionPatient, dtype=float)))


def volume(images: Sequence[pydicom.Dataset]) -> Volume:
    """Return the images as a volume."""
    first, last = images[0], images[-1]
    row, column = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    start, end = (np.array(image.ImagePositionPatient, dtype=float) for image in (first, last))
    affine = np.eye(4)
    affine[:3] = np.column_stack(
        [row * first.PixelSpacing[1], column * first.PixelSpacing[0], (end - start) / (len(images) - 1), start]
    )
    voxels = np.stack([image.pixel_array for image in images])
    return Volume(
        voxels=voxels.astype(voxels.dtype.newbyteorder("<")).tobytes(),
        dtype=f"<{voxels.dtype.kind}{voxels.dtype.itemsize}",
        shape=(voxels.shape[0], voxels.shape[1], voxels.shape[2]),
        affine=tuple(float(value) for value in affine.ravel()),
        slices=tuple(Slice(sop_class_uid=i.SOPClassUID, sop_instance_uid=i.SOPInstanceUID) for i in images),
        modality=first.Modality,
        patient_age_years=float(first.PatientAge[:3]) if "PatientAge" in first else None,
    )


NAMES = {
    "Modality": "Modality",
    "BodyPartExamined": "BodyPartExamined",
    "SliceThickness": "SliceThickness",
    "SpacingBetweenSlices": "SpacingBetweenSlices",
    "MRAcquisitionType": "MRAcquisitionType",
    "ScanningSequence": "ScanningSequence",
    "PhotometricInterpretation": "PhotometricInterpretation",
    "SamplesPerPixel": "SamplesPerPixel",
}


def facts(images: Sequence[pydicom.Dataset]) -> Facts:
    """Return what the listener and the router would know of the series."""
    found: dict[str, set[str]] = {"ImageCount": {str(len(images))}}
    for image in images:
        for name, keyword in NAMES.items():
            value: Any = image.get(keyword)
            values = value if isinstance(value, pydicom.multival.MultiValue) else [value]
            found.setdefault(name, set()).update(str(item) for item in values if item not in (None, ""))
        for name, index in (("PixelSpacingRow", 0), ("PixelSpacingColumn", 1)):
            found.setdefault(name, set()).add(str(image.PixelSpacing[index]))
        if "PatientAge" in image:
            found.setdefault("PatientAgeYears", set()).add(str(int(image.PatientAge[:3])))
    return {name: frozenset(values) for name, values in found.items() if values}


def stay(bundle: dict[str, Any]) -> Record:
    """Return the readings of a bundle, its age at the newest of them."""
    resources = [entry["resource"] for entry in bundle["entry"]]
    (patient,) = (resource for resource in resources if resource["resourceType"] == "Patient")
    readings = tuple(
        Reading(
            code=Coded(code=resource["code"]["coding"][0]["code"], scheme="LN", meaning=resource["code"]["text"]),
            value=Decimal(str(resource["valueQuantity"]["value"])),
            unit=resource["valueQuantity"]["code"],
            taken_at=datetime.fromisoformat(resource["effectiveDateTime"]),
            source=f"Observation/{resource['id']}",
        )
        for resource in resources
        if resource["resourceType"] == "Observation" and resource["status"] in {"final", "amended", "corrected"}
    )
    at = max(reading.taken_at for reading in readings)
    days = (at.date() - date.fromisoformat(patient["birthDate"])).days
    return Record(readings=readings, age_years=Decimal(days) / Decimal("365.25"), sex="", at=at)


def bundle(path: Path) -> dict[str, Any]:
    """Return a bundle with its numbers as they are written."""
    read: dict[str, Any] = json.loads(path.read_text(), parse_float=Decimal)
    return read
