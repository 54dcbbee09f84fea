"""Geometry of sampling: which point of one grid lies where in another.

Two grids: the *source*, as the scanner gave it (slice, row, column), and the *cube*, whose axes are the patient's:
index (i, j, k) grows to the right, to the front, to the head (RAS), centred on the source. A voxel's index names its
centre. Matrices are float64 until the last step, where ONNX's AffineGrid takes float32: an error of 2e-5 voxel.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from guarantee.errors import NotEligible
from guarantee.inputs import Volume

Matrix: TypeAlias = NDArray[np.float64]

VOXEL_MM3_MIN: Final = 1e-3
"""Smallest voxel, 0.1 mm a side. Below it an affine is not one of a clinical image."""

_LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_REVERSED: Final = np.eye(4)[[2, 1, 0, 3]]
"""(k, j, i) to (i, j, k): arrays are indexed slowest axis first, ONNX's coordinates name the fastest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Part of a grid: first and last index + 1 along each array axis, slowest first. At least two long everywhere."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Length along each axis."""
        first, second, third = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return first, second, third


@dataclass(frozen=True, slots=True, kw_only=True)
class Cube:
    """The model's grid over one source.

    Args:
        size: voxels along each side after pooling.
        from_source: (column, row, slice) to (i, j, k) after pooling, both as homogeneous indices.
        to_source_fine: (i, j, k) before pooling to (column, row, slice).
    """

    size: int
    from_source: Matrix
    to_source_fine: Matrix


def source_to_ras(volume: Volume) -> Matrix:
    """Return (column, row, slice) to RAS in mm.

    Raises:
        NotEligible: "geometry" when the matrix is not one of a grid.
    """
    affine = np.array(volume.affine, dtype=np.float64).reshape(4, 4)
    if not np.isfinite(affine).all() or not np.array_equal(affine[3], (0.0, 0.0, 0.0, 1.0)):
        raise NotEligible("geometry", "the position of the images is not a finite affine")
    if abs(np.linalg.det(affine[:3, :3])) < VOXEL_MM3_MIN:
        raise NotEligible("geometry", "the images do not span a volume")
    return np.asarray(_LPS_TO_RAS @ affine)


def voxel_mm3(volume: Volume) -> float:
    """Return the volume of one source voxel, in mm³."""
    return abs(float(np.linalg.det(source_to_ras(volume)[:3, :3])))


def extents_mm(volume: Volume) -> tuple[float, float, float]:
    """Return how far the images reach along (slice, row, column), in mm, voxel edges included."""
    steps = np.linalg.norm(source_to_ras(volume)[:3, :3], axis=0)[::-1]
    first, second, third = (float(step) * count for step, count in zip(steps, volume.shape, strict=True))
    return first, second, third


def cube_over(volume: Volume, *, size: int, spacing_mm: float, pool: int) -> Cube:
    """Return the cube of ``size`` fine voxels a side whose centre is the centre of ``volume``."""
    to_ras = source_to_ras(volume)
    middle = to_ras @ np.append((np.array(volume.shape[::-1]) - 1) / 2, 1.0)
    fine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    fine[:3, 3] = middle[:3] - spacing_mm * (size - 1) / 2
    pooled = np.diag([float(pool), float(pool), float(pool), 1.0])
    pooled[:3, 3] = (pool - 1) / 2  # the centre of the first pool voxels lies between their centres
    return Cube(
        size=size // pool,
        from_source=np.asarray(np.linalg.inv(fine @ pooled) @ to_ras, dtype=np.float64),
        to_source_fine=np.asarray(np.linalg.inv(to_ras) @ fine, dtype=np.float64),
    )


def theta_to_source(cube: Cube, box: Box, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return AffineGrid's theta that samples a source of ``shape`` at the fine voxels of ``cube`` in ``box``."""
    return _theta(cube.to_source_fine @ _REVERSED, box, shape)


def theta_to_cube(cube: Cube, box: Box) -> NDArray[np.float32]:
    """Return AffineGrid's theta that samples ``cube`` (pooled) at the source voxels in ``box``."""
    return _theta(_REVERSED @ cube.from_source, box, (cube.size,) * 3)


def box_in_source(
    cube: Cube, first: NDArray[np.intp], last: NDArray[np.intp], shape: tuple[int, int, int]
) -> Box | None:
    """Return the source voxels that can touch the cube's voxels from ``first`` to ``last``, or None when none can.

    One cube voxel is added on each side, because interpolation reaches that far.
    """
    sides = np.stack([first - 1.0, last + 1.0])
    corners = np.array(
        [[*(sides[pick, axis] for axis, pick in enumerate(picks)), 1.0] for picks in np.ndindex(2, 2, 2)]
    )
    places = (np.linalg.inv(cube.from_source) @ corners.T)[:3][::-1]  # (slice, row, column)
    start = np.maximum(np.floor(places.min(axis=1)).astype(int), 0)
    stop = np.minimum(np.ceil(places.max(axis=1)).astype(int) + 1, shape)
    if (start >= stop).any():
        return None
    start = np.minimum(start, np.array(shape) - 2)
    stop = np.maximum(stop, start + 2)
    return Box(start=_triple(start), stop=_triple(stop))


def box_of_source(cube: Cube, shape: tuple[int, int, int], size: int, multiple: int) -> Box:
    """Return the fine voxels of ``cube`` that lie within one voxel of the source; everything else is background.

    Args:
        size: fine voxels along each side.
        multiple: the box starts and stops at multiples of it.
    """
    ends = np.array([(-1.0, length) for length in shape[::-1]])  # (column, row, slice)
    corners = np.array([[*(ends[axis, pick] for axis, pick in enumerate(picks)), 1.0] for picks in np.ndindex(2, 2, 2)])
    places = (np.linalg.inv(cube.to_source_fine) @ corners.T)[:3]
    start = np.clip(np.floor(places.min(axis=1) / multiple) * multiple, 0, size - multiple)
    stop = np.clip(np.ceil(places.max(axis=1) / multiple) * multiple, multiple, size)
    return Box(start=_triple(start.astype(int)), stop=_triple(stop.astype(int)))


def _theta(matrix: Matrix, box: Box, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return [1, 3, 4]: coordinates from -1 to 1 over ``box`` to coordinates from -1 to 1 over a grid of ``shape``.

    Args:
        matrix: output index to input index, both fastest axis first.

    Source: ONNX AffineGrid-20, GridSample-20 with align_corners: -1 and 1 are the centres of the first and last voxel.
    """
    half = (np.array(box.shape[::-1]) - 1) / 2
    spread = np.diag(np.append(half, 1.0))
    spread[:3, 3] = np.array(box.start[::-1]) + half
    reach = (np.array(shape[::-1]) - 1) / 2
    squeeze = np.diag(np.append(1 / reach, 1.0))
    squeeze[:3, 3] = -1.0
    return np.asarray((squeeze @ matrix @ spread)[None, :3], dtype=np.float32)


def _triple(values: NDArray[np.int_]) -> tuple[int, int, int]:
    first, second, third = (int(value) for value in values)
    return first, second, third
