"""The walls of a version's life: which line follows, who signs it, and what a version may do where it stands."""

from typing import Final

from bridge.db.wall import Wall

_LAST: Final = "(SELECT s.stage FROM stages s WHERE s.model_id = NEW.model_id ORDER BY s.n DESC LIMIT 1)"

_READER: Final = "u.role IN ('radiologist', 'clinician')"

STAGES: Final[tuple[Wall, ...]] = (
    Wall(
        name="stages_follow_life",
        on="stages",
        event="INSERT",
        when="NEW.by_whom <> 'installer'",
        unless="NEW.n = (SELECT coalesce(max(s.n), 0) + 1 FROM stages s WHERE s.model_id = NEW.model_id) "
        "AND EXISTS (SELECT 1 FROM transitions t WHERE t.machine = 'model' "
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
        unless="NEW.n = 1 AND NEW.stage <> 'routine' AND aval_role() <> 'aval_desk'",
        says="an installer begins a life, and puts nothing into routine",
    ),
    Wall(
        name="stages_signed_by_who_may",
        on="stages",
        event="INSERT",
        when="NEW.by_whom <> 'installer'",
        unless="EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.by_whom AND u.active = 1 AND u.role <> 'learner' "
        f"AND (NEW.stage <> 'pilot' OR {_READER})) AND (NEW.stage <> 'routine' "
        f"OR EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.second AND u.active = 1 AND {_READER}))",
        says="this person may not sign for this stage",
        alone=True,
    ),
    Wall(
        name="stages_granted_by_no_author",
        on="stages",
        event="INSERT",
        when="NEW.stage = 'routine'",
        unless="NOT EXISTS (SELECT 1 FROM stages s WHERE s.model_id = NEW.model_id AND s.by_whom = NEW.second)",
        says="whoever asked for an earlier stage does not grant the routine",
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
    # A version whose life nobody began is bound by none: only the owner of the database makes versions known, and
    # begins each in the same transaction.
    Wall(
        name="results_for_care_by_granted_versions",
        on="results",
        event="INSERT",
        when="NEW.mode = 'care'",
        unless=f"coalesce({_LAST}, 'pilot') IN ('pilot', 'routine')",
        says="this model version stands below pilot: its results are shadow results",
        alone=True,
    ),
)
