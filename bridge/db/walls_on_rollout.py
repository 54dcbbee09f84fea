"""The walls of versions: which one works for patients, which one is tried, and which case gets which."""

from typing import Final

from bridge.db.wall import Wall

_IN_USE: Final = "NOT EXISTS (SELECT 1 FROM retirements r WHERE r.model_id = NEW.model_id)"

_DRAWN: Final = (
    "SELECT 1 FROM open_trials t JOIN cases c ON c.id = NEW.case_id WHERE (t.site = '' OR t.site = c.site) "
    "AND aval_sha256(t.seed || ':' || c.kind || ':' || c.uid) < t.drawn_below"
)
"""The canary whose share the case of a new result is in (guarantee/rollout.py: Trial.takes)."""

_EVER: Final = "SELECT 1 FROM appointments a JOIN models m ON m.name = a.name WHERE m.id = NEW.model_id"
"""Any appointment of the name that a new result's version has."""

_ROUTINE: Final = "SELECT 1 FROM routine_versions v WHERE v.model_id = NEW.model_id"
"""The appointment in force of a new result's version."""

ROLLOUT: Final[tuple[Wall, ...]] = (
    Wall(
        name="appointments_follow",
        on="appointments",
        event="INSERT",
        unless="NEW.seq > coalesce((SELECT max(a.seq) FROM appointments a), 0) AND CASE NEW.step "
        "WHEN 'first' THEN NEW.below IS NULL AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.name = NEW.name) "
        "WHEN 'promote' THEN EXISTS (SELECT 1 FROM routine_versions v WHERE v.name = NEW.name "
        "AND v.seq = NEW.below AND v.model_id <> NEW.model_id) "
        "WHEN 'rollback' THEN EXISTS (SELECT 1 FROM routine_versions v JOIN appointments b ON b.seq = v.below "
        "WHERE v.name = NEW.name AND b.model_id = NEW.model_id AND b.below IS NOT DISTINCT FROM NEW.below) "
        "ELSE 1 = 0 END",
        says="this does not follow from the version in routine: somebody appointed another one meanwhile",
        alone=True,
    ),
    Wall(
        name="appointments_of_versions_in_use",
        on="appointments",
        event="INSERT",
        unless=_IN_USE,
        says="this model version is retired",
        alone=True,
    ),
    Wall(
        name="trials_against_the_version_in_routine",
        on="trials",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM routine_versions v WHERE v.seq = NEW.under AND v.name = NEW.name "
        "AND v.model_id <> NEW.model_id)",
        says="a version is tried against the one in routine of its name",
        alone=True,
    ),
    Wall(
        name="trials_of_versions_in_use",
        on="trials",
        event="INSERT",
        unless=_IN_USE,
        says="this model version is retired",
        alone=True,
    ),
    Wall(
        name="trials_one_at_a_place",
        on="trials",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM open_trials t WHERE t.name = NEW.name "
        "AND (t.site = NEW.site OR t.site = '' OR NEW.site = ''))",
        says="another trial of this model covers the place: end it first",
        alone=True,
    ),
    # Care is given by the version in routine, or by the one that is tried where the case drew it: never by choice. A
    # model that never had an appointment is bound by none.
    Wall(
        name="results_for_care_by_appointment",
        on="results",
        event="INSERT",
        when="NEW.mode = 'care'",
        unless=f"NOT EXISTS ({_EVER}) OR EXISTS ({_DRAWN} AND t.model_id = NEW.model_id) "
        f"OR EXISTS ({_ROUTINE} AND NOT EXISTS ({_DRAWN} AND t.under = v.seq))",
        says="care is given by the version in routine, or by the one that this case drew",
        alone=True,
    ),
)
