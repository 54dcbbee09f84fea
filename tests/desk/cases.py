"""Cases and drafts for the fake desk: fictitious people, synthetic images."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from guarantee.card import Card, Regulatory
from guarantee.case import Case, CaseKind, Patient, case_id
from guarantee.content import Content, Finding, KeyImage, Origin, Presence, Quantity, Region, Segment, Text, Used
from guarantee.ids import digest
from guarantee.inputs import Coded
from guarantee.result import Mode, ModelVersion, Priority, Result, result_id
from guarantee.states import CaseState, ResultState
from tests.desk import pictures
from tests.desk.pictures import Picture

MENTION = (
    "Information du patient : un système d’intelligence artificielle a aidé à établir ce résultat ; "
    "un médecin l’a vérifié et en répond (CSP, art. L.4001-3)."
)
FINDING = Coded(code="404684003", scheme="SCT", meaning="Clinical finding")
ANATOMY = Coded(code="91723000", scheme="SCT", meaning="Anatomical structure")
BRAIN = Coded(code="12738006", scheme="SCT", meaning="Brain")
NODULE = Coded(code="427359005", scheme="SCT", meaning="Solitary nodule of lung")
VOLUME = Coded(code="118565006", scheme="SCT", meaning="Volume")
DIAMETER = Coded(code="81827009", scheme="SCT", meaning="Diameter")
PROBABILITY = Coded(code="111047", scheme="DCM", meaning="Probability")
ML = Coded(code="mL", scheme="UCUM", meaning="milliliter")
MM = Coded(code="mm", scheme="UCUM", meaning="millimeter")
PERCENT = Coded(code="%", scheme="UCUM", meaning="percent")
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DX_IMAGE = "1.2.840.10008.5.1.4.1.1.1.1"

HOSTILE_NAME = "<script>alert('xss')</script>^\u202eمريم\u2066" + "^".join(["A" * 90, "É" * 90])


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A case with what a model says of it."""

    case: Case
    result: Result
    draft: Content
    pictures: tuple[Picture, ...]
    masks: dict[int, bytes]


def text(fr: str, en: str) -> Text:
    """Return a label."""
    return Text(fr=fr, en=en)


def model_version(name: str, version: str = "1.0.0") -> ModelVersion:
    """Return a version whose digests follow from its name."""
    return ModelVersion(
        name=name, version=version, digest=digest(name.encode()), card=digest(f"{name} {version}".encode())
    )


def cards() -> tuple[Card, ...]:
    """Return the systems in use."""
    return (
        _card(
            "brain-extractor",
            text("Volume de l’encéphale (IRM T1)", "Brain volume (T1 MRI)"),
            text(
                "Délimiter l’encéphale de l’adulte sur une IRM T1 et en mesurer le volume.",
                "Outline the adult brain on T1 MRI and measure its volume.",
            ),
        ),
        _card(
            "lung-nodule",
            text("Nodules pulmonaires (TDM)", "Lung nodules (CT)"),
            text(
                "Signaler les nodules pulmonaires de 6 mm et plus chez l’adulte, TDM en coupes fines.",
                "Point out lung nodules of 6 mm and more in adults, on thin-slice CT.",
            ),
        ),
        _card(
            "hospital-mortality",
            text("Risque de décès hospitalier", "Risk of death in hospital"),
            text(
                "Estimer le risque de décès pendant le séjour à partir de mesures du dossier.",
                "Estimate the risk of death during the stay from measurements in the record.",
            ),
            kind=CaseKind.RECORD,
        ),
    )


def _card(name: str, label: Text, purpose: Text, kind: CaseKind = CaseKind.STUDY) -> Card:
    return Card(
        model=model_version(name),
        label=label,
        manufacturer="Atelier de démonstration",
        purpose=purpose,
        limits=(
            text("Ne remplace pas la lecture de l’examen.", "Does not replace the reading of the exam."),
            text("Non évalué chez l’enfant.", "Not evaluated in children."),
        ),
        regulatory=Regulatory(
            status="research",
            device_class="",
            udi="",
            statement=text(
                "Démonstration : n’est pas un dispositif médical.", "Demonstration: this is not a medical device."
            ),
        ),
        kind=kind,
        envelope=(),
        policy="validate-each",
        mode=Mode.CARE,
        thresholds={"mask": "0.5"},
        deadline_s=60,
        memory_mb=2048,
        licence="MIT",
        attribution="deepbrain 0.1",
    )


