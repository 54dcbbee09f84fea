"""The series check: what the original says, real series, a header that lies, and what it will not judge."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from guarantee.content import Presence, Text
from guarantee.errors import Malformed, NotEligible, Unavailable
from guarantee.inputs import Slice, Volume
from guarantee.ports import Proposal
from inference.build import forest
from inference.card import Package
from inference.golden import MR_IMAGE
from inference.host import ModelHost
from inference.recipes.series_check import propose, statistics
from inference.recipes.series_parameters import SeriesCheck
from inference.registry import Registry
from inference.session import Session, SessionOptions
from tests.inference import real


@pytest.fixture(scope="module")
def package(catalogue: Registry) -> Package:
    found = catalogue.package("series-check@1.0.0")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def session(package: Package) -> Session:
    return Session(package.read("model.onnx"), SessionOptions(threads=1))


def parameters_of(package: Package) -> SeriesCheck:
    assert isinstance(package.parameters, SeriesCheck)
    return package.parameters


def said_of(volume: Volume, package: Package, session: Session, language: str = "fr-FR") -> Proposal:
    return propose(volume, parameters_of(package), {"model.onnx": session}, language)


def a_ct() -> Volume:
    images = real.series(real.members(real.shared("dicom", "ct_head_phantom_philips.tar.xz")))
    stored = real.volume(images)
    slope, intercept = float(images[0].RescaleSlope), float(images[0].RescaleIntercept)
    units = np.frombuffer(stored.voxels, stored.dtype) * slope + intercept
    return replace(stored, voxels=units.astype("<f4").tobytes(), dtype="<f4")


def an_mr() -> Volume:
    return real.volume(real.series(real.members(real.shared("dicom", "mr_t1_brain_vsseg001_jpegls.tar"))))


def test_the_graph_says_what_another_conversion_says(session: Session) -> None:
    other = Session(real.shared("models", "totalseg_modality.onnx").read_bytes(), SessionOptions(threads=1))
    draw = np.random.default_rng(3)
    columns = [draw.uniform(low, high, 5_000) for low, high in ((-1000, 600), (1, 900), (-2000, 10), (100, 4000))]
    table = np.stack(columns, axis=1).astype(np.float32)
    theirs = dict(zip([tensor.name for tensor in other.outputs], other.run(features=table), strict=True))
    np.testing.assert_allclose(session.run(features=table)[0], theirs["p_mr"], atol=1e-6)


def test_real_series_are_what_they_say(package: Package, worker: ModelHost) -> None:
    for volume in (a_ct(), an_mr()):
        (finding,) = worker.run(package.card, volume).findings
        assert finding.presence is Presence.ABSENT, volume.modality
        assert finding.score is not None
        assert finding.score < parameters_of(package).threshold


@pytest.mark.parametrize(("said", "is_in_truth"), [("MR", "CT"), ("CT", "MR")])
def test_a_header_that_lies_is_contradicted(said: str, is_in_truth: str, package: Package, worker: ModelHost) -> None:
    volume = replace(a_ct() if is_in_truth == "CT" else an_mr(), modality=said)
    proposal = worker.run(package.card, volume)
    (finding,) = proposal.findings
    assert finding.presence is Presence.PRESENT
    assert finding.score is not None
    assert finding.score >= parameters_of(package).threshold
    assert f"annonce {said}, mais les pixels ressemblent à {is_in_truth}" in proposal.report
    assert proposal.cautions == (parameters_of(package).caution,)


def test_a_ct_that_is_not_in_hounsfield_units_is_taken_for_an_mr_as_its_card_says(
    package: Package, session: Session
) -> None:
    ct = a_ct()
    shifted = (np.frombuffer(ct.voxels, ct.dtype) + 1024).astype("<f4")
    proposal = said_of(replace(ct, voxels=shifted.tobytes()), package, session)
    assert proposal.findings[0].presence is Presence.PRESENT
    assert any("Hounsfield" in limit.en for limit in package.card.limits)


def test_the_middle_slice_is_shown(package: Package, session: Session) -> None:
    volume = a_ct()
    proposal = said_of(volume, package, session)
    (image,) = proposal.key_images
    assert image.sop_instance_uid == volume.slices[len(volume.slices) // 2].sop_instance_uid
    assert proposal.cautions == ()
    assert "No contradiction" in said_of(volume, package, session, "en-GB").report


def test_four_numbers_of_the_whole_volume() -> None:
    voxels = np.array([[[1, 2], [3, 6]]], dtype="<i2")
    made = a_volume(voxels)
    assert statistics(made)[0].tolist() == pytest.approx([3.0, 3.5**0.5, 1.0, 6.0])


def a_volume(voxels: np.ndarray, modality: str = "MR") -> Volume:
    slices = tuple(Slice(sop_class_uid=MR_IMAGE, sop_instance_uid=f"2.25.{n + 1}") for n in range(len(voxels)))
    return Volume(
        voxels=voxels.tobytes(),
        dtype=voxels.dtype.str,
        shape=(voxels.shape[0], voxels.shape[1], voxels.shape[2]),
        affine=tuple(np.eye(4).ravel().tolist()),
        slices=slices,
        modality=modality,
        patient_age_years=None,
    )


@pytest.mark.parametrize(
    ("voxels", "modality", "code"),
    [
        (np.full((2, 2, 2), 7, dtype="<i2"), "CT", "constant-image"),
        (np.array([[[1, np.nan]]], dtype="<f4"), "CT", "pixels-not-finite"),
        (np.array([[[1, np.inf]]], dtype="<f4"), "MR", "pixels-not-finite"),
        (np.array([[[1, 2]]], dtype="<i2"), "PT", "modality"),
        (np.array([[[1, 2]]], dtype="<i2"), "", "modality"),
    ],
)
def test_what_it_will_not_judge(
    voxels: np.ndarray, modality: str, code: str, package: Package, session: Session
) -> None:
    with pytest.raises(NotEligible) as refusal:
        said_of(a_volume(voxels, modality), package, session)
    assert refusal.value.code == code


def test_its_settings_are_refused_when_they_mean_nothing(package: Package) -> None:
    parameters = parameters_of(package)
    with pytest.raises(Malformed, match="two modalities"):
        replace(parameters, high="CT")
    with pytest.raises(Malformed, match="placeholders"):
        replace(parameters, agrees=Text(fr="rien", en="nothing"))
    with pytest.raises(Malformed, match="in %"):
        replace(
            parameters, probability=replace(parameters.probability, unit=replace(parameters.probability.unit, code="1"))
        )


def test_the_model_is_rebuilt_byte_for_byte_from_the_published_wheel(package: Package) -> None:
    from bridge.demo.published import Published, obtain
    from inference.build.build_series_check import WHEEL_SHA256, model

    file = "totalsegmentator-2.18.0-py3-none-any.whl"
    wheel = Published(name="totalsegmentator", version="2.18.0", file=file, sha256=WHEEL_SHA256)
    try:
        path: Path = obtain(wheel, real.CACHE)
    except Unavailable as reason:
        real.missing(str(reason))
    assert model(path) == package.read("model.onnx")


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{i\x01a[$l#i\x02\x00\x00\x00\x01\xff\xff\xff\xfei\x01bSi\x02ok}", {"a": [1, -2], "b": "ok"}),
        (b"[TFZi\x05]", [True, False, None, 5]),
        (b"[#i\x02U\xffd\x3f\x80\x00\x00", [255, 1.0]),
    ],
)
def test_ubjson_is_read(data: bytes, value: object) -> None:
    assert forest.read_ubjson(data) == value


@pytest.mark.parametrize("data", [b"[x]", b"[$l@", b"?"])
def test_what_is_not_ubjson_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match="byte"):
        forest.read_ubjson(data)
