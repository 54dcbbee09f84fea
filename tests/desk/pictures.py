"""Series for the viewer, made from nothing: stored values whose every pixel the tests can compute again."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from guarantee.mask import Grid, Mask

ROOT = "1.2.826.0.1.3680043.10.1541.999"
"""Prefix of every UID here; under the pydicom root, used for tests only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A series as the desk hands it out.

    Args:
        described: what `Desk.series` says of it.
        frames: bytes of each frame, in the order of its instances.
        stored: the same as an array: (frame, row, column) or (frame, row, column, channel).
    """

    described: dict[str, Any]
    frames: tuple[bytes, ...]
    stored: NDArray[Any]

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        return str(self.described["series"])

    @property
    def instances(self) -> tuple[str, ...]:
        """SOP Instance UIDs, in order."""
        return tuple(one["sop_instance_uid"] for one in self.described["instances"])


def mask_of(picture: Picture, voxels: NDArray[np.bool_]) -> Mask:
    """Return ``voxels`` (frame, row, column) as a mask; its frames in another order than the series', on purpose."""
    order = list(reversed(range(len(picture.instances))))
    bits = b"".join(np.packbits(voxels[at].reshape(-1), bitorder="little").tobytes() for at in order)
    grid = Grid(
        frames=tuple(picture.instances[at] for at in order),
        rows=picture.described["rows"],
        columns=picture.described["columns"],
    )
    return Mask(grid=grid, bits=bits)


@cache
def brain() -> tuple[Picture, NDArray[np.bool_]]:
    """Return an MR-like head, 32 slices of 192 x 160, unsigned, pixels taller than wide, and where its brain is."""
    shape = (32, 192, 160)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    texture = gaussian_filter(np.random.default_rng(7).normal(size=shape), (1.2, 2.2, 2.2))
    texture /= np.abs(texture).max()
    head = (x / 0.82) ** 2 + (y / 0.92) ** 2 + (z / 1.15) ** 2 < 1
    skull = (x / 0.76) ** 2 + (y / 0.86) ** 2 + (z / 1.08) ** 2 < 1
    inside = (x / 0.69) ** 2 + (y / 0.79) ** 2 + (z / 0.98) ** 2 < 1 + 0.10 * texture
    ventricle = ((np.abs(x) - 0.13) / 0.08) ** 2 + ((y + 0.05) / 0.27) ** 2 + (z / 0.4) ** 2 < 1
    fissure = (np.abs(x) < 0.014) & inside & (np.abs(y) > 0.3)
    value = np.where(head, 620.0, 12.0)
    value = np.where(skull, 70.0, value)
    value = np.where(inside, 430 + 260 * texture + 60 * (np.abs(texture) > 0.18), value)
    value = np.where((ventricle & inside) | fissure, 95.0, value)
    value += np.random.default_rng(11).normal(scale=9, size=shape)
    stored = np.clip(value, 0, 4095).astype("<u2")
    described = _described(
        "1.1",
        modality="MR",
        description="T1 3D axial",
        stored=stored,
        spacing_mm=[1.1, 1.0],
        slice_spacing_mm=5.0,
        windows=[{"center": 400.0, "width": 800.0, "label": ""}],
    )
    return Picture(described=described, frames=_bytes(stored), stored=stored), inside & skull


@cache
def chest() -> tuple[Picture, NDArray[np.bool_]]:
    """Return a CT-like chest, 24 slices of 128 x 128, signed with an intercept, and a nodule in its left lung."""
    shape = (24, 128, 128)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    body = (x / 0.92) ** 2 + (y / 0.68) ** 2 < 1
    lungs = ((np.abs(x) - 0.42) / 0.33) ** 2 + (y / 0.5) ** 2 + (z / 1.3) ** 2 < 1
    spine = x**2 + (y - 0.45) ** 2 < 0.02
    nodule = ((x - 0.5) / 0.075) ** 2 + ((y + 0.12) / 0.075) ** 2 + ((z - 0.2) / 0.2) ** 2 < 1
    hounsfield = np.full(shape, -1000.0)
    hounsfield[body] = 45
    hounsfield[lungs & body] = -850
    hounsfield[spine] = 420
    hounsfield[nodule] = 30
    hounsfield += np.random.default_rng(3).normal(scale=14, size=shape)
    stored = np.clip(np.rint(hounsfield + 1024), -2048, 4095).astype("<i2")
    described = _described(
        "2.1",
        modality="CT",
        description="Thorax 1,25 mm",
        stored=stored,
        spacing_mm=[0.7, 0.7],
        slice_spacing_mm=1.25,
        windows=[{"center": -600.0, "width": 1500.0, "label": "LUNG"}],
        intercept=-1024.0,
    )
    return Picture(described=described, frames=_bytes(stored), stored=stored), nodule


@cache
def radiograph() -> Picture:
    """Return one MONOCHROME1 image of 300 x 260, 12 bits."""
    y, x = np.mgrid[-1:1:300j, -1:1:260j]
    hand = np.exp(-((x / 0.5) ** 2) - (y / 0.8) ** 2) * 2600 + np.random.default_rng(5).normal(scale=20, size=x.shape)
    stored = np.clip(3800 - hand, 0, 4095).astype("<u2")[None]
    described = _described(
        "3.1",
        modality="DX",
        description="Poignet face",
        stored=stored,
        spacing_mm=[0.2, 0.2],
        slice_spacing_mm=None,
        windows=[{"center": 2500.0, "width": 3000.0, "label": "NORMAL"}],
        inverted=True,
    )
    return Picture(described=described, frames=_bytes(stored), stored=stored)


@cache
def ultrasound() -> Picture:
    """Return one RGB image of 120 x 160."""
    row, column = np.mgrid[0:120, 0:160]
    stored = np.stack([row * 2 % 256, column % 256, (row + column) % 256], axis=-1).astype("u1")[None]
    described = _described(
        "4.1",
        modality="US",
        description="Doppler",
        stored=stored,
        spacing_mm=None,
        slice_spacing_mm=None,
        windows=[],
        kind="rgb8",
    )
    return Picture(described=described, frames=_bytes(stored), stored=stored)


def _bytes(stored: NDArray[Any]) -> tuple[bytes, ...]:
    return tuple(frame.tobytes() for frame in stored)


def _described(
    tail: str,
    *,
    modality: str,
    description: str,
    stored: NDArray[Any],
    spacing_mm: list[float] | None,
    slice_spacing_mm: float | None,
    windows: list[dict[str, Any]],
    kind: str = "gray16",
    intercept: float = 0.0,
    inverted: bool = False,
) -> dict[str, Any]:
    frames, rows, columns = stored.shape[:3]
    edges = {"left": "R", "right": "L", "top": "A", "bottom": "P"} if modality in {"MR", "CT"} else None
    return {
        "series": f"{ROOT}.{tail}",
        "modality": modality,
        "description": description,
        "rows": rows,
        "columns": columns,
        "frames": frames,
        "pixel": {
            "kind": kind,
            "signed": stored.dtype.kind == "i",
            "slope": 1.0,
            "intercept": intercept,
            "inverted": inverted,
        },
        "spacing_mm": spacing_mm,
        "slice_spacing_mm": slice_spacing_mm,
        "windows": windows,
        "instances": [
            {
                "sop_instance_uid": f"{ROOT}.{tail}.{at + 1}",
                "frame": 1,
                "position_mm": at * slice_spacing_mm if slice_spacing_mm else None,
                "edges": edges,
            }
            for at in range(frames)
        ],
    }
