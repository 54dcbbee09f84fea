"""The walls around resumptions: nothing resumes before its golden cases came out, and who may say that they did."""

from typing import Final

from bridge.db.wall import Wall

_AT_WORK: Final = (
    "NOT EXISTS (SELECT 1 FROM retirements t WHERE t.model_id = m.id) AND (NEW.scope = 'version' AND m.id = NEW.target "
    "OR NEW.scope <> 'version' AND (NEW.scope <> 'model' OR m.name = NEW.target) "
    "AND (EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = m.id) "
    "OR EXISTS (SELECT 1 FROM open_trials o WHERE o.model_id = m.id)))"
)
"""Which versions are concerned; bridge/db/examinations.py says the same to those who must examine them."""

_GREEN: Final = (
    "EXISTS (SELECT 1 FROM examinations e WHERE e.model_id = m.id AND e.failure = '' "
    "AND NOT EXISTS (SELECT 1 FROM examinations later WHERE later.model_id = m.id AND later.at > e.at) "
    "AND NOT EXISTS (SELECT 1 FROM stops s WHERE s.scope = NEW.scope AND s.target = NEW.target AND s.action = 'stop' "
    "AND s.at > e.at))"
)

_ANSWER: Final = "'radiologist', 'clinician', 'committee'"
"""Who answers for patients, or for the committee (guarantee/stops.py: require_may_resume)."""

_RESUMES: Final = f"SELECT 1 FROM users u WHERE u.active = 1 AND u.role IN ({_ANSWER}, 'engineer') AND u.login"

STOPS: Final[tuple[Wall, ...]] = (
    Wall(
        name="stops_resume_after_golden_cases",
        on="stops",
        event="INSERT",
        when="NEW.action = 'resume'",
        unless=f"NOT EXISTS (SELECT 1 FROM models m WHERE {_AT_WORK} AND NOT {_GREEN})",
        says="the golden cases of a version that would resume did not come out, or were not asked since the stop",
        alone=True,
    ),
    Wall(
        name="stops_resumed_by_who_may",
        on="stops",
        event="INSERT",
        when="NEW.action = 'resume'",
        unless=f"EXISTS ({_RESUMES} = NEW.by_whom) AND (NEW.second = '' OR EXISTS ({_RESUMES} = NEW.second)) "
        f"AND EXISTS (SELECT 1 FROM users u WHERE u.login IN (NEW.by_whom, NEW.second) AND u.role IN ({_ANSWER}))",
        says="radiologists, clinicians, the committee and engineers resume, two of them, and not engineers alone",
        alone=True,
    ),
    Wall(
        name="examinations_by_a_worker_in_its_own_name",
        on="examinations",
        event="INSERT",
        when="aval_role() = 'aval_infer'",
        unless="NEW.by_whom = 'infer'",
        says="a worker says in its own name what it examined",
    ),
)
