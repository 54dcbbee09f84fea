"""The child that decodes compressed frames: what it is given, and what happens when it dies."""

import os
import random
import signal
import threading
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import get_frame
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_adapters.image.child import DecoderChild
from dicom_adapters.image.coded import CodedSize, coded_size
from dicom_adapters.image.pixels import read_frame
from guarantee.errors import NotEligible, Unavailable
from tests.dicom import samples
from tests.dicom.conftest import SHARED
from tests.peers.base import wait_until

CORPUS = Path(pydicom.__file__).parent / "data" / "test_files"
PIXELS = samples.pixels(1, 36, 44)[0]
BYTES = PIXELS.nbytes


def coded(syntax: str = JPEG2000Lossless) -> bytes:
    """Return one compressed frame."""
    dataset = pydicom.dcmread(BytesIO(samples.to_file(samples.series("MR", slices=1)[0], syntax)))
    return bytes(get_frame(dataset.PixelData, 0, number_of_frames=1))


def request(syntax: str = JPEG2000Lossless, plugin: str = "gdcm") -> dict[str, object]:
    options = {
        "rows": 36,
        "columns": 44,
        "samples_per_pixel": 1,
        "bits_allocated": 16,
        "bits_stored": 12,
        "pixel_representation": 0,
        "photometric_interpretation": "MONOCHROME2",
    }
    return {"syntax": syntax, "plugin": plugin, "options": options}


@pytest.fixture
def child() -> Iterator[DecoderChild]:
    made = DecoderChild(deadline_s=20)
    yield made
    made.close()


def pid_of(child: DecoderChild) -> int:
    assert child._process is not None
    return child._process.pid


def test_a_frame_comes_back_decoded(child: DecoderChild) -> None:
    answer, pixels = child.decode(coded(), request(), BYTES)

    assert (answer["dtype"], answer["shape"]) == ("<u2", [36, 44])
    assert pixels == PIXELS.tobytes()


def test_one_child_decodes_one_frame_after_another(child: DecoderChild) -> None:
    for syntax, plugin in ((JPEG2000Lossless, "gdcm"), (JPEGLSLossless, "pyjpegls"), (RLELossless, "pydicom")):
        assert child.decode(coded(syntax), request(syntax, plugin), BYTES)[1] == PIXELS.tobytes()
        first = pid_of(child)
        assert child.decode(coded(syntax), request(syntax, plugin), BYTES)[1] == PIXELS.tobytes()
        assert pid_of(child) == first


def test_threads_may_share_a_child(child: DecoderChild) -> None:
    def run() -> None:
        for _ in range(5):
            seen.append(child.decode(coded(), request(), BYTES)[1])

    seen: list[bytes] = []
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [PIXELS.tobytes()] * 20


def test_a_frame_that_cannot_be_decoded_leaves_the_child_alive(child: DecoderChild) -> None:
    child.decode(coded(), request(), BYTES)
    before = pid_of(child)

    with pytest.raises(NotEligible, match="pixels-unreadable"):
        child.decode(b"no frame", request(JPEGLSLossless, "pyjpegls"), BYTES)

    assert child.decode(coded(), request(), BYTES)[1] == PIXELS.tobytes()
    assert pid_of(child) == before


def test_a_decoder_that_crashes_costs_one_image(child: DecoderChild) -> None:
    child.decode(coded(), request(), BYTES)
    os.kill(pid_of(child), signal.SIGSEGV)

    with pytest.raises(NotEligible, match="crashed"):
        child.decode(coded(), request(), BYTES)

    assert child.decode(coded(), request(), BYTES)[1] == PIXELS.tobytes()


def test_a_decoder_that_hangs_is_ended() -> None:
    child = DecoderChild(deadline_s=20)
    child.decode(coded(), request(), BYTES)
    os.kill(pid_of(child), signal.SIGSTOP)
    child._deadline_s = 0.2

    with pytest.raises(NotEligible, match="took more than"):
        child.decode(coded(), request(), BYTES)

    child._deadline_s = 20
    assert child.decode(coded(), request(), BYTES)[1] == PIXELS.tobytes()
    child.close()


