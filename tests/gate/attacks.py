"""Every way we could think of to get something past the gate with SQL alone, as data.

An attack names the walls that stop it. Usually it is exactly one: everything else about the attack is honest, so that
it shows what that wall is for, and gets through without it (ablation.py). Where several walls stop the same attack,
each of them alone is enough.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.db.databases import ROLES
from tests.gate.rows import EVIL, Sql, update
from tests.gate.sessions import OWNER
from tests.gate.world import World
from tests.guarantee.samples import PACS, RECORD

BOTH: Final = frozenset({"sqlite", "postgresql"})
POSTGRESQL: Final = frozenset({"postgresql"})

INTAKE, INFER, DESK, DELIVER, SWEEP, RELAY, AUDIT = ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attempt.

    Args:
        name: what is attempted, as a sentence without its end.
        role: the database role that attempts it. SQLite has none: there it is a process of ours whose code is wrong.
        by: the walls that stop it: names of constraints and triggers, or a GRANT that is withheld.
        steps: the statements, given the world; refused at the latest by the last one.
        setup: what another role does before, in the same world.
        on: dialects; SQLite has no roles, so what a grant stops is not attempted there.
    """

    name: str
    role: str
    by: tuple[str, ...]
    steps: Callable[[World], Sequence[Sql]]
    setup: tuple[str, Callable[[World], Sequence[Sql]]] | None = None
    on: frozenset[str] = BOTH


def attack(role: str, name: str, by: str, *steps: Callable[[World], Sql], **more: Any) -> Attack:
    """Write one down."""
    return Attack(name=name, role=role, by=tuple(by.split()), steps=lambda w: [step(w) for step in steps], **more)


def pure(text: str, **parameters: Any) -> Callable[[World], Sql]:
    """A statement that needs nothing of the world."""
    return lambda w: (text, parameters)


SHORT: Final = "abc"

# Tables: who, what, which wall, and the statements; a line or two for each attack.
# fmt: off

