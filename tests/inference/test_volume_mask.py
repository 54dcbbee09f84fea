"""From scanner voxels to the model's cube and back: every half voxel counts."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from guarantee.content import Presence
from guarantee.errors import ModelFailed, NotEligible
from guarantee.inputs import Slice, Volume
from guarantee.mask import Mask
from guarantee.ports import Proposal
from inference.build.resampling import postprocess, preprocess
from inference.card import load_package
from inference.recipes import volume_mask
from inference.recipes.grid import Cube, cube_over, extents_mm, source_to_ras, voxel_mm3
from inference.recipes.parameters import VolumeMask
from inference.recipes.volume_mask import key_slices, locate, packed, propose, sample
from inference.session import Session, SessionOptions
from tests.inference.builders import NOON, constant, helper, mask_package, model_of, record

SIDE = 16
"""Voxels along the cube after pooling: 32 of 4 mm before."""

Array = NDArray[Any]


@pytest.fixture(scope="module")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> VolumeMask:
    package = load_package(mask_package(tmp_path_factory.mktemp("mask")))
    assert isinstance(package.parameters, VolumeMask)
    return package.parameters


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Session]:
    package = load_package(mask_package(tmp_path_factory.mktemp("mask")))
    return {name: Session(package.read(name), SessionOptions(threads=2)) for name in package.files}


def turn(*degrees: float) -> Array:
    """Return a rotation about the first, then the second, then the third axis."""
    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        cosine, sine = np.cos(angle), np.sin(angle)
        first, second = [other for other in range(3) if other != axis]
        matrix = np.eye(3)
        matrix[first, first], matrix[first, second] = cosine, -sine
        matrix[second, first], matrix[second, second] = sine, cosine
        result = matrix @ result
    return result


AXES = {
    "axial": np.diag([1.0, 1.0, 1.0]),
    "axial, head first": np.diag([1.0, 1.0, -1.0]),
    "sagittal": np.array([[0, 0, 1.0], [1.0, 0, 0], [0, -1.0, 0]]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
    "mirrored": np.diag([-1.0, 1.0, 1.0]),
    "oblique": turn(17, -8, 31),
    "doubly oblique sagittal": turn(-12, 25, 5) @ np.array([[0, 0, 1.0], [1.0, 0, 0], [0, -1.0, 0]]),
}
"""Directions of (column, row, slice) in LPS."""


def a_volume(
    axes: str = "axial",
    shape: tuple[int, int, int] = (20, 26, 30),
    spacing_mm: tuple[float, float, float] = (4.0, 3.0, 2.5),
    at: tuple[float, float, float] = (13.7, -41.2, 200.3),
) -> Volume:
    """Return an empty volume; shape and spacing are (slice, row, column), ``at`` is its centre in LPS."""
    affine = np.eye(4)
    affine[:3, :3] = AXES[axes] @ np.diag(spacing_mm[::-1])
    affine[:3, 3] = np.array(at) - affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return Volume(
        voxels=np.zeros(shape, "<f4").tobytes(),
        dtype="<f4",
        shape=shape,
        affine=tuple(float(value) for value in affine.ravel()),
        slices=tuple(Slice(sop_class_uid="1.2", sop_instance_uid=f"2.25.{n}") for n in range(shape[0])),
        modality="MR",
        patient_age_years=40.0,
    )


def places_of(volume: Volume) -> Array:
    """Return [slices, rows, columns, 3]: the RAS coordinates of each voxel, in mm, by the plainest arithmetic."""
    affine = np.array(volume.affine).reshape(4, 4)
    s, r, c = np.indices(volume.shape)
    left, back, head = (row[0] * c + row[1] * r + row[2] * s + row[3] for row in affine[:3])
    return np.stack([-left, -back, head], axis=-1)


def centre_of(volume: Volume) -> Array:
    return places_of(volume).reshape(-1, 3).mean(axis=0)


def cube_places(volume: Volume, side: int = SIDE, spacing_mm: float = 8.0) -> Array:
    """Return [16, 16, 16, 3]: the RAS coordinates of each voxel of the model's cube."""
    steps = (np.indices((side,) * 3) - (side - 1) / 2) * spacing_mm
    return np.asarray(np.moveaxis(steps, 0, -1) + centre_of(volume))


def with_voxels(volume: Volume, voxels: Array, dtype: str = "<f4") -> Volume:
    return replace(volume, voxels=voxels.astype(dtype).tobytes(), dtype=dtype)


def the_cube(volume: Volume) -> Cube:
    return cube_over(volume, size=32, spacing_mm=4.0, pool=2)