def brain_case(n: int, *, patient: Patient | None = None, priority: Priority = Priority.ROUTINE) -> Staged:
    """Return a head MR with its brain outlined."""
    picture, inside = pictures.brain()
    mask = pictures.mask_of(picture, inside)
    data = mask.to_bytes()
    case, result = _born(n, "brain-extractor", "MR", "IRM encéphale sans injection", picture.uid, patient, priority)
    best = max(range(len(picture.instances)), key=lambda at: int(inside[at].sum()))
    volume = Quantity(
        concept=VOLUME,
        label=text("Volume", "Volume"),
        value=Decimal("1498.90"),
        unit=ML,
        origin=Origin.MODEL,
    )
    finding = _finding("brain", text("Encéphale", "Brain"), ANATOMY, BRAIN, quantities=(volume,), segment=1)
    draft = _content(
        result,
        findings=(finding,),
        segments=(
            Segment(number=1, label=text("Encéphale", "Brain"), category=ANATOMY, type=BRAIN, mask=digest(data)),
        ),
        key_images=(
            KeyImage(
                sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
                sop_instance_uid=picture.instances[best],
                frame=1,
                label=text("Plus grande section", "Largest section"),
            ),
        ),
        report="Volume encéphalique estimé à 1498,90 mL (encéphale, hors liquide ventriculaire).\n\n"
        "Mesure automatique sur la série T1 3D, à confronter à l’examen.",
        cautions=(text("Qualité d’image suffisante.", "Sufficient image quality."),),
    )
    return Staged(case=case, result=result, draft=draft, pictures=(picture,), masks={1: data})


def chest_case(n: int, *, patient: Patient | None = None) -> Staged:
    """Return a chest CT with one outlined nodule and one marked by a region, and an ultrasound beside it."""
    picture, nodule = pictures.chest()
    data = pictures.mask_of(picture, nodule).to_bytes()
    case, result = _born(n, "lung-nodule", "CT", "TDM thorax", picture.uid, patient, Priority.STAT)
    first = _finding(
        "nodule-1",
        text("Nodule solide, lobe supérieur gauche", "Solid nodule, left upper lobe"),
        FINDING,
        NODULE,
        quantities=(
            Quantity(
                concept=DIAMETER,
                label=text("Diamètre", "Diameter"),
                value=Decimal("9.4"),
                unit=MM,
                origin=Origin.MODEL,
            ),
        ),
        segment=1,
        score="0.91",
    )
    outline = tuple(Decimal(v) for v in ("30.5", "60.5", "42.5", "60.5", "42.5", "72.5", "30.5", "72.5"))
    place = Region(sop_class_uid=CT_IMAGE, sop_instance_uid=picture.instances[5], frame=1, points=outline)
    second = _finding(
        "nodule-2",
        text("Micronodule, lobe inférieur droit", "Micronodule, right lower lobe"),
        FINDING,
        NODULE,
        regions=(place,),
        score="0.62",
    )
    draft = _content(
        result,
        findings=(first, second),
        segments=(
            Segment(number=1, label=text("Nodule 1", "Nodule 1"), category=FINDING, type=NODULE, mask=digest(data)),
        ),
        report="Nodule solide du lobe supérieur gauche, 9,4 mm.\nMicronodule du lobe inférieur droit.",
    )
    return Staged(case=case, result=result, draft=draft, pictures=(picture, pictures.ultrasound()), masks={1: data})


def radiograph_case(n: int, *, patient: Patient | None = None) -> Staged:
    """Return a wrist radiograph in which nothing was found."""
    picture = pictures.radiograph()
    case, result = _born(n, "lung-nodule", "DX", "Poignet gauche", picture.uid, patient, Priority.ROUTINE)
    finding = _finding(
        "fracture",
        text("Fracture", "Fracture"),
        FINDING,
        Coded(code="125605004", scheme="SCT", meaning="Fracture of bone"),
        presence=Presence.ABSENT,
        score="0.08",
    )
    draft = _content(result, findings=(finding,), report="Pas de fracture détectée au-dessus du seuil.")
    return Staged(case=case, result=result, draft=draft, pictures=(picture,), masks={})


