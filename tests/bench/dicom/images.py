"""The images that are sent: noise over something shaped like a body, generated once and kept as files.

Every UID has the same length, and holds the number of its study in twelve digits: a sender makes another study of the
same images by exchanging those digits (sender.py), and no byte moves.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

VERSION: Final = 1
"""Part of the folder's name: a changed generator makes new files."""

SERIES: Final = 4

AIR: Final = 24.0
TISSUE: Final = 1040.0
LARGEST: Final = 4095
"""Values of a 12-bit CT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of study.

    Args:
        number: of the study, twelve digits; no other kind has it.
        noise: standard deviation.
    """

    name: str
    modality: str
    sop_class: UID
    size: int
    number: int
    noise: float


CT: Final = Kind(name="ct", modality="CT", sop_class=CTImageStorage, size=512, number=471100000001, noise=25.0)
MR: Final = Kind(name="mr", modality="MR", sop_class=MRImageStorage, size=256, number=471100000002, noise=15.0)
SMALL: Final = Kind(name="small", modality="CT", sop_class=CTImageStorage, size=128, number=471100000003, noise=25.0)
HALF: Final = Kind(name="half", modality="CT", sop_class=CTImageStorage, size=256, number=471100000004, noise=25.0)


def study(kind: Kind, count: int, cache: Path) -> Path:
    """Return a folder with ``count`` images of one study in four series, made when absent."""
    folder = cache / f"{kind.name}-{count}-v{VERSION}"
    if not folder.exists():
        half_made = folder.with_suffix(".tmp")
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(parents=True)
        chance = np.random.default_rng(kind.number)
        for number in range(count):
            _image(kind, number, count, chance).save_as(half_made / f"{number:06d}.dcm", enforce_file_format=True)
        half_made.rename(folder)
    return folder


def _image(kind: Kind, number: int, count: int, chance: np.random.Generator) -> Dataset:
    in_series = max(1, count // SERIES)
    series, place = min(number // in_series, SERIES - 1) + 1, number % in_series
    image = _described(kind)
    image.StudyInstanceUID = f"2.25.1{kind.number}"
    image.SeriesInstanceUID = f"2.25.2{kind.number}{series:02d}"
    image.SOPInstanceUID = f"2.25.3{kind.number}{number:06d}"
    image.FrameOfReferenceUID = f"2.25.4{kind.number}{series:02d}"
    image.SeriesNumber, image.InstanceNumber = series, place + 1
    image.SeriesDescription = f"series {series}"
    image.ImagePositionPatient = [-158.1, -179.0, round(-75.0 + 0.7 * place, 1)]
    image.SliceLocation = round(-75.0 + 0.7 * place, 1)
    image.add_new("PixelData", "OW", _pixels(kind, place, chance).tobytes())
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def _described(kind: Kind) -> Dataset:
    """Return the attributes that a real scanner writes and that are the same for the whole study."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID, image.Modality = kind.sop_class, kind.modality
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20261101"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "101500"
    image.AccessionNumber, image.StudyID = f"ACC{kind.number % 1000:03d}", "1"
    image.Manufacturer, image.ManufacturerModelName = "BENCH", "Generator"
    image.InstitutionName, image.StationName = "Nowhere", "BENCH1"
    image.StudyDescription = f"{kind.modality} benchmark"
    image.PatientName, image.PatientID = "BENCH^Nobody", f"BENCH-{kind.name.upper()}"
    image.IssuerOfPatientID, image.PatientBirthDate, image.PatientSex = "BENCH", "19700101", "O"
    image.PatientPosition, image.BodyPartExamined = "HFS", "ABDOMEN"
    image.KVP, image.SliceThickness, image.SpacingBetweenSlices = 120, 0.7, 0.7
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [0.7, 0.7]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = kind.size
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.WindowCenter, image.WindowWidth = 40, 400
    image.RescaleIntercept, image.RescaleSlope = -1024, 1
    return image


def _pixels(kind: Kind, place: int, chance: np.random.Generator) -> NDArray[np.uint16]:
    across = np.linspace(-1, 1, kind.size, dtype=np.float32)
    y, x = across[:, None], across[None, :]
    inside = np.sqrt(1.3 * x * x + y * y) < 0.8
    organs = TISSUE + 60 * np.sin(7 * x + 0.05 * place) * np.cos(5 * y)
    noise = chance.standard_normal((kind.size, kind.size), dtype=np.float32) * kind.noise
    pixels: NDArray[np.uint16] = np.clip(np.where(inside, organs, AIR) + noise, 0, LARGEST).astype("<u2")
    return pixels
