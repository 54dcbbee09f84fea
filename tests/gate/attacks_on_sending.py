"""Attacks on what was released, and on what is sent because of it."""

from typing import Final

from tests.gate.attacks import DELIVER, DESK, INTAKE, SHORT, attack
from tests.gate.sessions import OWNER
from tests.gate.statements import EVIL, SIGNED
from tests.guarantee.samples import PACS, RECORD

# Who, what, which wall, and the statements; a line or two for each attack.
# fmt: off

RELEASES: Final = (
    attack(DESK, "release something else than what was decided", "release_of_exactly_what_was_decided",
           lambda w: w.release("decided", content=EVIL)),
    attack(DESK, "release under another verdict than the decision's", "release_of_exactly_what_was_decided",
           lambda w: w.release("decided", verdict="amend")),
    attack(DESK, "release one result by the decision on another", "release_of_exactly_what_was_decided",
           lambda w: w.release("decided", result_id=w.id("open"))),
    attack(DESK, "release by a decision that was never made", "release_of_exactly_what_was_decided",
           lambda w: w.release("open")),
    attack(DESK, "release a rejection as what it is",
           "release_never_of_a_rejection release_of_exactly_what_was_decided",
           lambda w: w.release("rejected", verdict="reject")),
    attack(DESK, "release a rejection as an acceptance", "release_of_exactly_what_was_decided",
           lambda w: w.release("rejected")),
    attack(DESK, "release without any ground", "release_has_one_ground", lambda w: w.release("open", decision_id=None)),
    attack(DESK, "release with a ground and without its verdict", "release_has_one_ground",
           lambda w: w.release("decided", verdict=None, content=EVIL)),
    attack(DESK, "release a decision twice", "release_once_per_decision", lambda w: w.release("released", id="second")),
    attack(DESK, "release without a seal", "release_is_sealed", lambda w: w.release("decided", signature="")),
    attack(DESK, "render something else than what was released", "rendering_of_the_released_content",
           lambda w: w.rendering("released", content=EVIL)),
    attack(DESK, "add a destination to a sealed release", "renderings_as_sealed",
           lambda w: w.rendering("released", "portal")),
    attack(DESK, "send other bytes to a sealed destination", "renderings_as_sealed",
           lambda w: w.rendering("released", package=EVIL)),
    attack(DESK, "swap the packages of two destinations", "renderings_as_sealed",
           lambda w: w.rendering("released", package=RECORD.package)),
    attack(DESK, "render what is no digest", "rendering_package_form",
           lambda w: w.release("decided", terms=w.terms("decided").replace(PACS.package, SHORT)),
           lambda w: w.rendering("decided", package=SHORT)),
    attack(DESK, "withdraw what was never released", "withdrawals_of_what_was_released",
           lambda w: w.withdrawal("rejected")),
    attack(DESK, "withdraw one result by the decision on another", "withdrawal_of_a_decision",
           lambda w: w.withdrawal("delivered", result_id=w.id("validated"))),
    attack(DESK, "take out what was never decided", "export_of_a_decision", lambda w: w.export("open")),
    attack(DESK, "take out one result by the decision on another", "export_of_a_decision",
           lambda w: w.export("delivered", result_id=w.id("validated"))),
    *(
        attack(DESK, f"take out a case without {what}", "export_signed_for",
               lambda w, change=change: w.export("delivered", **change))
        for what, change in (("a name", {"by_whom": ""}), ("a reason", {"reason": ""}), ("a profile", {"profile": ""}))
    ),
    attack(DESK, "withdraw twice", "withdrawal_once", lambda w: w.withdrawal("withdrawn", id="second")),
    *(
        attack(DESK, f"withdraw without {what}", "withdrawal_is_signed_for",
               lambda w, change=change: w.withdrawal("delivered", **change))
        for what, change in (("a name", {"by_whom": ""}), ("a reason", {"reason": ""}), ("a seal", {"signature": ""}))
    ),
    attack(DESK, "send another word than the notice of a withdrawal", "release_of_exactly_what_was_withdrawn",
           lambda w: w.withdrawal_release("withdrawn", content=EVIL)),
    attack(DESK, "release a withdrawal twice", "release_once_per_withdrawal",
           lambda w: w.withdrawal_release("recalled", id="second")),
    attack(DESK, "retract without a withdrawal", "results_retracted_by_a_withdrawal",
           lambda w: w.move("delivered", "retracted")),
)

