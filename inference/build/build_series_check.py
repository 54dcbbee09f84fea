"""Write TotalSegmentator's CT-or-MR classifier as ONNX.

    pip download --no-deps TotalSegmentator==2.18.0
    python -m inference.build.build_series_check totalsegmentator-2.18.0-py3-none-any.whl FOLDER

Five forests of XGBoost, one for each fold of their training, on four numbers of the whole volume (Wasserthal et al.,
Radiology: Artificial Intelligence 2023;5:e230024; code and weights Apache-2.0). Where the original counts five votes,
the mean of the five probabilities is given here: the same side of one half on every series we tried, and a number that
says how sure they are.
"""

import hashlib
import math
import sys
import zipfile
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from inference.build import forest
from inference.build.resampling import serialised

WHEEL_SHA256 = "6bc8721786925bfd972bc772a530ff651a1254e0737be47d15cb938ac2dd339a"
FOLDS = [f"totalsegmentator/resources/modality_classifiers_2025_02_24.json.{fold}" for fold in range(5)]
FEATURES = ("mean", "standard deviation", "minimum", "maximum")


def learners(wheel: Path) -> list[dict[str, Any]]:
    """Return the five classifiers as XGBoost describes them."""
    data = wheel.read_bytes()
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel} is not the TotalSegmentator 2.18.0 wheel this script knows")
    with zipfile.ZipFile(wheel) as archive:
        return [forest.read_ubjson(archive.read(name))["learner"] for name in FOLDS]


def nodes_of(learner: dict[str, Any], output: str) -> list[onnx.NodeProto]:
    """Return one forest and its sigmoid."""
    if learner["objective"]["name"] != "binary:logistic":
        raise SystemExit("a fold is not a classifier of two classes")
    base = float(learner["learner_model_param"]["base_score"])
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        [f"raw_{output}"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[math.log(base / (1 - base))],
        **forest.attributes(learner["gradient_booster"]["model"]["trees"]),
    )
    return [trees, helper.make_node("Sigmoid", [f"raw_{output}"], [output])]


def model(wheel: Path) -> bytes:
    """Return the graph: features [N, 4] to the probability of MR [N]."""
    folds = [f"fold_{number}" for number in range(len(FOLDS))]
    nodes = [node for learner, fold in zip(learners(wheel), folds, strict=True) for node in nodes_of(learner, fold)]
    nodes += [
        helper.make_node("Concat", folds, ["folds"], axis=1),
        helper.make_node("ReduceMean", ["folds"], ["probability_mr"], axes=[1], keepdims=0),
    ]
    return serialised(
        "series-check",
        nodes,
        {"features": ["N", len(FEATURES)]},
        ("probability_mr", TensorProto.FLOAT, ["N"]),
        metadata={"features": ", ".join(FEATURES), "source": "PyPI TotalSegmentator 2.18.0, Apache-2.0"},
        opsets={"": 17, "ai.onnx.ml": 3},
    )


def main() -> None:
    """Write the file and print its digest for the card."""
    wheel, folder = (Path(argument) for argument in sys.argv[1:3])
    data = model(wheel)
    (folder / "model.onnx").write_bytes(data)
    print(f"  model.onnx: {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
