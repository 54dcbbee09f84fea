"""The child process that decodes compressed frames: ``python -m dicom_adapters.image.decoding``.

It reads requests from standard input and answers on standard output, one line of JSON and then bytes, each time; it
ends with its input. It holds nothing and is given nothing but one frame: a decoder that crashes here, or worse, takes
no review desk and no inference worker with it. See child.py for the other side.
"""

import json
import os
import resource
import sys
import warnings
from typing import Any, BinaryIO, Final

from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from dicom_adapters.image.child import READY

MEMORY_BYTES_MAX: Final = 4 * 1024**3
"""Most memory of this process, 4 GiB: code, and several copies of the largest frame that decode.py lets through."""


def main() -> None:
    """Answer requests until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # some decoders print; that must not end up between two answers
        answers.write(READY)
        answers.flush()
        _serve(sys.stdin.buffer, answers)


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    for line in requests:
        request = json.loads(line)
        frame = requests.read(request.pop("bytes"))
        try:
            answer, pixels = _decode(frame, **request)
        except Exception as error:  # noqa: BLE001 - decoders of hostile input raise anything; the parent is told
            answer, pixels = {"error": type(error).__name__}, b""
        answers.write(json.dumps(answer | {"bytes": len(pixels)}).encode() + b"\n" + pixels)
        answers.flush()


def _decode(frame: bytes, *, syntax: str, plugin: str, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        array = _array(frame, syntax, plugin, options)
        if complaints and syntax == RLELossless and _holds_more_rows(frame, syntax, plugin, options):
            raise ValueError("the frame holds more rows than its header announces")
    return {"dtype": array.dtype.newbyteorder("<").str, "shape": list(array.shape)}, array.tobytes()


def _array(frame: bytes, syntax: str, plugin: str, options: dict[str, Any]) -> NDArray[Any]:
    array: NDArray[Any]
    array, _ = get_decoder(syntax).as_array(
        encapsulate([frame]), index=0, decoding_plugin=plugin, number_of_frames=1, pixel_keyword="PixelData", **options
    )
    return array


def _holds_more_rows(frame: bytes, syntax: str, plugin: str, options: dict[str, Any]) -> bool:
    """Return whether a run-length frame, which states no size, would do for a taller image; padding is shorter."""
    try:
        _array(frame, syntax, plugin, options | {"rows": options["rows"] + 1})
    except Exception:  # noqa: BLE001 - the answer to the question is no
        return False
    return True


if __name__ == "__main__":
    main()
