"""Rows to values and back. The values check themselves: a row that must not exist does not come out of here."""

from typing import Any, TypeAlias

from sqlalchemy import RowMapping

from guarantee.canonical import parse_canonical
from guarantee.case import Case, CaseKind, Patient
from guarantee.codec import from_plain, parse_time, time_text
from guarantee.decision import Decision
from guarantee.deliveries import Delivery
from guarantee.errors import Malformed
from guarantee.gesture import Gesture
from guarantee.ids import CaseId, DecisionId, DeliveryId, Digest, OpinionId, ReleaseId, ResultId, WithdrawalId
from guarantee.opinion import Opinion, Seal, Statement, Verdict
from guarantee.policy import Policy
from guarantee.release import Kind, Notice, Terms, Withdrawal
from guarantee.result import Cause, Mode, ModelVersion, Priority, Result
from guarantee.states import CaseState, ResultState
from guarantee.stops import Action, Scope, Stop
from guarantee.unit import Question

Row: TypeAlias = RowMapping


def case_to_row(case: Case) -> dict[str, Any]:
    """Return the columns of ``case``, without its times."""
    return {
        "id": case.id,
        "kind": str(case.kind),
        "uid": case.uid,
        "revision": case.revision,
        "state": str(case.state),
        "version": case.version,
        "site": case.site,
        "patient_identifier": case.patient.identifier,
        "patient_issuer": case.patient.issuer,
        "patient_name": case.patient.name,
        "patient_birth_date": case.patient.birth_date,
        "patient_sex": case.patient.sex,
        "patient_reference": case.patient.reference,
        "order_number": case.order,
        "identity_version": case.identity_version,
        "modality": case.modality,
        "description": case.description,
        "started": case.started,
        "encounter": case.encounter,
        "manifest": case.manifest,
        "cause": case.cause,
        "admitted": case.admitted,
    }


def case_from_row(row: Row) -> Case:
    """Return the case of a ``cases`` row."""
    return Case(
        id=CaseId(row["id"]),
        kind=CaseKind(row["kind"]),
        uid=row["uid"],
        revision=row["revision"],
        state=CaseState(row["state"]),
        version=row["version"],
        site=row["site"],
        patient=patient_from_row(row),
        order=row["order_number"],
        identity_version=row["identity_version"],
        modality=row["modality"],
        description=row["description"],
        started=row["started"],
        encounter=row["encounter"],
        manifest=Digest(row["manifest"]) if row["manifest"] else None,
        cause=row["cause"],
        admitted=row["admitted"],
    )


def patient_from_row(row: Row) -> Patient:
    """Return the patient of a ``cases`` row."""
    return Patient(
        identifier=row["patient_identifier"],
        issuer=row["patient_issuer"],
        name=row["patient_name"],
        birth_date=row["patient_birth_date"],
        sex=row["patient_sex"],
        reference=row["patient_reference"],
    )


def result_to_row(result: Result) -> dict[str, Any]:
    """Return the columns of ``result``, without its times."""
    return {
        "id": result.id,
        "case_id": result.case,
        "manifest": result.manifest,
        "model_id": result.model.id,
        "focus": result.focus,
        "mode": str(result.mode),
        "priority": str(result.priority),
        "policy": result.policy,
        "identity_version": result.identity_version,
        "state": str(result.state),
        "version": result.version,
        "draft": result.draft,
        "cause_code": result.cause.code if result.cause else "",
        "cause_detail": result.cause.detail if result.cause else "",
        "attempts": result.attempts,
    }


def result_from_row(row: Row) -> Result:
    """Return the result of a ``results`` row joined with its ``models`` row (name, model_version, digest, card)."""
    return Result(
        id=ResultId(row["id"]),
        case=CaseId(row["case_id"]),
        model=ModelVersion(
            name=row["model_name"],
            version=row["model_version"],
            digest=Digest(row["model_digest"]),
            card=Digest(row["model_card"]),
        ),
        focus=row["focus"],
        mode=Mode(row["mode"]),
        priority=Priority(row["priority"]),
        policy=row["policy"],
        manifest=Digest(row["manifest"]),
        identity_version=row["identity_version"],
        state=ResultState(row["state"]),
        version=row["version"],
        draft=Digest(row["draft"]) if row["draft"] else None,
        cause=Cause(code=row["cause_code"], detail=row["cause_detail"]) if row["cause_code"] else None,
        attempts=row["attempts"],
    )


def question_from_row(row: Row) -> Question:
    """Return the question of a ``questions`` row."""
    return Question(
        nonce=row["nonce"],
        result=ResultId(row["result_id"]),
        reader=row["reader"],
        shown=Digest(row["shown"]),
        asked_at=parse_time(row["asked_at"]),
        expires_at=parse_time(row["expires_at"]),
        opened_from=row["opened_from"],
    )


