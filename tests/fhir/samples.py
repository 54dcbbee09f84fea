"""Made-up values for the FHIR tests: nobody here exists."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.seal import KeyRing, key_id
from fhir_adapters.report import Options
from guarantee.amend import AddedFinding, Edits, FindingEdit, QuantityEdit, amended
from guarantee.card import Card, Regulatory
from guarantee.case import Case, CaseKind, Manifest, Patient, Source, case_id
from guarantee.content import Content, Finding, Origin, Presence, Quantity, Text, Used
from guarantee.decision import decide
from guarantee.ids import Digest, digest
from guarantee.inputs import Coded
from guarantee.opinion import Opinion, Reader, Reason, Statement, Verdict, opinion_id
from guarantee.policy import Policy, Role
from guarantee.ports import Endorsed
from guarantee.release import release_id
from guarantee.result import Mode, ModelVersion, Priority, Result, result_id
from guarantee.states import CaseState, ResultState
from tests.guarantee.samples import a_right

_KEY = Ed25519PrivateKey.generate()
RING = KeyRing(_KEY, {key_id(_KEY.public_key()): _KEY.public_key()})

T0 = datetime(2026, 11, 21, 10, 15, 0, tzinfo=UTC)
BASE = "https://aval.example/fhir"

OPTIONS = Options(
    base=BASE,
    instance="chu-exemple-01",
    version="0.1.0",
    organisation="CHU de l'Exemple",
    organisation_id="1010000001",
    accession_system="urn:oid:1.2.250.1.999.1.42",
    patient_system="urn:oid:1.2.250.1.999.1.1",
)

MODEL = ModelVersion(name="brain-extractor", version="1.0.0", digest=digest(b"onnx"), card=digest(b"card"))
POLICY = Policy(
    id="validate-each",
    version=1,
    readers=1,
    roles=frozenset({Role.RADIOLOGIST, Role.CLINICIAN}),
    expires_after_s=86_400,
)
READER = Reader(
    login="dr.martin",
    name="MARTIN^Élodie^^Dr",
    role=Role.RADIOLOGIST,
    professional_id="810001234567",
    organisation="CHU de l'Exemple",
    organisation_id="1010000001",
)
SECOND = replace(READER, login="dr.benali", name="BENALI^Noël^^Dr", professional_id="810007654321")
PATIENT = Patient(
    identifier="IPP00012345",
    issuer="urn:oid:1.2.250.1.999.1.1",
    name="LEFÈVRE^Hélène",
    birth_date="1960-05-15",
    sex="F",
    reference="Patient/123456",
)
BRAIN = Coded(code="12738006", scheme="SCT", meaning="Brain")
VOLUME = Coded(code="118565006", scheme="SCT", meaning="Volume")


class StoppedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def card(kind: CaseKind = CaseKind.STUDY) -> Card:
    return Card(
        model=MODEL,
        label=Text(fr="Volume cérébral", en="Brain volume"),
        manufacturer="Société Exemple",
        purpose=Text(fr="Mesure", en="Measure"),
        limits=(Text(fr="Adultes seulement", en="Adults only"),),
        regulatory=Regulatory(
            status="research",
            device_class="",
            udi="",
            statement=Text(fr="Recherche : pas un dispositif marqué CE.", en="Research: not CE-marked."),
        ),
        kind=kind,
        envelope=(),
        policy="validate-each",
        mode=Mode.CARE,
        thresholds={"mask": "0.50", "device": "auto"},
        deadline_s=60,
        memory_mb=2048,
        licence="MIT",
        attribution="",
    )


def case(kind: CaseKind = CaseKind.STUDY, number: int = 1, **changes: Any) -> Case:
    study = kind is CaseKind.STUDY
    uid = f"1.2.826.0.1.3680043.8.498.{number}" if study else f"urn:oid:1.2.250.1.999.1.7|SEJ{number:04d}"
    source = Source(uid="1.2.3.4", group="", kind="Bundle", digest=digest(b"input"))
    found = Case(
        id=case_id(kind, uid, 1),
        kind=kind,
        uid=uid,
        revision=1,
        state=CaseState.COMPLETE,
        version=2,
        site="chu",
        patient=PATIENT,
        order="A20261121-0042" if kind is CaseKind.STUDY else "",
        identity_version=1,
        modality="MR" if kind is CaseKind.STUDY else "",
        description="",
        started="2026-11-21T09:40:00",
        encounter="Encounter/778",
        manifest=digest(Manifest(uid=uid, revision=1, sources=(source,)).to_bytes()),
        cause="",
    )
    return replace(found, **changes)


def finding(key: str = "brain", **changes: Any) -> Finding:
    found = Finding(
        key=key,
        label=Text(fr="Cerveau", en="Brain"),
        category=Coded(code="91723000", scheme="SCT", meaning="Anatomical structure"),
        type=BRAIN,
        presence=Presence.PRESENT,
        site=Coded(code="69536005", scheme="SCT", meaning="Head structure"),
        laterality=None,
        score=Decimal("0.83"),
        threshold=Decimal("0.50"),
        quantities=(
            Quantity(
                concept=VOLUME,
                label=Text(fr="Volume", en="Volume"),
                value=Decimal("1412.50"),
                unit=Coded(code="mL", scheme="UCUM", meaning="milliliter"),
                origin=Origin.MODEL,
            ),
        ),
        segment=None,
        regions=(),
        origin=Origin.MODEL,
    )
    return replace(found, **changes)


def risk() -> Finding:
    """A score whose number has the very code of the finding."""
    concept = Coded(code="hospital-mortality", scheme="99AVAL", meaning="Risk of death in hospital")
    return finding(
        "risk",
        type=concept,
        site=None,
        score=None,
        threshold=None,
        quantities=(
            Quantity(
                concept=concept,
                label=Text(fr="Risque", en="Risk"),
                value=Decimal("42.0"),
                unit=Coded(code="%", scheme="UCUM", meaning="percent"),
                origin=Origin.MODEL,
            ),
        ),
    )


USED = (
    Used(
        label=Text(fr="Fréquence cardiaque", en="Heart rate"),
        code=Coded(code="8867-4", scheme="LN", meaning="Heart rate"),
        value=Decimal("172.0"),
        unit="/min",
        taken_at=T0 - timedelta(hours=3),
        source="Observation/17",
    ),
    Used(
        label=Text(fr="Albumine", en="Albumin"),
        code=Coded(code="1751-7", scheme="LN", meaning="Albumin"),
        value=None,
        unit="",
        taken_at=None,
        source="",
    ),
)


def draft(of: Case, result: Result, **changes: Any) -> Content:
    study = of.kind is CaseKind.STUDY
    content = Content(
        result=result.id,
        case=of.id,
        revision=1,
        model=MODEL,
        findings=(finding(),) if study else (risk(),),
        segments=(),
        key_images=(),
        inputs=() if study else USED,
        language="fr-FR",
        report="Cerveau : volume 1412,50 mL.\n\nConclusion : « à confronter » à l'œil – ≥ 1 400 mL & < 1 500 mL.",
        mention="Résultat préparé par un système d'IA, relu par un médecin (mention v1).",
        cautions=(),
    )
    return replace(content, **changes)


def result(of: Case) -> Result:
    return Result(
        id=result_id(of.id, MODEL),
        case=of.id,
        model=MODEL,
        focus="",
        mode=Mode.CARE,
        priority=Priority.ROUTINE,
        policy=POLICY.ref,
        manifest=Digest(of.manifest or ""),
        identity_version=1,
        state=ResultState.AWAITING_REVIEW,
        version=2,
        draft=None,
        cause=None,
    )


def endorsed(
    kind: CaseKind = CaseKind.STUDY,
    *,
    informed: str = "yes",
    edits: Edits | None = None,
    readers: tuple[Reader, ...] = (READER,),
    case_changes: dict[str, Any] | None = None,
    **changes: Any,
) -> Endorsed:
    """Return a release about to be, honestly decided."""
    of = case(kind, **(case_changes or {}))
    made = result(of)
    shown = draft(of, made, **changes)
    content = amended(shown, edits) if edits else shown
    policy = replace(POLICY, readers=len(readers))
    opinions = tuple(_opinion(reader, made, shown, content, informed, policy, n) for n, reader in enumerate(readers))
    decision = decide(policy=policy, draft=shown.digest, opinions=opinions)
    assert decision is not None
    return Endorsed(
        release=release_id(decision.id),
        result=made,
        case=of,
        card=card(kind),
        content=content,
        decision=decision,
        opinions=opinions,
        sources=(),
    )


def _opinion(
    reader: Reader, made: Result, shown: Content, content: Content, informed: str, policy: Policy, n: int
) -> Opinion:
    accept = shown == content
    statement = Statement(
        nonce=f"nonce-{n}",
        result=made.id,
        model=MODEL,
        manifest=made.manifest,
        identity_version=1,
        policy=policy.ref,
        reader=reader,
        right=a_right(reader.login, MODEL, at=T0, since=T0, until=T0 + timedelta(days=1)),
        verdict=Verdict.ACCEPT if accept else Verdict.AMEND,
        shown=shown.digest,
        content=content.digest,
        reason=None if accept else Reason.WRONG_MEASURE,
        comment="",
        patient_informed=informed,
        auth="password+totp",
        opened_at=T0 - timedelta(minutes=3),
        signed_at=T0 + timedelta(seconds=n),
    )
    return Opinion(id=opinion_id(statement), statement=statement, seal=RING.seal(statement.to_bytes()))


AMENDED = Edits(
    report="Cerveau : volume corrigé.",
    findings=(FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("1400.10")),)),),
    added=(AddedFinding(label="Kyste arachnoïdien"), AddedFinding(label="Hématome", presence=Presence.ABSENT)),
)
