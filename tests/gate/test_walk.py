"""The honest life, each step through the role of the process that takes it: the grants are not too tight either."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import insert

from bridge.db import tables
from bridge.db.engine import engine_at, make_aval_engine
from bridge.db.store import SqlStore
from bridge.flows import incidents
from guarantee.deliveries import Resend
from guarantee.events import EventReceived
from guarantee.ids import DeliveryId, digest
from guarantee.incident import Grade
from guarantee.journal import verify
from guarantee.judging import Commitment
from guarantee.lifecycle import INSTALLER, Line, Stage
from guarantee.opinion import Verdict
from guarantee.pauses import Pause, PauseAction
from guarantee.policy import Policy
from guarantee.release import Kind
from guarantee.result import Cause, Result
from guarantee.retirement import Retirement
from guarantee.rollout import Appointment, Rollout, Step, Trial, TrialEnd
from guarantee.states import ResultVerb
from guarantee.stops import Action, Scope, Stop, in_force
from guarantee.unit import Fetch
from tests.db.databases import READERS, ROLES, TWO_READERS, PostgreSQLTemplate, begun_row, model_row
from tests.db.steps import Steps
from tests.flows.fakes import FakeClock
from tests.guarantee.samples import MODEL, POLICY, a_case, at

INTAKE, INFER, DESK, DELIVER, SWEEP, RELAY, AUDIT = ROLES


class Processes(Steps):
    """The steps, with one real login for each process."""

    def __init__(self, template: PostgreSQLTemplate) -> None:
        self.database = template.copy()
        self.stores: dict[str, SqlStore] = {}
        super().__init__(self.store_as)

    def store_as(self, role: str) -> SqlStore:
        if role not in self.stores:
            self.stores[role] = SqlStore(make_aval_engine(self.database.url_of(role)))
        return self.stores[role]


@pytest.fixture
def processes(postgresql_template: PostgreSQLTemplate) -> Iterator[Processes]:
    made = Processes(postgresql_template)
    yield made
    for store in made.stores.values():
        store.dispose()


def test_a_result_is_endorsed_delivered_and_taken_back(processes: Processes) -> None:
    result = processes.deliver(processes.sign(processes.drafted("1.2"), verdict=Verdict.AMEND))
    withdrawn, _ = processes.withdraw(result)
    for word in processes.deliveries(withdrawn, Kind.WITHDRAWAL):
        processes.confirm(word, processes.begin(word))
    assert {d.state for d in processes.deliveries(withdrawn, Kind.WITHDRAWAL)} == {"confirmed"}
    assert state_of(processes, withdrawn) == "retracted"


def test_two_readers_agree(processes: Processes) -> None:
    result = processes.sign(processes.drafted("1.2", policy=TWO_READERS.ref), READERS[0])
    assert str(processes.sign(result, READERS[2]).state) == "validated"


def test_what_goes_wrong_is_recorded(processes: Processes) -> None:
    processes.quarantine(processes.receive("1.2"))
    late = processes.sign(processes.drafted("1.3"))
    assert str(processes.supersede(a_case("1.3"), late)[0].state) == "stale"
    assert str(processes.expire(processes.drafted("1.4")).state) == "expired"
    failed = processes.conclude(processes.queued("1.5"), ResultVerb.FAIL)
    assert str(processes.conclude(failed, ResultVerb.REQUEUE).state) == "queued"
    assert str(processes.conclude(processes.queued("1.6"), ResultVerb.EXCLUDE).state) == "excluded"
    assert str(processes.sign(processes.drafted("1.7"), verdict=Verdict.REJECT).state) == "rejected"
    refused = processes.deliveries(processes.sign(processes.drafted("1.8")))[0]
    processes.begin(refused)
    with processes.store_as(DELIVER).transaction("deliver") as unit:
        unit.deliveries.postpone(refused, until=at(999), cause=Cause(code="timeout"))
        unit.deliveries.close(refused, "declined", Cause(code="refused"), at(1000))


def test_stops_are_given_and_lifted(processes: Processes) -> None:
    processes.stop(Scope.ALL, "")
    processes.stop(Scope.ALL, "", Action.RESUME)
    for role in (INTAKE, INFER, DESK, DELIVER, SWEEP):
        with processes.store_as(role).reading() as unit:
            assert len(unit.stops.lines()) == 2


def test_a_worker_suspends_one_version_and_people_resume_it(processes: Processes) -> None:
    line = Stop(
        scope=Scope.VERSION,
        target=MODEL.id,
        action=Action.STOP,
        by="infer",
        second="",
        reason="cas de référence",
        at=at(1),
    )
    with processes.store_as(INFER).transaction("stop:infer") as unit:
        unit.stops.add(line)
    processes.stop(Scope.VERSION, MODEL.id, Action.RESUME)
    with processes.store_as(DELIVER).reading() as unit:
        assert in_force(unit.stops.lines()) == ()


def test_the_desk_signs_for_a_stage_and_everybody_sees_it(processes: Processes) -> None:
    begun = Line(model=MODEL.id, n=1, stage=Stage.PILOT, by=INSTALLER, reason="essai", at=at(0))
    back = replace(begun, n=2, stage=Stage.SHADOW, by="dr.martin", at=at(1))
    again = replace(begun, n=3, by="dr.martin", at=at(2))
    for line in (back, again):
        with processes.store_as(DESK).transaction(f"advance:{line.by}") as unit:
            unit.lives.add(line)
    for role in (INTAKE, INFER, DESK, DELIVER, SWEEP):
        with processes.store_as(role).reading() as unit:
            assert unit.lives.of(MODEL.id) == (begun, back, again)
            assert unit.lives.last() == {MODEL.id: again}
    with processes.store_as(AUDIT).reading() as unit:
        noted = [(link.action, link.subject) for link in unit.journal.links() if link.action.startswith("model.")]
    assert noted[-2:] == [("model.shadow", MODEL.id), ("model.pilot", MODEL.id)]


def test_the_desk_retires_a_version_and_everybody_sees_it(processes: Processes) -> None:
    line = Retirement(model=MODEL.id, by="operator:root", reason="remplacé", at=at(1))
    with processes.store_as(DESK).transaction("retire:operator:root") as unit:
        unit.retirements.add(line)
    for role in (INTAKE, INFER, DESK, DELIVER, SWEEP):
        with processes.store_as(role).reading() as unit:
            assert unit.retirements.of(MODEL.id) == line
            assert unit.retirements.all() == (line,)
            assert unit.retirements.of("nobody@1") is None


def test_the_desk_rolls_out_versions_and_everybody_sees_which(processes: Processes) -> None:
    other = replace(MODEL, version="2.0.0")
    with engine_at(processes.database.url) as owner, owner.begin() as connection:
        connection.execute(insert(tables.models), [model_row(other)])
        connection.execute(insert(tables.stages), [begun_row(other)])
    by = {"by": "engineer", "second": "dr.leroy", "reason": "premier"}
    first = Appointment(seq=1, model=MODEL.id, step=Step.FIRST, below=None, at=at(1), **by)
    lines = {
        model.id: Line(model=model.id, n=1, stage=Stage.PILOT, by=INSTALLER, reason="essai", at=at(0))
        for model in (MODEL, other)
    }
    tried = Trial(
        model=other.id,
        under=1,
        shadow=True,
        share=5,
        site="",
        seed="0" * 32,
        by="operator:root",
        reason="essai",
        at=at(2),
    )
    over = TrialEnd(trial=tried.id, by="operator:root", reason="vu", at=at(3))
    with processes.store_as(DESK).transaction("rollout:operator:root") as unit:
        unit.rollouts.appoint(first)
        unit.rollouts.begin(tried)
        assert unit.rollouts.work(MODEL.id) == {}
    for role in (INTAKE, INFER, DESK, DELIVER, SWEEP, AUDIT):
        with processes.store_as(role).reading() as unit:
            known = {MODEL.id: MODEL, other.id: other}
            now = Rollout(appointments={MODEL.name: first}, trials=(tried,), known=known, lives=lines)
            assert unit.rollouts.now() == now
            assert unit.rollouts.appointments() == (first,)
            assert unit.rollouts.left_waiting() == ()
    with processes.store_as(DESK).transaction("rollout:operator:root") as unit:
        unit.rollouts.end(over)
        assert unit.rollouts.trials() == ((tried, over),)
        assert unit.rollouts.now().trials == ()


def test_destinations_rest_are_paused_and_are_sent_to_again(processes: Processes) -> None:
    result = processes.deliver(processes.sign(processes.drafted("1.2")))
    first = processes.deliveries(result)[0]
    again = replace(first, id=DeliveryId("again"), round=1, state="due", attempts=0, reference="")
    order = Resend(release=first.release, destination=first.destination, round=1, by="b.ngo", reason="perdu")
    with processes.store_as(DESK).transaction("desk") as unit:
        unit.deliveries.order(order, at(900))
        unit.deliveries.add(again, at(900))
    down = Cause(code="no-connection", detail="")
    with processes.store_as(DELIVER).transaction("deliver") as unit:
        unit.deliveries.defer(again, at=at(901), until=at(902), cause=down)
        assert unit.deliveries.begin(again, at=at(903), until=at(960)) == 1
        unit.destinations.keep(unit.destinations.health("pacs").failed(at(904), down, asked_s=60.0))
    with processes.store_as(DELIVER).transaction("deliver") as unit:
        unit.destinations.keep(unit.destinations.health("pacs").answered())
    for action in PauseAction:
        line = Pause(destination="pacs", action=action, by="b.ngo", reason="migration", at=at(905))
        with processes.store_as(DESK).transaction("desk") as unit:
            unit.destinations.add(line)
    for role in (DESK, DELIVER):
        with processes.store_as(role).reading() as unit:
            assert len(unit.destinations.pauses()) == 2
            assert unit.destinations.traffic()["pacs"].waiting == 1


def test_the_record_rings_and_is_looked_up(processes: Processes) -> None:
    fetch = Fetch(id="f", sender="record", site="chu", what="Observation/17")
    with processes.store_as(INTAKE).transaction("fhir") as unit:
        assert unit.messages.add_fetch(fetch, at(0))
        unit.messages.ring(EventReceived(event="f"), at(0))
        unit.messages.turn_away("fhir", "record", "too-deep", "", at(0))
        assert unit.messages.fetch("f") == fetch
        unit.messages.settle_fetch(fetch, "done", "", at(1))


def test_the_listener_answers_what_it_was_asked_to_commit_to(processes: Processes) -> None:
    asked = Commitment(id="c", sender="mr-2", aet="MR2", transaction="1.2", listed=digest(b"1.2 1.3"), asked_at=at(0))
    with processes.store_as(INTAKE).transaction("scp") as unit:
        assert unit.judging.commitments_waiting() == 0
        unit.judging.add_commitment(asked, at(1))
        assert unit.judging.commitments_due(at(2), 9) == (asked,)
        unit.judging.postpone_commitment(asked, at(3))
        unit.judging.end_commitment("c", "heard")


def test_facts_are_handed_over_and_heard(processes: Processes) -> None:
    processes.queued("1.2")
    with processes.store_as(RELAY).transaction("relay") as unit:
        pending = list(unit.messages.pending(10))
        unit.messages.rung([name for name, _ in pending], at(9))
    assert len(pending) == 1
    for role in (INFER, DELIVER, INTAKE):
        with processes.store_as(role).transaction(role) as unit:
            assert unit.messages.heard(role, pending[0][0], at(10))


def test_the_sweeper_finds_what_waits(processes: Processes) -> None:
    processes.receive("1.2")
    queued, drafted = processes.queued("1.3"), processes.drafted("1.4")
    released = processes.sign(processes.drafted("1.5"))
    policies: tuple[Policy, ...] = (TWO_READERS, POLICY)
    with processes.store_as(SWEEP).reading() as unit:
        assert unit.results.waiting(now=at(999)) == (queued.id,)
        assert unit.results.awaiting_since(at(999), POLICY.ref) == (drafted.id,)
        assert {d.result for d in unit.deliveries.due(now=at(999))} == {released.id}
        assert unit.messages.fetches_due(at(999)) == ()
        assert unit.gate.policies() == policies
        assert len(unit.judging.receiving(silent_before=at(0))) == 1
    with processes.store_as(SWEEP).transaction("sweep") as unit:
        assert unit.judging.forget_conversations(at(9999)) == 4


def test_the_desk_reports_and_the_sweeper_spares_what_is_frozen(processes: Processes) -> None:
    reader = READERS[0]
    result = processes.drafted("1.2")
    processes.receive("1.3")
    tools = incidents.Tools(store=processes.store_as(DESK), clock=FakeClock())
    key = incidents.report(result.id, Grade.D4, "manqué", reader, tools).incident.id
    with processes.store_as(DESK).reading() as unit:
        assert [stop.target for stop in in_force(unit.stops.lines())] == [MODEL.id]
        assert len(unit.incidents.frozen(key)) == 1
    with processes.store_as(SWEEP).transaction("sweep") as unit:
        assert unit.judging.forget_conversations(at(9999)) == 1, "of two"
    with processes.store_as(AUDIT).reading() as unit:
        assert unit.incidents.get(key).grade is Grade.D4


def test_the_desk_shows_everything_it_must(processes: Processes) -> None:
    result = processes.deliver(processes.sign(processes.drafted("1.2")))
    with processes.store_as(DESK).reading() as unit:
        assert [row.result.id for row in unit.views.results([], limit=9)] == [result.id]
        assert len(unit.views.sent(result.id)) == 2
        assert unit.views.timeline(result.id)
        assert unit.views.turned_away(9) == ()
        assert unit.views.counts() == {"delivered": 1}
        assert len(unit.views.cases(9)) == 1


def test_the_audit_verifies_the_journal_of_all_of_them(processes: Processes) -> None:
    processes.withdraw(processes.deliver(processes.sign(processes.drafted("1.2"))))
    with processes.store_as(AUDIT).reading() as unit:
        links = list(unit.journal.links())
        assert len(list(unit.journal.statements())) == 4
        assert unit.journal.head() == verify(links)
    assert {INTAKE, INFER, DESK, DELIVER, SWEEP} <= {link.role for link in links}


def state_of(processes: Processes, result: Result) -> str:
    with processes.store_as(DESK).reading() as unit:
        return str(unit.results.get(result.id).state)
