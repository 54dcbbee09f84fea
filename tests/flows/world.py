"""A whole installation in memory and one folder: real store, real vault, real seals, faked outside."""

import secrets
from dataclasses import replace
from datetime import datetime
from itertools import product
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore, SqlUnit
from bridge.flows import completeness, deliver, infer, intake, review
from bridge.flows.completeness import Completion, QuietTimes
from bridge.flows.deliver import Dispatch
from bridge.flows.golden import Examiner
from bridge.flows.infer import Inference
from bridge.flows.review import Review
from bridge.flows.route import Routing
from bridge.seal import KeyRing, key_id
from bridge.vault import FileVault
from guarantee.answer import Answer
from guarantee.card import Card
from guarantee.case import CaseKind
from guarantee.decision import Decision
from guarantee.events import DeliveryDue, ResultQueued
from guarantee.examinations import Examination
from guarantee.habilitation import Act
from guarantee.ids import ResultId, digest
from guarantee.inputs import Record
from guarantee.lifecycle import INSTALLER, Line, Stage
from guarantee.opinion import Reader, Reason, Verdict
from guarantee.policy import Policy
from guarantee.ports import Store, Vault
from guarantee.preparation import Preparation
from guarantee.release import Kind
from guarantee.result import Result
from guarantee.rules import Route
from guarantee.unit import Arrival
from tests.flows.fakes import (
    COMMITTEE,
    INTERNE,
    POLICY,
    READER,
    SECOND,
    SITES,
    TWICE,
    FakeCatalogue,
    FakeClock,
    FakeDestination,
    FakeModel,
    FakeRenderer,
    routes,
)
from tests.guarantee.samples import a_right


def begin(model: str, stage: Stage, at: datetime) -> Line:
    """Return the first line of a life."""
    return Line(model=model, n=1, stage=stage, by=INSTALLER, reason="essai", at=at)


