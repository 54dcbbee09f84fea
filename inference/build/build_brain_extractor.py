"""Convert deepbrain 0.1's frozen TensorFlow graph (PyPI, MIT) to ONNX, without TensorFlow.

    pip download --no-deps deepbrain==0.1
    python -m inference.build.build_brain_extractor deepbrain-0.1-py3-none-any.whl inference/packages/brain-extractor

Needs the development environment (onnx). The same wheel gives the same bytes; a test rebuilds and compares.

The network is a 3-D U-Net: three levels down (two convolutions, then a maximum over 2 x 2 x 2), three up (transposed
convolution, concatenation with the level's output, one convolution), a sigmoid. Only the weights are read from the
file; the graph is written here, from the shapes of the weights and the upstream source.
"""

import hashlib
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inference.build.resampling import postprocess, preprocess, serialised
from inference.protobuf import Field, fields

WHEEL_SHA256 = "87c10e8cf906977dfc828320fb0c319e6ff4de460235cfe33a1c04906a8890de"
SIDE = 128
DT_FLOAT = 1
"""TensorFlow's DataType of float32 (types.proto)."""

Weights = dict[str, NDArray[np.float32]]


class Network:
    """The graph while it is being written."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self._weights = weights

    def convolution(self, data: str, name: str, activation: str = "Relu", output: str = "") -> str:
        """Append a convolution with its activation; TensorFlow's SAME padding is the same on both sides here."""
        kernel = self._weights[f"{name}/kernel"]  # depth, height, width, in, out
        pads = [side // 2 for side in kernel.shape[:3]] * 2
        self.nodes.append(
            helper.make_node("Conv", [data, *self._stored(name)], [name], kernel_shape=kernel.shape[:3], pads=pads)
        )
        return self._append(activation, [name], output or f"{name}/active")

    def pooled(self, data: str) -> str:
        """Append a maximum over 2 x 2 x 2."""
        return self._append("MaxPool", [data], f"{data}/pooled", kernel_shape=[2, 2, 2], strides=[2, 2, 2])

    def doubled(self, data: str, name: str, beside: str) -> str:
        """Append a transposed convolution of stride 2 and put ``beside`` after it."""
        kernel = self._weights[f"{name}/kernel"].shape[:3]
        # TensorFlow's SAME with stride 2: an odd kernel overlaps by one, which is cut at the end.
        pads = [0, 0, 0, *(side - 2 for side in kernel)]
        larger = self._append(
            "ConvTranspose", [data, *self._stored(name)], name, kernel_shape=kernel, strides=[2, 2, 2], pads=pads
        )
        return self._append("Concat", [larger, beside], f"{name}/beside", axis=1)

    def _stored(self, name: str) -> list[str]:
        """Keep kernel and bias of ``name``; ONNX wants (out, in, ...), a transposed convolution (in, out, ...)."""
        kept = [f"{name}/kernel"]
        kernel = self._weights[kept[0]].transpose(4, 3, 0, 1, 2)
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(kernel), kept[0]))
        if f"{name}/bias" in self._weights:
            kept.append(f"{name}/bias")
            self.initialisers.append(numpy_helper.from_array(self._weights[kept[1]], kept[1]))
        return kept

    def _append(self, kind: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output


def convert(wheel: Path) -> bytes:
    """Return the ONNX model of the wheel."""
    data = wheel.read_bytes()
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel} is not the deepbrain 0.1 wheel this script knows")
    with zipfile.ZipFile(wheel) as archive:
        net = Network(constants(memoryview(archive.read("deepbrain/models/graph.pb"))))
    level, kept = "volume", []
    for first, second in (("conv3d", "conv3d_1"), ("conv3d_2", "conv3d_3"), ("conv3d_4", "conv3d_5")):
        kept.append(net.convolution(net.convolution(level, first), second))
        level = net.pooled(kept[-1])
    for up, after in (
        ("conv3d_transpose", "conv3d_6"),
        ("conv3d_transpose_1", "conv3d_7"),
        ("conv3d_transpose_2", "conv3d_8"),
    ):
        level = net.convolution(net.doubled(level, up, kept.pop()), after)
    net.convolution(level, "conv3d_9", activation="Sigmoid", output="probability")
    shape: list[int | str] = ["N", 1, SIDE, SIDE, SIDE]
    return serialised(
        "brain-extractor",
        net.nodes,
        {"volume": shape},
        ("probability", TensorProto.FLOAT, shape),
        initialisers=net.initialisers,
        metadata={"source": "PyPI deepbrain 0.1", "licence": "MIT, Ivan Itzcovich"},
    )


def constants(graph: memoryview) -> Weights:
    """Return every float constant of a frozen TensorFlow graph (graph.proto: GraphDef.node = 1)."""
    found = {}
    for node in _parts(graph, 1):
        name, kind = (_parts(node, number)[0].tobytes().decode() for number in (1, 2))  # name = 1, op = 2
        if kind != "Const":
            continue
        for entry in _parts(node, 5):  # attr = 5, a map: key = 1, value = 2; AttrValue.tensor = 8
            key, value = (_parts(entry, number)[0] for number in (1, 2))
            tensors = _parts(value, 8)
            if key.tobytes() == b"value" and tensors:
                array = _array(tensors[0])
                if array is not None:
                    found[name] = array
    return found


def _array(tensor: memoryview) -> NDArray[np.float32] | None:
    """Return a TensorProto's values (tensor.proto), or None when they are not float32."""
    seen = {number: [f for f in fields(tensor) if f.number == number] for number in (1, 2, 4, 5)}
    if not seen[1] or seen[1][0].integer != DT_FLOAT:  # dtype = 1
        return None
    shape = [_dim(dim) for shape in seen[2] for dim in _parts(shape.data, 2)]  # tensor_shape = 2, dim = 2, size = 1
    if seen[4]:  # tensor_content = 4
        return np.frombuffer(seen[4][0].data, "<f4").reshape(shape)
    values = np.concatenate([_floats(found) for found in seen[5]]) if seen[5] else np.zeros(1, "<f4")  # float_val = 5
    return np.full(shape, values[0], "<f4") if values.size == 1 else values.reshape(shape)


def _floats(found: Field) -> NDArray[np.float32]:
    data = found.value
    if isinstance(data, int):
        raise SystemExit("a float is not written as a number of that kind")
    return np.frombuffer(data, "<f4")


def _dim(dim: memoryview) -> int:
    return next((found.integer for found in fields(dim) if found.number == 1), 0)


def _parts(message: memoryview, number: int) -> list[memoryview]:
    return [found.data for found in fields(message) if found.number == number]


def main() -> None:
    """Write the three ONNX files and print their digests for the card."""
    wheel, folder = (Path(argument) for argument in sys.argv[1:3])
    made = {"model.onnx": convert(wheel), "preprocess.onnx": preprocess(), "postprocess.onnx": postprocess()}
    for name, data in made.items():
        (folder / name).write_bytes(data)
        print(f"  {name}: {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
