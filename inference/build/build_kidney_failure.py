"""Write the kidney failure risk equation as ONNX.

    python -m inference.build.build_kidney_failure FOLDER

The equation: four variables (age, sex, eGFR, urine albumin-to-creatinine ratio), recalibrated for countries outside
North America (Tangri N et al., JAMA 2016;315:164-174). Where no eGFR is reported, it is computed from creatinine by
CKD-EPI 2021 without race (Inker LA et al., N Engl J Med 2021;385:1737-1749). Both are published formulas; nothing was
trained. Everything inside is computed in float64.
"""

import hashlib
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from inference.build.resampling import serialised

FEATURES = ("age", "sex", "creatinine", "albumin_creatinine_ratio", "egfr")
"""Years; 1 for male and 0 for female; mg/dL; mg/g; mL/min/1.73 m2, NaN when it must be computed."""

SURVIVAL_2_YEARS, SURVIVAL_5_YEARS = 0.9832, 0.9365
"""Without kidney failure, of a patient with average values (JAMA 2016, non-North American recalibration)."""


class Formula:
    """Nodes and constants of a graph, written down as an expression is read."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._names: Iterator[str] = (f"v{number}" for number in count())

    def constant(self, value: float) -> str:
        """Return the name of a number."""
        return self._keep(np.array(value, dtype=np.float64))

    def of(self, operator: str, *inputs: str | float, **attributes: int) -> str:
        """Return the name of an operator's output."""
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        name = next(self._names)
        self.nodes.append(helper.make_node(operator, names, [name], **attributes))
        return name

    def column(self, table: str, index: int) -> str:
        """Return the name of one column of ``table``."""
        return self.of("Gather", table, self._keep(np.array(index, dtype=np.int64)), axis=1)

    def give(self, name: str, output: str) -> None:
        """Make ``name`` an output, in float32."""
        self.nodes.append(helper.make_node("Cast", [name], [output], to=TensorProto.FLOAT))

    def _keep(self, value: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> str:
        name = next(self._names)
        self.constants.append(numpy_helper.from_array(value, name))
        return name


def ckd_epi_2021(f: Formula, creatinine: str, age: str, is_male: str) -> str:
    """Return eGFR: 142 min(Scr/k, 1)^a max(Scr/k, 1)^-1.200 0.9938^age, 1.012 times for women."""
    ratio = f.of("Div", creatinine, f.of("Where", is_male, 0.9, 0.7))
    low = f.of("Pow", f.of("Min", ratio, 1.0), f.of("Where", is_male, -0.302, -0.241))
    high = f.of("Pow", f.of("Max", ratio, 1.0), -1.200)
    product = f.of("Mul", f.of("Mul", f.of("Mul", 142.0, low), high), f.of("Pow", 0.9938, age))
    return f.of("Mul", product, f.of("Where", is_male, 1.0, 1.012))


def kfre(f: Formula, age: str, is_male: str, egfr: str, ratio: str) -> str:
    """Return the exponential of the prognostic index of the four-variable equation."""
    male = f.of("Cast", is_male, to=TensorProto.DOUBLE)
    terms = (
        f.of("Mul", -0.2201, f.of("Sub", f.of("Div", age, 10.0), 7.036)),
        f.of("Mul", 0.2467, f.of("Sub", male, 0.5642)),
        f.of("Mul", -0.5567, f.of("Sub", f.of("Div", egfr, 5.0), 7.222)),
        f.of("Mul", 0.4510, f.of("Sub", f.of("Log", ratio), 5.137)),
    )
    return f.of("Exp", f.of("Sum", *terms))


def model() -> bytes:
    """Return the graph: features [N, 5] to risk_5_years, risk_2_years and egfr, each [N]."""
    f = Formula()
    table = f.of("Cast", "features", to=TensorProto.DOUBLE)
    age, sex, creatinine, ratio, reported = (f.column(table, index) for index in range(len(FEATURES)))
    is_male = f.of("Greater", sex, 0.5)
    computed = ckd_epi_2021(f, creatinine, age, is_male)
    egfr = f.of("Where", f.of("IsNaN", reported), computed, reported)
    hazard = kfre(f, age, is_male, egfr, ratio)
    for survival, output in ((SURVIVAL_5_YEARS, "risk_5_years"), (SURVIVAL_2_YEARS, "risk_2_years")):
        f.give(f.of("Sub", 1.0, f.of("Pow", survival, hazard)), output)
    f.give(egfr, "egfr")
    outputs = [(name, TensorProto.FLOAT, ["N"]) for name in ("risk_5_years", "risk_2_years", "egfr")]
    metadata = {"features": " ".join(FEATURES), "source": "KFRE, Tangri 2016; CKD-EPI 2021, Inker 2021"}
    return serialised(
        "kidney-failure",
        f.nodes,
        {"features": ["N", len(FEATURES)]},
        *outputs,
        initialisers=f.constants,
        metadata=metadata,
        opsets={"": 17},
    )


def main() -> None:
    """Write the file and print its digest for the card."""
    data = model()
    (Path(sys.argv[1]) / "model.onnx").write_bytes(data)
    print(f"  model.onnx: {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
