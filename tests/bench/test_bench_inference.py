"""What `make bench-inference` measures with: the recorded tensors, and the copies that take several cases in a run."""

from pathlib import Path

import numpy as np

from inference.card import MODEL_FILE
from tests.bench.inference.tensors import bare
from tests.bench.inference.worker import BATCH, _batched


def test_a_bare_loop_runs_on_exactly_what_the_recipe_gave_its_session() -> None:
    one = bare("kidney-failure", 1)
    (call,) = one.calls
    assert call.file == MODEL_FILE
    assert call.inputs["features"].shape == (1, 5)
    assert one.once_s() > 0
    again = one.sessions[MODEL_FILE].run(**call.inputs)
    assert all(np.isfinite(array).all() and array.shape == (1,) for array in again)


def test_copies_of_what_takes_several_cases_say_so_and_a_volume_has_none(tmp_path: Path) -> None:
    models = {name: bare(name, 1) for name in ("kidney-failure", "series-check")}
    copies = _batched(tmp_path, models)
    (card,) = copies.cards()
    assert (card.model.name, card.batch_most) == ("kidney-failure", BATCH)
    assert card.model.digest == models["kidney-failure"].package.card.model.digest, "the same graph"
