"""What an ONNX file asks for, seen before ONNX Runtime sees it.

Every message of the file is visited, subgraphs and functions included. Refused: data kept in other files (dense or
sparse), operators that are not ONNX's own, training graphs, and any field this reader does not know: a field that is
not understood is not known to be harmless. `onnx` itself is not imported: it is heavy, and only our tests need it.
Source: onnx.proto3 of ONNX 1.23 (IR version 13); a test compares the table below with it, field by field.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from inference.errors import PackageRefused
from inference.protobuf import Field, Wire, fields

DEPTH_MAX: Final = 24
"""Messages within messages. A Loop within an If within a function is 12; each level is a Python call."""

FIELDS_MAX: Final = 4_000_000
"""Fields visited in one file, about 8 s. A forest of 300 trees has 100,000; big networks keep their numbers in few."""

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Operator sets that ONNX itself defines. Anything else is code that comes from elsewhere."""

ORT_FORMAT_MARK: Final = b"ORTM"
"""Bytes 4 to 8 of ONNX Runtime's own format, which it recognises in any file, even in one that also reads as ONNX."""

DTYPES: Final[Mapping[int, str]] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
}
"""TensorProto.DataType, as far as numpy has the same type."""

MESSAGES: Final[Mapping[str, Mapping[int, str]]] = {
    "ModelProto": {
        **dict.fromkeys((1, 2, 3, 4, 5, 6), ""),
        7: "GraphProto",
        8: "OperatorSetIdProto",
        14: "StringStringEntryProto",
        25: "FunctionProto",
    },
    "GraphProto": {
        **dict.fromkeys((2, 10), ""),
        1: "NodeProto",
        5: "TensorProto",
        **dict.fromkeys((11, 12, 13), "ValueInfoProto"),
        14: "TensorAnnotation",
        15: "SparseTensorProto",
        16: "StringStringEntryProto",
    },
    "NodeProto": {**dict.fromkeys((1, 2, 3, 4, 6, 7, 8), ""), 5: "AttributeProto", 9: "StringStringEntryProto"},
    "AttributeProto": {
        **dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 13, 20, 21), ""),
        **dict.fromkeys((5, 10), "TensorProto"),
        **dict.fromkeys((6, 11), "GraphProto"),
        **dict.fromkeys((14, 15), "TypeProto"),
        **dict.fromkeys((22, 23), "SparseTensorProto"),
    },
    "TensorProto": {**dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14), ""), 16: "StringStringEntryProto"},
    "SparseTensorProto": {**dict.fromkeys((1, 2), "TensorProto"), 3: ""},
    "FunctionProto": {
        **dict.fromkeys((1, 4, 5, 6, 8, 10, 13), ""),
        7: "NodeProto",
        9: "OperatorSetIdProto",
        11: "AttributeProto",
        12: "ValueInfoProto",
        14: "StringStringEntryProto",
    },
    "ValueInfoProto": {**dict.fromkeys((1, 3), ""), 2: "TypeProto", 4: "StringStringEntryProto"},
    "OperatorSetIdProto": {1: "", 2: ""},
    "TensorAnnotation": {1: "", 2: "StringStringEntryProto"},
    "StringStringEntryProto": {1: "", 2: ""},
    "TypeProto": dict.fromkeys((1, 4, 5, 6, 7, 8, 9), ""),
}
"""Each message with the fields that may be in it: number to the message inside, "" for a plain value."""

