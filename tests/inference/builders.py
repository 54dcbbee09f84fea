"""Small model packages, honest and hostile, made of nothing but `onnx`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from guarantee.inputs import Coded, Reading, Record
from inference.build.resampling import postprocess, preprocess

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

HEART_RATE = Coded(code="8867-4", scheme="LN", meaning="Heart rate")


def text(words: str) -> dict[str, str]:
    return {"fr": f"{words} (fr)", "en": f"{words} (en)"}


def coded(code: str) -> dict[str, str]:
    return {"code": code, "scheme": "99TEST", "meaning": code}


SUBJECT = {"key": "thing", "label": text("Thing"), "category": coded("category"), "type": coded("type")}

COMMON: dict[str, Any] = {
    "schema": "aval.card/1",
    "name": "probe",
    "version": "1.0.0",
    "label": text("Probe"),
    "manufacturer": "Tests",
    "purpose": text("To be tested"),
    "limits": [text("Only for tests")],
    "regulatory": {"status": "research", "device_class": "", "udi": "", "statement": text("Not for care")},
    "mode": "care",
    "policy": "validate-each",
    "envelope": [],
    "needs": ["age"],
    "deadline_s": 20,
    "memory_mb": 256,
    "licence": "Apache-2.0",
    "attribution": "none",
    "figures": [],
}

SCORE_PARAMETERS: dict[str, Any] = {
    "required": ["age"],
    "readings_min": 0,
    "future_s": 300,
    "subject": SUBJECT,
    "probability": {
        "concept": coded("probability"),
        "label": text("Probability"),
        "unit": {"code": "%", "scheme": "UCUM", "meaning": "percent"},
        "step": Decimal("0.1"),
    },
    "report": text("{probability} % from {used} of {total}, without {missing}"),
    "none_missing": text("nothing"),
    "cautions": {name: text(f"{name}: {{features}}") for name in ("missing", "implausible", "stale", "unit", "future")},
    "features": [
        {"name": "age", "label": text("Age"), "code": coded("age"), "unit": "a", "minimum": -1, "maximum": 10**13},
        {
            "name": "heart_rate",
            "label": text("Heart rate"),
            "code": {"code": "8867-4", "scheme": "LN", "meaning": "Heart rate"},
            "unit": "/min",
            "minimum": 20,
            "maximum": 300,
            "fresh_s": 3600,
            "accepts": [
                {"codes": ["8867-4"], "unit": "/min"},
                {"codes": ["8867-4", "99-1"], "unit": "Hz", "multiply": 60},
            ],
        },
    ],
}

MASK_PARAMETERS: dict[str, Any] = {
    "grid_mm": 4,
    "grid_size": 32,
    "pool": 2,
    "ceiling_quantile": 1,
    "threshold": Decimal("0.5"),
    "extent_min_mm": 40,
    "volume_min_ml": 5,
    "key_images": 3,
    "subject": SUBJECT,
    "volume": {
        "concept": coded("volume"),
        "label": text("Volume"),
        "unit": {"code": "mL", "scheme": "UCUM", "meaning": "milliliter"},
        "step": Decimal("0.1"),
    },
    "present": text("{volume} mL"),
    "absent": text("nothing there"),
    "key_image": text("key"),
    "middle_image": text("middle"),
    "cautions": {"absent": text("absent"), "border": text("border"), "age_unknown": text("age unknown")},
}


class _Dumper(yaml.SafeDumper):
    """Writes decimals as YAML floats, and no aliases: a card has none."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", f"{value:f}"))


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_package(folder: Path, files: Mapping[str, bytes], card: Mapping[str, Any]) -> Path:
    """Write a package; digests of ``files`` are filled in, so that a card can only be wrong where a test says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    full = {"files": {name: digest_of(data) for name, data in files.items()}, **card}
    write_card(folder, full)
    return folder


def write_card(folder: Path, plain: Mapping[str, Any]) -> None:
    """Write the card of ``folder``."""
    (folder / "card.yaml").write_text(yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False))


def score_package(folder: Path, model: bytes, parameters: Mapping[str, Any] | None = None, **card: Any) -> Path:
    """Write a package of the recipe "readings-score" with two features: age and heart rate."""
    features = {**SCORE_PARAMETERS, **(parameters or {})}
    return write_package(
        folder,
        {"model.onnx": model},
        {
            **COMMON,
            "kind": "record",
            "inputs": [{"name": "features", "dtype": "float32", "shape": ["N", len(features["features"])]}],
            "outputs": [{"name": "probability", "dtype": "float32", "shape": ["N"]}],
            "recipe": "readings-score",
            "parameters": features,
            **card,
        },
    )


def mask_package(
    folder: Path, model: bytes | None = None, parameters: Mapping[str, Any] | None = None, **card: Any
) -> Path:
    """Write a package of the recipe "volume-mask" on a cube of 16 voxels; by default the model repeats its input."""
    shape = ["N", 1, 16, 16, 16]
    return write_package(
        folder,
        {
            "model.onnx": identity_mask() if model is None else model,
            "preprocess.onnx": preprocess(),
            "postprocess.onnx": postprocess(),
        },
        {
            **COMMON,
            "kind": "study",
            "inputs": [{"name": "volume", "dtype": "float32", "shape": shape}],
            "outputs": [{"name": "probability", "dtype": "float32", "shape": shape}],
            "recipe": "volume-mask",
            "parameters": {**MASK_PARAMETERS, **(parameters or {})},
            "memory_mb": 1024,
            **card,
        },
    )


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    output: tuple[str, Sequence[int | str]],
    initialisers: Sequence[onnx.TensorProto] = (),
    opset: int = 20,
) -> onnx.ModelProto:
    """Return a model of float32 inputs and one float32 output."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        list(initialisers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def score_model(nodes: Sequence[onnx.NodeProto], *initialisers: onnx.TensorProto) -> onnx.ModelProto:
    """Return a model from "features" [N, 2] to "probability" [N]; nodes may use "age" [N], see FIRST."""
    return model_of(
        [*FIRST, *nodes],
        {"features": ["N", 2]},
        ("probability", ["N"]),
        [numpy_helper.from_array(np.array(0, dtype=np.int64), "zero"), *initialisers],
    )


