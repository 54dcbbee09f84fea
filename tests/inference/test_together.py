"""Several cases in one run of a model: answered as each is alone, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from guarantee.errors import ModelFailed, NotEligible
from guarantee.ports import Proposal
from inference.card import load_package
from inference.errors import PackageRefused
from inference.golden import failure
from inference.options import Options
from tests.inference import hostile
from tests.inference.bench import Bench, is_gone
from tests.inference.builders import (
    age_is_probability,
    answering_package,
    mask_package,
    reading,
    record,
    score_model,
    score_package,
)

AGES = (12, 34, None, 56)


@contextmanager
def several(folder: Path, model: Callable[[], bytes] = age_is_probability, **card: object) -> Iterator[Bench]:
    """Yield a bench of a model that takes four cases in a run."""
    golden: dict[int | None, int] = {12: 12, 34: 34, None: 0}
    one = Bench(answering_package(folder / "probe", golden, model(), batch={"most": 4}, **card), Options(threads=1))
    try:
        yield one
    finally:
        one.host.close()


def mean_of_all() -> bytes:
    """Answers the mean of the ages of everybody in the run, for each of them."""
    return score_model(
        [
            helper.make_node("ReduceMean", ["age"], ["mean"], keepdims=1),
            helper.make_node("Div", ["mean", "hundred"], ["part"]),
            helper.make_node("Shape", ["age"], ["count"]),
            helper.make_node("Expand", ["part", "count"], ["probability"]),
        ],
        numpy_helper.from_array(np.array([100], dtype=np.float32), "hundred"),
    ).SerializeToString()


def one_for_all() -> bytes:
    """Answers one number, however many cases there are."""
    return score_model(
        [
            helper.make_node("ReduceMean", ["age"], ["mean"], keepdims=1),
            helper.make_node("Div", ["mean", "hundred"], ["probability"]),
        ],
        numpy_helper.from_array(np.array([100], dtype=np.float32), "hundred"),
    ).SerializeToString()


def percent(answer: Proposal | NotEligible) -> Decimal:
    assert isinstance(answer, Proposal)
    return answer.findings[0].quantities[0].value


def test_each_is_answered_as_it_is_alone_and_a_refusal_stands_between_answers(tmp_path: Path) -> None:
    with several(tmp_path) as one:
        cases = [record(age, reading(str(70 + place))) for place, age in enumerate(AGES)]
        found = one.host.run_together(one.card, cases)
        assert isinstance(found[2], NotEligible)
        assert found[2].code == "inputs-missing"
        alone = [one.host.run(one.card, case) for case in cases if case.age_years is not None]
        assert [answer for answer in found if isinstance(answer, Proposal)] == alone
        assert len({answer.spent for answer in found if isinstance(answer, Proposal)}) == 1, "it was one run"


def test_one_that_cannot_be_asked_about_keeps_nobody_from_an_answer(tmp_path: Path) -> None:
    with several(tmp_path) as one:
        endless = record(1, reading("80." + "0" * 100))
        first, second = one.host.run_together(one.card, [endless, record(34)])
        assert isinstance(first, NotEligible)
        assert first.code == "too-large"
        assert percent(second) == 34
        (only,) = one.host.run_together(one.card, [endless])
        assert isinstance(only, NotEligible)


@pytest.mark.parametrize(
    ("model", "code", "detail"),
    [
        (hostile.not_a_number, "nonsense", "not finite"),
        (hostile.beyond_one, "nonsense", "outside 0 to 1"),
        (hostile.out_of_bounds, "run-refused", "refused"),
        (hostile.endless, "timeout", "within 2 s"),
    ],
)
def test_nothing_is_said_of_any_when_one_is_poison(
    tmp_path: Path, model: Callable[[], bytes], code: str, detail: str
) -> None:
    with several(tmp_path, model, deadline_s=2) as one:
        one.run(0.25)
        pid = one.child.pid
        with pytest.raises(ModelFailed, match=detail) as failed:
            one.host.run_together(one.card, [record(0.25), record(5), record(0.5)])
        assert failed.value.code == code
        assert is_gone(pid), "the next run has a process of its own"
        one.run(0.5)


def test_a_model_that_answers_fewer_than_it_was_asked_says_nothing(tmp_path: Path) -> None:
    with several(tmp_path, one_for_all) as one:
        with pytest.raises(ModelFailed, match="did not answer 2 cases for 2"):
            one.host.run_together(one.card, [record(12), record(34)])
        assert percent(one.run(12)) == 12


def test_too_many_for_the_card_or_for_one_message_are_not_run(tmp_path: Path) -> None:
    with several(tmp_path) as one:
        one.run(1)
        with pytest.raises(ModelFailed, match="at most 4 cases"):
            one.host.run_together(one.card, [record(age) for age in range(5)])
        large = record(1, *[reading("80." + "0" * 90)] * 30_000)
        with pytest.raises(ModelFailed, match="a message of"):
            one.host.run_together(one.card, [large, large, large])
        assert percent(one.run(1)) == 1


def test_golden_cases_come_out_in_one_run_too(tmp_path: Path) -> None:
    with several(tmp_path) as one:
        package = one.registry.package(one.card.model.id)
        assert package is not None
        assert failure(package, one.host) is None


def test_a_graph_in_which_cases_mix_fails_its_golden_cases(tmp_path: Path) -> None:
    with several(tmp_path, mean_of_all) as one:
        package = one.registry.package(one.card.model.id)
        assert package is not None
        assert percent(one.run(12)) == 12, "alone, each comes out"
        assert failure(package, one.host) == (
            "golden case 'known 12' in one run with others: gives ['19.3'], 12 ± 0 was expected"
        )


def test_a_graph_that_fails_with_several_fails_its_golden_cases(tmp_path: Path) -> None:
    with several(tmp_path, one_for_all) as one:
        package = one.registry.package(one.card.model.id)
        assert package is not None
        found = failure(package, one.host)
        assert found is not None
        assert found.startswith("golden cases in one run: nonsense: probe@1.0.0: the model did not answer")


def test_golden_cases_that_are_all_alike_show_nothing(tmp_path: Path) -> None:
    folder = answering_package(tmp_path / "probe", {12: 12}, batch={"most": 4})
    one = Bench(folder, Options(threads=1))
    package = one.registry.package(one.card.model.id)
    assert package is not None
    assert "two golden cases with different answers" in str(failure(package, one.host))
    one.host.close()


# ----------------------------------------------------------------------------------------------------- what a card says


def batched(folder: Path, **card: Any) -> Path:
    """Write a package that takes four cases in one run."""
    return answering_package(folder, {12: 12, 34: 34}, **{"batch": {"most": 4}, **card})


def test_several_cases_in_one_run_are_a_matter_of_the_card(tmp_path: Path) -> None:
    plain = load_package(score_package(tmp_path / "plain", age_is_probability()))
    several = load_package(batched(tmp_path / "several"))
    assert (plain.card.batch_most, several.card.batch_most) == (1, 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": {"most": 1}}, "batch: a batch is of 2 to 64 cases"),
        ({"batch": {"most": 65}}, "batch: a batch is of 2 to 64 cases"),
        ({"batch": 4}, "batch: dict expected"),
        ({"batch": {"most": 4, "wait_ms": 5}}, r"batch: unknown keys \['wait_ms'\]"),
        (
            {"inputs": [{"name": "features", "dtype": "float32", "shape": [1, 2]}]},
            "batch: the first axis of features is fixed",
        ),
        ({"outputs": [{"name": "probability", "dtype": "float32", "shape": []}]}, "first axis of probability is fixed"),
        (
            {"inputs": [{"name": name, "dtype": "float32", "shape": ["N", 2]} for name in ("features", "more")]},
            "batch: cases are stacked in one input",
        ),
    ],
)
def test_a_batch_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(PackageRefused, match=words):
        load_package(batched(tmp_path / "several", **change))


def test_a_batch_is_shown_by_golden_cases_or_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match=r"batch: without golden\.json nothing shows"):
        load_package(score_package(tmp_path / "unseen", age_is_probability(), batch={"most": 4}))


def test_a_volume_is_one_case_of_one_run(tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="batch: the recipe volume-mask takes one case in a run"):
        load_package(mask_package(tmp_path / "mask", batch={"most": 4}))