def opinion_from_row(row: Row, gesture: Gesture | None = None) -> Opinion:
    """Return the opinion of an ``opinions`` row and its gesture.

    The value comes from the signed bytes; the columns beside them, which the foreign keys use, must say the same.

    Raises:
        Malformed: the columns and the signed statement disagree.
    """
    statement = from_plain(Statement, parse_canonical(row["statement"].encode()))
    signed = {
        "result_id": statement.result,
        "nonce": statement.nonce,
        "reader": statement.reader.login,
        "reader_role": str(statement.reader.role),
        "grant_id": statement.right.id,
        "policy": statement.policy,
        "verdict": str(statement.verdict),
        "shown": statement.shown,
        "content": statement.content,
        "signed_at": time_text(statement.signed_at),
        "first_read": statement.first_read,
        "prepared": statement.prepared,
    }
    if any(row[column] != value for column, value in signed.items()):
        raise Malformed(f"opinion {row['id']}: the row does not say what was signed")
    return Opinion(
        id=OpinionId(row["id"]),
        statement=statement,
        seal=Seal(key=row["seal_key"], signature=row["signature"]),
        gesture=gesture,
    )


def gesture_from_row(row: Row) -> Gesture | None:
    """Return the gesture of an ``opinions`` row joined with its ``gestures`` row (gesture_signature); None for none.

    Raises:
        Malformed: the opinion names a passkey and holds no gesture.
    """
    if row["passkey"] is None:
        return None
    if row["authenticator_data"] is None:
        raise Malformed(f"opinion {row['id']}: its gesture is missing")
    return Gesture(
        passkey=row["passkey"],
        authenticator_data=row["authenticator_data"],
        client_data=row["client_data"],
        signature=row["gesture_signature"],
    )


def decision_from_row(row: Row) -> Decision:
    """Return the decision of a ``decisions`` row."""
    return Decision(
        id=DecisionId(row["id"]),
        result=ResultId(row["result_id"]),
        opinion=OpinionId(row["opinion_id"]),
        verdict=Verdict(row["verdict"]),
        shown=Digest(row["shown"]),
        content=Digest(row["content"]) if row["content"] else None,
        policy=row["policy"],
        at=parse_time(row["at"]),
    )


def terms_from_row(row: Row) -> tuple[Terms, Seal]:
    """Return the sealed terms of a ``releases`` row.

    Raises:
        Malformed: the columns, which the foreign keys use, and the sealed terms disagree.
    """
    terms = from_plain(Terms, parse_canonical(row["terms"].encode()))
    sealed = {
        "id": terms.release,
        "kind": str(terms.kind),
        "result_id": terms.result,
        "decision_id" if terms.kind is Kind.RESULT else "withdrawal_id": terms.ground,
        "content": terms.content,
    }
    if any(row[column] != value for column, value in sealed.items()):
        raise Malformed(f"release {row['id']}: the row does not say what was sealed")
    return terms, Seal(key=row["seal_key"], signature=row["signature"])


def withdrawal_from_row(row: Row) -> Withdrawal:
    """Return the withdrawal of a ``withdrawals`` row.

    Raises:
        Malformed: the columns and the sealed notice disagree.
    """
    withdrawal = Withdrawal(
        id=WithdrawalId(row["id"]),
        notice=from_plain(Notice, parse_canonical(row["notice"].encode())),
        seal=Seal(key=row["seal_key"], signature=row["signature"]),
    )
    if (row["result_id"], row["content"]) != (withdrawal.notice.result, withdrawal.content):
        raise Malformed(f"withdrawal {row['id']}: the row does not say what was sealed")
    return withdrawal


def policy_from_row(row: Row) -> Policy:
    """Return the policy of a ``policies`` row.

    Raises:
        Malformed: the columns, which the gate counts by, and the body disagree.
    """
    policy = from_plain(Policy, parse_canonical(row["body"].encode()))
    asks = (policy.ref, policy.readers, policy.first_read, policy.gesture, policy.learners, policy.objection)
    if asks != tuple(row[name] for name in ("ref", "readers", "first_read", "gesture", "learners", "objection")):
        raise Malformed(f"policy {row['ref']}: the row does not say what the policy says")
    return policy


def delivery_from_row(row: Row) -> Delivery:
    """Return the delivery of a ``deliveries`` row with its count of attempts and its receipt's reference."""
    return Delivery(
        id=DeliveryId(row["id"]),
        release=ReleaseId(row["release_id"]),
        result=ResultId(row["result_id"]),
        kind=Kind(row["kind"]),
        destination=row["destination"],
        package=Digest(row["package"]),
        state=row["state"],
        attempts=row["attempts"],
        reference=row["reference"] or "",
        round=row["round"],
    )


def stop_from_row(row: Row) -> Stop:
    """Return the line of a ``stops`` row."""
    return Stop(
        scope=Scope(row["scope"]),
        target=row["target"],
        action=Action(row["action"]),
        by=row["by_whom"],
        second=row["second"],
        reason=row["reason"],
        at=parse_time(row["at"]),
    )
