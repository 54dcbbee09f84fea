"""Attacks on the lives of model versions: what they are called, who signs, and what they may do where they stand."""

from typing import Final

from tests.gate.attacks import DESK, POSTGRESQL, SWEEP, attack
from tests.gate.sessions import OWNER
from tests.gate.world import ENDED, OBSERVED, PILOTED

# fmt: off
LIVES: Final = (
    attack(DESK, "frame a version that nobody knows", "stage_of_a_known_version", lambda w: w.stage("nobody@1")),
    attack(DESK, "sign for a stage without saying why", "stage_signed_for", lambda w: w.stage(reason="")),
    attack(OWNER, "begin a life at a stage that there is not", "stage_known",
           lambda w: w.stage(by_whom="installer", stage="trial")),
    attack(DESK, "skip a stage", "stages_follow_life", lambda w: w.stage(stage="poc")),
    attack(DESK, "leave a line out", "stages_follow_life", lambda w: w.stage(n=7)),
    attack(DESK, "put a version that is observed into routine", "stages_follow_life",
           lambda w: w.stage(OBSERVED.id, n=2, stage="routine", by_whom="dr.leroy", second="dr.martin")),
    attack(OWNER, "begin a life in routine", "stages_begun_by_the_installer",
           lambda w: w.stage(by_whom="installer", stage="routine", second="dr.martin")),
    attack(OWNER, "begin a life again", "stages_begun_by_the_installer",
           lambda w: w.stage(PILOTED.id, n=3, by_whom="installer", stage="pilot")),
    attack(DESK, "pass for the installer", "stages_begun_by_the_installer",
           lambda w: w.stage(by_whom="installer", stage="pilot"), on=POSTGRESQL),
    attack(DESK, "sign for a stage as a learner", "stages_signed_by_who_may", lambda w: w.stage(by_whom="learner")),
    attack(DESK, "sign for a stage as nobody", "stages_signed_by_who_may", lambda w: w.stage(by_whom="nobody")),
    attack(DESK, "sign for a stage with a closed account", "stages_signed_by_who_may",
           lambda w: w.stage(by_whom="dr.closed")),
    attack(DESK, "let a model treat patients as an engineer", "stages_signed_by_who_may",
           lambda w: w.stage(OBSERVED.id, n=2, stage="pilot", by_whom="engineer")),
    attack(DESK, "grant a routine as an engineer", "stages_signed_by_who_may",
           lambda w: w.stage(PILOTED.id, n=3, stage="routine", by_whom="dr.leroy", second="engineer")),
    attack(DESK, "grant a routine with a closed account", "stages_signed_by_who_may",
           lambda w: w.stage(PILOTED.id, n=3, stage="routine", by_whom="dr.leroy", second="dr.closed")),
    attack(DESK, "grant one's own routine", "stage_routine_by_two_people",
           lambda w: w.stage(PILOTED.id, n=3, stage="routine", by_whom="dr.leroy", second="dr.leroy")),
    attack(DESK, "grant the routine of what one piloted", "stages_granted_by_no_author",
           lambda w: w.stage(PILOTED.id, n=3, stage="routine", by_whom="dr.leroy", second="dr.martin")),
    attack(DESK, "go on with a version that is retired", "stages_of_versions_in_use", lambda w: w.stage(ENDED.id)),
    attack(SWEEP, "treat a patient with a version that is observed", "results_for_care_by_granted_versions",
           lambda w: w.result("open", model_id=OBSERVED.id)),
    attack(OWNER, "let a version follow one that nobody knows", "model_follows_a_known_version",
           lambda w: w.model(follows="nobody@1")),
    attack(OWNER, "let a version need no level that there is", "model_revalidation_known",
           lambda w: w.model(revalidation="skip")),
    attack(OWNER, "name a publisher without a key", "model_publisher_by_key", lambda w: w.model(publisher="chu")),
)
# fmt: on
