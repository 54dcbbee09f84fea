"""Arrays between a child and its host, and what a model declares of them; no ONNX Runtime: the host reads this too."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from guarantee.canonical import Json
from guarantee.errors import ModelFailed
from inference.errors import WireBroken
from inference.graph import Tensor

Array: TypeAlias = NDArray[Any]

DATATYPES: Final[Mapping[str, str]] = {
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "bool": "BOOL",
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16)},
}
"""What the protocol calls the element types that a package may have."""


def write_heads(arrays: Mapping[str, Array]) -> list[Json]:
    """Return name, type and shape of each array; its bytes travel beside it."""
    return [[name, array.dtype.name, list(array.shape)] for name, array in arrays.items()]


def buffers_of(arrays: Mapping[str, Array]) -> tuple[memoryview, ...]:
    """Return the bytes of each array."""
    return tuple(memoryview(array.tobytes()) for array in arrays.values())


def read_arrays(plain: Sequence[Any], buffers: Sequence[memoryview]) -> dict[str, Array]:
    """Return the arrays that the other side wrote.

    Raises:
        WireBroken: it did not write this.
    """
    if len(plain) != len(buffers):
        raise WireBroken(f"{len(plain)} tensors in {len(buffers)} buffers")
    found: dict[str, Array] = {}
    for one, buffer in zip(plain, buffers, strict=True):
        match one:
            case [str(name), str(dtype), list(shape)] if dtype in DATATYPES and all(type(n) is int for n in shape):
                found[name] = _array(dtype, shape, buffer)
            case _:
                raise WireBroken("a tensor has a name, a type and a shape")
    return found


def _array(dtype: str, shape: Sequence[int], buffer: memoryview) -> Array:
    try:
        return np.frombuffer(buffer, dtype=dtype).reshape(shape)
    except ValueError as error:
        raise WireBroken("a tensor has other bytes than its shape needs") from error


def require_declared(tensor: Tensor, array: Array) -> None:
    """Return when ``array`` is what the model declares.

    Raises:
        ModelFailed: it has another type or shape.
    """
    fits = len(array.shape) == len(tensor.shape) and all(
        isinstance(want, str) or want == have for want, have in zip(tensor.shape, array.shape, strict=True)
    )
    if not fits or array.dtype != np.dtype(tensor.dtype):
        raise ModelFailed("nonsense", f"{tensor.name} has shape {array.shape} and type {array.dtype}")
