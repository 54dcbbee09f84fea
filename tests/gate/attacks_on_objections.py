"""Attacks on a patient's objection, and on what is taken out for them: to go on all the same, in another's name."""

from typing import Any, Final

from tests.gate.accesses import access, mention
from tests.gate.attacks import BOTH, DELIVER, DESK, INFER, INTAKE, POSTGRESQL, SHORT, Attack, attack
from tests.gate.objections import OBJECTED, lift, objection
from tests.gate.sessions import OWNER
from tests.gate.statements import EVIL, Sql


def _objected(role: str, name: str, by: str, step: Any, *before: Any, on: frozenset[str] = BOTH) -> Attack:
    """An attempt on a patient who objects, and what the owner did before that."""

    def setup(w: Any) -> list[Sql]:
        return [*(one(w) for one in before), objection()]

    return attack(role, name, by, step, setup=(OWNER, setup), on=on)


# fmt: off
OBJECTIONS: Final = (
    attack(DESK, "lift an objection that nobody recorded", "objections_lifted_where_they_stand", lambda _: lift()),
    _objected(INTAKE, "lift an objection because the record says so", "objections_lifted_by_people",
              lambda _: lift(), on=POSTGRESQL),
    attack(INTAKE, "record an objection in a person's name", "objections_lifted_by_people",
           lambda _: objection(source="", by_whom="dr.martin"), on=POSTGRESQL),
    _objected(INFER, "draft from the exams of a patient who objects", "results_drafted_without_an_objection",
              lambda w: w.move("queued", "awaiting_review", draft=EVIL, cause_code="")),
    attack(DESK, "queue again what lies outside a model's use", "results_queued_again_when_nobody_objects",
           lambda w: w.move("excluded", "queued")),
    _objected(DESK, "queue again what a patient objects to", "results_queued_again_when_nobody_objects",
              lambda w: w.move("queued", "queued", cause_code=""),
              lambda w: w.move("queued", "excluded", cause_code=OBJECTED)),
    _objected(DESK, "show a draft although the patient objects", "questions_not_while_objected",
              lambda w: w.question("fresh")),
    _objected(DESK, "sign an opinion although the patient objects", "opinions_not_while_objected",
              lambda w: w.opinion("open")),
    _objected(DESK, "decide although the patient objects", "decisions_not_while_objected",
              lambda w: w.decision("signed")),
    _objected(DELIVER, "send although the patient objects", "attempts_not_while_objected",
              lambda w: w.attempt("validated")),
    _objected(DESK, "record the same word of the record twice", "objection_once", lambda _: objection(seq=2)),
    attack(DESK, "object in nobody's name", "objection_about_a_number", lambda _: objection(identifier="")),
    attack(DESK, "object under a number that anybody gave", "objection_about_a_number",
           lambda _: objection(authority="")),
    attack(DESK, "say of an objection what there is not", "objection_word_known",
           lambda _: objection(word="maybe", source="")),
    attack(DESK, "record an objection without saying why", "objection_signed_for", lambda _: objection(reason="")),
    _objected(DESK, "lift an objection in the record's name", "objection_lifted_by_a_person",
              lambda _: lift(source="2")),
    attack(INTAKE, "name nobody in news of a patient", "mention_of_a_number", lambda _: mention(value="")),
    attack(INTAKE, "mention a patient in no message", "mention_message_form", lambda _: mention(message=SHORT)),
    attack(INTAKE, "half join two patients", "mention_joins_or_not", lambda _: mention(joined=2)),
    attack(DESK, "take a patient's data out as a radiologist", "access_by_the_data_protection_officer",
           lambda _: access(by_whom="dr.martin", by_role="radiologist")),
    attack(DESK, "take a patient's data out in the name of an officer whom nobody knows", "access_by_somebody",
           lambda _: access(by_whom="nobody")),
    attack(DESK, "take nobody's data out", "access_to_a_number", lambda _: access(value="")),
    attack(DESK, "take a patient's data out without saying why", "access_signed_for", lambda _: access(reason="")),
    attack(OWNER, "let a policy not mind an objection", "policy_objection_known",
           lambda w: w.policy(ref="x@1", objection="ignore")),
)
# fmt: on
