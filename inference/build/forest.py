"""XGBoost's trees as ONNX writes them, and the binary JSON that XGBoost keeps them in."""

import struct
from collections.abc import Sequence
from typing import Any, Final

_NUMBERS: Final = {ord(code): struct.Struct(f">{form}") for code, form in zip("iUIlLdD", "bBhiqfd", strict=True)}
"""UBJSON, draft 12: type markers of numbers, big-endian."""


def attributes(trees: list[dict[str, Any]]) -> dict[str, Any]:
    """Return XGBoost's trees as ONNX writes them: one list per property, over all nodes of all trees."""
    leaves = [[left == -1 for left in tree["left_children"]] for tree in trees]
    places = [(t, n, leaves[t][n]) for t, tree in enumerate(trees) for n in range(len(tree["left_children"]))]

    def of(name: str, default: float) -> list[Any]:
        return [default if leaf else trees[t][name][n] for t, n, leaf in places]

    ends = [(t, n) for t, n, leaf in places if leaf]
    return {
        "nodes_treeids": [t for t, _, _ in places],
        "nodes_nodeids": [n for _, n, _ in places],
        "nodes_featureids": of("split_indices", 0),
        "nodes_modes": ["LEAF" if leaf else "BRANCH_LT" for _, _, leaf in places],
        "nodes_values": [float(value) for value in of("split_conditions", 0.0)],
        "nodes_truenodeids": of("left_children", 0),
        "nodes_falsenodeids": of("right_children", 0),
        "nodes_missing_value_tracks_true": [int(left) for left in of("default_left", 0)],
        "target_treeids": [t for t, _ in ends],
        "target_nodeids": [n for _, n in ends],
        "target_ids": [0] * len(ends),
        "target_weights": [float(trees[t]["split_conditions"][n]) for t, n in ends],
    }


def read_ubjson(data: bytes) -> Any:
    """Return what a UBJSON document says, in the part of draft 12 that XGBoost 2 writes."""
    return _value(data, 1, data[0])[0]


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    """Return a value of type ``kind`` that begins at ``at``, and where it ends."""
    if kind in _NUMBERS:
        return _NUMBERS[kind].unpack_from(data, at)[0], at + _NUMBERS[kind].size
    match chr(kind):
        case "T" | "F" | "Z":
            return {"T": True, "F": False, "Z": None}[chr(kind)], at
        case "S":
            size, at = _value(data, at + 1, data[at])
            return data[at : at + size].decode(), at + size
        case "[" if data[at : at + 1] == b"$":
            return _strip(data, at + 1)
        case "[":
            return _list(data, at)
        case "{":
            return _object(data, at)
    raise ValueError(f"byte {at - 1}: no type of UBJSON is marked {kind:#04x}")


def _strip(data: bytes, at: int) -> tuple[Sequence[Any], int]:
    """Return numbers of one type: their type, #, their count, and then they follow without a marker each."""
    number = _NUMBERS[data[at]]
    if data[at + 1 : at + 2] != b"#":
        raise ValueError(f"byte {at + 1}: an array of one type gives its count")
    count, at = _value(data, at + 3, data[at + 2])
    end = at + count * number.size
    return [found[0] for found in number.iter_unpack(data[at:end])], end


def _list(data: bytes, at: int) -> tuple[list[Any], int]:
    found = []
    if data[at : at + 1] == b"#":  # counted: no end is marked
        count, at = _value(data, at + 2, data[at + 1])
        for _ in range(count):
            item, at = _value(data, at + 1, data[at])
            found.append(item)
        return found, at
    while data[at : at + 1] != b"]":
        item, at = _value(data, at + 1, data[at])
        found.append(item)
    return found, at + 1


def _object(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    found = {}
    while data[at : at + 1] != b"}":
        size, at = _value(data, at + 1, data[at])
        key, at = data[at : at + size].decode(), at + size
        found[key], at = _value(data, at + 1, data[at])
    return found, at + 1
