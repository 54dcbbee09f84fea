"""Frames for the viewer: stored values and colours, made and real."""

import hashlib
import json
import warnings
from collections.abc import Callable
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_adapters.image import decode
from dicom_adapters.image.pixels import describe_series, read_frame
from guarantee.errors import NotEligible
from tests.dicom import samples
from tests.dicom.conftest import SHARED
from tests.dicom.samples import capture, to_file

CORPUS = Path(pydicom.__file__).parent / "data" / "test_files"


def listed(datasets: list[Dataset], syntax: str = ExplicitVRLittleEndian) -> list[tuple[str, bytes | Path]]:
    return [(str(dataset.SOPInstanceUID), to_file(dataset, syntax)) for dataset in datasets]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(NotEligible) as refused:
        call()
    assert "DURAND" not in str(refused.value)
    return refused.value.code


def order_of(description: dict[str, Any]) -> list[str]:
    return [instance["sop_instance_uid"] for instance in description["instances"]]


def uids(count: int) -> list[str]:
    return [samples.uid("instance", "1", 1, n) for n in range(count)]


# --------------------------------------------------------------------------------------------------------- the frames


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
)
def test_a_frame_is_its_stored_values(modality: str, syntax: str) -> None:
    dataset = samples.series(modality, slices=1)[0]

    frame = read_frame(to_file(dataset, syntax), 1)

    assert frame == samples.pixels(1, 36, 44, signed=modality == "CT")[0].tobytes()


@pytest.mark.parametrize("kind", ["u1", "i1"])
def test_eight_bits_are_widened_to_sixteen(kind: str) -> None:
    stored = (np.arange(36 * 44) % 256).astype("u1").view(kind).reshape(36, 44)
    image = capture(stored)
    image.BitsStored, image.HighBit = 8, 7

    assert read_frame(to_file(image), 1) == stored.astype(f"<{kind[0]}2").tobytes()
    assert describe_series(listed([image]))["pixel"]["signed"] == (kind == "i1")


def rainbow() -> NDArray[np.uint8]:
    y, x = np.mgrid[:36, :44]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=-1).astype("u1")


def test_colours_are_rgb() -> None:
    image = capture(rainbow(), "RGB")

    description = describe_series(listed([image]))

    assert description["pixel"] == {
        "kind": "rgb8",
        "signed": False,
        "slope": 1.0,
        "intercept": 0.0,
        "inverted": False,
    }
    assert description["windows"] == []
    assert read_frame(to_file(image), 1) == rainbow().tobytes()
    assert read_frame(to_file(image, RLELossless), 1) == rainbow().tobytes()


def test_colours_by_planes_and_of_sixteen_bits_are_rgb() -> None:
    planes = capture(rainbow(), "RGB", PlanarConfiguration=1, PixelData=np.moveaxis(rainbow(), -1, 0).tobytes())
    deep = capture(rainbow().astype("<u2") * 257, "RGB")

    assert read_frame(to_file(planes), 1) == rainbow().tobytes()
    assert read_frame(to_file(deep), 1) == rainbow().tobytes()