def record_case(n: int, *, patient: Patient | None = None) -> Staged:
    """Return a stay with a score made from its measurements, one of them missing."""
    case, result = _born(n, "hospital-mortality", "", "Séjour en réanimation", "", patient, Priority.ROUTINE)
    at = datetime.now(UTC) - timedelta(minutes=40)
    used = [
        ("Fréquence cardiaque", "Heart rate", "8867-4", "112", "/min"),
        ("Pression artérielle moyenne", "Mean arterial pressure", "8478-0", "64", "mm[Hg]"),
        ("Créatinine", "Creatinine", "2160-0", "164.50", "umol/L"),
        ("Température", "Temperature", "8310-5", "38.6", "Cel"),
        ("Bilirubine", "Bilirubin", "1975-2", None, ""),
    ]
    inputs = tuple(
        Used(
            label=text(fr, en),
            code=Coded(code=code, scheme="LN", meaning=en),
            value=Decimal(value) if value else None,
            unit=unit,
            taken_at=at - timedelta(minutes=7 * k) if value else None,
            source=f"Observation/{100 + k}" if value else "",
        )
        for k, (fr, en, code, value, unit) in enumerate(used)
    )
    risk = Quantity(
        concept=PROBABILITY,
        label=text("Risque de décès pendant le séjour", "Risk of death during the stay"),
        value=Decimal("37.2"),
        unit=PERCENT,
        origin=Origin.MODEL,
    )
    death = Coded(code="419099009", scheme="SCT", meaning="Dead")
    finding = _finding(
        "risk",
        text("Risque élevé", "High risk"),
        FINDING,
        death,
        quantities=(risk,),
        score="0.372",
        threshold="0.300",
    )
    draft = _content(
        result,
        findings=(finding,),
        inputs=inputs,
        report="Risque de décès pendant le séjour estimé à 37,2 %.",
        cautions=(
            text(
                "La bilirubine manque : le modèle a tourné sans elle.",
                "Bilirubin is missing: the model ran without it.",
            ),
        ),
    )
    return Staged(case=case, result=result, draft=draft, pictures=(), masks={})


def _patient(n: int) -> Patient:
    people = [
        ("LEFÈVRE^Amélie", "1961-03-12", "F"),
        ("N’DIAYE^Moussa", "1948-11-30", "M"),
        ("ROY^Léo", "1990-07-04", "M"),
    ]
    name, birth_date, sex = people[n % len(people)]
    return Patient(identifier=f"IPP-{4200 + n}", issuer="CHU", name=name, birth_date=birth_date, sex=sex)


def _born(
    n: int, model: str, modality: str, description: str, focus: str, patient: Patient | None, priority: Priority
) -> tuple[Case, Result]:
    kind = CaseKind.STUDY if modality else CaseKind.RECORD
    uid = f"{pictures.ROOT}.{n}" if modality else f"urn:oid:1.2.3|stay-{n}"
    manifest = digest(f"manifest {n}".encode())
    case = Case(
        id=case_id(kind, uid, 1),
        kind=kind,
        uid=uid,
        revision=1,
        state=CaseState.COMPLETE,
        version=2,
        site="CHU",
        patient=patient or _patient(n),
        order=f"ACC-{2600 + n}",
        identity_version=1,
        modality=modality,
        description=description,
        started="2026-11-21T09:40:00",
        encounter="",
        manifest=manifest,
        cause="",
    )
    version = model_version(model)
    result = Result(
        id=result_id(case.id, version),
        case=case.id,
        model=version,
        focus=focus,
        mode=Mode.CARE,
        priority=priority,
        policy="validate-each@1",
        manifest=manifest,
        identity_version=1,
        state=ResultState.QUEUED,
        version=1,
        draft=None,
        cause=None,
    )
    return case, result


def _finding(
    key: str,
    label: Text,
    category: Coded,
    kind: Coded,
    *,
    presence: Presence = Presence.PRESENT,
    quantities: tuple[Quantity, ...] = (),
    segment: int | None = None,
    regions: tuple[Region, ...] = (),
    score: str | None = None,
    threshold: str = "0.50",
) -> Finding:
    return Finding(
        key=key,
        label=label,
        category=category,
        type=kind,
        presence=presence,
        site=None,
        laterality=None,
        score=Decimal(score) if score else None,
        threshold=Decimal(threshold) if score else None,
        quantities=quantities,
        segment=segment,
        regions=regions,
        origin=Origin.MODEL,
    )


def _content(
    result: Result,
    *,
    findings: tuple[Finding, ...],
    report: str,
    segments: tuple[Segment, ...] = (),
    key_images: tuple[KeyImage, ...] = (),
    inputs: tuple[Used, ...] = (),
    cautions: tuple[Text, ...] = (),
) -> Content:
    return Content(
        result=result.id,
        case=result.case,
        revision=1,
        model=result.model,
        findings=findings,
        segments=segments,
        key_images=key_images,
        inputs=inputs,
        language="fr-FR",
        report=report,
        mention=MENTION,
        cautions=cautions,
    )
