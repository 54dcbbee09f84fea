"""Several cases in one run of a model; when it fails, the one that is the cause is found by halves and fails alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from guarantee.card import Card
from guarantee.errors import ModelFailed, NotEligible, PortError, Unavailable
from guarantee.inputs import Inputs
from guarantee.ports import Model, Proposal

J = TypeVar("J")

Ready: TypeAlias = Sequence[tuple[J, Inputs]]
"""Jobs, whatever they are, and what the model looks at for each."""

Answered: TypeAlias = Sequence[tuple[J, Proposal | PortError]]
"""Jobs, and what the model says of each, or why it says nothing."""


def answers(
    card: Card, ready: Ready[J], model: Model, still_held: Callable[[Ready[J]], Ready[J]]
) -> Iterator[Answered[J]]:
    """Yield what came of each run, until something is known of every job that is still held.

    Args:
        ready: at most as many as the card says.
        still_held: those of some jobs that nobody else works on meanwhile; asked before every run but the first, so
            that leases are renewed one run at a time.
    """
    parts = [ready] if ready else []
    while parts:
        part, *rest = parts
        try:
            yield _run(card, part, model)
        except ModelFailed as error:
            if len(part) == 1:
                yield [(part[0][0], error)]
            else:
                half = len(part) // 2
                rest = [part[:half], part[half:], *rest]
        except Unavailable as error:
            yield [(job, error) for job, _ in part]
        parts = [held for one in rest if (held := still_held(one))]


def _run(card: Card, part: Ready[J], model: Model) -> Answered[J]:
    """Return what one run says. A single job is run as it always was, whatever the card says of several."""
    if len(part) > 1:
        said = model.run_together(card, [inputs for _, inputs in part])
        return [(job, answer) for (job, _), answer in zip(part, said, strict=True)]
    ((job, inputs),) = part
    try:
        return [(job, model.run(card, inputs))]
    except NotEligible as error:
        return [(job, error)]
