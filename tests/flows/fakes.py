"""Fakes of what is outside the flows: each keeps the promise of its port, and none knows what a test expects."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from guarantee.card import Card, Regulatory
from guarantee.case import CaseKind, Patient, Source
from guarantee.content import Finding, Origin, Presence, Quantity, Text
from guarantee.errors import BlobMissing, NotEligible, Unavailable
from guarantee.ids import Digest, ReleaseId, digest
from guarantee.inputs import Coded, Inputs, Record
from guarantee.mask import Grid, Mask
from guarantee.opinion import Reader
from guarantee.policy import Policy, Role
from guarantee.ports import Endorsed, Proposal, ProposedSegment, ReadBack, Rendered, Vault, Withdrawn
from guarantee.release import Kind, Package, Receipt, Release
from guarantee.result import Mode, ModelVersion
from guarantee.rules import Condition, Route
from guarantee.unit import Arrival

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MODEL = ModelVersion(name="toy", version="1.0.0", digest=digest(b"toy model"), card=digest(b"toy card"))
POLICY = Policy(
    id="validate-each",
    version=1,
    readers=1,
    roles=frozenset({Role.RADIOLOGIST, Role.CLINICIAN}),
    expires_after_s=86_400,
)
TWICE = replace(POLICY, id="read-twice", readers=2, learners="cosign")
READER = Reader(
    login="dr.martin",
    name="MARTIN^Élodie^^Dr",
    role=Role.RADIOLOGIST,
    professional_id="810001234567",
    organisation="CHU d'essai",
    organisation_id="990000001",
)
SECOND = replace(READER, login="dr.nguyen", name="NGUYEN^Paul^^Dr", professional_id="810001234568")
INTERNE = replace(READER, login="interne", name="NOVICE^Zoé", role=Role.LEARNER)
COMMITTEE = replace(READER, login="committee", name="DURAND^Zoé^^Pr", role=Role.COMMITTEE)
SITES = ("site-1", "site-2", "held-site", "north")
"""Where readers may endorse."""
PATIENT = Patient(identifier="P1", issuer="CHU", name="ESSAI^Anne", birth_date="1970-01-01", sex="F")
BRAIN = Coded(code="12738006", scheme="SCT", meaning="Brain")
STRUCTURE = Coded(code="91723000", scheme="SCT", meaning="Anatomical structure")


class FakeClock:
    """A clock that moves when it is told to, and a microsecond at each look, so that no two events are at once."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


def card(*, envelope: tuple[Condition, ...] = (), kind: CaseKind = CaseKind.STUDY) -> Card:
    return Card(
        model=MODEL,
        label=Text(fr="Jouet", en="Toy"),
        manufacturer="Aval",
        purpose=Text(fr="essais", en="tests"),
        limits=(Text(fr="ne voit rien", en="sees nothing"),),
        regulatory=Regulatory(
            status="research", device_class="", udi="", statement=Text(fr="recherche", en="research")
        ),
        kind=kind,
        envelope=envelope,
        policy="validate-each",
        mode=Mode.CARE,
        thresholds={"mask": "0.5"},
        deadline_s=60,
        memory_mb=100,
        licence="Apache-2.0",
        attribution="none",
    )


def another_card(name: str, **changes: object) -> Card:
    """Return the card of another model than the usual one."""
    model = ModelVersion(name=name, version="1.0.0", digest=digest(name.encode()), card=digest(f"{name} card".encode()))
    return replace(card(), model=model, **changes)


class FakeCatalogue:
    """A few models; one by default."""

    def __init__(self, *cards: Card) -> None:
        self.cards = cards or (card(),)

    def card(self, name: str) -> Card | None:
        return next((found for found in self.cards if found.model.name == name), None)

    def card_of(self, model_id: str) -> Card | None:
        return next((found for found in self.cards if found.model.id == model_id), None)


def routes(kind: CaseKind = CaseKind.STUDY, models: tuple[str, ...] = ("toy",)) -> tuple[Route, ...]:
    return (Route(name="everything", kind=kind, when=(), models=models),)


@dataclass
class FakeModel:
    """Answers the same for the same inputs; raises what it is told to, once for each entry."""

    failures: list[BaseException] = field(default_factory=list)
    runs: int = 0

    def run(self, card: Card, inputs: Inputs) -> Proposal:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        seen = str(inputs.age_years) if isinstance(inputs, Record) else "volume"
        mask = Mask(grid=Grid(frames=("1.2.3.1",), rows=2, columns=4), bits=b"\x0f")
        volume = Quantity(
            concept=Coded(code="118565006", scheme="SCT", meaning="Volume"),
            label=Text(fr="volume", en="volume"),
            value=Decimal("1498.90"),
            unit=Coded(code="mL", scheme="UCUM", meaning="milliliter"),
            origin=Origin.MODEL,
        )
        finding = Finding(
            key="brain",
            label=Text(fr="Cerveau", en="Brain"),
            category=STRUCTURE,
            type=BRAIN,
            presence=Presence.PRESENT,
            site=None,
            laterality=None,
            score=None,
            threshold=None,
            quantities=(volume,),
            segment=1,
            regions=(),
            origin=Origin.MODEL,
        )
        segment = ProposedSegment(
            number=1, label=Text(fr="Cerveau", en="Brain"), category=STRUCTURE, type=BRAIN, mask=mask
        )
        return Proposal(
            findings=(finding,),
            segments=(segment,),
            key_images=(),
            inputs=(),
            report=f"Volume cérébral : 1498,90 mL ({seen}).",
            cautions=(),
        )

    def run_together(self, card: Card, many: Sequence[Inputs]) -> list[Proposal | NotEligible]:
        answers: list[Proposal | NotEligible] = []
        for inputs in many:
            try:
                answers.append(self.run(card, inputs))
            except NotEligible as refusal:
                answers.append(refusal)
        return answers


