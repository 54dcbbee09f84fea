"""A hostile or dying model costs one run, and its failure says why without the model's words."""

import os
import resource
import signal
from collections.abc import Callable
from decimal import Decimal

import pytest

from guarantee.errors import ModelFailed, PortError
from tests.inference import hostile
from tests.inference.bench import Bench, is_gone


def expect(one: Bench, kind: type[PortError], code: str, age: float = 2.5) -> PortError:
    """Assert that a run fails as it must, and that the next one works, in another process."""
    one.run(0.25)
    before = one.child.pid
    with pytest.raises(kind) as failure:
        one.run(age)
    assert failure.value.code == code, failure.value.detail
    assert is_gone(before)
    one.run(0.25)
    assert one.child.pid != before
    return failure.value


def test_a_model_that_never_ends_is_stopped_at_its_deadline(bench: Callable[..., Bench]) -> None:
    error = expect(bench(hostile.endless(), deadline_s=1), ModelFailed, "timeout")
    assert error.detail == "probe@1.0.0 did not answer within 1 s and was stopped"


def test_a_model_that_wants_ten_gigabytes_is_refused_them(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.greedy()), ModelFailed, "memory")


def test_a_model_that_answers_what_is_not_a_number_has_failed(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.not_a_number()), ModelFailed, "nonsense")


def test_a_model_that_answers_a_probability_above_one_has_failed(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.beyond_one()), ModelFailed, "nonsense")


def test_a_model_that_answers_several_numbers_for_one_record_has_failed(bench: Callable[..., Bench]) -> None:
    expect(bench(hostile.two_answers()), ModelFailed, "nonsense")


def test_a_model_that_onnx_runtime_will_not_run_has_failed_without_its_words(bench: Callable[..., Bench]) -> None:
    error = expect(bench(hostile.out_of_bounds()), ModelFailed, "run-refused")
    assert error.detail == "probe@1.0.0: ONNX Runtime refused the model (InvalidArgument)"


def test_a_model_that_wants_ten_gigabytes_to_load_is_refused_them(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.greedy_at_load())
    for _ in range(2):
        with pytest.raises(ModelFailed) as failure:
            one.run(0.25)
        assert failure.value.code == "memory", failure.value.detail


def test_a_model_that_onnx_runtime_cannot_load_has_failed(bench: Callable[..., Bench]) -> None:
    model = hostile.score_model([hostile.helper.make_node("NoSuchOperator", ["age"], ["probability"])])
    one = bench(model.SerializeToString())
    with pytest.raises(ModelFailed) as failure:
        one.run(0.25)
    assert failure.value.code == "not-loaded"


def test_the_kernel_ends_a_child_whose_host_cannot(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.endless(), deadline_s=60)
    error = one.interrupted(
        lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (1, resource.prlimit(pid, resource.RLIMIT_CPU)[1]))
    )
    assert isinstance(error, ModelFailed)
    assert error.code == "timeout"
    assert "processor time" in error.detail


def test_a_child_killed_in_the_middle_is_a_crash_and_the_next_run_works(bench: Callable[..., Bench]) -> None:
    one = bench(hostile.endless(), deadline_s=60)
    error = one.interrupted(lambda pid: os.kill(pid, signal.SIGKILL))
    assert isinstance(error, ModelFailed)
    assert error.code == "crashed"
    assert "SIGKILL" in error.detail
    one.run(0.25)


def test_a_child_killed_between_two_runs_costs_one_run(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    os.kill(one.child.pid, signal.SIGKILL)
    with pytest.raises(ModelFailed) as failure:
        one.run(1)
    assert failure.value.code == "crashed"
    assert one.percent(1) == Decimal("1.0")