FIRST = [helper.make_node("Gather", ["features", "zero"], ["age"], axis=1)]


def constant(name: str, *values: float, dtype: Any = np.float32) -> onnx.TensorProto:
    """Return a stored vector."""
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def age_is_probability() -> bytes:
    """Return an honest model: the probability is age / 100."""
    return score_model(
        [helper.make_node("Div", ["age", "hundred"], ["probability"])], constant("hundred", 100)
    ).SerializeToString()


def identity_mask() -> bytes:
    """Return a model that gives its volume back as probability."""
    shape: list[int | str] = ["N", 1, 16, 16, 16]
    nodes = [helper.make_node("Identity", ["volume"], ["probability"])]
    return model_of(nodes, {"volume": shape}, ("probability", shape)).SerializeToString()


def record(age: float | None, *readings: Reading) -> Record:
    """Return a record gathered at noon."""
    return Record(readings=readings, age_years=None if age is None else Decimal(str(age)), sex="F", at=NOON)


def reading(
    value: str, unit: str = "/min", *, code: Coded = HEART_RATE, hours_ago: float = 0.1, source: str = "Observation/1"
) -> Reading:
    """Return a heart rate, or another reading."""
    taken_at = NOON - timedelta(hours=hours_ago)
    return Reading(code=code, value=Decimal(value), unit=unit, taken_at=taken_at, source=source)


def examined_package(folder: Path, *, says: int, expects: int, **card: Any) -> Path:
    """Write an honest package whose golden case, ``says`` years old, expects another number when a test says so."""
    return answering_package(folder, {says: expects}, **card)


def answering_package(folder: Path, golden: Mapping[int | None, int], model: bytes | None = None, **card: Any) -> Path:
    """Write a package with golden cases: for each age what is expected; for None that it is refused."""
    folder.mkdir(parents=True)
    cases = [
        {
            "name": "known" if len(golden) == 1 else f"known {age}",
            "record": {"age_years": age, "readings": []},
            "expect": {"not_eligible": "inputs-missing"} if age is None else {"presence": "present", "value": expects},
        }
        for age, expects in golden.items()
    ]
    written, graph = json.dumps(cases).encode(), age_is_probability() if model is None else model
    (folder / "golden.json").write_bytes(written)
    files = {"model.onnx": digest_of(graph), "golden.json": digest_of(written)}
    return score_package(folder, graph, files=files, **card)