class FakeIncoming:
    """Bytes on their way into a FakeVault."""

    def __init__(self, vault: "FakeVault") -> None:
        self._vault = vault
        self._data = b""

    def write(self, data: bytes | memoryview) -> None:
        self._data += data

    def view(self) -> AbstractContextManager[bytes]:
        return nullcontext(self._data)

    is_noted = False

    def keep(self, note: bytes = b"") -> Digest:
        return self._vault.put(self._data)

    def discard(self) -> None:
        self._data = b""


class FakeVault:
    """Bytes in memory: what a disk keeps when a process dies."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}

    def begin(self) -> FakeIncoming:
        return FakeIncoming(self)

    def put(self, data: bytes) -> Digest:
        name = digest(data)
        self.blobs[name] = data
        return name

    def get(self, name: Digest) -> bytes:
        if name not in self.blobs:
            raise BlobMissing("blob-missing", f"blob {name[:12]}… is not in the vault")
        return self.blobs[name]

    def has(self, name: Digest) -> bool:
        return name in self.blobs

    def path(self, name: Digest) -> Path:
        raise NotImplementedError("these bytes are in no file")


class FakeRenderer:
    """Writes content as JSON and reads it back from those bytes alone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lies = False

    def render(self, endorsed: Endorsed) -> Sequence[Rendered]:
        content = endorsed.content
        said = {
            "content": content.digest,
            "text": content.full_text + ("!" if self.lies else ""),
            "by": endorsed.reader.login,
            "to": self.name,
        }
        return [
            Rendered(
                name="json",
                media_type="application/json",
                uid=f"{endorsed.release}.{self.name}",
                data=json.dumps(said, sort_keys=True, ensure_ascii=False).encode(),
            )
        ]

    def read_back(self, objects: Sequence[Rendered]) -> ReadBack:
        said = json.loads(objects[0].data)
        return ReadBack(content=Digest(said["content"]), text=said["text"])

    def render_withdrawal(self, withdrawn: Withdrawn) -> Sequence[Rendered]:
        said = {"takes_back": [part.uid for part in withdrawn.package.parts], "reference": withdrawn.reference}
        return [
            Rendered(
                name="withdrawal",
                media_type="application/json",
                uid=f"{withdrawn.release}.{self.name}",
                data=json.dumps(said, sort_keys=True, ensure_ascii=False).encode(),
            )
        ]


class FakeDestination:
    """Keeps what it is sent by identifier, counts, and fails as told: before keeping ("down") or after ("mute").

    One that ``forgets`` takes the same identifier again for another object: for a test that must fail.
    """

    def __init__(self, name: str, vault: Vault, clock: FakeClock) -> None:
        self.name = name
        self._vault = vault
        self._clock = clock
        self.troubles: list[str | Exception] = []
        self.held: dict[str, bytes] = {}
        self.stored: Counter[str] = Counter()
        self.released: dict[str, tuple[ReleaseId, Kind]] = {}
        self.forgets = False
        self.withdrawn: set[str] = set()

    def send(self, release: Release) -> Receipt:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "down":
            raise Unavailable("down", "nobody answered")
        if isinstance(trouble, Exception):
            raise trouble
        package = release.package_for(self.name)
        for part in Package.from_bytes(self._vault.get(package)).parts:
            data = self._vault.get(part.digest)
            uid = f"{part.uid}#{sum(self.stored.values())}" if self.forgets else part.uid
            assert self.held.get(uid, data) == data, "the same identifier with other bytes"
            self.held[uid] = data
            self.stored[uid] += 1
            self.released[uid] = (release.id, release.terms.kind)
            if release.terms.kind is Kind.WITHDRAWAL:
                self.withdrawn.update(json.loads(data)["takes_back"])
        if trouble == "mute":
            raise Unavailable("timeout", "no answer in time")
        return Receipt(
            destination=self.name,
            package=package,
            method="read-back",
            reference=json.dumps({"at": self.name}),
            at=self._clock.now(),
        )

    @property
    def results(self) -> list[bytes]:
        return [data for uid, data in self.held.items() if b"takes_back" not in data]


def arrival(
    vault: Vault,
    *,
    image: int = 1,
    study: str = "1.2.3",
    data: bytes | None = None,
    patient: Patient = PATIENT,
    conversation: str = "",
    kind: CaseKind = CaseKind.STUDY,
) -> Arrival:
    """Return one input whose bytes are in ``vault``."""
    kept = vault.put(data if data is not None else f"{study} image {image}".encode())
    return Arrival(
        kind=kind,
        uid=study,
        source=Source(uid=f"{study}.{image}", group=f"{study}.0", kind="1.2.840.10008.5.1.4.1.1.4", digest=kept),
        site="site-1",
        patient=patient,
        order="A1",
        modality="MR",
        description="IRM",
        started="2026-11-22T08:00:00",
        encounter="",
        facts={"Modality": frozenset({"MR"}), "TransferSyntaxUID": frozenset({"1.2.840.10008.1.2.1"})},
        sender="scanner",
        conversation=conversation,
    )


def somebody_else() -> Patient:
    return replace(PATIENT, identifier="P2", birth_date="1980-02-02")