class World:
    """Everything, wired as bridge.wiring does it."""

    policies: tuple[Policy, ...] = (POLICY, TWICE)
    """Known here; the first one is that of each result."""

    def __init__(
        self,
        folder: Path,
        *,
        vault: Vault | None = None,
        cards: tuple[Card, ...] = (),
        begun: Stage | None = Stage.PILOT,
    ) -> None:
        """Make it.

        Args:
            begun: where the lives of its versions begin; None for nowhere yet.
        """
        self.clock = FakeClock()
        self.engine = make_aval_engine(f"sqlite:///{folder / 'aval.db'}")
        migrate(self.engine)
        self.sql = SqlStore(self.engine)
        self.store: Store = self.sql
        self.vault: Vault = vault or FileVault(folder / "vault")
        self.catalogue = FakeCatalogue(*cards)
        self.model = FakeModel()
        self.rules: tuple[Route, ...] = ()
        private = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
        self.ring = KeyRing(private, {key_id(private.public_key()): private.public_key()})
        self.renderers = {"pacs": FakeRenderer("pacs"), "dpi": FakeRenderer("dpi")}
        self.destinations = {name: FakeDestination(name, self.vault, self.clock) for name in self.renderers}
        with self.sql.transaction("setup") as unit:
            self.furnish(unit, begun)

        self.golden: dict[str, str] = {}
        """What is wrong with the golden cases of a model, by its id."""
        self._examiner: Examiner | None = None

    def furnish(self, unit: SqlUnit, begun: Stage | None) -> None:
        """Make models, policies, people and their rights known."""
        for card in self.catalogue.cards:
            unit.registry.register_model(card.model, self.clock.now())
            if begun is not None:
                unit.lives.add(begin(card.model.id, begun, self.clock.now()))
        for policy in self.policies:
            unit.registry.register_policy(policy, self.clock.now())
        for reader in (READER, SECOND):
            unit.accounts.add(reader, "x", "x", self.clock.now())
        unit.accounts.add(COMMITTEE, "x", "x", self.clock.now())
        unit.accounts.add(INTERNE, "x", "x", self.clock.now())
        for card, site in product(self.catalogue.cards, SITES):
            right = a_right(INTERNE.login, card.model, site, by=COMMITTEE.login, act=Act.PREPARE)
            unit.habilitations.grant(right)
        for reader, card, site in product((READER, SECOND), self.catalogue.cards, SITES):
            unit.habilitations.grant(a_right(reader.login, card.model, site, by=COMMITTEE.login))

    # -------------------------------------------------------------------------------------------------- the tools

    @property
    def completion(self) -> Completion:
        return Completion(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            catalogue=self.catalogue,
            routing=self.routing,
            quiet=QuietTimes(default_s=60, by_modality_s={"MR": 300}, silence_s=60),
        )

    @property
    def routing(self) -> Routing:
        names = tuple(card.model.name for card in self.catalogue.cards)
        return Routing(
            routes=self.rules or routes(models=names) + routes(CaseKind.RECORD, names),
            policies={policy.id: policy.ref for policy in self.policies},
        )

    @property
    def examiner(self) -> Examiner:
        """One for each process: another store is another process, which remembers nothing."""
        if self._examiner is None or self._examiner.store is not self.store:
            self._examiner = Examiner(
                store=self.store,
                clock=self.clock,
                failure=lambda card: self.golden.get(card.model.id),
                cases=lambda _card: digest(b"golden"),
                every_s=86_400,
                reason="golden: {failure}".format,
            )
        return self._examiner

    def examine(self, model: str, by: str) -> Examination:
        """Ask the golden cases, as the machine of those who resume would."""
        wrong = self.golden.get(model, "")
        return Examination(model=model, cases=digest(b"golden"), failure=wrong, by=by, at=self.clock.now())

    @property
    def inference(self) -> Inference:
        return Inference(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            catalogue=self.catalogue,
            model=self.model,
            read_volume=lambda _data: Record(readings=(), age_years=None, sex="", at=self.clock.time),
            read_record=lambda _data, _uid: Record(readings=(), age_years=None, sex="", at=self.clock.time),
            mention=lambda card: f"Un système d'IA ({card.model.id}) a participé. [mention 1]",
            examiner=self.examiner,
            language="fr-FR",
            holder="infer:test",
        )

    @property
    def review(self) -> Review:
        return Review(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            catalogue=self.catalogue,
            renderers={kind: dict(self.renderers) for kind in CaseKind},
            sealer=self.ring,
            witness=self.ring,
            nonce=lambda: secrets.token_hex(8),
        )

    @property
    def dispatch(self) -> Dispatch:
        return Dispatch(store=self.store, clock=self.clock, destinations=self.destinations, witness=self.ring)

    # -------------------------------------------------------------------------------------------------- the story

    def receive(self, *arrivals: Arrival) -> tuple[intake.Outcome, ...]:
        return intake.receive(arrivals, store=self.store, clock=self.clock, actor="scp")

    def complete(self) -> None:
        self.clock.advance(seconds=301)
        completeness.complete_due(self.completion)

    def infer_all(self) -> None:
        for _, fact in self.pending():
            if isinstance(fact, ResultQueued):
                infer.infer(fact.result, self.inference)

    def deliver_all(self) -> None:
        with self.store.reading() as unit:
            due = unit.deliveries.due(now=self.clock.now())
        for delivery in due:
            deliver.deliver(delivery.id, self.dispatch)

    def pending(self) -> list[tuple[str, ResultQueued | DeliveryDue | object]]:
        with self.store.reading() as unit:
            return list(unit.messages.pending(1000))

    def drafted(self, arrival: Arrival) -> Result:
        """Take one input all the way to a draft, and return its result."""
        self.receive(arrival)
        self.complete()
        self.infer_all()
        return self.results()[-1]

    def results(self) -> list[Result]:
        with self.sql.reading() as unit:
            return [row.result for row in unit.views.results((), modes=("care", "shadow"), limit=1000)]

    def result(self, result: ResultId) -> Result:
        return next(found for found in self.results() if found.id == result)

    def answer(
        self,
        result: Result,
        verdict: Verdict = Verdict.ACCEPT,
        *,
        reader: Reader = READER,
        reason: Reason | None = None,
        **changes: object,
    ) -> Decision | None:
        question = review.ask(result.id, reader, self.review)
        given = Answer(
            nonce=question.nonce,
            shown=question.shown,
            verdict=verdict,
            reason=reason,
            comment="",
            patient_informed="to-do",
            edits=None,
        )
        for name, value in changes.items():
            given = Answer(**{**{f: getattr(given, f) for f in given.__slots__}, name: value})
        return review.answer(result.id, reader, "password+totp", given, self.review)

    def prepared(self, result: ResultId) -> Preparation | None:
        with self.sql.reading() as unit:
            return unit.preparations.of(result)

    def beside(self, result: ResultId, given: Answer, draw: Random) -> Answer:
        """Return ``given`` as somebody answers who was shown what was prepared; sometimes as one who was not."""
        shown = self.prepared(result) if draw.random() < 0.9 else None
        if shown is None:
            return given
        named = replace(given, prepared=shown.id)
        if draw.random() < 0.5:
            return named
        return replace(named, verdict=shown.statement.verdict, reason=Reason.OTHER, cosigns=True)

    def deliveries(self, result: ResultId, kind: Kind = Kind.RESULT) -> dict[str, str]:
        with self.sql.reading() as unit:
            return {d.destination: d.state for d in unit.deliveries.of_result(result) if d.kind is kind}