FORBIDDEN: Final[Mapping[tuple[str, int], str]] = {
    ("ModelProto", 20): "a training graph",
    ("ModelProto", 26): "a device configuration",
    ("NodeProto", 10): "a device configuration",
    ("TensorProto", 13): "data outside the file (external_data)",
}
"""Fields that exist in ONNX and are refused here, each with the words that say what it would bring in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or output.

    Args:
        dtype: as numpy calls it.
        shape: each length, or the name of a length that is only known at the run.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What a file says of itself."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(slots=True)
class _Visit:
    """Count of what was seen so far."""

    seen: int = field(default=0)

    def count(self) -> None:
        self.seen += 1
        if self.seen > FIELDS_MAX:
            raise PackageRefused(f"more than {FIELDS_MAX} fields")


def read_graph(data: bytes) -> Graph:
    """Return the inputs and outputs of the ONNX model in ``data``, after visiting every message in it.

    Raises:
        PackageRefused: not ONNX, or it asks for what a model may not have; the message says what and where.
    """
    if data[4:8] == ORT_FORMAT_MARK:
        raise PackageRefused("this is ONNX Runtime's own format, not ONNX")
    _visit("ModelProto", memoryview(data), "model", 0, _Visit())
    graphs = [found.data for found in fields(memoryview(data)) if found.number == 7]
    if len(graphs) != 1:
        raise PackageRefused(f"model: {len(graphs)} graphs; an ONNX file has one")
    (graph,) = graphs
    stored = {_name(found.data, 8) for found in fields(graph) if found.number == 5}
    inputs = _tensors(graph, 11)
    return Graph(inputs=tuple(t for t in inputs if t.name not in stored), outputs=_tensors(graph, 12))


def _visit(message: str, data: memoryview, where: str, depth: int, visit: _Visit) -> None:
    if depth > DEPTH_MAX:
        raise PackageRefused(f"{where}: nested deeper than {DEPTH_MAX}")
    known = MESSAGES[message]
    for found in fields(data):
        visit.count()
        inner = known.get(found.number)
        if inner is None:
            why = FORBIDDEN.get((message, found.number), f"field {found.number}, which this reader does not know")
            raise PackageRefused(f"{where}: {message} has {why}")
        _check(message, found, where)
        if inner:
            _visit(inner, found.data, f"{where}/{inner.removesuffix('Proto').lower()}", depth + 1, visit)


def _check(message: str, found: Field, where: str) -> None:
    match message, found.number:
        case ("NodeProto", 7) | ("OperatorSetIdProto", 1) | ("FunctionProto", 10):
            if found.text not in DOMAINS:
                raise PackageRefused(f"{where}: operators of {found.text[:80]!r}; only ONNX's own are run")
        case "TensorProto", 14:
            if found.wire is not Wire.VARINT or found.integer != 0:
                raise PackageRefused(f"{where}: TensorProto has data outside the file (data_location)")
        case _:
            return


def _tensors(graph: memoryview, number: int) -> tuple[Tensor, ...]:
    return tuple(_tensor(found.data) for found in fields(graph) if found.number == number)


def _tensor(value_info: memoryview) -> Tensor:
    name = _name(value_info, 1)
    tensor = _single(_single(value_info, 2, name).data, 1, name).data
    kind = _single(tensor, 1, name).integer
    if kind not in DTYPES:
        raise PackageRefused(f"{name}: element type {kind} is not one we give or take")
    dims = [found.data for found in fields(_single(tensor, 2, name).data) if found.number == 1]
    return Tensor(name=name, dtype=DTYPES[kind], shape=tuple(_dim(dim) for dim in dims))


def _dim(dim: memoryview) -> int | str:
    for found in fields(dim):
        if found.number == 1:
            return found.integer
        if found.number == 2:
            return found.text
    return ""


def _name(message: memoryview, number: int) -> str:
    names = _all(message, number)
    return names[-1].text if names else ""


def _single(message: memoryview, number: int, name: str) -> Field:
    """Return the only field ``number``; twice the same would be merged by one reader and not by another."""
    found = _all(message, number)
    if len(found) != 1:
        raise PackageRefused(f"{name}: an input or output is a tensor with one type and one shape")
    return found[0]


def _all(message: memoryview, number: int) -> list[Field]:
    return [found for found in fields(message) if found.number == number]


def compare(declared: Iterable[Tensor], found: Iterable[Tensor], what: str) -> None:
    """Return when the card and the file say the same, in the same order.

    Raises:
        PackageRefused: they differ.
    """
    said, seen = tuple(declared), tuple(found)
    if said != seen:
        raise PackageRefused(f"the card declares {what} {_words(said)}; the file has {_words(seen)}")


def _words(tensors: Iterable[Tensor]) -> str:
    return ", ".join(f"{t.name} {t.dtype}{list(t.shape)}" for t in tensors)[:500] or "none"