OPINIONS: Final = (
    attack(DESK, "answer with the one-time number of another result", "opinion_answers_its_question",
           lambda w: w.opinion("open", nonce="signed:dr.leroy")),
    attack(DESK, "answer with another reader's one-time number", "opinion_answers_its_question",
           lambda w: w.opinion("open", nonce="open:dr.leroy")),
    attack(DESK, "answer with a one-time number that was never issued", "opinion_answers_its_question opinions_in_time",
           lambda w: w.opinion("open", nonce="invented")),
    attack(DESK, "endorse a draft that was not the one shown", "opinion_answers_its_question",
           lambda w: w.opinion("open", shown=EVIL, content=EVIL)),
    attack(DESK, "use an answered one-time number again", "opinion_answers_once opinion_one_per_person",
           lambda w: w.opinion("open"), lambda w: w.opinion("open", id="second")),
    attack(DESK, "give a second opinion on the same result", "opinion_one_per_person",
           lambda w: w.opinion("open"), lambda w: w.opinion("open", id="second", nonce="again")),
    attack(DESK, "answer a question that is out of date", "opinions_in_time",
           lambda w: w.opinion("open", nonce="late")),
    attack(DESK, "sign before the draft was shown", "opinions_in_time",
           lambda w: w.opinion("open", signed_at="2026-01-01T00:00:00.000000Z")),
    attack(DESK, "sign under a softer policy than the frozen one", "opinion_under_the_frozen_policy",
           lambda w: w.opinion("for two", policy="validate-each@1")),
    attack(DESK, "let a learner endorse", "opinion_by_a_clinician", lambda w: w.opinion("open", "learner")),
    attack(DESK, "let an engineer endorse", "opinion_by_a_clinician", lambda w: w.opinion("open", "engineer")),
    attack(DESK, "let a learner endorse under a role they do not have", "opinion_by_its_reader",
           lambda w: w.opinion("open", "learner", reader_role="radiologist")),
    attack(DESK, "let a clinician endorse as a radiologist", "opinion_by_its_reader",
           lambda w: w.opinion("open", "dr.petit", reader_role="radiologist")),
    attack(DESK, "endorse with a closed account", "opinions_by_active_people",
           lambda w: w.opinion("open", "dr.closed")),
    attack(DESK, "endorse with a verdict nobody defined", "opinion_verdict_known",
           lambda w: w.opinion("open", verdict="maybe")),
    attack(DESK, "reject, yet leave something to send", "opinion_rejects_everything",
           lambda w: w.opinion("open", verdict="reject", content=EVIL)),
    attack(DESK, "accept nothing in particular", "opinion_rejects_everything",
           lambda w: w.opinion("open", content=None)),
    attack(DESK, "accept something else than what was shown", "opinion_accepts_what_was_shown",
           lambda w: w.opinion("open", content=EVIL)),
    attack(DESK, "amend without changing anything", "opinion_amends_something",
           lambda w: w.opinion("open", verdict="amend", content=w.draft("open"))),
    attack(DESK, "endorse what is no digest", "opinion_content_form",
           lambda w: w.opinion("open", verdict="amend", content=SHORT)),
    attack(DESK, "give an opinion without a seal", "opinion_is_sealed", lambda w: w.opinion("open", signature="")),
    attack(DESK, "give an opinion on a draft that expired", "opinions_on_open_drafts",
           lambda w: w.opinion("asked, expired")),
    attack(DESK, "give an opinion after late images came", "opinions_in_an_unchanged_world",
           lambda w: w.opinion("late images")),
    attack(DESK, "give an opinion after the patient's identity was corrected", "opinions_in_an_unchanged_world",
           lambda w: w.opinion("other person")),
    *(
        attack(DESK, f"give an opinion while the {scope} is stopped", "opinions_not_while_held",
               lambda w, scope=scope: w.opinion(f"{scope} held"))
        for scope in ("model", "version", "site")
    ),
    attack(DESK, "give an opinion while everything is stopped", "opinions_not_while_held",
           lambda w: w.stop(), lambda w: w.opinion("open")),
    attack(DESK, "ask about a draft that is not the stored one", "question_on_the_stored_draft",
           lambda w: w.question("open", "dr.idle", shown=EVIL)),
    attack(DESK, "ask about a shadow result as if it were for care", "question_on_the_stored_draft",
           lambda w: w.question("shadow")),
    attack(DESK, "ask about a shadow result as what it is", "question_never_on_shadow",
           lambda w: w.question("shadow", mode="shadow")),
    attack(DESK, "ask about a result that is already decided", "questions_on_open_drafts",
           lambda w: w.question("validated")),
    attack(DESK, "ask about a result that expired", "questions_on_open_drafts", lambda w: w.question("expired")),
)

