"""A real head MR as a DICOM series: ds000031's T1 volume from the pydeface source package, under invented headers.

The voxels are the published ones, cut along their own axes into axial images (the acquisition was sagittal), never
interpolated. The person in the header does not exist; sex and age are plausible for the volume, nothing else is known.
The same package gives the same bytes: same UIDs, same files.
"""

import gzip
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from bridge.demo.published import Published, obtain
from guarantee.ids import derive

PYDEFACE: Final = Published(
    name="pydeface",
    version="2.1.0",
    file="pydeface-2.1.0.tar.gz",
    sha256="f3c0059e311788d6b8e196230af70584c618209068c25414b1bb83d7d051efe4",
    backend="flit_core.buildapi",
)

ATTRIBUTION: Final = (
    "T1 head MR: sub-01, ses-006 of the MyConnectome study (OpenNeuro ds000031, R. Poldrack and colleagues), "
    "as distributed in the source package of pydeface 2.1.0 (MIT licence). Headers and patient are invented."
)

MEMBER: Final = "pydeface-2.1.0/tests/data/ds000031_sub-01_ses-006_run-001_T1w.nii.gz"

MR_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.4"
"""MR Image Storage (PS3.4 B.5)."""

REPETITION_MS: Final = "1900"
ECHO_MS: Final = "2.49"
"""From the JSON file beside the volume."""

WINDOW: Final = (250, 500)
"""Centre and width that show grey and white matter: 99 % of the voxels are below 454."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A volume as axial images.

    Args:
        voxels: int16, axes (slice, row, column): foot to head, front to back, right to left.
        origin: LPS coordinates of the first voxel, in mm.
        spacing_mm: between slices, rows, columns.
    """

    voxels: NDArray[np.int16]
    origin: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]


def make_series(cache: Path, out: Path) -> list[Path]:
    """Return the files of the series, written into ``out``: one MR image each, explicit VR little endian.

    Args:
        cache: where the source package is kept; with it there, no network is needed.

    Raises:
        Unavailable: the package is not there and cannot be fetched.
    """
    cut = axial(read_volume(obtain(PYDEFACE, cache)))
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for number, image in enumerate(images(cut), start=1):
        path = out / f"{number:04d}.dcm"
        image.save_as(path, enforce_file_format=True)
        files.append(path)
    return files


def read_volume(package: Path) -> Any:
    """Return the T1 volume in the package, as nibabel reads it."""
    with tarfile.open(package) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise FileNotFoundError(f"{package} does not hold {MEMBER}")
        return nibabel.Nifti1Image.from_bytes(gzip.decompress(member.read()))


def axial(volume: Any) -> Cut:
    """Return a NIfTI volume whose axes are the patient's as axial images. Flipping axes moves no voxel."""
    straight = nibabel.as_closest_canonical(volume, enforce_diag=True)  # axes to the right, front, head
    voxels = np.asarray(straight.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    right, front, head = (float(length) for length in straight.affine[:3, 3])
    wide, deep, tall = (float(step) for step in straight.header.get_zooms())
    columns, rows = straight.shape[:2]
    return Cut(
        voxels=np.ascontiguousarray(voxels, dtype=np.int16),
        origin=(-(right + wide * (columns - 1)), -(front + deep * (rows - 1)), head),
        spacing_mm=(tall, deep, wide),
    )


def images(cut: Cut) -> Iterator[Dataset]:
    """Yield one data set for each slice, from foot to head."""
    for index in range(len(cut.voxels)):
        image = Dataset()
        image.file_meta = _file_meta(index)
        _describe_study(image)
        _describe_series(image, cut)
        _place(image, cut, index)
        yield image


def uid(*parts: str) -> str:
    """Return the UID that ``parts`` always have (PS3.5 B.2: 2.25 and a UUID as a number)."""
    return f"2.25.{int(derive('demo-series', *parts).replace('-', ''), 16)}"


def _file_meta(index: int) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MR_IMAGE
    meta.MediaStorageSOPInstanceUID = uid("image", str(index))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "AVAL_DEMO"
    return meta


def _describe_study(image: Dataset) -> None:
    image.SpecificCharacterSet = "ISO_IR 192"
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20260115"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "101500"
    image.AccessionNumber = "DEMO-26-0115"
    image.ReferringPhysicianName = "BÉNARD^Hélène^^Dr"
    image.InstitutionName = "Hôpital de démonstration"
    image.StudyDescription = "IRM cérébrale (démonstration)"
    image.PatientName = "LEFÈVRE^Noël"
    image.PatientID = "DEMO-000042"
    image.IssuerOfPatientID = "AVAL-DEMO"
    image.PatientBirthDate = "19800212"
    image.PatientSex = "M"
    image.PatientAge = "045Y"
    image.PatientIdentityRemoved = "YES"
    image.DeidentificationMethod = "Published volume under invented headers"
    image.PatientComments = "Patient fictif"
    image.StudyInstanceUID = uid("study")
    image.StudyID = "1"


def _describe_series(image: Dataset, cut: Cut) -> None:
    tall, deep, wide = cut.spacing_mm
    image.Modality = "MR"
    image.Manufacturer = "Aval"
    image.ManufacturerModelName = "Series for demonstration"
    image.SeriesDescription = "T1 3D axial"
    image.SeriesInstanceUID = uid("series")
    image.SeriesNumber = 1
    image.FrameOfReferenceUID = uid("frame-of-reference")
    image.PositionReferenceIndicator = ""
    image.BodyPartExamined = "BRAIN"
    image.PatientPosition = "HFS"
    image.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    image.ScanningSequence = "GR"
    image.SequenceVariant = "MP"
    image.ScanOptions = ""
    image.MRAcquisitionType = "3D"
    image.RepetitionTime = REPETITION_MS
    image.EchoTime = ECHO_MS
    image.EchoTrainLength = 1
    image.SliceThickness = image.SpacingBetweenSlices = _decimal(tall)
    image.PixelSpacing = [_decimal(deep), _decimal(wide)]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.WindowCenter, image.WindowWidth = WINDOW
    image.BurnedInAnnotation = "NO"
    image.LossyImageCompression = "00"


def _place(image: Dataset, cut: Cut, index: int) -> None:
    left, back, head = cut.origin
    pixels = cut.voxels[index]
    image.SOPClassUID = MR_IMAGE
    image.SOPInstanceUID = uid("image", str(index))
    image.InstanceNumber = index + 1
    image.AcquisitionNumber = 1
    image.ImagePositionPatient = [_decimal(left), _decimal(back), _decimal(head + index * cut.spacing_mm[0])]
    image.SliceLocation = image.ImagePositionPatient[2]
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = 1
    image.PixelData = pixels.astype("<i2").tobytes()


def _decimal(value: float) -> str:
    """Return ``value`` in at most 16 characters (DS, PS3.5 6.2): tenths of a micrometre."""
    return f"{value:.4f}"
