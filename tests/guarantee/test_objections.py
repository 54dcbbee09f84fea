"""A patient who objects: whose it is, which line counts, and what it does to a result, cell by cell."""

from dataclasses import replace
from typing import Any

import pytest

from guarantee.errors import Malformed, NotAllowed, Objected
from guarantee.objections import (
    CONSEQUENCES,
    OBJECTION,
    Consequence,
    Objection,
    Word,
    printed,
    require_new,
    standing,
    stops,
)
from guarantee.policy import OnObjection
from guarantee.states import ResultState
from guarantee.world import obstacles, require_unchanged
from tests.guarantee.samples import a_complete_case, a_result, at

CASE = a_complete_case()
PATIENT = CASE.patient


def a_line(word: Word = Word.RECORD, **changes: Any) -> Objection:
    said = Objection(
        authority=PATIENT.issuer,
        identifier=PATIENT.identifier,
        word=word,
        by="operator:root",
        reason="courrier du 3",
        source="",
        at=at(1),
    )
    return replace(said, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"identifier": " "},
        {"authority": ""},
        {"identifier": "9" * 257},
        {"authority": "9" * 257},
        {"by": ""},
        {"reason": " "},
        {"reason": "x" * 2001},
        {"word": Word.LIFT, "source": "Consent/1"},
    ],
)
def test_what_names_nobody_or_says_no_reason_is_no_objection(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        a_line(**changes)


def test_it_covers_a_number_and_who_gave_it_and_never_a_name() -> None:
    line = a_line()
    assert line.covers(PATIENT)
    assert line.covers(replace(PATIENT, name="AUTRE^Nom", issuer="")), "who gave it is unknown: it may be theirs"
    assert not line.covers(replace(PATIENT, issuer="elsewhere"))
    assert not line.covers(replace(PATIENT, identifier="other"))
    assert not line.covers(replace(PATIENT, identifier="", issuer=""))


def test_the_last_line_of_each_number_counts() -> None:
    other = a_line(identifier="other")
    assert standing([]) == ()
    assert standing([a_line(), other]) == (a_line(), other)
    assert standing([a_line(), other, a_line(Word.LIFT)]) == (other,)
    assert standing([a_line(), a_line(Word.LIFT), a_line(at=at(9))]) == (a_line(at=at(9)),)


def test_a_persons_word_changes_something_or_is_refused() -> None:
    require_new(a_line(), [])
    require_new(a_line(Word.LIFT), [a_line()])
    with pytest.raises(NotAllowed, match="stands already"):
        require_new(a_line(), [a_line()])
    with pytest.raises(NotAllowed, match="nothing to lift"):
        require_new(a_line(Word.LIFT), [a_line(), a_line(Word.LIFT)])


def test_the_same_word_of_the_record_is_the_same_line() -> None:
    said = a_line(source="dpi Consent/1 2026")
    assert said.id == replace(said, at=at(5)).id
    assert a_line().id != a_line(at=at(5)).id, "a person says it twice at two times"
    assert said.id != replace(said, identifier="other").id


TABLE = {
    ResultState.QUEUED: (Consequence.EXCLUDED, Consequence.RUNS),
    ResultState.AWAITING_REVIEW: (Consequence.HIDDEN, Consequence.HIDDEN),
    ResultState.VALIDATED: (Consequence.WAITS, Consequence.WAITS),
    ResultState.AMENDED: (Consequence.WAITS, Consequence.WAITS),
    ResultState.DELIVERED: (Consequence.LISTED, Consequence.LISTED),
}
"""Written out a second time on purpose."""


@pytest.mark.parametrize("state", ResultState)
def test_each_cell_of_the_table(state: ResultState) -> None:
    stop, hide = TABLE.get(state, (Consequence.NONE, Consequence.NONE))
    assert CONSEQUENCES[state] == {OnObjection.STOP: stop, OnObjection.HIDE: hide}
    assert (f"| `{state}` |" in printed()) is (state in TABLE)


def test_a_model_looks_unless_somebody_objects_and_the_policy_says_stop() -> None:
    assert stops((), OnObjection.STOP) is None
    assert stops((a_line(),), OnObjection.HIDE) is None
    found = stops((a_line(),), OnObjection.STOP)
    assert found is not None
    assert (found.code, a_line().id in found.detail) == (OBJECTION, True)
    assert PATIENT.identifier not in found.detail


def test_nothing_is_decided_or_sent_while_it_stands() -> None:
    result = a_result(CASE)
    assert [cause.code for cause in obstacles(result, CASE, (), (a_line(),))] == [OBJECTION]
    with pytest.raises(Objected, match=OBJECTION):
        require_unchanged(result, CASE, (), (a_line(),))