DECISIONS: Final = (
    attack(DESK, "decide twice", "decision_once",
           lambda w: w.decision("signed"), lambda w: w.decision("signed", id="second")),
    attack(DESK, "decide otherwise than the opinion says", "decision_is_its_opinion",
           lambda w: w.opinion("open", verdict="amend"),
           lambda w: w.decision("open", verdict="accept", content=w.correction("open"))),
    attack(DESK, "decide with the opinion on another result",
           "decision_is_its_opinion decision_content_is_its_opinions decisions_satisfy_the_policy",
           lambda w: w.decision("open", opinion_id="opinion signed:dr.martin")),
    attack(DESK, "decide for a content that another reader endorsed", "decision_content_is_its_opinions",
           lambda w: w.opinion("open", verdict="amend"),
           lambda w: w.opinion("open", "dr.leroy", verdict="amend", content=EVIL),
           lambda w: w.decision("open", verdict="amend", content=EVIL)),
    attack(DESK, "reject, yet decide on something to send",
           "decision_rejects_everything decision_content_is_its_opinions",
           lambda w: w.opinion("open", verdict="reject"), lambda w: w.decision("open", verdict="reject", content=EVIL)),
    attack(DESK, "decide to accept nothing in particular", "decision_rejects_everything decisions_satisfy_the_policy",
           lambda w: w.decision("signed", content=None)),
    attack(DESK, "decide under a softer policy than the frozen one", "decision_under_the_frozen_policy",
           lambda w: w.decision("half", policy="validate-each@1")),
    attack(DESK, "decide with one reader where two must agree", "decisions_satisfy_the_policy",
           lambda w: w.decision("half")),
    attack(DESK, "decide with two readers who do not agree", "decisions_satisfy_the_policy",
           lambda w: w.opinion("half", "dr.leroy", verdict="amend"), lambda w: w.decision("half")),
    attack(DESK, "outvote a reader who said no", "decisions_heed_every_refusal",
           lambda w: w.opinion("half", "dr.petit", verdict="reject"), lambda w: w.opinion("half", "dr.leroy"),
           lambda w: w.decision("half")),
    attack(DESK, "decide on a draft that expired since the opinion", "decisions_on_open_drafts",
           lambda w: w.decision("signed, expired")),
    attack(DESK, "decide after late images came since the opinion", "decisions_in_an_unchanged_world",
           lambda w: w.decision("signed, late images")),
    attack(DESK, "decide while everything is stopped since the opinion", "decisions_not_while_held",
           lambda w: w.stop(), lambda w: w.decision("signed")),
    attack(DESK, "validate without a decision", "results_decided_by_a_decision", lambda w: w.move("open", "validated")),
    attack(DESK, "validate with an opinion and no decision", "results_decided_by_a_decision",
           lambda w: w.move("signed", "validated")),
    attack(DESK, "call a validation an amendment", "results_decided_by_a_decision",
           lambda w: w.decision("signed"), lambda w: w.move("signed", "amended")),
    attack(INFER, "let a worker validate its own draft", "results_decided_by_a_decision",
           lambda w: w.move("open", "validated")),
    attack(SWEEP, "let time approve", "results_decided_by_a_decision", lambda w: w.move("open", "validated")),
)

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
        for scope in ("model", "version", "site")
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

