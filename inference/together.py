"""Several cases through one run of a model, in the child: rows stacked along the first axis, answers cut apart again.

For recipes that have `prepare` (a case to one row) and `conclude` (what the model says of that row to a proposal).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from guarantee.errors import ModelFailed, NotEligible
from guarantee.inputs import Inputs
from guarantee.ports import Proposal
from inference.remote import RemoteSession
from inference.session import Array, Session


def propose_together(
    recipe: Any, many: Sequence[Inputs], parameters: Any, session: Session | RemoteSession, language: str
) -> list[Proposal | NotEligible]:
    """Return what the model says of each of ``many``, in their order.

    Raises:
        ModelFailed: as Session.run, or the answer to any of them is nonsense; which one is found by asking for fewer.
    """
    prepared = [_or_refusal(recipe.prepare, one, parameters) for one in many]
    rows = [one.row for one in prepared if not isinstance(one, NotEligible)]
    answers = iter(_apart(session, rows) if rows else ())
    return [
        one if isinstance(one, NotEligible) else _or_refusal(recipe.conclude, one, next(answers), parameters, language)
        for one in prepared
    ]


def _apart(session: Session | RemoteSession, rows: Sequence[Array]) -> list[Mapping[str, Array]]:
    """Return each row's outputs, by name, as a run of that row alone would give them."""
    stacked = np.concatenate(rows)
    found = session.run(**{session.inputs[0].name: stacked})
    if any(array.shape[:1] != (len(rows),) for array in found):
        raise ModelFailed("nonsense", f"the model did not answer {len(rows)} cases for {len(rows)}")
    names = [tensor.name for tensor in session.outputs]
    return [{name: array[n : n + 1] for name, array in zip(names, found, strict=True)} for n in range(len(rows))]


def _or_refusal(step: Any, *given: Any) -> Any:
    try:
        return step(*given)
    except NotEligible as refusal:
        return refusal
