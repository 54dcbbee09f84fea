"""The messages of KServe's inference protocol, version 2, that a worker sends and reads; nothing else of it.

Written here rather than generated: five messages, read as strictly as a child's, without a second protobuf runtime.
Source: kserve.github.io, "Open Inference Protocol"; Triton's extension "model repository" for `load`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from inference.errors import PackageRefused, WireBroken
from inference.graph import Tensor
from inference.protobuf import Field, Wire, fields
from inference.tensors import DATATYPES, Array

SERVICE: Final = "/inference.GRPCInferenceService"

VERSION: Final = "1"
"""Of every model that we load: a new version of ours has another name there."""

DIMS_MAX: Final = 16
"""Most axes of an answer. Ours have five at most."""


def write_load(name: str, config: str, model: bytes) -> bytes:
    """Return a RepositoryModelLoadRequest that brings its model with it: the server's own folders are not read."""
    parameters = (("config", 3, config.encode()), (f"file:{VERSION}/model.onnx", 4, model))
    entries = (
        _data(3, b"".join((_data(1, key.encode()), _data(2, _data(kind, value))))) for key, kind, value in parameters
    )
    return b"".join((_data(2, name.encode()), *entries))


def write_named(name: str) -> bytes:
    """Return a ModelConfigRequest."""
    return _data(1, name.encode()) + _data(2, VERSION.encode())


def write_infer(name: str, inputs: Mapping[str, Array], outputs: Iterable[str]) -> bytes:
    """Return a ModelInferRequest: tensors as raw little-endian bytes, every output asked for by name."""
    pieces = [_data(1, name.encode()), _data(2, VERSION.encode())]
    for key, array in inputs.items():
        shape = _data(3, b"".join(map(_varint, array.shape)))
        pieces.append(_data(5, _data(1, key.encode()) + _data(2, DATATYPES[array.dtype.name].encode()) + shape))
    pieces += [_data(6, _data(1, key.encode())) for key in outputs]
    pieces += [_data(7, np.ascontiguousarray(array).tobytes()) for array in inputs.values()]
    return b"".join(pieces)


def read_parameters(data: bytes) -> dict[str, str]:
    """Return the parameters of the model configuration in a ModelConfigResponse.

    Raises:
        WireBroken: not one.
    """
    try:
        (config,) = _all(memoryview(data), 1)
        return dict(_entry(entry.data) for entry in _all(config.data, 14))
    except (PackageRefused, ValueError) as error:
        raise WireBroken(f"not the configuration of a model: {error}") from error


def read_infer(data: bytes, name: str, outputs: Sequence[Tensor]) -> tuple[Array, ...]:
    """Return the arrays of a ModelInferResponse, in the order of ``outputs``.

    Raises:
        WireBroken: another model's, another set of outputs, another type, or as many bytes as the shape does not need.
    """
    try:
        found = list(fields(memoryview(data)))
        if [field.text for field in found if field.number == 1] != [name]:
            raise WireBroken("the answer is another model's")
        raw = [field.data for field in found if field.number == 6]
        heads = [_head(field.data) for field in found if field.number == 5]
    except PackageRefused as error:
        raise WireBroken(f"not an answer: {error}") from error
    if len(heads) != len(raw) or sorted(key for key, _, _ in heads) != sorted(tensor.name for tensor in outputs):
        raise WireBroken("the answer has other outputs than those that were asked for")
    arrays = {key: (dtype, shape, bulk) for (key, dtype, shape), bulk in zip(heads, raw, strict=True)}
    return tuple(_array(tensor, *arrays[tensor.name]) for tensor in outputs)


def _array(tensor: Tensor, datatype: str, shape: tuple[int, ...], bulk: memoryview) -> Array:
    dtype = np.dtype(tensor.dtype)
    if datatype != DATATYPES[tensor.dtype] or len(bulk) != math.prod(shape) * dtype.itemsize:
        raise WireBroken(f"{tensor.name} comes as {datatype} in {len(bulk)} bytes for the shape {shape}")
    return np.frombuffer(bulk, dtype=dtype.newbyteorder("<")).reshape(shape)


def _head(output: memoryview) -> tuple[str, str, tuple[int, ...]]:
    found = list(fields(output))
    names = [field.text for number in (1, 2) for field in found if field.number == number]
    if len(names) != 2:
        raise WireBroken("an output has one name and one type")
    key, datatype = names
    shape = tuple(length for field in found if field.number == 3 for length in _lengths(field))
    if len(shape) > DIMS_MAX or min(shape, default=0) < 0:
        raise WireBroken(f"{key[:100]} has no possible shape")
    return key, datatype, shape


def _lengths(field: Field) -> Iterable[int]:
    """Yield the numbers of a repeated field, which is written packed or one by one."""
    if field.wire is Wire.VARINT:
        yield field.integer
        return
    number, shift = 0, 0
    for byte in bytes(field.data):
        number |= (byte & 0x7F) << shift
        shift = shift + 7 if byte & 0x80 else 0
        if not shift:
            yield number
            number = 0


def _entry(entry: memoryview) -> tuple[str, str]:
    """Return key and text of one parameter of a configuration."""
    (key,), (value,) = _all(entry, 1), _all(entry, 2)
    return key.text, "".join(field.text for field in fields(value.data) if field.number == 1)


def _all(message: memoryview, number: int) -> list[Field]:
    return [field for field in fields(message) if field.number == number]


def _data(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | Wire.BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
