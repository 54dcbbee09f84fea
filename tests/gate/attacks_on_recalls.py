"""Attacks on what resumes, on what is taken back together, and on who has read of it."""

from typing import Final

from tests.gate.attacks import DESK, INFER, POSTGRESQL, SHORT, attack
from tests.gate.recalls import LATER, acknowledgement, examination, item, recall, resumption
from tests.gate.sessions import OWNER
from tests.gate.statements import update

# fmt: off
RECALLS: Final = (
    attack(DESK, "resume a version whose golden cases nobody asked since", "stops_resume_after_golden_cases",
           resumption),
    attack(DESK, "resume a version after a golden case went wrong", "stops_resume_after_golden_cases",
           lambda _: examination(), lambda _: examination(id="l", at=LATER, failure="gives 12"), resumption),
    attack(DESK, "resume a version on golden cases that went wrong", "stops_resume_after_golden_cases",
           lambda _: examination(failure="gives 12"), resumption),
    attack(DESK, "resume everything, one version of which nobody asked", "stops_resume_after_golden_cases",
           lambda w: w.stop(), lambda w: resumption(w, "", "all")),
    attack(DESK, "resume the model of a version in routine unasked", "stops_resume_after_golden_cases",
           lambda w: w.stop("model", "tried"), lambda w: resumption(w, "tried", "model")),
    attack(DESK, "resume with a learner", "stops_resumed_by_who_may",
           lambda _: examination(), lambda w: resumption(w, second="learner")),
    attack(DESK, "resume with a closed account", "stops_resumed_by_who_may",
           lambda _: examination(), lambda w: resumption(w, second="dr.closed")),
    attack(DESK, "resume among engineers", "stops_resumed_by_who_may",
           lambda _: examination(), lambda w: resumption(w, by_whom="engineer", second="another"),
           setup=(OWNER, lambda w: [w.user(login="another", role="engineer")])),
    attack(INFER, "say in a person's name that a version was examined", "examinations_by_a_worker_in_its_own_name",
           lambda _: examination(by_whom="dr.martin"), on=POSTGRESQL),
    attack(DESK, "examine a version that nobody knows", "examination_of_a_known_version",
           lambda _: examination("nobody@1")),
    attack(DESK, "examine on no known cases", "examination_of_known_cases", lambda _: examination(cases=SHORT)),
    attack(DESK, "examine without saying who", "examination_signed_for", lambda _: examination(by_whom="")),

    attack(DESK, "take many results back alone", "recall_of_many_by_two", lambda _: recall(many=11)),
    attack(DESK, "take many results back with oneself", "recall_by_two_different_people",
           lambda _: recall(many=11, second="dr.martin")),
    attack(DESK, "take results back without saying why", "recall_signed_for", lambda _: recall(comment="")),
    attack(DESK, "take more results back than somebody signed for", "recall_items_as_many_as_ordered",
           item, lambda w: item(w, "validated")),
    attack(DESK, "take back what was never released", "recall_items_were_released", lambda w: item(w, "open")),
    attack(DESK, "take a result back on nobody's order", "recall_item_of_a_recall recall_items_as_many_as_ordered",
           lambda w: item(w, recall="nobody's")),
    attack(DESK, "take back a result that does not exist", "recall_item_of_a_result recall_items_were_released",
           lambda w: item(w, result_id="nothing")),
    attack(OWNER, "put another result under an order that was signed", "recall_items_frozen",
           lambda w: update("recall_items", {"recall_id": "few"}, result_id=w.id("amended"))),
    attack(DESK, "have read that a result was taken back before it was", "acknowledgements_of_withdrawals",
           lambda w: acknowledgement(w, "delivered")),
    attack(DESK, "have nobody read that a result was taken back", "acknowledgement_by_somebody",
           lambda w: acknowledgement(w, login="nobody")),
)
