"""The tree of errors is the one that is drawn."""

import inspect
import re

from guarantee import errors
from guarantee.errors import GuaranteeError, PortError, Unavailable


def drawn() -> dict[str, str]:
    """Return each error's parent, as the picture at the top of errors.py shows it."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)([A-Z]\w+Error|[A-Z][A-Za-z]+)( {2,}|$)", line)
        if not found or found[2] not in vars(errors):
            continue
        depth = len(found[1])
        above = [(column, name) for column, name in above if column < depth]
        parents[found[2]] = above[-1][1] if above else "Exception"
        above.append((depth, found[2]))
    return parents


def test_every_error_is_drawn_under_its_parent() -> None:
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and kind.__doc__
    }
    assert drawn() == real


def test_the_two_trees_are_apart() -> None:
    assert not issubclass(PortError, GuaranteeError)
    assert not issubclass(GuaranteeError, PortError)


def test_a_port_error_has_a_code_for_tables_and_a_sentence_for_people() -> None:
    error = Unavailable("timeout", "the PACS did not answer")
    assert (error.code, error.detail, str(error)) == (
        "timeout",
        "the PACS did not answer",
        "timeout: the PACS did not answer",
    )
