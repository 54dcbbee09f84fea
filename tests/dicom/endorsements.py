"""Endorsed contents to render: a made-up series, a draft about it, a reader's decision. Everything is derived."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydicom.dataset import Dataset

from bridge.seal import KeyRing, key_id
from dicom_adapters.read.headers import read_header, to_arrival
from dicom_adapters.render.envelope import Options, Software
from guarantee.amend import Edits, amended
from guarantee.card import Card, Regulatory
from guarantee.case import Case, CaseKind, Manifest, Source, case_id
from guarantee.content import Content, Finding, KeyImage, Origin, Presence, Quantity, Region, Segment, Text
from guarantee.decision import Decision, decision_id
from guarantee.ids import Digest, digest
from guarantee.inputs import Coded
from guarantee.mask import Grid, Mask, frame_of
from guarantee.opinion import Opinion, Reader, Reason, Statement, Verdict, opinion_id
from guarantee.policy import Policy, Role
from guarantee.ports import Endorsed, Rendered, Withdrawn
from guarantee.release import (
    Grounds,
    Kind,
    Notice,
    Package,
    Part,
    Release,
    Rendering,
    Terms,
    Withdrawal,
    WithdrawalReason,
    mint,
    release_id,
    withdrawal_id,
)
from guarantee.result import Mode, ModelVersion, Priority, Result, result_id
from guarantee.states import CaseState, ResultState
from tests.dicom import samples
from tests.guarantee.samples import a_right

SITE: Final = uuid.UUID("11111111-2222-4333-8444-555555555555")
AT: Final = datetime(2026, 11, 21, 9, 15, 0, 123456, tzinfo=UTC)
"""10:15 in Paris."""

OPTIONS: Final = Options(
    site_namespace=SITE,
    organisation="CHU de l’Exemple",
    software=Software(manufacturer="Aval", model="aval", version="0.1.0", instance="chu-exemple-01"),
)

MENTION: Final = "Patient informé du recours à un système d’IA (CSP L.4001-3, mention v1)."
REPORT: Final = (
    "IRM encéphalique.\nVolume cérébral : 1 498,9 mL (≥ 1 400 mL).\n\nŒdème : non visible. Texte en projet – à relire."
)

VOLUME: Final = Coded(code="118565006", scheme="SCT", meaning="Volume")
ML: Final = Coded(code="mL", scheme="UCUM", meaning="milliliter")
BRAIN: Final = Coded(code="12738006", scheme="SCT", meaning="Brain")
STRUCTURE: Final = Coded(code="91723000", scheme="SCT", meaning="Anatomical structure")
ABNORMAL: Final = Coded(code="49755003", scheme="SCT", meaning="Morphologically Abnormal Structure")
NODULE: Final = Coded(code="27925004", scheme="SCT", meaning="Nodule")
RIGHT: Final = Coded(code="24028007", scheme="SCT", meaning="Right")

READER: Final = Reader(
    login="dr.martin",
    name="MARTIN^Élodie^^Dr",
    role=Role.RADIOLOGIST,
    professional_id="810001234567",
    organisation="CHU de l’Exemple",
    organisation_id="690000000",
)
SECOND: Final = replace(READER, login="dr.nguyen", name="NGUYỄN^Anh^^Dr", professional_id="810007654321")

MODEL: Final = ModelVersion(name="brain-extractor", version="1.0.0", digest=digest(b"onnx"), card=digest(b"card"))

_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RING: Final = KeyRing(_KEY, {key_id(_KEY.public_key()): _KEY.public_key()})
"""Seals what these tests endorse and release, and checks it."""

POLICY: Final = Policy(
    id="validate-each", version=1, readers=1, roles=frozenset({Role.RADIOLOGIST}), expires_after_s=86_400
)

CARD: Final = Card(
    model=MODEL,
    label=Text(fr="Volume cérébral", en="Brain volume"),
    manufacturer="Société Exemple IA",
    purpose=Text(fr="Mesure du volume cérébral.", en="Measures brain volume."),
    limits=(Text(fr="Adultes seulement.", en="Adults only."),),
    regulatory=Regulatory(status="research", device_class="", udi="", statement=Text(fr="Recherche.", en="Research.")),
    kind=CaseKind.STUDY,
    envelope=(),
    policy="validate-each",
    mode=Mode.CARE,
    thresholds={"mask": "0.5"},
    deadline_s=60,
    memory_mb=512,
    licence="MIT",
    attribution="",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A case with its bytes.

    Args:
        blobs: by digest: source files, masks, and whatever a test adds.
    """

    case: Case
    sources: tuple[Source, ...]
    blobs: dict[Digest, bytes]
    focus: str
    grid: Grid

    def read(self, name: Digest) -> bytes:
        """Return the bytes of a digest, as a vault does."""
        return self.blobs[name]

    def keep(self, data: bytes) -> Digest:
        """Add bytes."""
        self.blobs[digest(data)] = data
        return digest(data)

    def mask(self, fill: Callable[[np.ndarray[Any, Any]], None]) -> Digest:
        """Keep a mask on the whole series: ``fill`` draws into axes (frame, row, column)."""
        voxels = np.zeros((len(self.grid.frames), self.grid.rows, self.grid.columns), np.uint8)
        fill(voxels)
        return self.keep(to_mask(self.grid, voxels).to_bytes())


