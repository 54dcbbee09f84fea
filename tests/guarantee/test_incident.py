"""Incidents: what a grade sets off, who writes which line, when one is closed; and duties with their clocks."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from guarantee.canonical import canonical
from guarantee.declarations import (
    AT_ONCE,
    BY_CODE,
    DUTIES,
    QUESTIONS,
    Answer,
    Standing,
    answers_text,
    is_late,
    open_duties,
    parse_answers,
    timers,
    unchecked,
)
from guarantee.errors import Malformed, NotAllowed, NotEntitled
from guarantee.ids import ResultId
from guarantee.incident import (
    LINES_MAX,
    MAY,
    NOTE_CHARS_MAX,
    TABLE,
    Effect,
    File,
    Grade,
    Incident,
    Kind,
    Line,
    Thaw,
    incident_id,
    near_misses,
    require_closable,
    require_may,
)
from guarantee.policy import Role
from tests.guarantee.samples import at

RESULT = ResultId("00000000-0000-0000-0000-000000000001")


def a_line(n: int = 1, kind: Kind = Kind.GRADE, **changes: object) -> Line:
    said = {"word": "D3"} if kind is Kind.GRADE else {}
    given: dict[str, object] = {"incident": "i", "n": n, "kind": kind, "note": "lobe gauche manqué", "by": "dr.martin"}
    given |= {"role": Role.RADIOLOGIST, "at": at(n)}
    return Line(**(given | said | changes))  # type: ignore[arg-type] # fields by name


def a_file(*lines: Line, grade: str = "D3", caught: bool = False) -> File:
    incident = Incident(id="i", result=RESULT, by="dr.martin", caught=caught, at=at(1))
    return File(incident=incident, lines=(a_line(word=grade), *lines))


# ------------------------------------------------------------------------------------------------- what follows


def test_only_harm_stops_and_freezes_of_itself_and_every_grade_is_counted() -> None:
    for grade, row in TABLE.items():
        assert Effect.COUNT in row.effects
        assert ({Effect.STOP, Effect.FREEZE} <= row.effects) is (grade is Grade.D4)
        assert (row.within is None) is (grade in {Grade.D0, Grade.D1})


def test_a_higher_grade_never_sets_off_less_nor_gives_more_time() -> None:
    rows = list(TABLE.values())
    for lower, higher in pairwise(rows):
        assert lower.effects <= higher.effects
        assert higher.within is None or lower.within is None or higher.within < lower.within


@pytest.mark.parametrize(("grade", "caught", "near"), [("D4", True, 1), ("D4", False, 0), ("D2", True, 0)])
def test_a_near_miss_is_serious_and_was_caught(grade: str, caught: bool, near: int) -> None:
    assert near_misses([a_file(grade=grade, caught=caught)]) == near


def test_the_clock_runs_from_the_first_line_with_the_grade() -> None:
    file = a_file(a_line(2, word="D3", at=at(50)), grade="D2")
    assert (file.grade, file.due) == (Grade.D3, at(50) + timedelta(days=15))
    again = a_file(a_line(2, word="D3", at=at(50)))
    assert again.due == at(1) + timedelta(days=15)
    assert not again.is_overdue(at(1) + timedelta(days=15))
    assert again.is_overdue(at(2) + timedelta(days=15))
    assert a_file(grade="D1").due is None
    assert not a_file(grade="D1").is_overdue(at(9) + timedelta(days=999))


def test_a_file_without_a_grade_is_none() -> None:
    with pytest.raises(Malformed, match="no grade"):
        _ = replace(a_file(), lines=()).grade


def test_the_same_report_has_one_name() -> None:
    assert incident_id(RESULT, "dr.martin", at(1)) == incident_id(RESULT, "dr.martin", at(1))
    assert incident_id(RESULT, "dr.martin", at(1)) != incident_id(RESULT, "dr.martin", at(2))


# ---------------------------------------------------------------------------------------------------- the lines


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"by": ""}, "who and why"),
        ({"note": "  "}, "who and why"),
        ({"note": "x" * (NOTE_CHARS_MAX + 1)}, "at most"),
        ({"n": 0}, "1 to"),
        ({"n": LINES_MAX + 1}, "1 to"),
        ({"word": "D5"}, "D0, D1"),
        ({"subject": "1"}, "no part"),
        ({"kind": Kind.DONE, "word": ""}, "about something"),
        ({"kind": Kind.DECLARED, "subject": "fei", "word": " "}, "reference"),
        ({"kind": Kind.CLOSED, "second": "dr.martin"}, "two different people"),
    ],
)
def test_a_line_that_must_not_be_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(Malformed, match=says):
        a_line(**changes)  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("role", Role)
def test_each_line_is_written_by_whom_the_table_names(kind: Kind, role: Role) -> None:
    file = a_file(a_line(2, Kind.CLOSED)) if kind is Kind.REOPENED else a_file()
    graders = {Role.RADIOLOGIST, Role.CLINICIAN, Role.COMMITTEE}
    if role in (graders if kind is Kind.GRADE else MAY[kind]):
        require_may(kind, role, file)
    else:
        with pytest.raises(NotEntitled):
            require_may(kind, role, file)


def test_anybody_but_a_secretary_reports_and_a_closed_one_is_opened_again_first() -> None:
    require_may(Kind.GRADE, Role.LEARNER, None)
    with pytest.raises(NotEntitled):
        require_may(Kind.GRADE, Role.SECRETARY, None)
    closed = a_file(a_line(2, Kind.CLOSED))
    assert closed.is_closed
    assert not closed.is_open
    with pytest.raises(NotAllowed, match="open it again"):
        require_may(Kind.ACTION, Role.COMMITTEE, closed)
    with pytest.raises(NotAllowed, match="not closed"):
        require_may(Kind.REOPENED, Role.COMMITTEE, a_file())
    assert a_file(a_line(2, Kind.CLOSED), a_line(3, Kind.REOPENED)).is_open


def test_closing_asks_for_everything() -> None:
    action, done = a_line(2, Kind.ACTION, subject="1"), a_line(3, Kind.DONE, subject="1")
    form = a_line(4, Kind.ANSWERS, note="{}")
    for file, second, duties, says in (
        (a_file(action), "dpo", (), "action 1 is not done"),
        (a_file(action, done, form), "dpo", ("fei",), "nobody declared fei"),
        (a_file(action, done), "dpo", (), "form answered"),
        (a_file(form), "dpo", (), "at least one corrective action"),
        (a_file(action, done, form), "", (), "two different people"),
    ):
        with pytest.raises(NotAllowed, match=says):
            require_closable(file, second=second, open_duties=duties)
    require_closable(a_file(action, done, form), second="dpo", open_duties=())
    require_closable(a_file(grade="D2"), second="", open_duties=())


@pytest.mark.parametrize("changes", [{"by": ""}, {"second": ""}, {"second": "a"}, {"reason": " "}])
def test_a_freeze_is_lifted_by_two_people_who_say_why(changes: dict[str, str]) -> None:
    said = {"freeze": "f", "by": "a", "second": "b", "reason": "revue close", "at": at(1)}
    Thaw(**said)  # type: ignore[arg-type] # fields by name
    with pytest.raises(Malformed):
        Thaw(**(said | changes))  # type: ignore[arg-type] # fields by name


# ------------------------------------------------------------------------------------------------- declarations


def answered(**answers: str) -> File:
    said = {key.replace("_", "-"): Answer(word) for key, word in answers.items()}
    return a_file(a_line(2, Kind.ANSWERS, note=answers_text(said)))


def standing(file: File) -> dict[str, Standing]:
    return {timer.duty.code: timer.standing for timer in timers(file)}


def test_any_clock_that_ran_out_makes_it_late() -> None:
    assert not is_late(a_file(), at(1))
    assert is_late(a_file(), at(2) + AT_ONCE)
    assert is_late(a_file(grade="D2"), at(2) + timedelta(days=31))
    assert not is_late(a_file(grade="D1"), at(1) + timedelta(days=999))


def test_without_an_answer_everything_is_open_and_its_clock_runs() -> None:
    found = standing(a_file())
    assert found.pop("fei") is Standing.APPLIES
    assert set(found.values()) == {Standing.OPEN}
    late = at(2) + AT_ONCE
    assert {timer.duty.code for timer in timers(a_file()) if timer.is_overdue(late)} == {
        duty.code for duty in DUTIES if duty.within is None
    }


TABLE_OF_ANSWERS = [
    ({"serious_harm": "yes"}, {"eigs-1", "eigs-2", "patient"}),
    ({"death": "yes", "high_risk_ai": "yes"}, {"eigs-1", "eigs-2", "patient", "ai-act-26", "ai-act-73-death"}),
    ({"device": "yes", "risk": "yes"}, {"materiovigilance"}),
    ({"device": "yes", "serious_harm": "yes"}, {"materiovigilance", "eigs-1", "eigs-2", "patient"}),
    ({"high_risk_ai": "yes", "risk": "yes"}, {"ai-act-26"}),
    ({"high_risk_ai": "yes", "rights": "yes"}, {"ai-act-73"}),
    ({"security": "yes"}, {"security"}),
    ({"data": "yes"}, {"gdpr-33"}),
    ({"data": "yes", "data_risk": "yes"}, {"gdpr-33", "gdpr-34"}),
    ({"damage": "yes"}, {"patient"}),
    ({}, set()),
]


@pytest.mark.parametrize(("answers", "pointed"), TABLE_OF_ANSWERS)
def test_answers_point_at_duties_and_close_none(answers: dict[str, str], pointed: set[str]) -> None:
    every = {question.replace("-", "_"): "no" for question in QUESTIONS} | answers
    found = standing(answered(**every))
    assert {code for code, word in found.items() if word is Standing.APPLIES} == pointed | {"fei"}
    assert set(found.values()) <= {Standing.APPLIES, Standing.NOT_POINTED_AT}
    assert set(open_duties(answered(**every))) == BY_CODE.keys(), "only a person settles one, whatever was answered"


def test_what_no_answer_points_at_has_no_clock_but_stays_on_the_list() -> None:
    file = answered(**{question.replace("-", "_"): "no" for question in QUESTIONS})
    late = [timer.duty.code for timer in timers(file) if timer.is_overdue(at(1) + timedelta(days=999))]
    assert late == ["fei"]


def test_a_person_declares_or_sets_aside_and_the_last_word_counts() -> None:
    aside = a_line(2, Kind.SET_ASIDE, subject="gdpr-33", note="aucune donnée", by="dpo", role=Role.DPO)
    declared = a_line(3, Kind.DECLARED, subject="gdpr-33", word="CNIL-17", note="fait", by="dpo", role=Role.DPO)
    (first,) = (timer for timer in timers(a_file(aside)) if timer.duty.code == "gdpr-33")
    (last,) = (timer for timer in timers(a_file(aside, declared)) if timer.duty.code == "gdpr-33")
    assert (first.standing, first.said) == (Standing.SET_ASIDE, "aucune donnée")
    assert (last.standing, last.said, last.by) == (Standing.DECLARED, "CNIL-17", "dpo")
    assert not last.is_overdue(at(1) + timedelta(days=999))
    assert last.until == at(1) + timedelta(hours=72)


def test_below_d3_duties_are_asked_once_the_form_is() -> None:
    assert timers(a_file(grade="D2")) == ()
    form = a_line(2, Kind.ANSWERS, note=answers_text({"data": Answer.YES}))
    assert standing(a_file(form, grade="D2"))["gdpr-33"] is Standing.APPLIES


def test_the_form_takes_its_own_questions_and_answers_only() -> None:
    with pytest.raises(Malformed, match="does not ask"):
        answers_text({"weather": Answer.YES})
    assert parse_answers(answers_text({"data": Answer.NO})) == {"data": Answer.NO}
    for wrong, says in (([], "not answers"), ({"weather": "yes"}, "not answers"), ({"data": "perhaps"}, "yes, no")):
        with pytest.raises(Malformed, match=says):
            parse_answers(canonical(wrong).decode())  # type: ignore[arg-type] # JSON


def test_every_duty_says_to_whom_by_which_text_and_when_it_was_read() -> None:
    assert len(BY_CODE) == len(DUTIES)
    for duty in DUTIES:
        assert duty.to
        assert duty.source
        assert duty.delay
        assert all(asked <= QUESTIONS.keys() for asked in duty.when)
    assert unchecked(date(2026, 12, 1)) == ()
    assert unchecked(date(2027, 12, 1)) == DUTIES