CASES: Final = (
    attack(INTAKE, "open a case of an unknown kind", "case_kind_known", lambda w: w.case(kind="e-mail")),
    attack(INTAKE, "open the same revision twice", "case_revision_once",
           lambda w: w.case(), lambda w: w.case(id="second")),
    attack(INTAKE, "open a case that is already complete", "cases_start",
           lambda w: w.case(state="complete", manifest=EVIL)),
    attack(INTAKE, "bring a superseded case back", "cases_follow_life",
           lambda w: w.move_case("superseded", "complete")),
    attack(INTAKE, "skip a version of a case", "cases_one_step_at_a_time",
           lambda w: w.move_case("bare", "superseded", steps=2)),
    attack(INTAKE, "move a case without counting it", "cases_one_step_at_a_time",
           lambda w: w.move_case("bare", "superseded", steps=0)),
    attack(INTAKE, "quarantine without saying why", "case_quarantine_explained",
           lambda w: w.move_case("receiving", "quarantined")),
    attack(INTAKE, "bring an input to a case that was never opened", "input_belongs_to_case", lambda w: w.input("9.9")),
    attack(INTAKE, "bring an input without its digest", "input_digest_form", lambda w: w.input("1.2.1", digest=SHORT)),
    attack(SWEEP, "complete a case without its inputs", "case_manifest_when_complete",
           lambda w: w.move_case("receiving", "complete")),
    attack(SWEEP, "complete a case with what is no digest", "case_manifest_form",
           lambda w: w.move_case("receiving", "complete", manifest=SHORT)),
    attack(SWEEP, "swap the inputs of a complete case", "cases_manifest_written_once",
           lambda w: w.move_case("bare", "complete", steps=0, manifest=EVIL)),
    attack(SWEEP, "swap the inputs under a result", "cases_manifest_written_once result_on_exactly_these_inputs",
           lambda w: w.move_case("open", "complete", steps=0, manifest=EVIL)),
    attack(OWNER, "make one study another one", "cases_frozen",
           lambda w: update("cases", {"id": w.cases["lonely"]}, uid="9.9")),
    attack(OWNER, "move a held result out of the site that is stopped", "cases_frozen",
           lambda w: update("cases", {"id": w.cases["site held"]}, site="chu")),
    attack(OWNER, "put another patient behind a draft", "cases_identity_counts_its_versions",
           lambda w: update("cases", {"id": w.cases["open"]}, patient_identifier="IPP-9", patient_name="AUTRE^Anne")),
    attack(OWNER, "take a corrected identity back", "cases_identity_counts_its_versions",
           lambda w: update("cases", {"id": w.cases["other person"]}, identity_version=1)),
    attack(SWEEP, "queue a result on other inputs than the case's", "result_on_exactly_these_inputs",
           lambda w: w.result("open", manifest=EVIL)),
    attack(SWEEP, "queue the same model on the same inputs twice", "result_once",
           lambda w: w.result("open", model_id="brain-extractor@1.0.0")),
    attack(SWEEP, "queue a result of an unregistered model", "results_model_id_fkey",
           lambda w: w.result("open", model_id="unknown@1"), on=POSTGRESQL),
    attack(SWEEP, "queue a result under an unknown policy", "results_policy_fkey",
           lambda w: w.result("open", policy="none@1"), on=POSTGRESQL),
    attack(SWEEP, "queue a result in a mode nobody defined", "result_mode_known",
           lambda w: w.result("open", mode="silent")),
    attack(SWEEP, "queue a result that already awaits review", "results_start",
           lambda w: w.result("open", state="awaiting_review", draft=EVIL)),
    attack(INFER, "draft what is no digest", "result_draft_form",
           lambda w: w.move("queued", "awaiting_review", draft=SHORT)),
    attack(INFER, "await review without a draft", "result_draft_when_reviewed",
           lambda w: w.move("queued", "awaiting_review")),
    attack(INFER, "fail without saying why", "result_explained", lambda w: w.move("queued", "failed", cause_code="")),
    attack(INFER, "swap a draft that awaits review", "results_draft_written_once",
           lambda w: w.move("fresh", "awaiting_review", steps=0, draft=EVIL)),
    attack(INFER, "swap a draft that a reader was shown", "results_draft_written_once question_on_the_stored_draft",
           lambda w: w.move("open", "awaiting_review", steps=0, draft=EVIL)),
    attack(INFER, "draft a result that is not queued", "results_draft_written_once",
           lambda w: w.move("failed", "queued", draft=EVIL)),
    attack(INFER, "skip a version of a result", "results_one_step_at_a_time",
           lambda w: w.move("queued", "failed", steps=2)),
    attack(INFER, "move a result without counting it", "results_one_step_at_a_time",
           lambda w: w.move("queued", "failed", steps=0)),
    attack(SWEEP, "bring an expired result back to the readers", "results_follow_life",
           lambda w: w.move("fresh", "expired"), lambda w: w.move("fresh", "awaiting_review")),
    attack(OWNER, "make a shadow result one for care", "results_frozen",
           lambda w: update("results", {"id": w.id("shadow")}, mode="care")),
    attack(OWNER, "make a result ask for fewer readers", "results_frozen",
           lambda w: update("results", {"id": w.id("queued")}, policy="readers-3@1")),
)

REST: Final = (
    attack(DESK, "stop what is no scope", "stop_scope_known", lambda w: w.stop("ward", "north")),
    attack(DESK, "stop everything under a name that no resumption finds", "stop_names_its_target",
           lambda w: w.stop("all", "hidden")),
    attack(DESK, "pause instead of stopping", "stop_action_known", lambda w: w.stop(action="pause", second="dr.leroy")),
    attack(DESK, "stop without saying who", "stop_signed_for", lambda w: w.stop(by_whom="")),
    attack(DESK, "stop without saying why", "stop_signed_for", lambda w: w.stop(reason="")),
    attack(DESK, "resume alone", "stop_two_people_resume", lambda w: w.stop("model", "held-model", action="resume")),
    attack(DESK, "resume with oneself", "stop_two_people_resume",
           lambda w: w.stop("model", "held-model", action="resume", second="dr.martin")),
    attack(INTAKE, "lose something that must be fetched", "fetch_state_known",
           lambda w: update("fetches", {"id": "f"}, state="lost")),
    attack(OWNER, "give a person a role nobody defined", "user_role_known", lambda w: w.user(role="robot")),
    attack(OWNER, "change the role under which opinions were given", "opinion_by_its_reader",
           lambda w: update("users", {"login": "dr.martin"}, role="engineer")),
    attack(OWNER, "write a policy that asks for nobody", "policy_asks_for_somebody",
           lambda w: w.policy(ref="nobody@1", readers=0)),
    attack(OWNER, "register a model without its digest", "model_digest_form", lambda w: w.model(digest=SHORT)),
    attack(OWNER, "register a model under another name than a stop knows", "model_called_by_name_and_version",
           lambda w: w.model(name="other")),
    attack(OWNER, "add a step to the life of results", "transitions_never_inserted", lambda w: w.transition()),
)