def to_mask(grid: Grid, voxels: np.ndarray[Any, Any]) -> Mask:
    """Return the mask of ``voxels``: axes (frame, row, column), 0 or 1."""
    frames = [np.packbits(frame.reshape(-1), bitorder="little").tobytes() for frame in voxels]
    return Mask(grid=grid, bits=b"".join(frames))


def scene(
    files: Sequence[bytes] | None = None, *, change: Callable[[Dataset], None] | None = None, **series: Any
) -> Scene:
    """Return a complete case over a series made by samples.series, or over ``files``.

    Args:
        change: applied to each data set before it becomes a file.
    """
    if files is None:
        datasets = samples.series(**({"modality": "MR", "slices": 6} | series))
        for dataset in datasets if change else ():
            assert change is not None
            change(dataset)
        files = samples.to_files(datasets)
    arrivals = [
        to_arrival(read_header(data), digest=digest(data), site="chu", sender="mr1", conversation="c") for data in files
    ]
    first = arrivals[0]
    sources = tuple(sorted((arrival.source for arrival in arrivals), key=lambda source: source.uid))
    manifest = Manifest(uid=first.uid, revision=1, sources=sources)
    case = Case(
        id=case_id(CaseKind.STUDY, first.uid, 1),
        kind=CaseKind.STUDY,
        uid=first.uid,
        revision=1,
        state=CaseState.COMPLETE,
        version=2,
        site="chu",
        patient=first.patient,
        order=first.order,
        identity_version=1,
        modality=first.modality,
        description=first.description,
        started=first.started,
        encounter="",
        manifest=digest(manifest.to_bytes()),
        cause="",
    )
    facts = first.facts
    (rows,), (columns,) = facts["Rows"], facts["Columns"]
    frames = tuple(arrival.source.uid for arrival in arrivals)  # in the order of space, not of the manifest
    return Scene(
        case=case,
        sources=sources,
        blobs={digest(data): data for data in files},
        focus=first.source.group,
        grid=Grid(frames=frames, rows=int(rows), columns=int(columns)),
    )


def quantity(value: str, origin: Origin = Origin.MODEL) -> Quantity:
    """Return a volume in mL."""
    label = Text(fr="Volume", en="Volume")
    return Quantity(concept=VOLUME, label=label, value=Decimal(value), unit=ML, origin=origin)


def finding(key: str = "brain", **changes: Any) -> Finding:
    """Return a finding without a place, with ``changes``."""
    plain = Finding(
        key=key,
        label=Text(fr="Cerveau", en="Brain"),
        category=STRUCTURE,
        type=BRAIN,
        presence=Presence.PRESENT,
        site=BRAIN,
        laterality=None,
        score=None,
        threshold=None,
        quantities=(),
        segment=None,
        regions=(),
        origin=Origin.MODEL,
    )
    return replace(plain, **changes)


def segment(number: int, mask: Digest) -> Segment:
    """Return a segment of the brain."""
    return Segment(number=number, label=Text(fr="Encéphale", en="Brain"), category=STRUCTURE, type=BRAIN, mask=mask)


def region(scene: Scene, frame: int, *points: str) -> Region:
    """Return a region on image number ``frame`` (from 0) of the series."""
    uid, number = frame_of(scene.grid.frames[frame])
    kind = next(source.kind for source in scene.sources if source.uid == uid)
    return Region(sop_class_uid=kind, sop_instance_uid=uid, frame=number or 1, points=tuple(Decimal(p) for p in points))


def key_image(scene: Scene, frame: int) -> KeyImage:
    """Return image number ``frame`` (from 0) as a key image."""
    place = region(scene, frame, "1", "1")
    label = Text(fr="Coupe la plus large", en="Largest slice")
    return KeyImage(
        sop_class_uid=place.sop_class_uid, sop_instance_uid=place.sop_instance_uid, frame=place.frame, label=label
    )


