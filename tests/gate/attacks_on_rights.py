"""Attacks on who may endorse what: rights that nobody may give, and opinions and sends without one."""

from typing import Final

from guarantee.codec import time_text
from tests.gate import rights
from tests.gate.attacks import DELIVER, DESK, attack
from tests.gate.rights import grant, revocation
from tests.gate.sessions import OWNER
from tests.gate.statements import SIGNED
from tests.guarantee.samples import a_right, at

BEFORE, LATER_AT = (time_text(at(seconds)) for seconds in (140_000, 160_000))
MARTIN: Final = a_right()

# fmt: off
RIGHTS: Final = (
    attack(OWNER, "give a right to nobody", "grant_to_a_person",
           lambda _: grant(person="nobody")),
    attack(OWNER, "give a right as a clinician", "grant_by_the_committee",
           lambda _: grant(by_whom="dr.petit", by_role="clinician")),
    attack(OWNER, "give a right as a clinician who passes for the committee", "grant_by_its_granter",
           lambda _: grant(by_whom="dr.petit")),
    attack(OWNER, "give oneself a right", "grant_never_to_oneself", lambda _: grant(person="committee")),
    attack(OWNER, "give a right to do what nobody defined", "grant_act_known", lambda _: grant(act="everything")),
    attack(OWNER, "give a right at no site", "grant_names_what_it_is_for", lambda _: grant(site="")),
    attack(OWNER, "give a right to a minor version", "grant_names_what_it_is_for", lambda _: grant(major="1.0")),
    attack(OWNER, "give a right on no evidence", "grant_on_evidence", lambda _: grant(evidence="")),
    attack(OWNER, "give a right for the past", "grant_never_for_the_past", lambda _: grant(at=grant()[1]["until"])),
    attack(OWNER, "give a right for ever", "grant_for_a_year_at_most",
           lambda _: grant(until=SIGNED.replace("2026", "2028"))),
    attack(OWNER, "give a right to a closed account", "habilitations_between_active_people",
           lambda _: grant(person="dr.closed")),
    attack(DESK, "revoke what was never given", "revocation_of_a_right",
           lambda _: revocation(rights.SOON, grant_id="nothing")),
    attack(DESK, "revoke in a way that nobody defined", "revocation_holds_or_not",
           lambda _: revocation(rights.SOON, holds=2)),
    attack(DESK, "revoke without saying who", "revocation_signed_for",
           lambda _: revocation(rights.SOON, by_whom="")),
    attack(DESK, "revoke without saying why", "revocation_signed_for",
           lambda _: revocation(rights.SOON, reason="")),

    attack(DESK, "endorse under a right that does not exist",
           "opinion_by_a_right_of_its_reader opinions_under_a_right_in_force",
           lambda w: w.opinion("open", grant_id="invented")),
    attack(DESK, "endorse under somebody else's right", "opinion_by_a_right_of_its_reader",
           lambda w: w.opinion("open", grant_id=a_right("dr.leroy").id)),
    *(
        attack(DESK, f"endorse under {what}", "opinions_under_a_right_in_force",
               lambda w, right=right: w.opinion("open", grant_id=right.id))
        for what, right in (
            ("a right to another model", rights.OTHER_MODEL),
            ("a right to another major version", rights.OTHER_MAJOR),
            ("a right to a major version whose number begins alike", rights.ALIKE),
            ("a right at another site", rights.OTHER_SITE),
            ("a right that has ended", rights.OVER),
            ("a right that has not begun", rights.LATER),
            ("a right that was revoked", rights.LOST),
        )
    ),
    attack(DESK, "endorse under a right that was revoked a moment ago", "opinions_under_a_right_in_force",
           lambda w: w.opinion("open"), setup=(DESK, lambda _: [revocation(MARTIN, holds=0)])),
    attack(DELIVER, "send what was endorsed under a right that was revoked", "attempts_under_rights_that_stand",
           lambda w: w.attempt("validated"), setup=(DESK, lambda _: [revocation(MARTIN)])),
    attack(DELIVER, "send it because another right of the person stands", "attempts_under_rights_that_stand",
           lambda w: w.attempt("validated"),
           setup=(OWNER, lambda _: [revocation(MARTIN), grant(MARTIN, site="north", at=LATER_AT, since=LATER_AT)])),
    attack(DELIVER, "send it because the same right was given before it was revoked",
           "attempts_under_rights_that_stand", lambda w: w.attempt("validated", at=LATER_AT),
           setup=(OWNER, lambda _: [grant(MARTIN), revocation(MARTIN, at=LATER_AT)])),
    attack(DELIVER, "send it because a right that was given again, and revoked again, once stood",
           "attempts_under_rights_that_stand", lambda w: w.attempt("validated", at=LATER_AT),
           setup=(OWNER, lambda _: [revocation(MARTIN, at=BEFORE), grant(MARTIN),
                                    revocation(MARTIN, grant_id="g", holds=0)])),
)

HONEST: Final = (
    attack(OWNER, "give a right", "", lambda _: grant()),
    attack(DESK, "revoke a right", "", lambda _: revocation(rights.SOON)),
    attack(DESK, "endorse under another right that fits", "", lambda w: w.opinion("open", grant_id="g"),
           setup=(OWNER, lambda _: [grant(MARTIN)])),
    attack(DELIVER, "send what was endorsed under a right that was revoked while decisions stand", "",
           lambda w: w.attempt("validated"), setup=(DESK, lambda _: [revocation(MARTIN, holds=0)])),
    attack(DELIVER, "send word of a withdrawal, whatever became of rights", "",
           lambda w: w.attempt("word due", kind="withdrawal"), setup=(DESK, lambda _: [revocation(MARTIN)])),
    attack(DELIVER, "send it once the right was given again", "", lambda w: w.attempt("validated"),
           setup=(OWNER, lambda _: [revocation(MARTIN, at=BEFORE), grant(MARTIN)])),
)
# fmt: on
"""What goes through in the same world."""