def test_a_child_that_was_killed_from_outside_means_try_again(child: DecoderChild) -> None:
    child.decode(coded(), request(), BYTES)
    os.kill(pid_of(child), signal.SIGKILL)

    with pytest.raises(Unavailable, match="killed from outside"):
        child.decode(coded(), request(), BYTES)


def test_more_pixels_than_were_asked_for_are_not_believed(child: DecoderChild) -> None:
    with pytest.raises(NotEligible):
        child.decode(coded(), request(), BYTES - 1)


def test_a_child_ends_with_its_parents_word() -> None:
    child = DecoderChild()
    child.decode(coded(), request(), BYTES)
    process = child._process
    assert process is not None
    assert process.stdin is not None

    process.stdin.close()

    wait_until(lambda: process.poll() is not None, "the end of the decoder process")
    assert process.returncode == 0
    child.close()


def test_the_child_sees_none_of_our_settings(child: DecoderChild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVAL_DATABASE_PASSWORD", "hunter2")
    child.decode(coded(), request(), BYTES)

    assert b"hunter2" not in Path(f"/proc/{pid_of(child)}/environ").read_bytes()


def test_without_an_interpreter_nothing_can_be_decoded_now(
    child: DecoderChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/interpreter")

    with pytest.raises(Unavailable, match="decoder"):
        child.decode(coded(), request(), BYTES)


def test_a_child_that_does_not_start_is_no_fault_of_the_image(
    child: DecoderChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(Unavailable, match="did not start"):
        child.decode(coded(), request(), BYTES)


# ------------------------------------------------------------------------------------------------------ stated sizes


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("MR_small_jp2klossless.dcm", CodedSize(rows=64, columns=64, samples=1, bits=16)),
        ("MR_small_jpeg_ls_lossless.dcm", CodedSize(rows=64, columns=64, samples=1, bits=16)),
        ("SC_rgb_jpeg_dcmtk.dcm", CodedSize(rows=100, columns=100, samples=3, bits=8)),
        ("JPGExtended.dcm", CodedSize(rows=1024, columns=256, samples=1, bits=12)),
        ("GDCMJ2K_TextGBR.dcm", CodedSize(rows=400, columns=400, samples=3, bits=8)),
    ],
)
def test_a_coded_frame_states_its_size(name: str, size: CodedSize) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(CORPUS / name)

    assert coded_size(get_frame(dataset.PixelData, 0, number_of_frames=1)) == size


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xff\xff",
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 300,
        b"\xff\xd8\x00\x00\x00\x00",
        b"\xff\x4f\xff\x51" + bytes(20),
        b"\xff\x4f\xff\x51" + bytes(60),
        b"\0\0\0\x0cjP  " + bytes(100),
        b"GIF89a",
    ],
)
def test_a_frame_that_states_no_size_is_none(frame: bytes) -> None:
    assert coded_size(frame) is None


# ------------------------------------------------------------------------------------------------------ damaged frames


def _damaged() -> Iterator[bytes]:
    """Yield files with damaged frames; of such, GDCM ends its process at 1 in 30."""
    files = [samples.to_file(samples.series("MR", slices=1)[0], s) for s in (JPEG2000Lossless, JPEGLSLossless)]
    files.append((CORPUS / "SC_rgb_jpeg_dcmtk.dcm").read_bytes())
    lossless = SHARED / "wg04" / "CT1_JPLL.dcm"
    files += [lossless.read_bytes()] if lossless.exists() else []
    chance = random.Random(20261122)
    for n in range(100):
        data = bytearray(files[n % len(files)])
        start = data.index(b"\xe0\x7f\x10\x00") + 28
        for _ in range(chance.choice((1, 2, 5, 20))):
            data[chance.randrange(start, min(len(data), start + chance.choice((200, len(data)))))] = chance.randrange(
                256
            )
        yield bytes(data)


def test_whatever_the_frame_this_process_lives_and_says_why() -> None:
    outcomes = {"shown": 0, "pixels-unreadable": 0}
    for data in _damaged():
        try:
            read_frame(data, 1)
        except NotEligible as error:
            outcomes[error.code] += 1
        else:
            outcomes["shown"] += 1
    assert min(outcomes.values()) > 5, outcomes
