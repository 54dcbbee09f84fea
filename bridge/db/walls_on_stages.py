"""The walls of a version's life: which line follows, who signs it, and what a version may do where it stands."""

from typing import Final

from bridge.db.wall import Wall

_LAST: Final = "(SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1)"
"""What the last line of the version in question says; NULL without one, and NULL opens no wall."""

_READER: Final = "u.role IN ('radiologist', 'clinician')"

_SUSPENDED: Final = (
    "SELECT 1 FROM stops_in_force s WHERE s.scope = 'all' OR (s.scope = 'version' AND s.target = NEW.model_id) "
    "OR (s.scope = 'model' AND s.target = (SELECT m.name FROM models m WHERE m.id = NEW.model_id))"
)
"""A stop that suspends the version in question (guarantee/stops.py: Stop.suspends)."""

_FOR_CARE: Final = "'00000000'"
"""A canary draws below more than this: its version treats patients."""

STAGES: Final[tuple[Wall, ...]] = (
    Wall(
        name="stages_follow_life",
        on="stages",
        event="INSERT",
        when="NEW.by_whom <> 'installer'",
        unless="NEW.n = (SELECT coalesce(max(s.n), 0) + 1 FROM stages s WHERE s.model_id = NEW.model_id) "
        "AND EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'model' AND t.verb IN ('advance', 'return') "
        f"AND t.source = coalesce({_LAST}, 'idea') AND t.target = NEW.stage)",
        says="the life of a model version has no such step from where it stands",
        alone=True,
    ),
    # The owner of the database makes versions known, and says where their lives begin. Nobody else does.
    Wall(
        name="stages_begun_by_the_installer",
        on="stages",
        event="INSERT",
        when="NEW.by_whom = 'installer'",
        unless="NEW.n = 1 AND aval_role() <> 'aval_desk'",
        says="an installer begins a life; people go on with it",
    ),
    Wall(
        name="stages_signed_by_who_may",
        on="stages",
        event="INSERT",
        when="NEW.by_whom <> 'installer'",
        unless="EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner' "
        f"AND (NEW.stage <> 'pilot' OR {_READER}))",
        says="this person may not sign for this stage",
        alone=True,
    ),
    Wall(
        name="stages_of_versions_in_use",
        on="stages",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)",
        says="this model version is retired: its life is over",
        alone=True,
    ),
    Wall(
        name="stages_of_the_suspended_stay",
        on="stages",
        event="INSERT",
        when="NEW.by_whom <> 'installer'",
        unless=f"NOT EXISTS ({_SUSPENDED})",
        says="this model version is suspended: two people resume it where it stood",
        alone=True,
    ),
    # In routine is what was appointed. A line that led away from there would say something else of the same version.
    Wall(
        name="stages_of_the_routine_stay",
        on="stages",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM routine_versions v WHERE v.model_id = NEW.model_id)",
        says="this model version is in routine: it leaves it when another one is appointed",
        alone=True,
    ),
    Wall(
        name="stages_of_the_tried_suffice",
        on="stages",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM open_trials t WHERE t.model_id = NEW.model_id AND NEW.stage <> 'pilot' "
        f"AND (NEW.stage <> 'shadow' OR t.drawn_below > {_FOR_CARE}))",
        says="this model version is being tried, which needs more than this stage: end the trial first",
        alone=True,
    ),
    # Whoever goes back goes to a version whose pilot still holds: nobody has said since that it treats no patient.
    Wall(
        name="appointments_of_the_piloted",
        on="appointments",
        event="INSERT",
        unless=f"{_LAST} = 'pilot'",
        says="this model version does not stand at pilot",
        alone=True,
    ),
    Wall(
        name="appointments_never_of_the_suspended",
        on="appointments",
        event="INSERT",
        when="NEW.step <> 'rollback'",
        unless=f"NOT EXISTS ({_SUSPENDED})",
        says="this model version is suspended: two people resume it before it is promoted",
        alone=True,
    ),
    Wall(
        name="appointments_by_the_installer",
        on="appointments",
        event="INSERT",
        when="NEW.by_whom = 'installer'",
        unless="NEW.step = 'first' AND aval_role() <> 'aval_desk'",
        says="an installer appoints the first version of a model; people promote, or go back",
    ),
    Wall(
        name="appointments_signed_by_who_may",
        on="appointments",
        event="INSERT",
        when="NEW.step <> 'rollback' AND NEW.by_whom <> 'installer'",
        unless="EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner') "
        f"AND EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.second AND u.active = 1 AND {_READER})",
        says="these people may not put a version into routine",
        alone=True,
    ),
    Wall(
        name="appointments_granted_by_no_author",
        on="appointments",
        event="INSERT",
        when="NEW.step <> 'rollback'",
        unless="NOT EXISTS (SELECT 1 FROM stages s WHERE s.model_id = NEW.model_id AND s.by_whom = NEW.second)",
        says="whoever asked for an earlier stage does not grant the routine",
        alone=True,
    ),
    Wall(
        name="trials_from_their_stage_on",
        on="trials",
        event="INSERT",
        unless=f"{_LAST} = 'pilot' OR ({_LAST} = 'shadow' AND NEW.share = 0 AND NEW.drawn_below = {_FOR_CARE})",
        says="a version is tried in shadow mode from shadow on, and for care from pilot on",
        alone=True,
    ),
    Wall(
        name="trials_never_of_the_suspended",
        on="trials",
        event="INSERT",
        unless=f"NOT EXISTS ({_SUSPENDED})",
        says="this model version is suspended: two people resume it before it is tried",
        alone=True,
    ),
    Wall(
        name="results_for_care_by_granted_versions",
        on="results",
        event="INSERT",
        when="NEW.mode = 'care'",
        unless=f"{_LAST} = 'pilot'",
        says="this model version stands below pilot: its results are shadow results",
        alone=True,
    ),
)
