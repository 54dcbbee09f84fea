"""Every way the guarantee, a port or the desk itself says no has one answer."""

import inspect
from types import ModuleType

import pytest

from bridge.web import errors as web
from bridge.web.problems import ANSWERS, PROBLEMS, problem_of
from guarantee import errors as said

ROOTS = {said.GuaranteeError, said.PortError, web.WebError, said.NotCanonical}


def errors_of(module: ModuleType) -> list[type[Exception]]:
    """Return every exception a module defines."""
    found = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Exception)]
    return [kind for kind in found if kind.__module__ == module.__name__]


@pytest.mark.parametrize("kind", [*errors_of(said), *errors_of(web)], ids=lambda kind: kind.__name__)
def test_every_error_has_its_answer(kind: type[Exception]) -> None:
    if kind in ROOTS:
        return
    assert kind in ANSWERS
    assert ANSWERS[kind] in PROBLEMS


def test_an_unknown_relative_gives_its_parents_answer() -> None:
    class Newer(said.Held):
        """A refusal of a later version."""

    assert problem_of(Newer("held")).code == "held"
    assert problem_of(said.NotCanonical("bytes")).code == "malformed"


def test_what_is_not_there_is_not_found_and_what_is_our_fault_is_not() -> None:
    assert problem_of(said.Absent("no such result")).code == "not-found"
    assert problem_of(LookupError("encoding")).code == "internal"
    assert problem_of(KeyError("column")).code == "internal"
    assert problem_of(IndexError(3)).code == "internal"


def test_codes_are_stable_words_and_say_what_to_do() -> None:
    for code, problem in PROBLEMS.items():
        assert code == problem.code
        assert code.replace("-", "").isalpha()
        assert code.islower()
        assert 400 <= problem.status < 600
        assert problem.title
        assert problem.kept
        assert problem.todo
