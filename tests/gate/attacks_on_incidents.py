"""Attacks on what is said of incidents, on who closes them, and on evidence that is frozen."""

from typing import Final

from tests.gate.attacks import DESK, SWEEP, attack
from tests.gate.incidents import closing, forget, freeze, grade, incident, line, thaw

# fmt: off
INCIDENTS: Final = (
    attack(DESK, "report a result that does not exist", "incident_of_a_result",
           lambda w: incident(w, result_id="none")),
    attack(DESK, "report in nobody's name", "incident_reported_by_somebody", lambda w: incident(w, by_whom="nobody")),
    attack(DESK, "count as a near-miss what was accepted", "incidents_say_what_left",
           lambda w: incident(w, "delivered")),
    attack(DESK, "say that what nobody accepted had left", "incidents_say_what_left", lambda w: incident(w, caught=0)),
    attack(DESK, "grade what nobody reported", "incident_line_of_an_incident", lambda _: grade("none", 1)),
    attack(DESK, "act as the committee without being of it", "incident_line_by_its_writer",
           lambda _: line(by_whom="dr.petit", subject="1")),
    attack(DESK, "answer the form as a learner", "incident_line_by_who_may",
           lambda _: line(kind="answers", by_whom="learner", by_role="learner")),
    attack(DESK, "set a declaration aside as a radiologist", "incident_line_by_who_may",
           lambda _: line(kind="set-aside", subject="gdpr-33", by_whom="dr.martin", by_role="radiologist")),
    attack(DESK, "close as an engineer", "incident_line_by_who_may",
           lambda _: closing(by_whom="engineer", by_role="engineer")),
    attack(DESK, "give a grade that nobody defined", "incident_line_graded_from_0_to_4", lambda _: grade(word="D5")),
    attack(DESK, "grade again without saying why", "incident_line_says_why", lambda _: grade(note="")),
    attack(DESK, "close with oneself", "incident_line_by_two_different_people",
           lambda _: closing(second="committee")),
    attack(DESK, "leave a gap in what was said", "incident_lines_follow", lambda _: grade(n=5)),
    attack(DESK, "begin an incident without a grade", "incident_lines_follow", lambda _: line("bare", 1, subject="1")),
    attack(DESK, "grade with a closed account", "incident_lines_by_active_people",
           lambda _: grade(by_whom="dr.closed", by_role="radiologist")),
    attack(DESK, "close with somebody who does not exist", "incident_lines_by_active_people",
           lambda _: closing(second="nobody")),
    attack(DESK, "close with a learner", "incident_lines_by_active_people", lambda _: closing(second="learner")),
    attack(DESK, "play harm down as a learner", "incident_lines_regraded_by_who_may",
           lambda _: grade(word="D0", by_whom="learner", by_role="learner")),
    attack(DESK, "go on with a closed incident", "incident_lines_while_open", lambda _: line("over", 3, subject="1")),
    attack(DESK, "open again what is open", "incident_lines_while_open", lambda _: line(kind="reopened")),
    attack(DESK, "do what nobody asked for", "incident_lines_done_of_an_action",
           lambda _: line(kind="done", subject="9")),
    attack(DESK, "close while an action is not done", "incident_lines_closed_once_done",
           lambda _: closing("undone", 3)),
    attack(DESK, "close a serious incident alone", "incident_lines_closed_once_done", lambda _: closing(second="")),
    attack(DESK, "close a serious incident without doing anything", "incident_lines_closed_once_done",
           lambda _: closing("told", 2)),
    attack(DESK, "freeze another case", "freezes_of_the_incidents_case", lambda w: freeze(w, "delivered")),
    attack(DESK, "freeze for no incident", "freeze_for_an_incident freezes_of_the_incidents_case",
           lambda w: freeze(w, incident="none")),
    attack(DESK, "freeze in nobody's name", "freeze_signed_for", lambda w: freeze(w, by="")),
    attack(DESK, "lift what was never frozen", "freeze_end_of_a_freeze", lambda _: thaw(freeze_id="none")),
    attack(DESK, "lift a freeze alone", "freeze_end_by_two_people", lambda _: thaw(second="committee")),
    attack(DESK, "lift a freeze without saying why", "freeze_end_says_why", lambda _: thaw(reason="")),
    attack(DESK, "lift a freeze as the reader it is about", "freeze_ends_by_overseers",
           lambda _: thaw(by_whom="dr.martin")),
    attack(DESK, "lift a freeze with a reader", "freeze_ends_by_overseers", lambda _: thaw(second="dr.martin")),
    attack(SWEEP, "tidy away what a frozen case was received by", "conversations_of_frozen_cases_stay", forget),
)

HONEST: Final = (
    attack(DESK, "report a near-miss with its grade", "", incident, lambda _: grade("i", 1)),
    attack(DESK, "report what was accepted", "", lambda w: incident(w, "delivered", caught=0)),
    attack(DESK, "close what is done, by two people", "", lambda _: closing()),
    attack(DESK, "open a closed incident again and go on", "", lambda _: line("over", 3, "reopened"),
           lambda _: line("over", 4, subject="1")),
    attack(DESK, "lift a freeze by two people", "", lambda _: thaw()),
    attack(SWEEP, "tidy away what other cases were received by", "", lambda w: forget(w, "delivered")),
)
# fmt: on
"""What goes through in the same world."""
