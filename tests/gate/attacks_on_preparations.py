"""Attacks on co-signature: a learner who decides, a senior who was shown nothing, and what was never prepared."""

from typing import Final

from guarantee.codec import time_text
from tests.gate.attacks import DESK, SHORT, attack
from tests.gate.preparations import ELSE, PREPARES, name_of, opinion, preparation
from tests.gate.rights import revocation
from tests.gate.statements import EVIL
from tests.guarantee.samples import a_right, at

TOO_LATE: Final = time_text(at(300_000))

# fmt: off
PREPARATIONS: Final = (
    attack(DESK, "endorse under a right to prepare", "opinions_under_a_right_in_force",
           lambda w: w.opinion("to prepare", grant_id=PREPARES["dr.martin"].id)),
    attack(DESK, "pass a learner's word for an opinion",
           "opinion_by_a_clinician opinions_under_a_right_in_force",
           lambda w: w.opinion("to prepare", "learner", grant_id=PREPARES["learner"].id)),
    attack(DESK, "decide by what a learner prepared",
           "decision_is_its_opinion decision_content_is_its_opinions decisions_satisfy_the_policy",
           lambda w: w.decision("prepared", "learner", opinion_id=name_of("prepared"))),

    attack(DESK, "prepare what has expired", "preparations_of_what_may_be_decided",
           lambda w: preparation(w, "too late")),
    attack(DESK, "prepare what late images made stale", "preparations_of_what_may_be_decided",
           lambda w: preparation(w, "overtaken")),
    attack(DESK, "prepare what was opened too long ago", "preparations_in_time",
           lambda w: preparation(w, "to prepare", signed_at=TOO_LATE)),
    attack(DESK, "prepare by a closed account", "preparations_by_active_people",
           lambda w: preparation(w, "to prepare", "dr.closed")),
    attack(DESK, "prepare under a right to endorse", "preparations_under_a_right_in_force",
           lambda w: preparation(w, "to prepare", grant_id=a_right("learner").id)),
    attack(DESK, "prepare under a right that was revoked a moment ago", "preparations_under_a_right_in_force",
           lambda w: preparation(w, "to prepare"),
           setup=(DESK, lambda _: [revocation(PREPARES["learner"], holds=0)])),
    attack(DESK, "prepare where the policy lets nobody", "preparations_where_the_policy_lets",
           lambda w: preparation(w, "not for learners")),
    attack(DESK, "prepare what was never revealed", "preparations_of_what_was_revealed",
           lambda w: preparation(w, "not revealed")),
    attack(DESK, "prepare what a senior has signed", "preparations_before_any_opinion",
           lambda w: preparation(w, "signed before")),
    attack(DESK, "prepare what somebody else prepared", "preparation_once",
           lambda w: preparation(w, "prepared", "dr.martin")),
    attack(DESK, "prepare another draft than the one that was asked about", "preparation_answers_its_question",
           lambda w: preparation(w, "to prepare", shown=EVIL, content=EVIL)),
    attack(DESK, "prepare under a role that one does not have", "preparation_by_its_learner",
           lambda w: preparation(w, "to prepare", reader_role="radiologist")),
    attack(DESK, "prepare under somebody else's right", "preparation_by_a_right_of_its_learner",
           lambda w: preparation(w, "to prepare", grant_id=PREPARES["dr.martin"].id)),
    attack(DESK, "prepare under another policy than the result's", "preparation_under_the_frozen_policy",
           lambda w: preparation(w, "to prepare", policy=ELSE.ref)),
    attack(DESK, "prepare what nobody defined", "preparation_verdict_known",
           lambda w: preparation(w, "to prepare", verdict="maybe")),
    attack(DESK, "reject and prepare a text", "preparation_rejects_everything",
           lambda w: preparation(w, "to prepare", verdict="reject")),
    attack(DESK, "prepare without a seal", "preparation_is_sealed",
           lambda w: preparation(w, "to prepare", signature=SHORT)),

    attack(DESK, "endorse and pass over what was prepared", "opinions_with_what_was_prepared",
           lambda w: w.opinion("prepared")),
    attack(DESK, "endorse after a preparation that is of another result", "opinions_with_what_was_prepared",
           lambda w: opinion(w, "to prepare", prepared=name_of("prepared"),
                             statement=f'{{"prepared":"{name_of("prepared")}"}}')),
    attack(DESK, "endorse what one prepared oneself", "opinions_by_another_than_who_prepared",
           lambda w: opinion(w, "prepared by a senior", "dr.martin")),
    attack(DESK, "sign a statement that does not name what was prepared", "opinions_say_what_was_prepared",
           lambda w: opinion(w, "prepared", statement='{"prepared":null}')),
    attack(DESK, "sign a statement whose comment names what was prepared", "opinions_say_what_was_prepared",
           lambda w: opinion(w, "prepared",
                             statement=f'{{"comment":"\\"prepared\\":\\"{name_of("prepared")}\\"","prepared":null}}')),
)

HONEST: Final = (
    attack(DESK, "prepare, then answer for it", "",
           lambda w: preparation(w, "to prepare"), lambda w: opinion(w, "to prepare"),
           lambda w: w.decision("to prepare")),
    attack(DESK, "answer for what was prepared", "", lambda w: opinion(w, "prepared")),
    attack(DESK, "endorse where nobody prepared", "", lambda w: w.opinion("to prepare")),
    attack(DESK, "decide otherwise than a learner who rejects", "",
           lambda w: preparation(w, "to prepare", verdict="reject", content=None),
           lambda w: opinion(w, "to prepare"), lambda w: w.decision("to prepare")),
)
# fmt: on
"""What goes through in the same world."""
