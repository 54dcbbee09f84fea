"""What `make bench-inference` measures with: the recorded tensors, and the arithmetic of what batching could gain."""

import numpy as np
import pytest

from inference.card import MODEL_FILE
from tests.bench.figures import Spread
from tests.bench.inference.tensors import bare
from tests.bench.inference.worker import IN_FLIGHT, Taken, _batched, batching_gain


def test_a_bare_loop_runs_on_exactly_what_the_recipe_gave_its_session() -> None:
    one = bare("kidney-failure", 1)
    (call,) = one.calls
    assert call.file == MODEL_FILE
    assert call.inputs["features"].shape == (1, 5)
    assert one.once_s() > 0
    again = one.sessions[MODEL_FILE].run(**call.inputs)
    assert all(np.isfinite(array).all() and array.shape == (1,) for array in again)


def test_a_batch_is_so_many_copies_of_the_row_and_a_volume_is_none() -> None:
    taken = Taken()
    one = bare("kidney-failure", 1)
    _batched(one, taken)
    assert len(taken.batch_s) == 1
    (call,) = one.calls
    rows = np.repeat(call.inputs["features"], IN_FLIGHT, axis=0)
    assert one.sessions[MODEL_FILE].run(features=rows)[0].shape == (IN_FLIGHT,)


def test_batching_saves_the_sessions_part_of_a_request_and_nothing_else() -> None:
    taken = Taken(worker_s=[0.002], predict_s=[0.001], batch_s=[0.0])
    assert batching_gain(taken) == Spread(2.0, 2.0, 2.0)
    slower = Taken(worker_s=[0.002], predict_s=[0.001], batch_s=[0.005])
    assert batching_gain(slower) == Spread(1.0, 1.0, 1.0), "who batches may as well not"
    assert batching_gain(Taken(worker_s=[1.0])) is None
    with pytest.raises(ValueError, match="argument"):
        batching_gain(Taken(worker_s=[0.002], predict_s=[], batch_s=[0.1]))
