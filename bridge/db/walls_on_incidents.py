"""The walls around incidents: which line follows which, who writes it, and what of a case stays while it is frozen."""

from typing import Final

from bridge.db.wall import Wall, append_only

_MINE: Final = "FROM incident_lines l WHERE l.incident_id = NEW.incident_id"

_CLOSED: Final = (
    f"coalesce((SELECT l.kind {_MINE} AND l.kind IN ('closed', 'reopened') ORDER BY l.n DESC LIMIT 1), '') = 'closed'"
)

_GRADE: Final = f"(SELECT l.word {_MINE} AND l.kind = 'grade' ORDER BY l.n DESC LIMIT 1)"

_DONE: Final = (
    "SELECT 1 FROM incident_lines d WHERE d.incident_id = NEW.incident_id AND d.kind = 'done' AND d.subject = l.subject"
)

_ACTIVE: Final = "SELECT 1 FROM users u WHERE u.active = 1 AND u.login"

_OVERSEE: Final = "AND u.role IN ('committee', 'dpo', 'security')"

INCIDENTS: Final[tuple[Wall, ...]] = (
    Wall(
        name="incidents_say_what_left",
        on="incidents",
        event="INSERT",
        unless="NEW.caught = (CASE WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.result_id "
        "AND d.verdict = 'accept') THEN 0 ELSE 1 END)",
        says="whether the gate caught it follows from the decision, and is nobody's to say",
        alone=True,
    ),
    Wall(
        name="incident_lines_follow",
        on="incident_lines",
        event="INSERT",
        unless=f"NEW.n = (SELECT coalesce(max(l.n), 0) + 1 {_MINE}) AND (NEW.n > 1 OR NEW.kind = 'grade')",
        says="this is not the next line of the incident; the first is its grade",
        alone=True,
    ),
    Wall(
        name="incident_lines_by_active_people",
        on="incident_lines",
        event="INSERT",
        unless=f"EXISTS ({_ACTIVE} = NEW.by_whom) AND (NEW.second = '' OR EXISTS ({_ACTIVE} = NEW.second "
        "AND u.role NOT IN ('learner', 'secretary')))",
        says="this person says nothing of incidents here",
        alone=True,
    ),
    Wall(
        name="incident_lines_regraded_by_who_may",
        on="incident_lines",
        event="INSERT",
        when="NEW.kind = 'grade' AND NEW.n > 1",
        unless="NEW.by_role IN ('radiologist', 'clinician', 'committee')",
        says="a radiologist, a clinician or the committee grades again",
    ),
    Wall(
        name="incident_lines_while_open",
        on="incident_lines",
        event="INSERT",
        unless=f"({_CLOSED}) = (NEW.kind = 'reopened')",
        says="a closed incident is opened again before anything is said of it, and only a closed one is",
        alone=True,
    ),
    Wall(
        name="incident_lines_done_of_an_action",
        on="incident_lines",
        event="INSERT",
        when="NEW.kind = 'done'",
        unless=f"EXISTS (SELECT 1 {_MINE} AND l.kind = 'action' AND l.subject = NEW.subject)",
        says="nobody asked for this action",
    ),
    Wall(
        name="incident_lines_closed_once_done",
        on="incident_lines",
        event="INSERT",
        when="NEW.kind = 'closed'",
        unless=f"NOT EXISTS (SELECT 1 {_MINE} AND l.kind = 'action' AND NOT EXISTS ({_DONE})) "
        f"AND ({_GRADE} NOT IN ('D3', 'D4') OR (NEW.second <> '' AND EXISTS (SELECT 1 {_MINE} AND l.kind = 'action') "
        f"AND EXISTS (SELECT 1 {_MINE} AND l.kind = 'answers')))",
        says="an action is not done; or a serious incident lacks its form, an action, or a second person",
        alone=True,
    ),
    Wall(
        name="freezes_of_the_incidents_case",
        on="freezes",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM incidents i JOIN results r ON r.id = i.result_id "
        "JOIN cases c ON c.id = r.case_id WHERE i.id = NEW.incident_id AND c.kind = NEW.kind AND c.uid = NEW.case_uid)",
        says="a freeze is of the case of its incident",
    ),
    Wall(
        name="freeze_ends_by_overseers",
        on="freeze_ends",
        event="INSERT",
        unless=f"EXISTS ({_ACTIVE} = NEW.by_whom {_OVERSEE}) AND EXISTS ({_ACTIVE} = NEW.second {_OVERSEE})",
        says="two of the committee, the data protection and the security officers lift a freeze",
        alone=True,
    ),
    Wall(
        name="conversations_of_frozen_cases_stay",
        on="conversations",
        event="DELETE",
        unless="NOT EXISTS (SELECT 1 FROM frozen_cases f WHERE f.kind = OLD.kind AND f.case_uid = OLD.case_uid)",
        says="this case is frozen for an incident: nothing of it is deleted",
    ),
    *append_only("incidents", "incident_lines", "freezes", "freeze_ends"),
)
