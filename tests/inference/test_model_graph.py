"""What an ONNX file may ask for."""

import random
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from inference.errors import PackageRefused
from inference.graph import FORBIDDEN, MESSAGES, Tensor, read_graph
from inference.protobuf import fields
from inference.registry import shipped
from tests.inference.builders import age_is_probability, identity_mask
from tests.inference.hostile import CUSTOM, EXTERNAL, nested, train_me


@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_every_field_of_onnx_is_either_known_or_refused_by_name(message: str) -> None:
    known = {number for number, _ in MESSAGES[message].items()}
    refused = {number for kind, number in FORBIDDEN if kind == message}
    descriptor = getattr(onnx, message).DESCRIPTOR
    assert known | refused == {field.number for field in descriptor.fields}
    assert not known & refused


@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_every_message_inside_a_message_is_visited_unless_it_cannot_hold_data(message: str) -> None:
    without_data = {
        "TypeProto",
        "TensorShapeProto",
        "Segment",
        "Tensor",
        "Sequence",
        "Map",
        "Optional",
        "SparseTensor",
        "Opaque",
    }
    for field in getattr(onnx, message).DESCRIPTOR.fields:
        inside = field.message_type.name if field.message_type else ""
        if (message, field.number) not in FORBIDDEN and inside not in without_data:
            assert MESSAGES[message][field.number] == inside, field.name


@pytest.mark.parametrize("place", EXTERNAL)
def test_data_in_another_file_is_refused_wherever_it_is_asked_for(place: str) -> None:
    with pytest.raises(PackageRefused, match="data outside the file"):
        read_graph(EXTERNAL[place]().SerializeToString())


@pytest.mark.parametrize("place", CUSTOM)
def test_operators_that_are_not_onnx_own_are_refused_wherever_they_are_named(place: str) -> None:
    with pytest.raises(PackageRefused, match="only ONNX's own are run"):
        read_graph(CUSTOM[place]().SerializeToString())


def test_a_training_graph_is_refused() -> None:
    with pytest.raises(PackageRefused, match="a training graph"):
        read_graph(train_me().SerializeToString())


def test_a_field_from_a_later_onnx_is_refused() -> None:
    unknown = bytes([0xFA, 0x0F, 0x01, 0x00])  # field 255, one byte
    with pytest.raises(PackageRefused, match="field 255, which this reader does not know"):
        read_graph(age_is_probability() + unknown)


def test_a_second_graph_is_refused_because_readers_merge_it() -> None:
    model = onnx.ModelProto.FromString(age_is_probability())
    twice = model.SerializeToString() + onnx.ModelProto(graph=model.graph).SerializeToString()
    assert len(onnx.ModelProto.FromString(twice).graph.node) == 2 * len(model.graph.node)
    with pytest.raises(PackageRefused, match="2 graphs"):
        read_graph(twice)


def test_a_file_that_onnx_runtime_takes_for_its_own_format_is_refused() -> None:
    model = onnx.ModelProto(producer_name="  ORTM")
    data = model.SerializeToString()
    assert data[4:8] == b"ORTM"
    assert onnx.ModelProto.FromString(data).producer_name == "  ORTM"
    with pytest.raises(PackageRefused, match="own format"):
        read_graph(data)


def test_subgraphs_nested_without_end_are_refused_before_python_runs_out_of_stack() -> None:
    with pytest.raises(PackageRefused, match="nested deeper"):
        read_graph(nested(9).SerializeToString())


def test_what_is_not_a_protocol_buffer_is_refused() -> None:
    for data in (b"", b"\x00", b"not a model at all", b"\x3a\xff\xff\xff\xff\x0f", b"\x0b", b"\x80" * 12, b"\x39\x00"):
        with pytest.raises(PackageRefused):
            read_graph(data)


def test_a_number_is_read_with_its_sign() -> None:
    tensor = onnx.TensorProto(dims=[-2, 3, 2**40])
    assert [field.integer for field in fields(memoryview(tensor.SerializeToString()))] == [-2, 3, 2**40]


def test_inputs_and_outputs_are_read_as_onnx_reads_them() -> None:
    graph = read_graph(identity_mask())
    assert graph.inputs == (Tensor(name="volume", dtype="float32", shape=("N", 1, 16, 16, 16)),)
    assert graph.outputs == (Tensor(name="probability", dtype="float32", shape=("N", 1, 16, 16, 16)),)


def test_an_input_with_a_stored_default_is_not_one_we_must_give() -> None:
    model = onnx.ModelProto.FromString(age_is_probability())
    model.graph.input.append(helper.make_tensor_value_info("hundred", TensorProto.FLOAT, [1]))
    assert [tensor.name for tensor in read_graph(model.SerializeToString()).inputs] == ["features"]


def test_an_input_that_is_no_tensor_is_refused() -> None:
    model = onnx.ModelProto.FromString(age_is_probability())
    model.graph.input.append(
        helper.make_value_info("list", helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [1])))
    )
    with pytest.raises(PackageRefused, match="one type and one shape"):
        read_graph(model.SerializeToString())


def test_an_input_of_text_is_refused() -> None:
    model = onnx.ModelProto.FromString(age_is_probability())
    model.graph.input.append(helper.make_tensor_value_info("words", TensorProto.STRING, [1]))
    with pytest.raises(PackageRefused, match="element type 8"):
        read_graph(model.SerializeToString())


@pytest.mark.parametrize("folder", shipped(), ids=lambda folder: folder.name)
def test_shipped_graphs_are_read_as_onnx_reads_them(folder: Path) -> None:
    for path in folder.glob("*.onnx"):
        ours, theirs = read_graph(path.read_bytes()), onnx.load(path).graph
        for mine, yours in ((ours.inputs, theirs.input), (ours.outputs, theirs.output)):
            assert [tensor.name for tensor in mine] == [value.name for value in yours]
            for tensor, value in zip(mine, yours, strict=True):
                dims = value.type.tensor_type.shape.dim
                assert tensor.shape == tuple(dim.dim_param or dim.dim_value for dim in dims)
                assert tensor.dtype == helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name


def test_no_damaged_file_raises_anything_but_our_own_refusal() -> None:
    draw = random.Random(20260301)
    whole = [age_is_probability(), *(make().SerializeToString() for make in (*EXTERNAL.values(), *CUSTOM.values()))]
    for _ in range(3000):
        data = bytearray(draw.choice(whole))
        for _ in range(draw.randrange(1, 6)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        del data[draw.randrange(len(data)) :: draw.choice((1, 10**9, 10**9))]
        try:
            read_graph(bytes(data))
        except PackageRefused:
            continue


def test_no_damaged_file_that_onnx_still_reads_smuggles_external_data_past_us() -> None:
    draw = random.Random(7)
    whole = [make().SerializeToString() for make in EXTERNAL.values()]
    read = 0
    for _ in range(3000):
        data = bytearray(draw.choice(whole))
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            model = onnx.ModelProto.FromString(bytes(data))
        except Exception:  # noqa: BLE001 - what onnx cannot read is not the question here
            continue
        if "external_data" not in str(model):
            continue
        read += 1
        with pytest.raises(PackageRefused):
            read_graph(bytes(data))
    assert read > 500
