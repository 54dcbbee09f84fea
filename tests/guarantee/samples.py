"""Whole, valid values to start from; a test changes the one thing it is about. Shared by tests/db and tests/gate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.seal import KeyRing, key_id
from guarantee import preparation
from guarantee.case import Case, CaseKind, Manifest, Patient, Source, case_id
from guarantee.completeness import Judgement
from guarantee.completeness import Verdict as CaseVerdict
from guarantee.content import Content, Finding, Origin, Presence, Quantity, Region, Segment, Text
from guarantee.decision import decide, decision_id
from guarantee.habilitation import Act, Grant, major_of
from guarantee.ids import Digest, ReleaseId, ResultId, digest
from guarantee.inputs import Coded
from guarantee.opinion import Opinion, Reader, Reason, Statement, Verdict, opinion_id
from guarantee.policy import Policy, Role
from guarantee.preparation import Preparation
from guarantee.release import (
    Grounds,
    Kind,
    Notice,
    Rendering,
    Terms,
    Withdrawal,
    WithdrawalReason,
    release_id,
    withdrawal_id,
)
from guarantee.result import Mode, ModelVersion, Priority, Result, result_id
from guarantee.states import CaseState, ResultState

START = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def digest_of(text: str) -> Digest:
    return digest(text.encode())


def key_ring(seed: bytes) -> KeyRing:
    private = Ed25519PrivateKey.from_private_bytes(seed.ljust(32, b"."))
    return KeyRing(private, {key_id(private.public_key()): private.public_key()})


DESK = key_ring(b"desk")
STRANGER = key_ring(b"stranger")

MODEL = ModelVersion(
    name="brain-extractor", version="1.0.0", digest=digest_of("brain.onnx"), card=digest_of("brain card")
)
POLICY = Policy(
    id="validate-each",
    version=1,
    readers=1,
    roles=frozenset({Role.RADIOLOGIST, Role.CLINICIAN}),
    expires_after_s=86_400,
)
PATIENT = Patient(identifier="IPP-1", issuer="CHU", name="DURAND^Anne", birth_date="1970-02-01", sex="F")

BRAIN = Coded(code="12738006", scheme="SCT", meaning="Brain")
STRUCTURE = Coded(code="91723000", scheme="SCT", meaning="Anatomical structure")
VOLUME = Coded(code="118565006", scheme="SCT", meaning="Volume")
MILLILITRE = Coded(code="mL", scheme="UCUM", meaning="milliliter")
LABEL = Text(fr="Cerveau", en="Brain")


COSIGNED = replace(POLICY, id="cosigned", learners="cosign")
"""Learners prepare under it."""


def a_policy(readers: int = 1, *roles: Role) -> Policy:
    return replace(POLICY, id=f"readers-{readers}", readers=readers, roles=frozenset(roles) or POLICY.roles)


def a_source(uid: str = "1.2.3.4", group: str = "1.2.3") -> Source:
    return Source(uid=uid, group=group, kind="1.2.840.10008.5.1.4.1.1.4", digest=digest_of(f"bytes of {uid}"))


def a_manifest(uid: str = "1.2", revision: int = 1) -> Manifest:
    return Manifest(uid=uid, revision=revision, sources=(a_source(),))


JUDGEMENT = Judgement(verdict=CaseVerdict.COMPLETE, how="quiet", shortages=(), instances=1, last_at=START)

MANIFEST = digest(a_manifest().to_bytes())


def a_case(uid: str = "1.2", **changes: Any) -> Case:
    case = Case(
        id=case_id(CaseKind.STUDY, uid, 1),
        kind=CaseKind.STUDY,
        uid=uid,
        revision=1,
        state=CaseState.RECEIVING,
        version=0,
        site="chu",
        patient=PATIENT,
        order="A-1",
        identity_version=1,
        modality="MR",
        description="IRM",
        started="2026-11-21T09:00:00",
        encounter="",
        manifest=None,
        cause="",
    )
    return replace(case, **changes)


def a_complete_case(uid: str = "1.2", **changes: Any) -> Case:
    return a_case(uid, **{"state": CaseState.COMPLETE, "version": 1, "manifest": MANIFEST} | changes)


def a_result(case: Case | None = None, **changes: Any) -> Result:
    case = case or a_complete_case()
    model = changes.get("model", MODEL)
    result = Result(
        id=result_id(case.id, model),
        case=case.id,
        model=model,
        focus="1.2.3",
        mode=Mode.CARE,
        priority=Priority.ROUTINE,
        policy=POLICY.ref,
        manifest=case.manifest or MANIFEST,
        identity_version=1,
        state=ResultState.QUEUED,
        version=0,
        draft=None,
        cause=None,
    )
    return replace(result, **changes)


def a_quantity(value: str = "412.50") -> Quantity:
    return Quantity(concept=VOLUME, label=LABEL, value=Decimal(value), unit=MILLILITRE, origin=Origin.MODEL)


def a_finding(key: str = "brain", **changes: Any) -> Finding:
    finding = Finding(
        key=key,
        label=LABEL,
        category=STRUCTURE,
        type=BRAIN,
        presence=Presence.PRESENT,
        site=None,
        laterality=None,
        score=Decimal("0.97"),
        threshold=Decimal("0.50"),
        quantities=(a_quantity(),),
        segment=1,
        regions=(),
        origin=Origin.MODEL,
    )
    return replace(finding, **changes)


def a_region() -> Region:
    return Region(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
        sop_instance_uid="1.2.3.4",
        frame=1,
        points=(Decimal("10.5"), Decimal("20.5")),
    )


def a_segment(number: int = 1) -> Segment:
    return Segment(number=number, label=LABEL, category=STRUCTURE, type=BRAIN, mask=digest_of(f"mask {number}"))


def a_content(**changes: Any) -> Content:
    result = a_result()
    content = Content(
        result=result.id,
        case=result.case,
        revision=1,
        model=MODEL,
        findings=(a_finding(),),
        segments=(a_segment(),),
        key_images=(),
        inputs=(),
        language="fr-FR",
        report="Volume cérébral estimé à 412,50 mL.",
        mention="Ce compte rendu a été préparé avec un système d’IA, puis validé par un médecin.",
        cautions=(),
    )
    return replace(content, **changes)


DRAFT = a_content().digest
AMENDED = a_content(report="Volume cérébral normal pour l’âge.").digest


def a_reader(login: str = "dr.martin", role: Role = Role.RADIOLOGIST) -> Reader:
    return Reader(
        login=login,
        name="MARTIN^Claire^^Dr",
        role=role,
        professional_id="810000000001",
        organisation="CHU",
        organisation_id="750000001",
    )


DAY_BEFORE = at(-86_400)
"""When every right of the tests was given."""


def a_right(person: str = "dr.martin", model: ModelVersion = MODEL, site: str = "chu", **changes: Any) -> Grant:
    grant = Grant(
        person=person,
        model=model.name,
        major=major_of(model),
        site=site,
        act=Act.ENDORSE,
        evidence="module 1, 2026-11-10, 18/20",
        by="committee",
        since=DAY_BEFORE,
        until=DAY_BEFORE.replace(year=DAY_BEFORE.year + 1),
        at=DAY_BEFORE,
    )
    return replace(grant, **changes)


def a_statement(verdict: Verdict = Verdict.ACCEPT, **changes: Any) -> Statement:
    """Return what ``dr.martin`` signs about DRAFT; ``content`` follows from the verdict unless it is given."""
    content = {Verdict.ACCEPT: DRAFT, Verdict.AMEND: AMENDED, Verdict.REJECT: None}[verdict]
    reason = None if verdict is Verdict.ACCEPT else Reason.WRONG_MEASURE
    values: dict[str, Any] = {
        "nonce": "nonce-1",
        "result": a_result().id,
        "model": MODEL,
        "manifest": MANIFEST,
        "identity_version": 1,
        "policy": POLICY.ref,
        "reader": a_reader(),
        "verdict": verdict,
        "shown": DRAFT,
        "content": content,
        "reason": reason,
        "comment": "",
        "patient_informed": "to-do",
        "auth": "password+totp",
        "opened_at": at(0),
        "signed_at": at(60),
    }
    values |= changes
    return Statement(**{"right": a_right(values["reader"].login, values["model"])} | values)


def sealed(statement: Statement, ring: KeyRing = DESK) -> Opinion:
    return Opinion(id=opinion_id(statement), statement=statement, seal=ring.seal(statement.to_bytes()))


def an_opinion(login: str = "dr.martin", verdict: Verdict = Verdict.ACCEPT, **changes: Any) -> Opinion:
    role = changes.pop("role", Role.RADIOLOGIST)
    values: dict[str, Any] = {"reader": a_reader(login, role), "nonce": f"nonce of {login}"}
    return sealed(a_statement(verdict, **values | changes))


def a_preparation(login: str = "interne", verdict: Verdict = Verdict.ACCEPT, **changes: Any) -> Preparation:
    """Return what a learner says of DRAFT under COSIGNED, sealed by the desk."""
    values: dict[str, Any] = {"schema": preparation.SCHEMA, "policy": COSIGNED.ref, "nonce": f"nonce of {login}"}
    values |= {"reader": a_reader(login, Role.LEARNER), "right": a_right(login, act=Act.PREPARE), "signed_at": at(30)}
    statement = a_statement(verdict, **values | changes)
    return Preparation(
        id=preparation.preparation_id(statement), statement=statement, seal=DESK.seal(statement.to_bytes())
    )


def prepared_by(learner: Reader, opinion: Opinion, **changes: Any) -> Preparation:
    """Return what a learner prepared in the words that ``opinion`` co-signs, unless ``changes`` says otherwise."""
    said = opinion.statement
    right = replace(said.right, person=learner.login, act=Act.PREPARE)
    statement = replace(said, **({"schema": preparation.SCHEMA, "reader": learner, "right": right} | changes))
    seal = DESK.seal(statement.to_bytes())
    return Preparation(id=preparation.preparation_id(statement), statement=statement, seal=seal)


PACS = Rendering(destination="pacs", package=digest_of("package for the pacs"))
RECORD = Rendering(destination="record", package=digest_of("package for the record"))


def some_grounds(*opinions: Opinion, policy: Policy = POLICY) -> Grounds:
    return Grounds(policy=policy, draft=DRAFT, opinions=opinions or (an_opinion(),))


def terms_for(grounds: Grounds, **changes: Any) -> Terms:
    """Return the terms that ``grounds`` allow."""
    decision = decide(
        policy=grounds.policy, draft=grounds.draft, opinions=grounds.opinions, preparation=grounds.preparation
    )
    assert decision is not None
    if grounds.withdrawal is None:
        kind, ground, content = Kind.RESULT, decision.id, decision.content
    else:
        kind, ground, content = Kind.WITHDRAWAL, grounds.withdrawal.id, grounds.withdrawal.content
    assert content is not None
    terms = Terms(
        release=release_id(ground),
        kind=kind,
        result=decision.result,
        ground=ground,
        content=content,
        renderings=(PACS, RECORD),
        at=at(61),
    )
    return replace(terms, **changes)


def a_notice(result: ResultId | None = None, **changes: Any) -> Notice:
    result = result or a_result().id
    notice = Notice(
        result=result,
        release=release_id(decision_id(result)),
        reason=WithdrawalReason.WRONG_RESULT,
        comment="mesure fausse",
        by="dr.martin",
        at=at(600),
    )
    return replace(notice, **changes)


def a_withdrawal(notice: Notice | None = None, ring: KeyRing = DESK) -> Withdrawal:
    notice = notice or a_notice()
    return Withdrawal(id=withdrawal_id(ReleaseId(notice.release)), notice=notice, seal=ring.seal(notice.to_bytes()))
