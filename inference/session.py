"""One ONNX model, ready to run. Made from bytes whose digest was checked, never from a path: nothing else is read.

The only module that imports ONNX Runtime, because what must happen before that import happens here.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from guarantee.errors import ModelFailed, Unavailable
from inference.graph import DTYPES, Tensor
from inference.options import CPU, CUDA, NO_TELEMETRY
from inference.tensors import Array as Array  # noqa: PLC0414 - recipes take it from here
from inference.tensors import require_declared

os.environ.update(NO_TELEMETRY)

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

_ERRORS: Final[tuple[type[Exception], ...]] = (
    *(found for found in vars(native).values() if isinstance(found, type) and issubclass(found, Exception)),
    RuntimeError,
    ValueError,
)
"""Everything ONNX Runtime raises: its own classes have no common root, and its Python layer adds two of Python's."""

_WANT_OF_MEMORY: Final = ("bad_alloc", "Failed to allocate memory")
"""How its messages say that memory ran out; it has no class for that."""

_NATIVE: Final[Mapping[str, str]] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    **{f"tensor({name})": name for name in DTYPES.values() if not name.startswith("float")},
    "tensor(float16)": "float16",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How to run.

    Args:
        threads: of one operator.
        providers: execution providers, the wanted one first.
        shrink: give memory back after each run: 30 % slower, but 800 MB do not stay behind a volume.
    """

    threads: int = 2
    providers: tuple[str, ...] = (CPU,)
    shrink: bool = False


class Session:
    """One model."""

    def __init__(self, data: bytes, options: SessionOptions) -> None:
        """Load ``data``.

        Raises:
            ModelFailed: ONNX Runtime does not take it.
            Unavailable: the wanted provider is not there; a silent fall-back to the CPU would be a hundred times
                slower, and its numbers are not those that were validated.
        """
        if options.providers[0] not in ort.get_available_providers():
            raise Unavailable("provider-missing", f"{options.providers[0]} is not part of this ONNX Runtime")
        if options.providers[0] == CUDA:
            ort.preload_dlls()  # finds CUDA and cuDNN where their wheels put them; the loader's own path does not
        try:
            self._session = ort.InferenceSession(data, _options(options), providers=list(options.providers))
        except _ERRORS as error:
            raise _failed("not-loaded", error) from None
        first = self._session.get_providers()[0]
        if first != options.providers[0]:
            raise Unavailable("provider-missing", f"{options.providers[0]} was asked for, {first} would be used")
        self._run_options = ort.RunOptions()
        if options.shrink and first == CPU:
            self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self.threads = options.threads
        self.laps: list[tuple[float, float]] = []
        """Begin and end of each run, by the monotonic clock, in seconds; the child empties it before each case."""
        self.inputs = tuple(_tensor(found) for found in self._session.get_inputs())
        self.outputs = tuple(_tensor(found) for found in self._session.get_outputs())

    def run(self, **inputs: Array) -> tuple[Array, ...]:
        """Return the outputs, in order.

        Raises:
            ModelFailed: out of memory, refused to run, or not the type and shape that the model declares.
        """
        began = time.monotonic()
        try:
            found: Sequence[Array] = self._session.run(None, inputs, self._run_options)
        except _ERRORS as error:
            raise _failed("run-refused", error) from None
        self.laps.append((began, time.monotonic()))
        for tensor, array in zip(self.outputs, found, strict=True):
            require_declared(tensor, array)
        return tuple(found)


def require_finite(array: Array) -> Array:
    """Return ``array`` when every number in it is one.

    Raises:
        ModelFailed: it holds NaN or infinity.
    """
    if not np.isfinite(array).all():
        raise ModelFailed("nonsense", "the model answered with numbers that are not finite")
    return array


def single(array: Array) -> Decimal:
    """Return the one number that ``array`` holds.

    Raises:
        ModelFailed: it holds another count of numbers, or no number.
    """
    if array.shape != (1,):
        raise ModelFailed("nonsense", f"the model answered {array.shape} numbers for one case")
    return Decimal(float(require_finite(array)[0]))


def require_probability(value: Decimal) -> Decimal:
    """Return ``value`` when it lies from 0 to 1.

    Raises:
        ModelFailed: it does not.
    """
    if not 0 <= value <= 1:
        raise ModelFailed("nonsense", "the model answered a probability outside 0 to 1")
    return value


def _options(options: SessionOptions) -> ort.SessionOptions:
    made = ort.SessionOptions()
    made.intra_op_num_threads = options.threads
    made.inter_op_num_threads = 1
    made.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    made.use_deterministic_compute = True
    made.log_severity_level = 4
    # Two sessions that spin burn each other's core: no measurable gain on two cores, and a visible loss beside others.
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without this, four bytes inside the file decide which reader it gets.
    made.add_session_config_entry("session.load_model_format", "ONNX")
    return made


def _failed(code: str, error: Exception) -> ModelFailed:
    """Return what happened, without ONNX Runtime's own words: they can hold values of the input."""
    if any(words in str(error) for words in _WANT_OF_MEMORY):
        return ModelFailed("memory", "the model asked for more memory than its card allows")
    return ModelFailed(code, f"ONNX Runtime refused the model ({type(error).__name__})")


def _tensor(found: Any) -> Tensor:
    dtype = _NATIVE.get(found.type, found.type)
    return Tensor(name=found.name, dtype=dtype, shape=tuple("" if d is None else d for d in found.shape))
