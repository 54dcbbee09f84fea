"""One random life of an installation, from a seed: everything that can happen, in any order, and inside one another.

While a model runs, a draft is rendered, a release is sent or the record is asked, no lock is held; so other things
happen *inside* those calls too. After each step the promises are checked; at the end everything must come to rest.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bridge.flows import completeness, fetch, review
from bridge.flows.retract import withdraw
from bridge.flows.route import Routing
from bridge.flows.stop import resume, stop
from guarantee.amend import Edits
from guarantee.answer import Answer
from guarantee.case import CaseKind
from guarantee.codec import parse_time
from guarantee.errors import Declined, GuaranteeError, ModelFailed, NotEligible, PortError
from guarantee.opinion import Reader, Reason, Verdict
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Mode
from guarantee.states import ResultState
from guarantee.stops import Scope, in_force
from guarantee.unit import Fetch, Question
from tests.flows.crashes import Crash
from tests.flows.fakes import INTERNE, READER, SECOND, another_card, arrival, card, routes, somebody_else
from tests.flows.invariants import Chain, check, check_all
from tests.flows.machine import Machine, Snapshot, hang_up

CARDS = (
    replace(card(), batch_most=3),
    another_card("shade", mode=Mode.SHADOW),
    another_card("pair", policy="read-twice"),
)
"""A usual model, which takes three cases in a run; one whose results must never leave; one that two readers endorse."""

MODELS = (("toy",), ("pair",), ("toy", "shade"))
"""Which models look at the cases of a world."""

STUDIES = ("1.2.3", "1.2.4")
JUMPS_S = (0.5, 2, 10, 61, 200, 400, 4_000, 90_000, 40_000_000)
"""Clock jumps: from half a second to more than a year; each as likely as the others would be far too wild."""

ATTEMPTS = text("""
SELECT a.at, m.name, m.version, c.site, c.kind, c.uid, d.result_id
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
JOIN results r ON r.id = d.result_id JOIN models m ON m.id = r.model_id JOIN cases c ON c.id = r.case_id
WHERE d.kind = 'result' ORDER BY a.at""")

SENDERS = text("SELECT DISTINCT sender FROM inputs WHERE kind = :kind AND case_uid = :uid")

HEAD = text("SELECT max(seq) FROM journal")


class Meanwhile:
    """A port in whose calls other things may happen: before it acts, and after, before its answer arrives."""

    def __init__(self, inner: Any, happens: Callable[[], None]) -> None:
        self.inner = inner
        self._happens = happens

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self.inner, attribute)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._happens()
            answer = value(*args, **kwargs)
            self._happens()
            return answer

        return call


class SimulatedMachine(Machine):
    """A machine in whose slow calls other things may happen."""

    happens: Callable[[], None] = staticmethod(lambda: None)
    models: tuple[str, ...] = ("toy",)

    @property
    def routing(self) -> Routing:
        both = routes(models=self.models) + routes(CaseKind.RECORD, self.models)
        return replace(super().routing, routes=both)

    def port(self, inner: object, name: str) -> Any:
        return Meanwhile(super().port(inner, name), lambda: self.happens())  # noqa: PLW0108 - what happens changes


@dataclass(slots=True)
class Simulation:
    """One world.

    Args:
        machine: put back to ``empty`` first.
        said: what happened, one line per step, for the message of a failure.
    """

    machine: SimulatedMachine
    seed: int
    said: list[str] = field(default_factory=list)
    questions: list[tuple[Question, Reader]] = field(default_factory=list)
    crashes: int = 0
    depth: int = 0
    chain: Chain = field(default_factory=Chain)
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def run(self, empty: Snapshot, steps: int) -> None:
        """Live ``steps`` steps, then let time end.

        Raises:
            AssertionError: a promise was broken; the message holds the seed and what happened.
        """
        self.machine.restore(empty)
        self.machine.models = self.draw.choices(MODELS, (6, 3, 1))[0]
        self.machine.happens = self._meanwhile
        try:
            for opening in (self.send, self.send_record, self.work, self.work):
                self._do(opening)
            for _ in range(steps):
                self._step()
                self._check()
            self._end_of_time()
        except Exception as error:
            story = "\n".join(self.said[-40:])
            raise AssertionError(f"seed {self.seed}: {error}\n{story}") from error

    def _step(self) -> None:
        action = self._pick()
        burns = self.draw.random() < 0.12
        if burns:
            self.machine.arm(self.draw.randint(1, 30))
        try:
            self._do(action)
        except Crash as crash:
            self.said.append(f"  crash at {crash}")
            self.crashes += 1
        if burns:
            self.machine.restart()
            self.depth = 0

    def _pick(self) -> Callable[[], None]:
        actions = tuple(WEIGHTS)
        name = self.draw.choices(actions, tuple(WEIGHTS.values()))[0]
        self.said.append(f"{'  ' * self.depth}{name}")
        return getattr(self, name)  # type: ignore[no-any-return]

    def _do(self, action: Callable[[], None]) -> None:
        with suppress(GuaranteeError, PortError):  # refused, or not now: what people and processes live with
            action()

    def _meanwhile(self) -> None:
        if self.depth < 2 and self.draw.random() < 0.1:
            self.depth += 1
            self._do(self._pick())
            self.depth -= 1

    # ----------------------------------------------------------------------------------------------- what happens

    def send(self) -> None:
        study, image = self.draw.choice(STUDIES), self.draw.randint(1, 3)
        talk = self.draw.choice(("", "", "assoc"))
        self.machine.send(arrival(self.machine.disk, study=study, image=image, conversation=talk))

    def send_odd(self) -> None:
        study, image = self.draw.choice(STUDIES), self.draw.randint(1, 3)
        odd: dict[str, Any] = self.draw.choice(({"patient": somebody_else()}, {"data": b"other pixels"}))
        self.machine.send(arrival(self.machine.disk, study=study, image=image, **odd))

    def send_record(self) -> None:
        event = self.draw.randint(1, 3)
        self.machine.send(arrival(self.machine.disk, study="urn:x|1", image=event, kind=CaseKind.RECORD))

    def end_association(self) -> None:
        hang_up(self.machine, "assoc")

    def note_fetch(self) -> None:
        number = self.draw.randint(1, 3)
        self.machine.record[f"Encounter/{number}"] = f"bundle {number}".encode()
        wanted = Fetch(id=f"f{number}", sender="dpi", site="site-1", what=f"Encounter/{number}")
        fetch.note([wanted], store=self.machine.store, clock=self.machine.clock, actor="fhir")

    def wait(self) -> None:
        weights = [2.0**-n for n in range(len(JUMPS_S))]
        self.machine.clock.advance(seconds=self.draw.choices(JUMPS_S, weights)[0])

    def work(self) -> None:
        """A quiet while, in which everything that is due is done."""
        self.machine.clock.advance(seconds=self.draw.choice((61, 301)))
        self.machine.round()

    def complete(self) -> None:
        completeness.complete_due(self.machine.completion)

    def relay(self) -> None:
        self.machine.relay()

    def sweep(self) -> None:
        self.machine.sweeper.ring_due()

    def expire(self) -> None:
        self.machine.sweeper.expire()
        self.machine.sweeper.forget()

    def hear(self) -> None:
        """Answer one ring: any of them, perhaps without taking it away, perhaps never."""
        rings = self.machine.bell.rings
        if rings:
            number = self.draw.randrange(len(rings))
            heard = rings[number] if self.draw.random() < 0.2 else rings.pop(number)
            if self.draw.random() < 0.9:
                self.machine.handle(*heard)

    def hear_all(self) -> None:
        self.machine.pump()

    def ask(self) -> None:
        awaiting = self.machine.awaiting()
        if awaiting:
            reader = self.draw.choice((READER, SECOND, READER, SECOND, INTERNE))
            question = review.ask(self.draw.choice(awaiting).id, reader, self.machine.review)
            self.questions.append((question, reader))

    def answer(self) -> None:
        if not self.questions:
            return self.ask()
        return self._answer(*self.draw.choice(self.questions[-4:]))

    def _answer(self, question: Question, reader: Reader) -> None:
        verdict = self.draw.choices(tuple(Verdict), (6, 2, 1))[0]
        given = Answer(
            nonce=question.nonce,
            shown=question.shown,
            verdict=verdict,
            reason=None if verdict is Verdict.ACCEPT else Reason.OTHER,
            comment="vu",
            patient_informed="yes",
            edits=Edits(report="Vu autrement.", findings=()) if verdict is Verdict.AMEND else None,
        )
        given = self.machine.beside(question.result, given, self.draw)
        review.answer(question.result, reader, "password+totp", given, self.machine.review)

    def sign(self) -> None:
        """Open a draft and answer at once."""
        self.ask()
        if self.questions:
            self._answer(*self.questions.pop())

    def take_back(self) -> None:
        released = [r for r in self.machine.results() if r.state in _RELEASED]
        if released:
            withdraw(
                self.draw.choice(released).id,
                by="dr.martin",
                reason=WithdrawalReason.OTHER,
                comment="essai",
                tools=self.machine.review,
            )

    def stop(self) -> None:
        scope, target = self.draw.choice(SCOPES)
        stop(scope, target, by="dr.martin", reason="essai", store=self.machine.store, clock=self.machine.clock)

    def resume(self) -> None:
        scope, target = self.draw.choice(SCOPES)
        self._resume(scope, target)

    def _resume(self, scope: Scope, target: str) -> None:
        tools = {"examine": self.machine.examine, "store": self.machine.store, "clock": self.machine.clock}
        resume(scope, target, by="dr.martin", second="dr.nguyen", reason="fini", **tools)

    def trouble(self) -> None:
        place = self.draw.choice(tuple(self.machine.destinations.values()))
        kinds: Sequence[str | Exception] = ("down", "mute", "down", "mute", Declined("invalid", "unknown code"))
        place.troubles.extend([self.draw.choice(kinds)] * self.draw.randint(1, 3))

    def model_trouble(self) -> None:
        kinds = (ModelFailed("crashed", "signal 11"), NotEligible("slices-missing", "two slices are missing"))
        self.machine.model.failures.extend([self.draw.choice(kinds)] * 3)

    # ----------------------------------------------------------------------------------------------- what must hold

    def _check(self) -> None:
        with self.machine.sql.reading() as unit:
            head = unit.connection.scalar(HEAD) or 0
        if head != self.chain.seq:  # every change is a link: without a new one, nothing changed
            check(self.machine, self.chain)
            self._check_stops()

    def _check_stops(self) -> None:
        """Nothing of a stopped model begins being sent: each attempt is older than the stop, or after its end."""
        with self.machine.sql.reading() as unit:
            lines = unit.stops.lines()
            if not lines:
                return
            attempts = unit.connection.execute(ATTEMPTS).all()
            cases = {(attempt.kind, attempt.uid) for attempt in attempts}
            senders = {case: set(unit.connection.scalars(SENDERS, {"kind": case[0], "uid": case[1]})) for case in cases}
        for attempt in attempts:
            at: datetime = parse_time(attempt.at)
            for held in in_force(line for line in lines if line.at <= at):
                model = next(
                    c.model for c in CARDS if (c.model.name, c.model.version) == (attempt.name, attempt.version)
                )
                devices = senders[attempt.kind, attempt.uid]
                covered = held.covers(model, attempt.site, devices)
                assert not covered, f"sending of {attempt.result_id} began under a stop"

    def _end_of_time(self) -> None:
        """Everything works again, nobody reviews any more, and the years go by."""
        self.machine.happens = lambda: None
        self.machine.restart()
        self.depth = 0
        for place in self.machine.destinations.values():
            place.troubles.clear()
        self.machine.model.failures.clear()
        for scope, target in SCOPES:
            with suppress(GuaranteeError):
                self._resume(scope, target)
        self.machine.settle()
        self.machine.clock.advance(days=30)
        self.machine.sweeper.expire()
        self.machine.settle()
        check_all(self.machine)
        self._check_stops()
        states = {result.state for result in self.machine.results() if result.mode is Mode.CARE}
        assert not states & {ResultState.QUEUED, ResultState.AWAITING_REVIEW}, "something waits for ever"
        self._check_all_sent()

    def _check_all_sent(self) -> None:
        """A released result that is not delivered has a delivery that says why not."""
        for result in self.machine.results():
            if result.state in {ResultState.VALIDATED, ResultState.AMENDED}:
                ends = set(self.machine.deliveries(result.id).values())
                assert ends & {"declined", "withheld"}, f"result {result.id} is {result.state}, deliveries {ends}"
            if result.state is ResultState.RETRACTED:
                ends = set(self.machine.deliveries(result.id, Kind.WITHDRAWAL).values())
                assert ends <= {"confirmed", "declined"}, f"withdrawal of {result.id}: {ends}"


def live(folder: Path, seeds: Sequence[int], steps: int) -> tuple[int, Counter[str]]:
    """Run one world per seed; return how many crashes there were, and how many results ended in each state."""
    machine = SimulatedMachine(folder, *CARDS)
    empty = machine.snapshot()
    crashes, ends = 0, Counter[str]()
    for seed in seeds:
        world = Simulation(machine, seed)
        world.run(empty, steps)
        crashes += world.crashes
        ends.update(str(result.state) for result in machine.results())
    machine.engine.dispose()
    return crashes, ends


_RELEASED = {ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED}

SCOPES = (
    (Scope.ALL, ""),
    (Scope.MODEL, "toy"),
    (Scope.VERSION, "pair@1.0.0"),
    (Scope.SITE, "site-1"),
    (Scope.DEVICE, "scanner"),
)

WEIGHTS = {
    "send": 4,
    "send_odd": 0.3,
    "send_record": 1,
    "end_association": 0.5,
    "note_fetch": 0.5,
    "wait": 9,
    "work": 7,
    "complete": 3,
    "relay": 5,
    "sweep": 3,
    "expire": 0.7,
    "hear": 10,
    "hear_all": 5,
    "ask": 4,
    "answer": 6,
    "sign": 9,
    "take_back": 1.5,
    "stop": 0.8,
    "resume": 2,
    "trouble": 3,
    "model_trouble": 1,
}
"""How often each thing happens, beside the others."""