def test_a_palette_is_painted() -> None:
    image = capture((np.arange(36 * 44) % 256).astype("u1").reshape(36, 44))
    image.PhotometricInterpretation = "PALETTE COLOR"
    for shift, colour in enumerate(("Red", "Green", "Blue")):
        image[f"{colour}PaletteColorLookupTableDescriptor"] = pydicom.DataElement(
            f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16]
        )
        table = (np.arange(256) * 257 // (shift + 1)).astype("<u2")
        image[f"{colour}PaletteColorLookupTableData"] = pydicom.DataElement(
            f"{colour}PaletteColorLookupTableData", "OW", table.tobytes()
        )

    painted = np.frombuffer(read_frame(to_file(image), 1), "u1").reshape(36, 44, 3)

    index = np.arange(36 * 44) % 256
    assert describe_series(listed([image]))["pixel"]["kind"] == "rgb8"
    for channel in range(3):
        assert np.array_equal(painted[..., channel].ravel(), (index * 257 // (channel + 1)) >> 8)


def test_inverted_grey_keeps_its_values_and_says_so() -> None:
    image = capture(samples.pixels(1, 36, 44)[0], PhotometricInterpretation="MONOCHROME1")

    assert describe_series(listed([image]))["pixel"]["inverted"] is True
    assert read_frame(to_file(image), 1) == samples.pixels(1, 36, 44)[0].tobytes()


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("pixels-unreadable", {"PixelData": b"\0" * 10}),
        ("pixels-unreadable", {"Rows": 0}),
        ("pixels-unreadable", {"Rows": 50}),
        ("too-large", {"Rows": 60_000}),
        ("too-large", {"NumberOfFrames": 1_000_000}),
        ("samples-unsupported", {"BitsAllocated": 32}),
        ("samples-unsupported", {"SamplesPerPixel": 4}),
        ("samples-unsupported", {"PhotometricInterpretation": "HSV"}),
        ("samples-unsupported", {"PhotometricInterpretation": "RGB"}),
        ("samples-unsupported", {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "Rows": 12}),
        ("pixels-unreadable", {"PhotometricInterpretation": "PALETTE COLOR"}),
    ],
)
def test_a_frame_that_cannot_be_shown_is_refused_by_name(code: str, changes: dict[str, object]) -> None:
    image = capture(samples.pixels(1, 36, 44)[0], **changes)

    assert code_of(lambda: read_frame(to_file(image), 1)) == code


@pytest.mark.parametrize("frame", [0, 2, -1])
def test_a_frame_that_does_not_exist_is_refused(frame: int) -> None:
    data = to_file(samples.series("MR", slices=1)[0])

    assert code_of(lambda: read_frame(data, frame)) == "pixels-unreadable"


@pytest.mark.parametrize(
    ("syntax", "size"),
    [
        *product((RLELossless, JPEGLSLossless, JPEG2000Lossless), ((50, 44), (36, 50), (20, 44), (36, 22))),
        *product((JPEGLSLossless, JPEG2000Lossless), ((44, 36),)),  # run-length frames say nothing of their shape
    ],
)
def test_a_coded_frame_of_another_size_than_its_header_is_refused(syntax: str, size: tuple[int, int]) -> None:
    """GDCM ends its process at such a frame, or returns noise."""
    dataset = pydicom.dcmread(BytesIO(to_file(samples.series("MR", slices=1)[0], syntax)))
    dataset.Rows, dataset.Columns = size
    out = BytesIO()
    dataset.save_as(out)

    assert code_of(lambda: read_frame(out.getvalue(), 1)) == "pixels-unreadable"


def test_too_many_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_adapters.image.pixels.FRAMES_MAX", 2)

    assert code_of(lambda: describe_series(listed(samples.series("MR", slices=3)))) == "too-large"


def test_a_frame_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "FRAME_BYTES_MAX", 36 * 44 * 2 - 1)

    assert code_of(lambda: read_frame(to_file(samples.series("MR", slices=1)[0]), 1)) == "too-large"


# ---------------------------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPEG2000.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_ybr_color.dcm",
        "examples_jpeg2k.dcm",
        "examples_palette.dcm",
        "J2K_pixelrep_mismatch.dcm",
    ],
)
def test_a_real_frame_is_what_pydicom_makes_of_it(name: str) -> None:
    data = (CORPUS / name).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(BytesIO(data))
        expected = pydicom.pixels.pixel_array(dataset, index=0)
        frame = read_frame(data, 1)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        expected = pydicom.pixels.apply_color_lut(expected, dataset)
    if expected.ndim == 2:
        expected = expected.astype("<i2" if dataset.PixelRepresentation else "<u2")
    elif expected.dtype.itemsize == 2:
        expected = (expected >> 8).astype("u1")

    assert frame == expected.astype(expected.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_a_real_jpeg_of_twelve_bits_is_an_undecodable_image_and_said_to_be(name: str) -> None:
    assert code_of(lambda: read_frame((CORPUS / name).read_bytes(), 1)) == "pixels-unreadable"


def test_a_syntax_without_a_decoder_is_said_to_be_undecodable() -> None:
    data = to_file(samples.series("MR", slices=1)[0], JPEG2000Lossless)
    htj2k = data.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.20").replace(b".4.20\0\0", b".4.201\0")

    assert code_of(lambda: read_frame(htj2k, 1)) == "pixels-unreadable"


WG04 = ("CT1_UNC", "CT1_J2KR", "CT1_JLSL", "CT1_JPLL", "CT1_RLE", "CT1_J2KI", "CT1_JLSN")
WG04_COLOUR = ("US1_UNC", "US1_J2KR", "US1_RLE", "US1_J2KI")


@pytest.mark.parametrize("name", [*WG04, *WG04_COLOUR])
def test_a_real_image_in_each_syntax_shows_the_pixels_that_were_published(name: str) -> None:
    """The digests were taken with other decoders; the lossless twins share one."""
    path = SHARED / "wg04" / f"{name}.dcm"
    if not path.exists():
        pytest.skip("the WG-04 images are not beside this checkout")
    known = json.loads((SHARED.parent / "MANIFEST.json").read_text())

    shown = hashlib.sha256(read_frame(path, 1)).hexdigest()

    assert shown.startswith(known[f"dicom/wg04/{name}.dcm"]["pixels"][0])
