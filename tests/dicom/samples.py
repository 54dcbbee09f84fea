"""DICOM files made in memory: CT, MR and PET series of a chosen geometry, and what the faults are made of.

Everything is derived from the arguments, so the same call gives the same bytes. Nothing here comes from a real patient.
"""

import struct
import uuid
from collections.abc import Iterable
from copy import deepcopy
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

AXIAL: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL: Final = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL: Final = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
OBLIQUE: Final = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0)
"""Direction cosines (0020,0037): first along a row, then along a column."""

CLASSES: Final = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}

LOSSLESS: Final = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
"""Compressed transfer syntaxes that :func:`to_file` can write."""


def uid(*parts: object) -> str:
    """Return the UID that ``parts`` always have."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, repr(parts)).int}"


def patient(**changes: str) -> Dataset:
    """Return the patient of every sample, with ``changes`` by keyword."""
    dataset = Dataset()
    dataset.PatientName = "DURAND^Élodie"
    dataset.PatientID = "SAMPLE-0001"
    dataset.IssuerOfPatientID = "AVAL-TESTS"
    dataset.PatientBirthDate = "19800229"
    dataset.PatientSex = "F"
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def pixels(slices: int, rows: int, columns: int, *, signed: bool = False) -> NDArray[Any]:
    """Return stored values that differ in every slice, row and column; 12 bits, axes (slice, row, column)."""
    z, y, x = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    values = (97 * z + 31 * y + 7 * x + (x * y) % 13) % 4096
    return (values - 1024).astype("<i2") if signed else values.astype("<u2")


def series(
    modality: str = "MR",
    *,
    slices: int = 8,
    rows: int = 36,
    columns: int = 44,
    spacing_mm: tuple[float, float] = (1.5, 1.25),
    step_mm: float = 3.0,
    orientation: tuple[float, ...] = AXIAL,
    origin_mm: tuple[float, float, float] = (-20.0, -30.0, -40.0),
    study: str = "1",
    number: int = 1,
    signed: bool | None = None,
    slope: float | None = None,
    intercept: float | None = None,
) -> list[Dataset]:
    """Return the data sets of one regular series, from the first to the last along the normal of its planes.

    Args:
        modality: CT, MR or PT.
        spacing_mm: between rows, then between columns (0028,0030).
        step_mm: between slices, along the normal.
        origin_mm: position of the first slice (0020,0032).
        study: names the study; two series with the same name share it.
        number: of the series; names it inside its study.
        signed: stored values; None means signed for CT only.
        slope, intercept: Modality LUT; None means absent, or 1 and -1024 for an unsigned CT.
    """
    is_signed = (modality == "CT") if signed is None else signed
    voxels = pixels(slices, rows, columns, signed=is_signed)
    normal = np.cross(orientation[:3], orientation[3:])
    made = []
    for index in range(slices):
        dataset = _common(modality, study, number)
        dataset.SOPInstanceUID = uid("instance", study, number, index)
        dataset.InstanceNumber = index + 1
        position = np.asarray(origin_mm) + normal * step_mm * index
        dataset.ImagePositionPatient = [_decimal(v) for v in position]
        dataset.ImageOrientationPatient = [_decimal(v) for v in orientation]
        dataset.PixelSpacing = [_decimal(v) for v in spacing_mm]
        dataset.SliceThickness = _decimal(step_mm)
        if slope is not None or intercept is not None or modality in {"CT", "PT"}:
            dataset.RescaleSlope = _decimal(1.0 if slope is None else slope)
            dataset.RescaleIntercept = _decimal(0.0 if intercept is None else intercept)
        set_pixels(dataset, voxels[index])
        made.append(dataset)
    return made


def set_pixels(dataset: Dataset, stored: NDArray[Any], *, bits_stored: int | None = None) -> None:
    """Put ``stored`` into ``dataset``: axes (row, column) or (frame, row, column), 8 or 16 bits."""
    bits = stored.dtype.itemsize * 8
    frames = stored.shape[0] if stored.ndim == 3 else 1
    if stored.ndim == 3:
        dataset.NumberOfFrames = frames
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = dataset.get("PhotometricInterpretation", "MONOCHROME2")
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated = bits
    dataset.BitsStored = bits_stored or (16 if stored.dtype.kind == "i" else min(bits, 12))
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 1 if stored.dtype.kind == "i" else 0
    data = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", data + b"\0" * (len(data) % 2))


def document(sop_class_uid: str, modality: str, *, study: str = "1", number: int = 90) -> Dataset:
    """Return an instance without pixels, e.g. a report, that a sender may put into a study."""
    dataset = _common("MR", study, number)
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = uid("instance", study, number, "document")
    dataset.Modality = modality
    dataset.InstanceNumber = 1
    return dataset


def capture(stored: NDArray[Any], photometric: str = "MONOCHROME2", **changes: object) -> Dataset:
    """Return an image without geometry."""
    dataset = document(SecondaryCaptureImageStorage, "OT")
    dataset.PhotometricInterpretation = photometric
    if stored.ndim == 3 and photometric != "MONOCHROME2":
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
        dataset.Rows, dataset.Columns = stored.shape[:2]
        dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
        dataset.add_new("PixelData", "OB" if stored.dtype.itemsize == 1 else "OW", stored.tobytes())
    else:
        set_pixels(dataset, stored)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def to_file(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return ``dataset`` as a DICOM file (PS3.10) in the transfer syntax ``syntax``.

    RLE and JPEG-LS are compressed by pydicom, JPEG 2000 by OpenJPEG (from 32 pixels a side); others are not.
    """
    copy = deepcopy(dataset)
    copy.file_meta = FileMetaDataset()
    copy.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    copy.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    copy.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian if syntax in LOSSLESS else syntax)
    if syntax == JPEG2000Lossless:
        _compress_jpeg2000(copy)
    elif syntax in LOSSLESS:
        plugin = "pyjpegls" if syntax == JPEGLSLossless else "pydicom"
        copy.compress(UID(syntax), encoding_plugin=plugin, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian and "PixelData" in copy and copy.BitsAllocated == 16:
        copy.PixelData = np.frombuffer(copy.PixelData, "<u2").astype(">u2").tobytes()
    out = BytesIO()
    dcmwrite(out, copy, enforce_file_format=True)
    return out.getvalue()


def to_files(datasets: Iterable[Dataset], syntax: str = ExplicitVRLittleEndian) -> list[bytes]:
    """Return each of ``datasets`` as a DICOM file."""
    return [to_file(dataset, syntax) for dataset in datasets]


def data_set_of(file: bytes) -> bytes:
    """Return what follows the file meta information of a DICOM file."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def element(tag: int, vr: str, value: bytes, *, length: int | None = None) -> bytes:
    """Return one element in explicit VR little endian, well formed or not.

    Args:
        length: what to write for the length; None for the true one.
    """
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in {"OB", "OW", "SQ", "UC", "UN", "UT"}:
        return head + struct.pack("<HL", 0, size) + value
    return head + struct.pack("<H", size) + value


def implicit(tag: int, value: bytes, *, length: int | None = None) -> bytes:
    """Return one element in implicit VR, or an item or a delimiter in any encoding; see :func:`element`."""
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def raw_file(body: bytes, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return a DICOM file whose data set is ``body``, whatever that is."""
    name = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = element(0x00020010, "UI", name)
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta + body


def minimal(*more: bytes) -> bytes:
    """Return a file with the four UIDs, then ``more``."""
    uids = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
    return raw_file(b"".join(element(tag, "UI", b"1.2.3.40") for tag in uids) + b"".join(more))


def encoded(dataset: Dataset) -> bytes:
    """Return the data set alone, explicit VR little endian."""
    out = BytesIO()
    file = DicomFileLike(out)
    file.is_little_endian, file.is_implicit_VR = True, False
    write_dataset(file, dataset)
    return out.getvalue()


def _common(modality: str, study: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.update(patient())
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if modality == "CT" else "M"]
    dataset.SOPClassUID = CLASSES[modality]
    dataset.StudyInstanceUID = uid("study", study)
    dataset.SeriesInstanceUID = uid("series", study, number)
    dataset.FrameOfReferenceUID = uid("frame", study)
    dataset.PositionReferenceIndicator = ""
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = "20261121"
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "101500"
    dataset.AccessionNumber = f"A{study}"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "Examen d’essai"
    dataset.SeriesDescription = f"Série {number}"
    dataset.Modality = modality
    dataset.Manufacturer = "Aval tests"
    dataset.ManufacturerModelName = "Sampler"
    dataset.DeviceSerialNumber = "0001"
    dataset.SoftwareVersions = "1"
    dataset.BodyPartExamined = "HEAD"
    dataset.PatientPosition = "HFS"
    dataset.Laterality = ""
    dataset.SeriesNumber = number
    dataset.BurnedInAnnotation = "NO"
    if modality == "MR":
        _add_mr(dataset)
    if modality == "CT":
        dataset.KVP = "120"
        dataset.AcquisitionNumber = 1
    return dataset


def _add_mr(dataset: Dataset) -> None:
    dataset.ScanningSequence = ["GR", "IR"]
    dataset.SequenceVariant = ["SP", "MP"]
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "3D"
    dataset.MagneticFieldStrength = "3"
    dataset.RepetitionTime = "2000"
    dataset.EchoTime = "2.5"
    dataset.EchoTrainLength = 1


def _decimal(value: float) -> str:
    """Return ``value`` as a decimal string (DS: at most 16 characters)."""
    return f"{value:.9g}"[:16]


def _compress_jpeg2000(dataset: Dataset) -> None:
    kind = "i" if dataset.PixelRepresentation else "u"
    shape = (int(dataset.get("NumberOfFrames", 1)), dataset.Rows, dataset.Columns)
    size = dataset.BitsAllocated // 8
    stored = np.frombuffer(dataset.PixelData, f"<{kind}{size}", count=shape[0] * shape[1] * shape[2]).reshape(shape)
    frames = [encode_array(np.ascontiguousarray(f), bits_stored=dataset.BitsStored, use_mct=False) for f in stored]
    dataset.add_new("PixelData", "OB", encapsulate(frames))
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
