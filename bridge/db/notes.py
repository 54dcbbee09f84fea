"""Which changes write a link of the journal, and what the link says, as data. ``ddl.py`` makes triggers of it."""

from dataclasses import dataclass
from typing import Final

from bridge.db.wall import MOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A change writes one link of the journal, in its own transaction.

    Args:
        action, subject: SQL text over NEW.
        body: JSON key to SQL; identifiers and digests only, never patient data.
    """

    name: str
    on: str
    event: str
    action: str
    subject: str
    body: dict[str, str]
    when: str = ""


NOTES: Final[tuple[Note, ...]] = (
    Note(
        name="note_user_added",
        on="users",
        event="INSERT",
        action="'user.added'",
        subject="NEW.login",
        body={"role": "NEW.role"},
    ),
    Note(
        name="note_user_changed",
        on="users",
        event="UPDATE",
        when="NEW.role <> OLD.role OR NEW.active <> OLD.active OR NEW.password <> OLD.password "
        "OR NEW.second_factor <> OLD.second_factor",
        action="'user.changed'",
        subject="NEW.login",
        body={"role": "NEW.role", "active": "NEW.active"},
    ),
    Note(
        name="note_sign_in",
        on="sign_ins",
        event="INSERT",
        action="'session.' || NEW.outcome",
        subject="NEW.id",
        body={"login": "NEW.login"},
    ),
    Note(
        name="note_policy",
        on="policies",
        event="INSERT",
        action="'policy.added'",
        subject="NEW.ref",
        body={"sha256": "aval_sha256(NEW.body)"},
    ),
    Note(
        name="note_model",
        on="models",
        event="INSERT",
        action="'model.added'",
        subject="NEW.id",
        body={
            "digest": "NEW.digest",
            "card": "NEW.card",
            "follows": "NEW.follows",
            "changed": "NEW.changed",
            "revalidation": "NEW.revalidation",
            "publisher": "NEW.publisher",
            "key": "NEW.signing_key",
        },
    ),
    Note(
        name="note_stage",
        on="stages",
        event="INSERT",
        action="'model.' || NEW.stage",
        subject="NEW.model_id",
        body={"n": "NEW.n", "by": "NEW.by_whom"},
    ),
    Note(
        name="note_model_retired",
        on="retirements",
        event="INSERT",
        action="'model.retired'",
        subject="NEW.model_id",
        body={"by": "NEW.by_whom"},
    ),
    Note(
        name="note_appointment",
        on="appointments",
        event="INSERT",
        action="'appointment.' || NEW.step",
        subject="NEW.name",
        body={"model": "NEW.model_id", "line": "NEW.seq", "by": "NEW.by_whom", "second": "NEW.second"},
    ),
    Note(
        name="note_trial",
        on="trials",
        event="INSERT",
        action="'trial.begun'",
        subject="NEW.id",
        body={
            "model": "NEW.model_id",
            "under": "NEW.under",
            "shadow": "NEW.shadow",
            "share": "NEW.share",
            "site": "NEW.site",
            "seed": "NEW.seed",
            "by": "NEW.by_whom",
        },
    ),
    Note(
        name="note_trial_ended",
        on="trial_ends",
        event="INSERT",
        action="'trial.ended'",
        subject="NEW.trial_id",
        body={"by": "NEW.by_whom"},
    ),
    Note(
        name="note_order",
        on="orders",
        event="INSERT",
        action="'order.' || NEW.status",
        subject="NEW.id",
        body={"sender": "NEW.sender", "message": "NEW.message"},
    ),
    Note(
        name="note_case_opened",
        on="cases",
        event="INSERT",
        action="'case.' || NEW.state",
        subject="NEW.id",
        body={"kind": "NEW.kind", "revision": "NEW.revision", "site": "NEW.site"},
    ),
    Note(
        name="note_case_moved",
        on="cases",
        event="UPDATE",
        when=MOVED,
        action="'case.' || NEW.state",
        subject="NEW.id",
        body={"from": "OLD.state", "manifest": "NEW.manifest", "cause": "NEW.cause"},
    ),
    Note(
        name="note_case_reidentified",
        on="cases",
        event="UPDATE",
        when="NEW.identity_version <> OLD.identity_version",
        action="'case.identity-changed'",
        subject="NEW.id",
        body={"identity_version": "NEW.identity_version"},
    ),
    Note(
        name="note_admission",
        on="admissions",
        event="INSERT",
        action="'admission.' || NEW.verdict",
        subject="NEW.case_id",
        body={"by": "NEW.by_whom"},
    ),
    Note(
        name="note_case_judged",
        on="judgements",
        event="INSERT",
        action="'judgement.' || NEW.verdict",
        subject="NEW.case_id",
        body={"how": "NEW.how", "instances": "NEW.instances"},
    ),
    Note(
        name="note_opening",
        on="openings",
        event="INSERT",
        action="CASE WHEN NEW.case_id IS NULL THEN 'launch.found-nothing' ELSE 'launch.opened' END",
        subject="coalesce(NEW.case_id, NEW.id)",
        body={"by": "NEW.login", "from": "NEW.launcher"},
    ),
    Note(
        name="note_result_queued",
        on="results",
        event="INSERT",
        action="'result.' || NEW.state",
        subject="NEW.id",
        body={
            "case": "NEW.case_id",
            "manifest": "NEW.manifest",
            "model": "NEW.model_id",
            "mode": "NEW.mode",
            "policy": "NEW.policy",
        },
    ),
    Note(
        name="note_result_moved",
        on="results",
        event="UPDATE",
        when=MOVED,
        action="'result.' || NEW.state",
        subject="NEW.id",
        body={"from": "OLD.state", "draft": "NEW.draft", "cause": "NEW.cause_code"},
    ),
    Note(
        name="note_draft_shown",
        on="questions",
        event="INSERT",
        action="'draft.shown'",
        subject="NEW.result_id",
        body={"reader": "NEW.reader", "shown": "NEW.shown", "from": "NEW.opened_from"},
    ),
    Note(
        name="note_opinion",
        on="opinions",
        event="INSERT",
        action="'opinion.' || NEW.verdict",
        subject="NEW.result_id",
        body={
            "opinion": "NEW.id",
            "reader": "NEW.reader",
            "shown": "NEW.shown",
            "content": "NEW.content",
            "statement_sha256": "aval_sha256(NEW.statement)",
            "key": "NEW.seal_key",
            "signature": "NEW.signature",
        },
    ),
    Note(
        name="note_decision",
        on="decisions",
        event="INSERT",
        action="'decision.' || NEW.verdict",
        subject="NEW.result_id",
        body={"decision": "NEW.id", "opinion": "NEW.opinion_id", "policy": "NEW.policy", "content": "NEW.content"},
    ),
    Note(
        name="note_withdrawal",
        on="withdrawals",
        event="INSERT",
        action="'withdrawal.' || NEW.reason",
        subject="NEW.result_id",
        body={"withdrawal": "NEW.id", "by": "NEW.by_whom", "notice": "NEW.content"},
    ),
    Note(
        name="note_export",
        on="exports",
        event="INSERT",
        action="'export.' || NEW.profile",
        subject="NEW.result_id",
        body={"export": "NEW.id", "decision": "NEW.decision_id", "by": "NEW.by_whom", "objects": "NEW.objects"},
    ),
    Note(
        name="note_release",
        on="releases",
        event="INSERT",
        action="'release.' || NEW.kind",
        subject="NEW.result_id",
        body={
            "release": "NEW.id",
            "content": "NEW.content",
            "terms_sha256": "aval_sha256(NEW.terms)",
            "key": "NEW.seal_key",
            "signature": "NEW.signature",
        },
    ),
    Note(
        name="note_delivery_attempted",
        on="attempts",
        event="INSERT",
        action="'delivery.attempted'",
        subject="NEW.delivery_id",
        body={"n": "NEW.n", "package": "NEW.package"},
    ),
    Note(
        name="note_delivery_moved",
        on="deliveries",
        event="UPDATE",
        when=MOVED,
        action="'delivery.' || NEW.state",
        subject="NEW.id",
        body={"result": "NEW.result_id", "destination": "NEW.destination", "cause": "NEW.cause_code"},
    ),
    Note(
        name="note_receipt",
        on="receipts",
        event="INSERT",
        action="'delivery.receipt'",
        subject="NEW.delivery_id",
        body={"attempt": "NEW.attempt", "method": "NEW.method", "package": "NEW.package"},
    ),
    Note(
        name="note_resend",
        on="resends",
        event="INSERT",
        action="'delivery.ordered-again'",
        subject="NEW.release_id",
        body={"destination": "NEW.destination", "round": "NEW.round", "by": "NEW.by_whom"},
    ),
    Note(
        name="note_destination_rests",
        on="destinations",
        event="UPDATE",
        when="(NEW.rests_until IS NULL) <> (OLD.rests_until IS NULL)",
        action="CASE WHEN NEW.rests_until IS NULL THEN 'destination.answers' ELSE 'destination.rests' END",
        subject="NEW.name",
        body={"failures": "NEW.failures", "cause": "NEW.cause_code"},
    ),
    Note(
        name="note_pause",
        on="pauses",
        event="INSERT",
        action="'destination.' || NEW.action",
        subject="NEW.destination",
        body={"by": "NEW.by_whom"},
    ),
    Note(
        name="note_stop",
        on="stops",
        event="INSERT",
        action="'stop.' || NEW.action",
        subject="NEW.scope || ':' || NEW.target",
        body={"by": "NEW.by_whom", "second": "NEW.second"},
    ),
)
