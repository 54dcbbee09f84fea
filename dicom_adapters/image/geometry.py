"""Where an image lies in the patient.

Patient coordinates are LPS in mm: x grows to the left, y to the back (posterior), z to the head (PS3.3 C.7.6.2.1.1).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from dicom_adapters.read.values import CONVERSION_ERRORS
from guarantee.errors import NotEligible

Vector: TypeAlias = tuple[float, float, float]

UNIT_TOLERANCE: Final = 0.01
"""How far direction cosines may be from unit length and from a right angle. Senders round to 3 decimals or more."""

SECOND_LETTER_FROM: Final = 0.5
"""Cosine from which an oblique edge gets a second letter: 30 degrees off the first."""

_LETTERS: Final = (("L", "R"), ("P", "A"), ("H", "F"))
"""Of each axis, towards plus and towards minus (PS3.3 C.7.6.1.1.1)."""

_OPPOSITE: Final = {"L": "R", "R": "L", "P": "A", "A": "P", "H": "F", "F": "H"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """The plane of one image.

    Args:
        position: centre of the first pixel, in mm.
        along_row, along_column: unit vectors, of growing column and growing row index.
    """

    position: Vector
    along_row: Vector
    along_column: Vector

    @property
    def normal(self) -> Vector:
        """Unit vector: along_row x along_column."""
        (a, b, c), (d, e, f) = self.along_row, self.along_column
        return _unit((b * f - c * e, c * d - a * f, a * e - b * d))

    def is_parallel_to(self, other: "Plane") -> bool:
        """Return whether rows and columns point the same way."""
        cosines = dot(self.along_row, other.along_row), dot(self.along_column, other.along_column)
        return min(cosines) > 1 - PARALLEL_TOLERANCE


PARALLEL_TOLERANCE: Final = 1e-4
"""How far the cosine between two directions may be from 1: 0.8 degrees. Rounding to 3 decimals gives 1e-6."""


def numbers(dataset: Any, keyword: str, count: int) -> tuple[float, ...] | None:
    """Return ``count`` finite numbers of an element; None when they are not there."""
    try:
        values = dataset.get(keyword)
        read = tuple(float(value) for value in (values if count > 1 else [values]))
    except CONVERSION_ERRORS:
        return None
    return read if len(read) == count and all(math.isfinite(value) for value in read) else None


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a header says of one frame: in functional groups, its own or shared, or at the top of a single-frame image.

    Source: PS3.3 C.7.6.16 (multi-frame functional groups).
    """

    dataset: Any
    own: Any
    shared: Any

    @classmethod
    def of(cls, dataset: Any, count: int) -> "list[FrameHeader]":
        """Return one for each of ``count`` frames."""
        shared = _first(dataset, "SharedFunctionalGroupsSequence")
        groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        return [cls(dataset, group, shared) for group in (groups if len(groups) == count else [_NOTHING] * count)]

    def group(self, sequence: str) -> Any:
        """Return the item of a functional group, or the data set where there is none.

        Raises:
            NotEligible: "pixels-unreadable", the group cannot be read.
        """
        return self.item(sequence) or self.dataset

    def item(self, sequence: str) -> Any:
        """Return the item of a functional group, or nothing to read from; see :meth:`group`."""
        for source in (self.own, self.shared):
            items = looked_up(source, sequence)
            if items:
                return items[0]
        return _NOTHING

    @property
    def plane(self) -> Plane | None:
        """The plane that position and orientation say; None when they say none."""
        position = numbers(self.group("PlanePositionSequence"), "ImagePositionPatient", 3)
        orientation = numbers(self.group("PlaneOrientationSequence"), "ImageOrientationPatient", 6)
        return None if position is None or orientation is None else _plane(position, orientation)

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """Between rows, then between columns; None when unknown."""
        spacing = numbers(self.group("PixelMeasuresSequence"), "PixelSpacing", 2)
        return (spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None


def looked_up(source: Any, keyword: str) -> Any:
    """Return a value of a functional group; None when it is absent.

    Raises:
        NotEligible: "pixels-unreadable", it cannot be read: pydicom says so at the first look.
    """
    try:
        return source.get(keyword)
    except CONVERSION_ERRORS as error:
        raise NotEligible("pixels-unreadable", f"{keyword} cannot be read: {type(error).__name__}") from error


def dot(a: Vector, b: Vector) -> float:
    """Return the scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def edges(along_row: Vector, along_column: Vector) -> dict[str, str]:
    """Return the anatomical directions of the four edges of an image, e.g. {"left": "R", "right": "L", ...}."""
    right, bottom = _direction(along_row), _direction(along_column)
    return {"left": _opposite(right), "right": right, "top": _opposite(bottom), "bottom": bottom}


def stated_edges(dataset: Any) -> dict[str, str] | None:
    """Return the edges that Patient Orientation (0020,0020) states, as projection images do; None without."""
    stated = dataset.get("PatientOrientation")
    if stated is None or isinstance(stated, str) or len(stated) != 2:
        return None
    right, bottom = (str(letters) for letters in stated)
    if not right or not bottom or not set(right + bottom) <= _OPPOSITE.keys():
        return None
    return {"left": _opposite(right), "right": right, "top": _opposite(bottom), "bottom": bottom}


def _first(dataset: Any, keyword: str) -> Any:
    """Return the first item of a sequence, or nothing to read from."""
    items: Any = dataset.get(keyword)
    return items[0] if items else _NOTHING


_NOTHING: Final[Mapping[str, Any]] = {}


def _plane(position: tuple[float, ...], orientation: tuple[float, ...]) -> Plane | None:
    along_row, along_column = _vector(orientation[:3]), _vector(orientation[3:])
    lengths = math.hypot(*along_row), math.hypot(*along_column)
    if any(abs(length - 1) > UNIT_TOLERANCE for length in lengths):
        return None
    along_row, along_column = _unit(along_row), _unit(along_column)
    if abs(dot(along_row, along_column)) > UNIT_TOLERANCE:
        return None
    return Plane(position=_vector(position), along_row=along_row, along_column=along_column)


def _vector(values: tuple[float, ...]) -> Vector:
    x, y, z = values
    return x, y, z


def _unit(vector: Vector) -> Vector:
    length = math.hypot(*vector)
    return vector[0] / length, vector[1] / length, vector[2] / length


def _direction(vector: Vector) -> str:
    order = sorted(range(3), key=lambda axis: -abs(vector[axis]))
    letters = [_LETTERS[axis][vector[axis] < 0] for axis in order]
    return letters[0] + (letters[1] if abs(vector[order[1]]) >= SECOND_LETTER_FROM else "")


def _opposite(letters: str) -> str:
    return "".join(_OPPOSITE[letter] for letter in letters)