# fmt: on


def link(seq: str, actor: str, prev: str) -> str:
    """SQL that appends a link beside the last one, with the right hash for whatever it says."""
    return (
        f"INSERT INTO journal SELECT {seq}, at, {actor}, role, action, subject, body, {prev}, "
        f"aval_link({seq}, at, {actor}, role, action, subject, body, {prev}) FROM journal j ORDER BY seq DESC LIMIT 1"
    )


LINKS: Final = (
    attack(OWNER, "forge a link with a wrong hash", "journal_follows",
           pure(link("j.seq + 1", "actor", "j.hash").replace("aval_link(j.seq + 1", "aval_link(j.seq"))),
    attack(OWNER, "forge a link that leaves a gap", "journal_follows", pure(link("j.seq + 2", "actor", "j.hash"))),
    attack(OWNER, "start the journal over", "journal_follows", pure(link("j.seq + 1", "actor", f"'{'0' * 64}'"))),
)  # fmt: skip

# ------------------------------------------------------------------------------------------ rows that stay for ever

UNREFERENCED: Final = {
    "transitions": ("verb = 'deliver'", "target = 'retracted'"),
    "policies": ("ref = 'readers-3@1'", "added_at = 'x'"),
    "models": ("name = 'unused'", "added_at = 'x'"),
    "questions": ("nonce = 'late'", "expires_at = 'x'"),
    "opinions": ("id = 'opinion signed:dr.martin'", "seal_key = 'x'"),
    "decisions": ("verdict = 'reject'", "at = 'x'"),
    "withdrawals": ("id NOT IN (SELECT withdrawal_id FROM releases WHERE withdrawal_id IS NOT NULL)", "notice = 'x'"),
    "releases": ("id NOT IN (SELECT release_id FROM renderings)", "at = 'x'"),
    "renderings": ("release_id NOT IN (SELECT release_id FROM deliveries)", "destination = destination"),
    "attempts": ("delivery_id NOT IN (SELECT delivery_id FROM receipts)", "at = 'x'"),
    "receipts": ("1 = 1", "method = 'x'"),
    "stops": ("1 = 1", "reason = 'x'"),
    "sign_ins": ("1 = 1", "login = 'x'"),
    "journal": ("seq = 3", "actor = 'x'"),
    "inputs": ("1 = 1", "sender = 'x'"),
    "cases": ("uid NOT IN (SELECT case_uid FROM inputs) AND id NOT IN (SELECT case_id FROM results)", ""),
    "results": ("state = 'failed'", ""),
    "users": ("login = 'dr.idle'", ""),
    "deliveries": ("id NOT IN (SELECT delivery_id FROM attempts)", ""),
}
"""Table: rows that nothing else refers to, and a change that nothing but its wall minds."""


def _forever() -> Iterator[Attack]:
    for table, (rows, change) in UNREFERENCED.items():
        before = {"setup": (DESK, lambda w: [w.sign_in()])} if table == "sign_ins" else {}
        if change:
            edit = pure(f"UPDATE {table} SET {change} WHERE {rows}")
            yield attack(OWNER, f"edit {table}", f"{table}_never_updated", edit, **before)
        yield attack(
            OWNER, f"delete {table}", f"{table}_never_deleted", pure(f"DELETE FROM {table} WHERE {rows}"), **before
        )


FOREVER: Final = tuple(_forever())

ATTACKS: Final = (*OPINIONS, *DECISIONS, *RELEASES, *SENDING, *CASES, *REST, *LINKS, *FOREVER)