@pytest.mark.parametrize("axes", AXES)
def test_a_ramp_is_sampled_exactly_at_the_centre_of_every_cube_voxel(
    axes: str, parameters: VolumeMask, sessions: dict[str, Session]
) -> None:
    volume = a_volume(axes, shape=(60, 62, 64), spacing_mm=(3.1, 2.9, 3.3))
    slope = np.array([0.9, -1.4, 2.2])
    ramp = 400 + (places_of(volume) - centre_of(volume)) @ slope
    got = sample(with_voxels(volume, ramp), the_cube(volume), parameters, sessions["preprocess.onnx"])
    inner = slice(3, -3)  # inside the images whatever their direction
    want = 400 + (cube_places(volume)[inner, inner, inner] - centre_of(volume)) @ slope
    scale = want[5, 5, 5] / got[inner, inner, inner][5, 5, 5]
    assert np.allclose(got[inner, inner, inner] * scale, want, rtol=0, atol=0.01)  # 0.005 mm along the steepest axis


@pytest.mark.parametrize("axes", AXES)
def test_a_plane_through_the_cube_comes_back_as_that_plane_at_every_source_voxel(
    axes: str, parameters: VolumeMask, sessions: dict[str, Session]
) -> None:
    volume = a_volume(axes)
    normal = np.array([0.31, -0.52, 0.79])
    distance = (places_of(volume) - centre_of(volume)) @ normal - 3.3
    probability = 0.5 + ((cube_places(volume) - centre_of(volume)) @ normal - 3.3) / 400
    found = locate(
        probability.astype(np.float32), the_cube(volume), volume.shape, parameters, sessions["postprocess.onnx"]
    )
    sure = np.abs(distance) > 0.01
    assert sure.mean() > 0.99
    assert np.array_equal(found.mask[sure], distance[sure] > 0)


