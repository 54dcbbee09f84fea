"""The two sampling graphs of the recipe "volume-mask", as ONNX."""

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper

OPSET = 20
"""First version with AffineGrid and with GridSample in five dimensions."""

IR_VERSION = 9
"""The file format of opset 20."""


def preprocess() -> bytes:
    """Return the graph that samples a volume: clipped to [0, ceiling], trilinear, averaged over 2 x 2 x 2."""
    return serialised(
        "preprocess",
        [
            *_sampling("source"),
            helper.make_node("Constant", [], ["floor"], value=_scalar(0.0)),
            helper.make_node("Clip", ["there", "floor", "ceiling"], ["clipped"]),
            helper.make_node("AveragePool", ["clipped"], ["sampled"], kernel_shape=[2, 2, 2], strides=[2, 2, 2]),
        ],
        {"source": [1, 1, "S", "R", "C"], "theta": [1, 3, 4], "size": [5], "ceiling": []},
        ("sampled", TensorProto.FLOAT, [1, 1, "I", "J", "K"]),
    )


def postprocess() -> bytes:
    """Return the graph that samples a probability at the voxels of the source and says which are above a threshold."""
    return serialised(
        "postprocess",
        [*_sampling("probability"), helper.make_node("Greater", ["there", "threshold"], ["inside"])],
        {"probability": [1, 1, "I", "J", "K"], "theta": [1, 3, 4], "size": [5], "threshold": []},
        ("inside", TensorProto.BOOL, [1, 1, "S", "R", "C"]),
    )


def serialised(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    *outputs: tuple[str, int, Sequence[int | str]],
    initialisers: Sequence[onnx.TensorProto] = (),
    metadata: Mapping[str, str] | None = None,
    opsets: Mapping[str, int] | None = None,
) -> bytes:
    """Return a checked model; the same arguments give the same bytes."""
    graph = helper.make_graph(
        list(nodes),
        name,
        [
            helper.make_tensor_value_info(key, TensorProto.INT64 if key == "size" else TensorProto.FLOAT, shape)
            for key, shape in inputs.items()
        ],
        [helper.make_tensor_value_info(*output) for output in outputs],
        list(initialisers),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in (opsets or {"": OPSET}).items()],
        producer_name="aval",
        ir_version=IR_VERSION,
    )
    for key, value in sorted((metadata or {}).items()):
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _sampling(data: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("AffineGrid", ["theta", "size"], ["grid"], align_corners=1),
        helper.make_node("GridSample", [data, "grid"], ["there"], mode="linear", padding_mode="zeros", align_corners=1),
    ]


def _scalar(value: float) -> onnx.TensorProto:
    return helper.make_tensor("value", TensorProto.FLOAT, [], [value])