def content(scene: Scene, **changes: Any) -> Content:
    """Return a draft: by default one brain with its segment and its volume."""
    if not {"findings", "segments"} & changes.keys():
        mask = scene.mask(lambda voxels: voxels[1:4, 8:20, 9:31].fill(1))
        changes["segments"] = (segment(1, mask),)
        changes["findings"] = (finding(segment=1, quantities=(quantity("1498.90"),)),)
    plain: Mapping[str, Any] = {
        "result": result_id(scene.case.id, MODEL),
        "case": scene.case.id,
        "revision": 1,
        "model": MODEL,
        "findings": (),
        "segments": (),
        "key_images": (key_image(scene, 2),),
        "inputs": (),
        "language": "fr-FR",
        "report": REPORT,
        "mention": MENTION,
        "cautions": (),
    }
    return Content(**{**plain, **changes})


def endorse(
    scene: Scene,
    draft: Content,
    *,
    edits: Edits | None = None,
    card: Card = CARD,
    readers: Sequence[Reader] = (READER,),
    outputs: object = None,
) -> Endorsed:
    """Return ``draft`` as endorsed by ``readers``, amended when there are ``edits``."""
    final = draft if edits is None else amended(draft, edits)
    verdict = Verdict.ACCEPT if edits is None else Verdict.AMEND
    result = Result(
        id=draft.result,
        case=scene.case.id,
        model=MODEL,
        focus=scene.focus,
        mode=Mode.CARE,
        priority=Priority.ROUTINE,
        policy="validate-each@1",
        manifest=scene.case.manifest or digest(b""),
        identity_version=1,
        state=ResultState.AWAITING_REVIEW,
        version=2,
        draft=draft.digest,
        cause=None,
    )
    opinions = tuple(_opinion(reader, result, draft, final, verdict) for reader in readers)
    decision = Decision(
        id=decision_id(result.id),
        result=result.id,
        opinion=opinions[-1].id,
        verdict=verdict,
        shown=draft.digest,
        content=final.digest,
        policy=result.policy,
        at=AT,
    )
    return Endorsed(
        release=release_id(decision.id),
        result=result,
        case=scene.case,
        card=card,
        content=final,
        decision=decision,
        opinions=opinions,
        sources=scene.sources,
    )


def _opinion(reader: Reader, result: Result, draft: Content, final: Content, verdict: Verdict) -> Opinion:
    statement = Statement(
        nonce=f"nonce-{reader.login}",
        result=result.id,
        model=MODEL,
        manifest=result.manifest,
        identity_version=1,
        policy=result.policy,
        reader=reader,
        right=a_right(reader.login, MODEL, at=AT, since=AT, until=AT + timedelta(days=1)),
        verdict=verdict,
        shown=draft.digest,
        content=final.digest,
        reason=None if verdict is Verdict.ACCEPT else Reason.WRONG_MEASURE,
        comment="",
        patient_informed="yes",
        auth="password+totp",
        opened_at=AT,
        signed_at=AT,
    )
    return Opinion(id=opinion_id(statement), statement=statement, seal=RING.seal(statement.to_bytes()))


def package(scene: Scene, objects: Sequence[Rendered]) -> Package:
    """Keep rendered objects and return their package."""
    return Package(
        parts=tuple(Part(name=o.name, media_type=o.media_type, uid=o.uid, digest=scene.keep(o.data)) for o in objects)
    )


def withdraw(
    scene: Scene,
    endorsed: Endorsed,
    objects: Sequence[Rendered],
    *,
    by: str = READER.login,
    comment: str = "Œdème non vu.",
) -> Withdrawn:
    """Return the withdrawal of what was rendered from ``endorsed``."""
    notice = Notice(
        result=endorsed.result.id,
        release=endorsed.release,
        reason=WithdrawalReason.WRONG_RESULT,
        comment=comment,
        by=by,
        at=AT.replace(day=22),
    )
    return Withdrawn(
        release=release_id(withdrawal_id(endorsed.release)),
        notice=notice,
        original=endorsed,
        package=package(scene, objects),
        reference="",
    )


def release(endorsed: Endorsed, sent: Package, destination: str = "pacs", *, notice: Notice | None = None) -> Release:
    """Return the sealed and minted release of ``sent`` to one destination; of a withdrawal when there is a notice."""
    withdrawal = None
    if notice is not None:
        seal = RING.seal(notice.to_bytes())
        withdrawal = Withdrawal(id=withdrawal_id(notice.release), notice=notice, seal=seal)
    ground = endorsed.decision.id if withdrawal is None else withdrawal.id
    terms = Terms(
        release=release_id(ground),
        kind=Kind.RESULT if withdrawal is None else Kind.WITHDRAWAL,
        result=endorsed.result.id,
        ground=ground,
        content=endorsed.content.digest if withdrawal is None else withdrawal.content,
        renderings=(Rendering(destination=destination, package=sent.digest),),
        at=AT,
    )
    grounds = Grounds(policy=POLICY, draft=endorsed.decision.shown, opinions=endorsed.opinions, withdrawal=withdrawal)
    return mint(terms=terms, seal=RING.seal(terms.to_bytes()), grounds=grounds, witness=RING)
