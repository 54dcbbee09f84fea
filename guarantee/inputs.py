"""What a model is given, once adapters have read it. Plain buffers, so that this package needs no array library."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from guarantee.errors import Malformed
from guarantee.mask import frame_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A coded concept.

    Args:
        code: e.g. "12738006".
        scheme: DICOM coding scheme designator: SCT, DCM, LN, UCUM, 99AVAL…
        meaning: English meaning, as the scheme gives it.
    """

    code: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if not (self.code and self.scheme and self.meaning):
            raise Malformed("a coded concept has a code, a scheme and a meaning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One source image of a volume.

    Args:
        frame: of an instance that has several, from 1; 0 for an instance that is one image.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame: int = 0

    @property
    def name(self) -> str:
        """What a mask calls this image (Grid.frames)."""
        return frame_name(self.sop_instance_uid, self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A series as one regular grid, in the values its Modality LUT gives.

    Args:
        voxels: axes (slice, row, column), C order; slices ordered along the normal of the image plane.
        dtype: numpy text of the stored type, little-endian: "<i2", "<u2" or "<f4".
        shape: (slices, rows, columns).
        affine: 4 x 4, row by row; maps (column, row, slice, 1) to patient coordinates in mm, LPS (PS3.3 C.7.6.2.1.1).
        slices: one per slice, in the same order.
        modality: e.g. "MR".
        patient_age_years: at the time of the study; None when unknown.
    """

    voxels: bytes | memoryview
    dtype: str
    shape: tuple[int, int, int]
    affine: tuple[float, ...]
    slices: tuple[Slice, ...]
    modality: str
    patient_age_years: float | None

    def __post_init__(self) -> None:
        count = self.shape[0] * self.shape[1] * self.shape[2]
        width = {"<i2": 2, "<u2": 2, "<f4": 4}.get(self.dtype, 0)
        if width == 0 or memoryview(self.voxels).nbytes != count * width:
            raise Malformed(f"a volume of shape {self.shape} and type {self.dtype} does not fit its buffer")
        if len(self.affine) != 16 or len(self.slices) != self.shape[0]:
            raise Malformed("a volume has a 4 x 4 affine and one source image per slice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One measured value from the record.

    Args:
        code: LOINC, as sent.
        value, unit: as sent; ``unit`` is UCUM.
        taken_at: when it was measured.
        source: reference at the record, e.g. "Observation/17"; never a patient identifier.
    """

    code: Coded
    value: Decimal
    unit: str
    taken_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the record says of one stay: valid readings only (final, amended or corrected).

    Args:
        age_years: at ``at``; None when the birth date is unknown.
        sex: M, F, O or "".
        at: the moment the inputs were gathered; freshness is judged against it.
    """

    readings: tuple[Reading, ...]
    age_years: Decimal | None
    sex: str
    at: datetime


Inputs: TypeAlias = Volume | Record
