"""Attacks on which version works for patients, which is tried, and which case gets it."""

from typing import Final

from tests.gate.attacks import DESK, SWEEP, attack
from tests.gate.versions import IS, OVER, TRIED, WAS, appointment, promotion, trial, trial_end

# fmt: off
VERSIONS: Final = (
    attack(DESK, "put a version in routine that nobody knows", "appointment_of_a_known_version",
           lambda _: promotion("tried@9.0.0")),
    attack(DESK, "put another model in routine under this one's name", "appointment_under_its_name",
           lambda _: promotion("spare@1.0.0")),
    attack(DESK, "promote without saying who", "appointment_signed_for", lambda _: promotion(by_whom="")),
    attack(DESK, "roll back without saying why", "appointment_signed_for", lambda _: appointment(reason="")),
    attack(DESK, "promote after a version that is no longer in routine", "appointments_follow",
           lambda _: promotion(below=1)),
    attack(DESK, "promote what is in routine", "appointments_follow", lambda _: promotion(IS)),
    attack(DESK, "begin the history of a model again", "appointments_follow",
           lambda _: appointment(step="first", model_id=TRIED)),
    attack(DESK, "roll back to a version that was never in routine", "appointments_follow",
           lambda _: appointment(model_id=TRIED)),
    attack(DESK, "roll back so that the next one goes forward", "appointments_follow", lambda _: appointment(below=2)),
    attack(DESK, "roll back a version that was the first", "appointments_follow",
           lambda _: appointment(name="once", model_id="once@1.0.0")),
    attack(DESK, "appoint behind what is in force", "appointments_follow", lambda _: appointment(seq=0)),
    attack(DESK, "appoint by a step that nobody defined", "appointments_follow", lambda _: appointment(step="revive")),
    attack(DESK, "put a retired version in routine", "appointments_of_versions_in_use", lambda _: promotion(OVER)),

    attack(DESK, "try a version that nobody knows", "trial_of_a_known_version",
           lambda _: trial(model_id="tried@9.0.0")),
    attack(DESK, "try another model under this one's name", "trial_under_its_name",
           lambda _: trial(model_id="spare@1.0.0")),
    attack(DESK, "try nothing", "trial_tries_something", lambda _: trial(shadow=0)),
    attack(DESK, "give a canary everything", "trial_tries_something", lambda _: trial(share=100)),
    attack(DESK, "try in a way that nobody defined", "trial_tries_something", lambda _: trial(shadow=2)),
    attack(DESK, "draw from no seed", "trial_draws_by_lot", lambda _: trial(seed="")),
    attack(DESK, "draw below nothing that compares", "trial_draws_by_lot", lambda _: trial(drawn_below="z")),
    attack(DESK, "try without saying who", "trial_signed_for", lambda _: trial(by_whom="")),
    attack(DESK, "try without saying why", "trial_signed_for", lambda _: trial(reason="")),
    attack(DESK, "try a version against one that was replaced", "trials_against_the_version_in_routine",
           lambda _: trial(under=1)),
    attack(DESK, "try a version against the routine of another model", "trials_against_the_version_in_routine",
           lambda _: trial(under=3)),
    attack(DESK, "try a version against itself", "trials_against_the_version_in_routine",
           lambda _: trial(model_id=IS)),
    attack(DESK, "try a retired version", "trials_of_versions_in_use", lambda _: trial(model_id=OVER)),
    attack(DESK, "try two versions at one site", "trials_one_at_a_place", lambda _: trial(site="chu")),
    attack(DESK, "try a version everywhere, over the trial of a site", "trials_one_at_a_place",
           lambda _: trial(site="")),
    attack(DESK, "end a trial that was never begun", "trial_end_of_a_trial", lambda _: trial_end("nothing")),
    attack(DESK, "end a trial without saying who", "trial_end_signed_for", lambda w: trial_end(w.trial, by_whom="")),
    attack(DESK, "end a trial without saying why", "trial_end_signed_for", lambda w: trial_end(w.trial, reason="")),

    attack(SWEEP, "treat a patient with a version that was replaced", "results_for_care_by_appointment",
           lambda w: w.result("open", model_id=WAS)),
    attack(SWEEP, "treat a patient with the version that is tried, by choice", "results_for_care_by_appointment",
           lambda w: w.result("fresh", model_id=TRIED)),
    attack(SWEEP, "keep a case that drew the canary from it", "results_for_care_by_appointment",
           lambda w: w.result("open", model_id=IS)),
    attack(SWEEP, "treat a patient with the version that is tried, after a rollback", "results_for_care_by_appointment",
           lambda w: w.result("open", model_id=TRIED), setup=(DESK, lambda _: [appointment()])),
    attack(SWEEP, "treat a patient with the version that is tried, after the trial", "results_for_care_by_appointment",
           lambda w: w.result("open", model_id=TRIED), setup=(DESK, lambda w: [trial_end(w.trial)])),
    attack(SWEEP, "treat a patient at a site that takes no part in the trial", "results_for_care_by_appointment",
           lambda w: w.result("site held", model_id=TRIED)),
)

HONEST: Final = (
    attack(DESK, "roll back", "", lambda _: appointment()),
    attack(DESK, "promote the version that is tried", "", lambda _: promotion()),
    attack(DESK, "try a version at another site", "", lambda _: trial()),
    attack(DESK, "end the trial", "", lambda w: trial_end(w.trial)),
    attack(SWEEP, "treat the case that drew it with the version that is tried", "",
           lambda w: w.result("open", model_id=TRIED)),
    attack(SWEEP, "treat the other case with the version in routine", "", lambda w: w.result("fresh", model_id=IS)),
    attack(SWEEP, "look at any case with any version in shadow mode", "",
           lambda w: w.result("fresh", model_id=TRIED, mode="shadow")),
    attack(SWEEP, "treat with the version that a rollback put in routine", "",
           lambda w: w.result("open", model_id=WAS), setup=(DESK, lambda _: [appointment()])),
    attack(SWEEP, "treat with the version that was promoted", "",
           lambda w: w.result("fresh", model_id=TRIED), setup=(DESK, lambda _: [promotion()])),
)
# fmt: on
"""What goes through in the same world: the walls are no tighter than they say."""