@pytest.mark.parametrize("axes", AXES)
def test_a_ball_comes_back_where_it_was(axes: str, parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume(axes, shape=(44, 50, 54), spacing_mm=(2.5, 2.2, 2.0))
    middle = centre_of(volume) + np.array([6.1, -4.7, 3.9])
    places = places_of(volume)
    radius = np.linalg.norm(places - middle, axis=-1)
    proposal = propose(with_voxels(volume, 1000 / (1 + np.exp((radius - 30) / 2))), parameters, sessions, "fr-FR")
    mask = unpacked(proposal)
    assert np.abs(places[mask].mean(axis=0) - middle).max() < 0.15  # one cube voxel is 8 mm
    (quantity,) = proposal.findings[0].quantities
    assert float(quantity.value) == pytest.approx(mask.sum() * voxel_mm3(volume) / 1000, abs=0.05)
    assert float(quantity.value) == pytest.approx(4 / 3 * np.pi * 30**3 / 1000, rel=0.07)  # curvature, at 8 mm
    assert (mask != (radius < 30)).mean() < 0.02


def unpacked(proposal: Proposal) -> Array:
    (segment,) = proposal.segments
    return bits_of(segment.mask)


def bits_of(mask: Mask) -> Array:
    """Return the mask as the DICOM side reads it: one bit a pixel, row by row, lowest bit first."""
    grid = mask.grid
    pixels = range(grid.rows * grid.columns)
    frames = [[frame[p // 8] >> (p % 8) & 1 for p in pixels] for frame in map(mask.frame, range(len(grid.frames)))]
    return np.array(frames, dtype=bool).reshape(len(grid.frames), grid.rows, grid.columns)


def ball(volume: Volume, radius_mm: float = 25.0, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Array:
    distance = np.linalg.norm(places_of(volume) - centre_of(volume) - at, axis=-1)
    return np.asarray(np.where(distance < radius_mm, 900, 0))


def test_the_same_voxels_give_the_same_bytes_in_every_stored_type(
    parameters: VolumeMask, sessions: dict[str, Session]
) -> None:
    volume = a_volume("oblique")
    voxels = ball(volume)
    answers = [
        propose(with_voxels(volume, voxels, dtype), parameters, sessions, "fr-FR")
        for dtype in ("<i2", "<u2", "<f4", "<i2")
    ]
    assert len({str(answer) for answer in answers}) == 1
    assert len({answer.segments[0].mask.to_bytes() for answer in answers}) == 1


def test_slabs_of_any_thickness_give_the_same_bytes(
    parameters: VolumeMask, sessions: dict[str, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = a_volume("oblique", shape=(21, 27, 31))
    volume = with_voxels(volume, ball(volume))
    whole = propose(volume, parameters, sessions, "fr-FR")
    for voxels in (1, 3000, 10_000):
        monkeypatch.setattr(volume_mask, "SLAB_VOXELS", voxels)
        assert propose(volume, parameters, sessions, "fr-FR") == whole


def test_a_proposal_says_everything_of_what_was_found(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume()
    proposal = propose(with_voxels(volume, ball(volume)), parameters, sessions, "fr-FR")
    (finding,), (segment,) = proposal.findings, proposal.segments
    assert (finding.presence, finding.segment, segment.number, finding.key) == (Presence.PRESENT, 1, 1, "thing")
    assert segment.mask.grid.frames == tuple(image.sop_instance_uid for image in volume.slices)
    value = finding.quantities[0].value
    assert value == value.quantize(Decimal("0.1"))
    assert proposal.report == f"{str(value).replace('.', ',')} mL (fr)"
    assert (proposal.inputs, proposal.cautions) == ((), ())
    mask = unpacked(proposal)
    assert segment.mask.count == mask.sum()


def test_key_images_show_the_largest_area_of_each_third(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume()
    proposal = propose(with_voxels(volume, ball(volume)), parameters, sessions, "fr-FR")
    areas = unpacked(proposal).sum(axis=(1, 2))
    indices = [int(image.sop_instance_uid.removeprefix("2.25.")) for image in proposal.key_images]
    assert len(indices) == 3
    assert indices == sorted(set(indices))
    assert areas[indices[1]] == areas.max()


@pytest.mark.parametrize(
    ("areas", "count", "expected"),
    [
        ([0, 3, 0, 0], 3, (1,)),
        ([0, 3, 4, 0], 3, (1, 2)),
        ([1, 2, 3, 4, 5, 6], 3, (1, 3, 5)),
        ([5, 0, 0, 0, 0, 7], 3, (0, 5)),
        ([1, 2, 3], 1, (2,)),
    ],
)
def test_key_slices_are_at_least_one_and_never_empty(areas: list[int], count: int, expected: tuple[int, ...]) -> None:
    mask = np.zeros((len(areas), 1, 10), dtype=bool)
    for index, area in enumerate(areas):
        mask[index, 0, :area] = True
    assert key_slices(mask, count) == expected


def test_only_the_largest_part_is_drawn(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume(shape=(40, 40, 40), spacing_mm=(3, 3, 3))
    shell, kernel = ball(volume, 54) - ball(volume, 36), ball(volume, 14)
    alone = propose(with_voxels(volume, shell), parameters, sessions, "fr-FR")
    both = propose(with_voxels(volume, shell + kernel), parameters, sessions, "fr-FR")
    assert propose(with_voxels(volume, kernel), parameters, sessions, "fr-FR").segments
    assert both.segments == alone.segments


def test_nothing_found_is_said_and_never_left_to_silence(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume()
    speck = np.ones(volume.shape)
    speck[10, 13, 15] = 900
    for voxels in (ball(volume, 4), speck):
        proposal = propose(with_voxels(volume, voxels), parameters, sessions, "fr-FR")
        (finding,) = proposal.findings
        assert (finding.presence, finding.segment, finding.quantities) == (Presence.ABSENT, None, ())
        assert proposal.segments == ()
        assert proposal.report == "nothing there (fr)"
        assert [caution.fr for caution in proposal.cautions] == ["absent (fr)"]
        assert [image.sop_instance_uid for image in proposal.key_images] == ["2.25.10"]


def test_a_mask_that_touches_the_edge_of_the_images_is_said(
    parameters: VolumeMask, sessions: dict[str, Session]
) -> None:
    volume = a_volume()
    proposal = propose(with_voxels(volume, ball(volume, at=(0.0, 0.0, 30.0))), parameters, sessions, "fr-FR")
    assert [caution.fr for caution in proposal.cautions] == ["border (fr)"]


def test_a_mask_that_touches_the_edge_of_the_cube_is_said(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume(shape=(30, 30, 30), spacing_mm=(7, 7, 7))
    proposal = propose(with_voxels(volume, ball(volume, 80)), parameters, sessions, "fr-FR")
    assert not unpacked(proposal)[[0, -1]].any()
    assert [caution.fr for caution in proposal.cautions] == ["border (fr)"]


def test_an_unknown_age_is_said(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = replace(a_volume(), patient_age_years=None)
    proposal = propose(with_voxels(volume, ball(volume)), parameters, sessions, "fr-FR")
    assert [caution.en for caution in proposal.cautions] == ["age unknown (en)"]


def refusal(volume: Volume, parameters: VolumeMask, sessions: dict[str, Session]) -> str:
    with pytest.raises(NotEligible) as refused:
        propose(volume, parameters, sessions, "fr-FR")
    return refused.value.code


def test_what_only_the_pixels_tell_is_refused(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume()
    bright = np.full(volume.shape, 7.0)
    assert refusal(volume, parameters, sessions) == "constant-image"
    assert refusal(with_voxels(volume, bright), parameters, sessions) == "constant-image"
    assert (
        refusal(with_voxels(volume, -bright * (np.indices(volume.shape)[0] + 1)), parameters, sessions)
        == "constant-image"
    )
    for wrong in (np.nan, np.inf, -np.inf):
        bright[3, 4, 5] = wrong
        assert refusal(with_voxels(volume, bright), parameters, sessions) == "pixels-not-finite"


def test_a_field_of_view_too_small_is_refused(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    for shape in ((9, 26, 30), (20, 13, 30), (20, 26, 15), (1, 26, 30)):
        volume = a_volume(shape=shape)
        assert refusal(with_voxels(volume, np.ones(shape)), parameters, sessions) == "field-of-view"
    flat = a_volume(shape=(1, 60, 60), spacing_mm=(100, 3, 3))
    assert refusal(with_voxels(flat, np.ones(flat.shape)), parameters, sessions) == "field-of-view"


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0])
def test_a_position_that_is_none_is_refused(wrong: float, parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    volume = a_volume()
    affine = list(volume.affine)
    affine[0:12:4] = [wrong] * 3
    assert refusal(replace(volume, affine=tuple(affine)), parameters, sessions) == "geometry"
    projective = (*volume.affine[:12], 0.0, 0.1, 0.0, 1.0)
    assert refusal(replace(volume, affine=projective), parameters, sessions) == "geometry"


def test_a_record_is_refused(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    with pytest.raises(NotEligible, match="reads images, not a record"):
        propose(record(40), parameters, sessions, "fr-FR")
    assert NOON.tzinfo is not None


def test_answers_that_are_no_probabilities_are_a_failure(parameters: VolumeMask, sessions: dict[str, Session]) -> None:
    shape: list[int | str] = ["N", 1, SIDE, SIDE, SIDE]
    volume = a_volume()
    volume = with_voxels(volume, ball(volume))
    for node, words in (
        (helper.make_node("Add", ["volume", "one"], ["probability"]), "outside 0 to 1"),
        (helper.make_node("Sub", ["volume", "one"], ["probability"]), "outside 0 to 1"),
        (helper.make_node("Div", ["volume", "nought"], ["probability"]), "not finite"),
        (helper.make_node("Concat", ["volume", "volume"], ["probability"], axis=0), "answered shape"),
    ):
        model = model_of([node], {"volume": shape}, ("probability", shape), [constant("one", 1), constant("nought", 0)])
        wrong = {**sessions, "model.onnx": Session(model.SerializeToString(), SessionOptions(threads=1))}
        with pytest.raises(ModelFailed, match=words):
            propose(volume, parameters, wrong, "fr-FR")


def test_a_mask_is_packed_as_the_vault_reads_it() -> None:
    draw = np.random.default_rng(3)
    mask = draw.random((3, 5, 7)) > 0.5
    images = tuple(Slice(sop_class_uid="1.2", sop_instance_uid=f"2.25.{n}") for n in range(3))
    assert np.array_equal(bits_of(packed(mask, images)), mask)
    assert np.array_equal(bits_of(Mask.from_bytes(packed(mask, images).to_bytes())), mask)


def test_extents_and_voxels_are_measured_in_the_patient(parameters: VolumeMask) -> None:
    for axes in AXES:
        volume = a_volume(axes)
        assert extents_mm(volume) == pytest.approx((80, 78, 75))
        assert voxel_mm3(volume) == pytest.approx(30)
        assert source_to_ras(volume)[:3] @ (15 - 0.5, 13 - 0.5, 10 - 0.5, 1) == pytest.approx((-13.7, 41.2, 200.3))


def test_the_sampling_graphs_of_the_package_are_those_of_the_build_script() -> None:
    shipped = Path(volume_mask.__file__).parents[1] / "packages" / "brain-extractor"
    assert (shipped / "preprocess.onnx").read_bytes() == preprocess()
    assert (shipped / "postprocess.onnx").read_bytes() == postprocess()
