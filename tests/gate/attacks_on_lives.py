"""Attacks on the lives of model versions: what they are called, who signs, and what they may do where they stand."""

from typing import Final

from tests.gate.attacks import DESK, POSTGRESQL, SWEEP, attack
from tests.gate.sessions import OWNER
from tests.gate.versions import IS, SEEN, TRIED, trial
from tests.gate.world import ENDED, HELD, HELD_VERSION, OBSERVED, PILOTED

# fmt: off
LIVES: Final = (
    attack(DESK, "frame a version that nobody knows", "stage_of_a_known_version", lambda w: w.stage("nobody@1")),
    attack(DESK, "sign for a stage without saying why", "stage_signed_for", lambda w: w.stage(reason="")),
    attack(OWNER, "begin a life at a stage that there is not", "stage_known",
           lambda w: w.stage(by_whom="installer", stage="trial")),
    attack(DESK, "skip a stage", "stages_follow_life", lambda w: w.stage(stage="poc")),
    attack(DESK, "leave a line out", "stages_follow_life", lambda w: w.stage(n=7)),
    attack(DESK, "say in a line that a version is in routine", "stages_follow_life stage_known",
           lambda w: w.stage(PILOTED.id, n=3, stage="routine")),
    attack(DESK, "return a version that is in routine", "stages_of_the_routine_stay",
           lambda w: w.stage(IS, n=2, stage="shadow")),
    attack(DESK, "return a version that treats a share of the patients", "stages_of_the_tried_suffice",
           lambda w: w.stage(TRIED, n=2, stage="shadow")),
    attack(DESK, "return a version below what its trial needs", "stages_of_the_tried_suffice",
           lambda w: w.stage(SEEN, n=2, stage="poc"), setup=(DESK, lambda _: [trial(model_id=SEEN)])),
    attack(DESK, "go on with a version that is suspended", "stages_of_the_suspended_stay",
           lambda w: w.stage(HELD_VERSION.id, n=2, stage="shadow")),
    attack(DESK, "go on with a version of a model that is suspended", "stages_of_the_suspended_stay",
           lambda w: w.stage(HELD.id, n=2, stage="shadow")),
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
    attack(DESK, "go on with a version that is retired", "stages_of_versions_in_use",
           lambda w: w.stage(ENDED.id, n=2, stage="shadow")),
    attack(SWEEP, "treat a patient with a version that is observed", "results_for_care_by_granted_versions",
           lambda w: w.result("open", model_id=OBSERVED.id)),
    attack(OWNER, "let a version follow one that nobody knows", "model_follows_a_known_version",
           lambda w: w.model(follows="nobody@1")),
    attack(OWNER, "let a version need no level that there is", "model_revalidation_known",
           lambda w: w.model(revalidation="skip")),
    attack(OWNER, "name a publisher without a key", "model_publisher_by_key", lambda w: w.model(publisher="chu")),
)
# fmt: on
