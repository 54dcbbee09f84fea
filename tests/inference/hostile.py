"""Models that do what a model must not do. Each behaves as long as the age is below 1, so that the next run shows
whether the host has recovered."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.inference.builders import constant, model_of, score_model


def endless() -> bytes:
    """Loops 10^15 times for each whole year of the highest age."""
    return _looping(
        helper.make_node("Floor", ["age"], ["years"]),
        helper.make_node("Mul", ["years", "many"], ["times"]),
        helper.make_node("ReduceMax", ["times"], ["longest"], keepdims=1),
        helper.make_node("Cast", ["longest"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["whole"], ["trips"]),
        many=1e15,
    )


def slow(trips: int) -> bytes:
    """Loops so many times, whatever the age."""
    return _looping(
        helper.make_node("Cast", ["many"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["whole"], ["trips"]),
        many=trips,
    )


def _looping(*counting: onnx.NodeProto, many: float) -> bytes:
    return score_model(
        [
            *counting,
            helper.make_node("Loop", ["trips", "", "start"], ["sum"], body=_loop_body()),
            helper.make_node("Clip", ["sum", "nought", "one"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["probability"]),
        ],
        constant("many", many),
        numpy_helper.from_array(np.array(0.25, dtype=np.float32), "start"),
        numpy_helper.from_array(np.array(0, dtype=np.float32), "nought"),
        numpy_helper.from_array(np.array(1, dtype=np.float32), "one"),
        constant("shape", -1, dtype=np.int64),
    ).SerializeToString()


def _loop_body() -> onnx.GraphProto:
    return helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Mul", ["before", "before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, []),
        ],
    )


def greedy() -> bytes:
    """Fills 2.5 x 10^9 floats, 10 GB, for each whole year of age."""
    return score_model(
        [
            helper.make_node("Floor", ["age"], ["years"]),
            helper.make_node("Mul", ["years", "giga"], ["size"]),
            helper.make_node("Cast", ["size"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Add", ["whole", "one"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["filled"], value=constant("value", 0.5)),
            helper.make_node("ReduceMax", ["filled"], ["probability"], keepdims=1),
        ],
        constant("giga", 2.5e9),
        constant("one", 1, dtype=np.int64),
    ).SerializeToString()


def greedy_at_load() -> bytes:
    """Asks for 10 GB as soon as constants are folded, before any run."""
    return score_model(
        [
            helper.make_node("ConstantOfShape", ["size"], ["filled"], value=constant("value", 0.5)),
            helper.make_node("ReduceMax", ["filled"], ["most"], keepdims=1),
            helper.make_node("Min", ["most", "age"], ["probability"]),
        ],
        constant("size", 2_500_000_000, dtype=np.int64),
    ).SerializeToString()


def not_a_number() -> bytes:
    """Answers log(1 - age): NaN from an age of 1."""
    return score_model(
        [
            helper.make_node("Sub", ["one", "age"], ["less"]),
            helper.make_node("Log", ["less"], ["log"]),
            helper.make_node("Neg", ["log"], ["probability"]),
        ],
        constant("one", 1),
    ).SerializeToString()


def beyond_one() -> bytes:
    """Answers the age itself as a probability."""
    return score_model([helper.make_node("Identity", ["age"], ["probability"])]).SerializeToString()


def two_answers() -> bytes:
    """Answers age + 1 numbers, rounded down."""
    return score_model(
        [
            helper.make_node("Cast", ["age"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Add", ["whole", "one"], ["count"]),
            helper.make_node("ConstantOfShape", ["count"], ["probability"], value=constant("value", 0.5)),
        ],
        constant("one", 1, dtype=np.int64),
    ).SerializeToString()


def out_of_bounds() -> bytes:
    """Reads element number age of a list of one: refused by ONNX Runtime from an age of 1."""
    return score_model(
        [
            helper.make_node("Cast", ["age"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Gather", ["list", "whole"], ["probability"]),
        ],
        constant("list", 0.5),
    ).SerializeToString()


# ------------------------------------------------------------------------------------------------- refused unseen


def _external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../../etc/passwd"), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _stored(name: str = "kept") -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(1, dtype=np.float32), name)


def _sparse(values: onnx.TensorProto, indices: onnx.TensorProto | None = None) -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(values, indices or numpy_helper.from_array(np.zeros(1, np.int64), "places"), [1])


def _with_node(node: onnx.NodeProto) -> onnx.ModelProto:
    return model_of([node], {"features": ["N", 2]}, ("probability", ["N"]))


def _in_initialiser() -> onnx.ModelProto:
    model = _plain()
    model.graph.initializer.append(_external(_stored()))
    return model


def _in_sparse_values() -> onnx.ModelProto:
    model = _plain()
    model.graph.sparse_initializer.append(_sparse(_external(_stored())))
    return model


def _in_sparse_indices() -> onnx.ModelProto:
    model = _plain()
    places = _external(numpy_helper.from_array(np.zeros(1, np.int64), "places"))
    model.graph.sparse_initializer.append(_sparse(_stored(), places))
    return model


def _in_attribute() -> onnx.ModelProto:
    return _with_node(helper.make_node("Constant", [], ["probability"], value=_external(_stored())))


def _in_sparse_attribute() -> onnx.ModelProto:
    return _with_node(helper.make_node("Constant", [], ["probability"], sparse_value=_sparse(_external(_stored()))))


def _in_tensor_list() -> onnx.ModelProto:
    node = helper.make_node("Identity", ["features"], ["probability"])
    attribute = node.attribute.add(name="many", type=onnx.AttributeProto.TENSORS)
    attribute.tensors.append(_external(_stored()))
    return _with_node(node)


def _in_subgraph() -> onnx.ModelProto:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["kept"], ["out"])],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N"])],
        [_external(_stored())],
    )
    return _with_node(helper.make_node("If", ["features"], ["probability"], then_branch=branch, else_branch=branch))


def _in_function() -> onnx.ModelProto:
    model = _plain()
    model.functions.append(_function("", [helper.make_node("Constant", [], ["out"], value=_external(_stored()))]))
    return model


def _location_only() -> onnx.ModelProto:
    model = _plain()
    tensor = _stored()
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.initializer.append(tensor)
    return model


def _in_memory_address() -> onnx.ModelProto:
    """The marker by which ONNX Runtime passes a pointer to itself: read as an address of the process."""
    model = _plain()
    tensor = _external(_stored())
    tensor.external_data[0].value = "*/_ORT_MEM_ADDR_/*"
    model.graph.initializer.append(tensor)
    return model


def _plain() -> onnx.ModelProto:
    return _with_node(helper.make_node("Identity", ["features"], ["probability"]))


def _function(domain: str, nodes: list[onnx.NodeProto]) -> onnx.FunctionProto:
    return helper.make_function(domain, "Own", ["in"], ["out"], nodes, [helper.make_opsetid("", 20)])


EXTERNAL: dict[str, Callable[[], onnx.ModelProto]] = {
    "dense initialiser": _in_initialiser,
    "sparse initialiser, values": _in_sparse_values,
    "sparse initialiser, indices": _in_sparse_indices,
    "attribute": _in_attribute,
    "sparse attribute": _in_sparse_attribute,
    "list of tensors": _in_tensor_list,
    "subgraph": _in_subgraph,
    "function": _in_function,
    "location without address": _location_only,
    "address in memory": _in_memory_address,
}
"""Models that read other files, by the place where they say so."""


def _custom_node() -> onnx.ModelProto:
    return _with_node(helper.make_node("Own", ["features"], ["probability"], domain="com.example"))


def _microsoft() -> onnx.ModelProto:
    return _with_node(helper.make_node("Gelu", ["features"], ["probability"], domain="com.microsoft"))


def _custom_in_subgraph() -> onnx.ModelProto:
    branch = helper.make_graph(
        [helper.make_node("Own", [], ["out"], domain="com.example")],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N"])],
    )
    return _with_node(helper.make_node("If", ["features"], ["probability"], then_branch=branch, else_branch=branch))


def _custom_opset() -> onnx.ModelProto:
    model = _plain()
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def _custom_function() -> onnx.ModelProto:
    model = _plain()
    model.functions.append(_function("com.example", [helper.make_node("Identity", ["in"], ["out"])]))
    return model


CUSTOM: dict[str, Callable[[], onnx.ModelProto]] = {
    "node": _custom_node,
    "node of ONNX Runtime's own set": _microsoft,
    "node in a subgraph": _custom_in_subgraph,
    "operator set": _custom_opset,
    "function": _custom_function,
}
"""Models with operators that ONNX does not define, by the place where they name them."""


def train_me() -> onnx.ModelProto:
    """Return a model that carries a training graph."""
    model = _plain()
    model.training_info.add().algorithm.CopyFrom(model.graph)
    return model


def nested(levels: int) -> onnx.ModelProto:
    """Return a model of If within If, ``levels`` deep."""
    inner: Any = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "innermost", [], [])
    for _ in range(levels):
        inner = helper.make_graph(
            [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)], "level", [], []
        )
    model = _plain()
    model.graph.CopyFrom(inner)
    return model