SENDING: Final = (
    attack(DESK, "make other bytes due than those rendered", "delivery_of_the_rendered_package",
           lambda w: w.delivery("rendered", package=EVIL)),
    attack(DESK, "make a destination due that the release does not name", "delivery_of_the_rendered_package",
           lambda w: w.delivery("rendered", "portal")),
    attack(DESK, "make a release due that does not exist", "delivery_of_the_rendered_package delivery_of_its_release",
           lambda w: w.delivery("open")),
    attack(DESK, "make one release due in the name of another result", "delivery_of_its_release",
           lambda w: w.delivery("rendered", result_id=w.id("validated"))),
    attack(DESK, "make a result due as a withdrawal, which nothing holds back", "delivery_of_its_release",
           lambda w: w.delivery("rendered", kind="withdrawal")),
    attack(DESK, "make the same destination due twice", "delivery_once",
           lambda w: w.delivery("rendered"), lambda w: w.delivery("rendered", id="second")),
    attack(DESK, "make a delivery that is confirmed from the start", "deliveries_start",
           lambda w: w.delivery("rendered", state="confirmed")),
    attack(DESK, "call a delivery confirmed that nobody sent", "deliveries_confirmed_by_a_receipt",
           lambda w: w.move_delivery("validated", state="confirmed")),
    attack(DELIVER, "begin to send other bytes", "attempt_of_the_due_package",
           lambda w: w.attempt("validated", package=EVIL)),
    attack(DELIVER, "send what goes elsewhere", "attempt_of_the_due_package",
           lambda w: w.attempt("validated", package=RECORD.package)),
    attack(DELIVER, "send a delivery that the destination declined", "attempts_on_due_deliveries",
           lambda w: w.attempt("declined")),
    attack(DELIVER, "send a delivery that was withheld",
           "attempts_on_due_deliveries attempts_on_decided_results attempts_in_an_unchanged_world",
           lambda w: w.attempt("stale")),
    attack(DELIVER, "send a result that was retracted meanwhile", "attempts_on_decided_results",
           lambda w: w.attempt("recalled early")),
    attack(DELIVER, "send word of a withdrawal whose result still stands", "attempts_on_decided_results",
           lambda w: w.attempt("recalled", kind="withdrawal")),
    attack(DELIVER, "send after late images came", "attempts_in_an_unchanged_world",
           lambda w: w.attempt("sent, late images")),
    attack(DELIVER, "send after the patient's identity was corrected", "attempts_in_an_unchanged_world",
           lambda w: w.attempt("sent, other person")),
    *(
        attack(DELIVER, f"send while the {scope} is stopped", "attempts_not_while_held",
               lambda w, scope=scope: w.attempt(f"{scope} held, sent"))
        for scope in ("model", "version", "site", "device")
    ),
    attack(DELIVER, "send while everything is stopped", "attempts_not_while_held",
           lambda w: w.attempt("validated"), setup=(DESK, lambda w: [w.stop()])),
    attack(DELIVER, "have a receipt for what was never sent", "receipt_for_an_attempt",
           lambda w: w.receipt("validated")),
    attack(DELIVER, "have a receipt for other bytes", "receipt_for_an_attempt",
           lambda w: w.receipt("attempted", package=EVIL)),
    attack(DELIVER, "have a receipt that does not say how", "receipt_says_how",
           lambda w: w.receipt("attempted", method="")),
    attack(DELIVER, "confirm without a receipt", "deliveries_confirmed_by_a_receipt",
           lambda w: w.move_delivery("attempted", state="confirmed")),
    attack(DELIVER, "send a confirmed delivery again", "deliveries_final",
           lambda w: w.move_delivery("delivered", state="due")),
    attack(DELIVER, "revive a withheld delivery", "deliveries_final", lambda w: w.move_delivery("stale", state="due")),
    attack(DELIVER, "revive a declined delivery that nobody asked for again", "deliveries_final",
           lambda w: w.move_delivery("declined", state="due")),
    attack(DESK, "send again what nobody asked for", "deliveries_sent_again_by_order",
           lambda w: w.delivery("delivered", id="again", round=1)),
    attack(DESK, "ask again for what is still on its way", "resends_of_ended_deliveries",
           lambda w: w.resend("validated")),
    attack(DESK, "ask again for what was withheld", "resends_of_ended_deliveries", lambda w: w.resend("stale")),
    attack(DESK, "ask twice ahead of what was sent", "resends_of_ended_deliveries",
           lambda w: w.resend("delivered", round=2)),
    *(
        attack(DESK, f"ask again without {what}", "resend_signed_for",
               lambda w, change=change: w.resend("delivered", **change))
        for what, change in (("a name", {"by_whom": ""}), ("a reason", {"reason": ""}))
    ),
    attack(DELIVER, "send a result again that was taken back", "attempts_on_decided_results",
           lambda w: w.attempt("retracted", delivery_id="again"),
           setup=(DESK, lambda w: [w.delivery("retracted", id="again", round=1)])),
    attack(DELIVER, "send to a destination that is paused", "attempts_not_while_paused",
           lambda w: w.attempt("validated"), setup=(DESK, lambda w: [w.pause()])),
    attack(DELIVER, "send word of a withdrawal to a destination that is paused", "attempts_not_while_paused",
           lambda w: w.attempt("word due", kind="withdrawal"), setup=(DESK, lambda w: [w.pause()])),
    *(
        attack(DESK, f"pause without {what}", "pause_signed_for", lambda w, change=change: w.pause(**change))
        for what, change in (("a name", {"by_whom": ""}), ("a reason", {"reason": ""}))
    ),
    attack(DESK, "half pause a destination", "pause_action_known", lambda w: w.pause(action="slow")),
    attack(DELIVER, "leave a destination alone that never failed", "destination_rests_for_a_reason",
           lambda w: w.destination(rests_until=SIGNED)),
    attack(DELIVER, "lose a delivery", "delivery_state_known", lambda w: w.move_delivery("validated", state="lost")),
    attack(DELIVER, "decline without saying why", "delivery_refusal_explained",
           lambda w: w.move_delivery("validated", state="declined")),
    attack(OWNER, "turn a due delivery to another destination", "deliveries_frozen",
           lambda w: w.move_delivery("rendered", destination="record", package=RECORD.package),
           setup=(DESK, lambda w: [w.delivery("rendered")])),
    attack(DELIVER, "call a result delivered that nobody sent", "results_delivered_with_receipts",
           lambda w: w.move("validated", "delivered")),
    attack(DELIVER, "call a result delivered with one destination missing", "results_delivered_with_receipts",
           lambda w: w.receipt("attempted"), lambda w: w.move_delivery("attempted", state="confirmed"),
           lambda w: w.move("attempted", "delivered")),
    attack(DELIVER, "call a result delivered whose destination nobody made due", "results_delivered_with_receipts",
           lambda w: w.move("rendered", "delivered")),
    attack(INTAKE, "overtake a result of which a copy may be outside", "results_overtaken_before_anything_left",
           lambda w: w.move("attempted", "stale")),
)

# fmt: on
