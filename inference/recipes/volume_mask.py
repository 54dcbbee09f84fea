"""The recipe "volume-mask": a series to one structure, drawn on the very voxels the scanner gave.

The volume is sampled onto a cube in the patient's axes, the network answers on the cube, and the answer is sampled back
at the centre of every source voxel. Both samplings are trilinear and run as ONNX graphs of the package, in slabs, so
that they are part of the version and need little memory.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from guarantee.content import Finding, KeyImage, Origin, Presence, Quantity, Text
from guarantee.errors import ModelFailed, NotEligible
from guarantee.inputs import Inputs, Slice, Volume
from guarantee.mask import Grid, Mask
from guarantee.ports import Proposal, ProposedSegment
from inference.card import MODEL_FILE
from inference.recipes.grid import (
    Box,
    Cube,
    box_in_source,
    box_of_source,
    cube_over,
    extents_mm,
    theta_to_cube,
    theta_to_source,
    voxel_mm3,
)
from inference.recipes.parameters import VolumeMask
from inference.recipes.wording import in_language, number
from inference.session import Session, require_finite

SLAB_VOXELS: Final = 1 << 20
"""Voxels sampled at once. Their coordinates take 12 bytes each: 12 MiB a slab instead of 200 MB for a whole cube."""

SEGMENT_NUMBER: Final = 1
"""This recipe draws one structure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found on the source grid.

    Args:
        mask: bool, axes (slice, row, column).
        cut_off: whether it touches the edge of the images or of the cube.
    """

    mask: NDArray[np.bool_]
    cut_off: bool


def propose(inputs: Inputs, parameters: VolumeMask, sessions: Mapping[str, Session], language: str) -> Proposal:
    """Return what the model says of a volume.

    Raises:
        NotEligible: "kind", "geometry", "field-of-view", "constant-image" or "pixels-not-finite".
        ModelFailed: "nonsense", or as Session.run.
    """
    if not isinstance(inputs, Volume):
        raise NotEligible("kind", "this model reads images, not a record")
    require_extent(inputs, parameters)
    cube = cube_over(inputs, size=parameters.grid_size, spacing_mm=float(parameters.grid_mm), pool=parameters.pool)
    sampled = sample(inputs, cube, parameters, sessions["preprocess.onnx"])
    probability = _run(sampled, sessions[MODEL_FILE])
    found = locate(probability, cube, inputs.shape, parameters, sessions["postprocess.onnx"])
    millilitres = Decimal(int(found.mask.sum())) * Decimal(voxel_mm3(inputs)) / 1000
    if millilitres < parameters.volume_min_ml:
        return _absent(inputs, parameters, language)
    return _present(inputs, found, parameters.volume.rounded(millilitres), parameters, language)


def require_extent(volume: Volume, parameters: VolumeMask) -> None:
    """Return when the images reach far enough to show the structure.

    Raises:
        NotEligible: "field-of-view".
    """
    shortest = min(extents_mm(volume))
    if min(volume.shape) < 2 or shortest < parameters.extent_min_mm:
        raise NotEligible(
            "field-of-view",
            f"the images cover {shortest:.0f} mm along their shortest side; at least {parameters.extent_min_mm} mm",
        )


def sample(volume: Volume, cube: Cube, parameters: VolumeMask, session: Session) -> NDArray[np.float32]:
    """Return the volume on the cube, between 0 and 1; axes (i, j, k) = (right, front, head).

    Raises:
        NotEligible: "constant-image" or "pixels-not-finite".
    """
    voxels = np.frombuffer(volume.voxels, dtype=volume.dtype).reshape(volume.shape)
    ceiling = brightness_ceiling(voxels, float(parameters.ceiling_quantile))
    source = voxels.astype(np.float32)[None, None]
    sampled = np.zeros((cube.size,) * 3, dtype=np.float32)
    multiple = 2 * parameters.pool

    def fill(box: Box) -> None:
        (slab,) = session.run(
            source=source,
            theta=theta_to_source(cube, box, volume.shape),
            size=np.array([1, 1, *box.shape], dtype=np.int64),
            ceiling=np.array(ceiling, dtype=np.float32),
        )
        i, j, k = (slice(a // parameters.pool, b // parameters.pool) for a, b in zip(box.start, box.stop, strict=True))
        sampled[i, j, k] = slab[0, 0]

    _in_slabs(fill, box_of_source(cube, volume.shape, parameters.grid_size, multiple), multiple, session.threads)
    brightest = float(sampled.max())
    if brightest <= 0:
        raise NotEligible("constant-image", "nothing but background was sampled")
    return np.asarray(sampled / np.float32(brightest))


def brightness_ceiling(voxels: NDArray[Any], quantile: float) -> float:
    """Return the value below or at which ``quantile`` of the positive voxels lie; one of the values themselves.

    Raises:
        NotEligible: "pixels-not-finite", or "constant-image" when there is no contrast to see anything by.
    """
    if not np.isfinite(voxels).all():
        raise NotEligible("pixels-not-finite", "some pixel values are not numbers")
    positive = voxels[voxels > 0]
    if positive.size == 0 or voxels.min() == voxels.max():
        raise NotEligible("constant-image", "the images show no contrast")
    rank = int(np.ceil(quantile * positive.size)) - 1
    return float(np.partition(positive, rank)[rank])


def locate(
    probability: NDArray[np.float32], cube: Cube, shape: tuple[int, int, int], parameters: VolumeMask, session: Session
) -> Found:
    """Return the largest connected structure, on the source grid."""
    threshold = np.float32(parameters.threshold)
    inside = probability > threshold
    parts, count = ndimage.label(inside)
    mask = np.zeros(shape, dtype=np.bool_)
    if count == 0:
        return Found(mask=mask, cut_off=False)
    sizes = np.bincount(parts.ravel())
    largest = parts == 1 + int(np.argmax(sizes[1:]))
    places = np.nonzero(largest)
    first, last = (np.array([pick(axis) for axis in places]) for pick in (np.min, np.max))
    box = box_in_source(cube, first, last, shape)
    if box is not None:
        _draw(mask, np.where(inside & ~largest, np.float32(0), probability), cube, box, threshold, session)
    edge = _touches_edge(mask) or bool((first == 0).any() or (last == cube.size - 1).any())
    return Found(mask=mask, cut_off=edge)


def key_slices(mask: NDArray[np.bool_], count: int) -> tuple[int, ...]:
    """Return up to ``count`` slices: of each equal part of the structure's reach, the one with the largest area.

    The largest areas overall would be neighbours, which show the same thing three times.
    """
    areas = mask.sum(axis=(1, 2))
    reached = np.flatnonzero(areas)
    parts = np.array_split(np.arange(reached[0], reached[-1] + 1), count)
    return tuple(int(part[np.argmax(areas[part])]) for part in parts if part.size and areas[part].any())


def _run(sampled: NDArray[np.float32], session: Session) -> NDArray[np.float32]:
    (answer,) = session.run(**{session.inputs[0].name: sampled[None, None]})
    if answer.shape != (1, 1, *sampled.shape):
        raise ModelFailed("nonsense", f"the model answered shape {answer.shape} for a cube of {sampled.shape[0]}")
    probability = require_finite(answer)[0, 0]
    if probability.min() < 0 or probability.max() > 1:
        raise ModelFailed("nonsense", "the model answered probabilities outside 0 to 1")
    return np.asarray(probability, dtype=np.float32)


def _draw(
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32],
    cube: Cube,
    box: Box,
    threshold: np.float32,
    session: Session,
) -> None:
    """Set the voxels of ``mask`` in ``box`` whose sampled probability is above the threshold."""

    def fill(slab: Box) -> None:
        (inside,) = session.run(
            probability=probability[None, None],
            theta=theta_to_cube(cube, slab),
            size=np.array([1, 1, *slab.shape], dtype=np.int64),
            threshold=np.array(threshold),
        )
        first, second, third = (slice(a, b) for a, b in zip(slab.start, slab.stop, strict=True))
        mask[first, second, third] = inside[0, 0]

    _in_slabs(fill, box, 1, session.threads)


def _in_slabs(fill: Callable[[Box], None], box: Box, multiple: int, threads: int) -> None:
    """Call ``fill`` for each slab of ``box``. GridSample uses one thread for one channel; this uses them all."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(fill, _slabs(box, multiple=multiple)):
            pass


