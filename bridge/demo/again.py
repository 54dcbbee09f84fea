"""The same images as another exam, the same readings as another stay: so that a second run has something to review."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset

from bridge.demo.series import uid

_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def as_another_exam(files: Sequence[Path], out: Path, number: int) -> list[Path]:
    """Return copies of ``files`` in ``out`` as exam ``number``; the first exam is the files themselves."""
    if number == 0:
        return list(files)
    out.mkdir(parents=True, exist_ok=True)
    return [_copy(path, out / path.name, number) for path in files]


def as_another_stay(bundle: Path, number: int) -> Path:
    """Return a copy of a FHIR bundle as stay ``number``; the first one is the bundle itself."""
    if number == 0:
        return bundle
    text = bundle.read_text(encoding="utf-8").replace("SEJOUR-DEMO-7", f"SEJOUR-DEMO-7-{number}")
    for before in ('"', "/"):  # every resource but the patient, who stays the same person
        text = text.replace(f"{before}demo-", f"{before}demo-{number}-")
        text = text.replace(f"{before}demo-{number}-patient", f"{before}demo-patient")
    target = bundle.with_name(f"stay-{number}.json")
    target.write_text(text, encoding="utf-8")
    return target


def _copy(path: Path, target: Path, number: int) -> Path:
    image: Dataset = dcmread(path)
    for keyword in _UIDS:
        setattr(image, keyword, uid("again", str(number), image[keyword].value))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.AccessionNumber = f"{image.AccessionNumber}-{number}"
    image.save_as(target, enforce_file_format=True)
    return target
