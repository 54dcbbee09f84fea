"""The same images as another exam: new identifiers, so that a second run has something to review."""

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


def _copy(path: Path, target: Path, number: int) -> Path:
    image: Dataset = dcmread(path)
    for keyword in _UIDS:
        setattr(image, keyword, uid("again", str(number), image[keyword].value))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.AccessionNumber = f"{image.AccessionNumber}-{number}"
    image.save_as(target, enforce_file_format=True)
    return target