def _slabs(box: Box, *, multiple: int) -> Iterator[Box]:
    """Yield ``box`` in pieces along its first axis, each a multiple of ``multiple`` and at least 2 thick."""
    _, second, third = box.shape
    thick = max(2, multiple, SLAB_VOXELS // (second * third) // multiple * multiple)
    start = box.start[0]
    while start < box.stop[0]:
        stop = min(start + thick, box.stop[0])
        if box.stop[0] - stop == 1:  # a last piece of one plane has no direction to sample along
            stop += 1
        yield Box(start=(start, *box.start[1:]), stop=(stop, *box.stop[1:]))
        start = stop


def _touches_edge(mask: NDArray[np.bool_]) -> bool:
    return any(bool(np.take(mask, edge, axis=axis).any()) for axis in range(3) for edge in (0, -1))


def _present(volume: Volume, found: Found, millilitres: Decimal, parameters: VolumeMask, language: str) -> Proposal:
    subject, measure = parameters.subject, parameters.volume
    segment = ProposedSegment(
        number=SEGMENT_NUMBER,
        label=subject.label,
        category=subject.category,
        type=subject.type,
        mask=packed(found.mask, volume.slices),
    )
    quantity = Quantity(
        concept=measure.concept, label=measure.label, value=millilitres, unit=measure.unit, origin=Origin.MODEL
    )
    slices = key_slices(found.mask, parameters.key_images)
    return Proposal(
        findings=(_finding(parameters, Presence.PRESENT, (quantity,), SEGMENT_NUMBER),),
        segments=(segment,),
        key_images=tuple(_key_image(volume.slices[index], parameters.key_image) for index in slices),
        inputs=(),
        report=in_language(parameters.present, language, volume=number(millilitres, language)),
        cautions=_cautions(volume, parameters, parameters.cautions.border if found.cut_off else None),
    )


def _absent(volume: Volume, parameters: VolumeMask, language: str) -> Proposal:
    """Say that nothing was found: a negative is said, never left to silence."""
    middle = volume.slices[len(volume.slices) // 2]
    return Proposal(
        findings=(_finding(parameters, Presence.ABSENT, (), None),),
        segments=(),
        key_images=(_key_image(middle, parameters.middle_image),),
        inputs=(),
        report=in_language(parameters.absent, language),
        cautions=_cautions(volume, parameters, parameters.cautions.absent),
    )


def packed(mask: NDArray[np.bool_], slices: tuple[Slice, ...]) -> Mask:
    """Return ``mask`` as the vault keeps it: one bit a pixel, lowest bit first, each frame padded to a byte."""
    frames, rows, columns = mask.shape
    bits = np.packbits(mask.reshape(frames, rows * columns), axis=1, bitorder="little")
    grid = Grid(frames=tuple(s.name for s in slices), rows=rows, columns=columns)
    return Mask(grid=grid, bits=bits.tobytes())


def _finding(
    parameters: VolumeMask, presence: Presence, quantities: tuple[Quantity, ...], segment: int | None
) -> Finding:
    subject = parameters.subject
    return Finding(
        key=subject.key,
        label=subject.label,
        category=subject.category,
        type=subject.type,
        presence=presence,
        site=subject.site,
        laterality=subject.laterality,
        score=None,
        threshold=None,
        quantities=quantities,
        segment=segment,
        regions=(),
        origin=Origin.MODEL,
    )


def _key_image(image: Slice, label: Text) -> KeyImage:
    return KeyImage(
        sop_class_uid=image.sop_class_uid,
        sop_instance_uid=image.sop_instance_uid,
        frame=image.frame or 1,
        label=label,
    )


def _cautions(volume: Volume, parameters: VolumeMask, first: Text | None) -> tuple[Text, ...]:
    unknown_age = parameters.cautions.age_unknown if volume.patient_age_years is None else None
    return tuple(text for text in (first, unknown_age) if text is not None)
