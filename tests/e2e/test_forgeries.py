"""Nothing leaves on a forged decision: not through the broker, not through the API, not through SQL.

Both places outside are real and are looked at without a break. After every attack somebody honest signs, and what they
signed arrives: the attack was refused by something that still works.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from sqlalchemy import text

from guarantee.ids import digest
from guarantee.opinion import Seal
from tests.e2e import inputs
from tests.e2e.forger import (
    TABLES,
    Sealing,
    attacking,
    bell,
    copied,
    desks_name,
    forged_chain,
    lone_delivery,
    own_key,
    tried,
)
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.outside import PACS, RECORD, Outside, Watch, sent_objects
from tests.e2e.reader import ANSWER, AtDesk
from tests.e2e.wire import Tap, dead_letters, publish
from tests.gate.rows import insert, update
from tests.installation import ROOT, Installation, eventually
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet"), pytest.mark.peer("dcmtk")]

NOBODY: Final = "00000000-0000-5000-8000-000000000000"
"""An identifier of the right form that names nothing."""

OTHER_ROLES: Final = ("aval_intake", "aval_infer", "aval_deliver", "aval_sweep", "aval_relay", "aval_audit")

AT_ONCE: Final = 4
"""How often two readers sign at the same moment."""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def target(
    request: pytest.FixtureRequest, outside: Outside, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation of its own: what is forged into a database stays there."""
    cluster: PostgreSQL | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    folder = tmp_path_factory.mktemp(f"forged-{request.param}")
    made = Installation(folder / "data", inputs.models(folder) | outside.settings(commitment=False), cluster=cluster)
    try:
        made.start()
        yield made
        made.stop()
    finally:
        made.kill()


@pytest.fixture
def at_target(target: Installation) -> Iterator[AtDesk]:
    with AtDesk(target, target.people["dr.martin"]) as reader:
        yield reader


def drafted(reader: AtDesk, folder: Path) -> tuple[Study, str]:
    """Send a phantom, and return it with the result that awaits review."""
    study = inputs.phantom(folder, f"forged-{time.monotonic_ns()}")
    inputs.send(study, reader.installation.scp)
    return study, reader.draft_of(study.case(), PHANTOM)


def require_honest_work(reader: AtDesk, outside: Outside, study: Study, result: str) -> None:
    """Fail unless somebody honest can still sign, and what they sign arrives."""
    reader.sign(result)
    reader.wait_for(result, "delivered")
    assert outside.objects(study.uid).keys() == {"SR", "SEG"}


def keep_looking(watch: Watch) -> None:
    """Look a few times more: what was set off a moment ago would arrive now."""
    enough = len(watch.looks) + 4
    eventually(lambda: len(watch.looks) >= enough, "both places to be looked at again")


def world_of(installation: Installation) -> dict[str, Any]:
    """Return everything that an attack would change."""
    tables = {
        "results": "SELECT id, state, version FROM results ORDER BY id",
        "opinions": "SELECT id FROM opinions ORDER BY id",
        "decisions": "SELECT id FROM decisions ORDER BY id",
        "releases": "SELECT id FROM releases ORDER BY id",
        "withdrawals": "SELECT id FROM withdrawals ORDER BY id",
        "deliveries": "SELECT id, state FROM deliveries ORDER BY id",
        "attempts": "SELECT delivery_id, n FROM attempts ORDER BY 1, 2",
    }
    with installation.reading() as unit:
        return {name: [tuple(row) for row in unit.connection.execute(text(sql))] for name, sql in tables.items()}


# ---------------------------------------------------------------------------------------------- the harness itself


def test_what_somebody_honest_signs_is_seen_to_arrive(embedded: Installation, outside: Outside, tmp_path: Path) -> None:
    """The control of every test below: the same watch sees an arrival, and the same comparison a change."""
    with AtDesk(embedded, embedded.people["dr.martin"]) as martin:
        study, result = drafted(martin, tmp_path)
        before = world_of(embedded)
        with outside.watched() as watch:
            require_honest_work(martin, outside, study, result)
            keep_looking(watch)
    with pytest.raises(AssertionError, match="found something"):
        watch.require_nothing()
    after = world_of(embedded)
    assert all(after[table] != before[table] for table in before.keys() - {"withdrawals"})


# ------------------------------------------------------------------------------------------------------- the broker


def forged_facts(result: str, delivery: str, case: str) -> list[tuple[str, bytes]]:
    """Every fact there is, with real identifiers and with made-up ones; facts there are not; and what is no fact."""
    found: list[tuple[str, Any]] = []
    for number, name in enumerate((result, delivery, case, NOBODY, "", "' OR 1=1 --", "x" * 300)):
        for topic in (f"delivery.{PACS}", f"delivery.{RECORD}"):
            ids = {"delivery": name, "destination": topic.partition(".")[2]}
            found.append((topic, {"id": f"f{number}", "fact": "delivery.due/1", "ids": ids}))
        found.append(("result.queued", {"id": f"q{number}", "fact": "result.queued/1", "ids": {"result": name}}))
        found.append(("event.received", {"id": f"e{number}", "fact": "event.received/1", "ids": {"event": name}}))
        for unknown in ("decision.made/1", "result.validated/1", "release.granted/1", "delivery.due/2", ""):
            ids = {"result": name, "release": name, "verdict": "accept"}
            found.append((f"delivery.{PACS}", {"id": "u", "fact": unknown, "ids": ids}))
    found.append((f"delivery.{RECORD}", {"id": "o", "fact": "delivery.due/1", "ids": {"delivery": result}}))
    found.append((f"delivery.{RECORD}", {"id": 7, "fact": "delivery.due/1", "ids": [delivery]}))
    broken = [b"", b"{", b"null", b"[[[[", b"\xff\xfe", b"A" * 100_000, b'{"id":"d","fact":' + b"[" * 3000]
    return [(topic, json.dumps(body).encode()) for topic, body in found] + [(f"delivery.{PACS}", raw) for raw in broken]


@pytest.mark.peer("rabbitmq")
def test_nothing_that_is_rung_on_the_broker_releases_anything(
    distributed: Installation, outside: Outside, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    topics = ("result.queued", "event.received", f"delivery.{PACS}", f"delivery.{RECORD}")
    with AtDesk(distributed, distributed.people["dr.martin"]) as martin:
        with Tap(rabbitmq.url, topics) as tap:
            study, sent = drafted(martin, tmp_path)
            martin.sign(sent)
            martin.wait_for(sent, "delivered")
        assert {topic for topic, _ in tap.heard} >= {"result.queued", f"delivery.{PACS}", f"delivery.{RECORD}"}
        study, waiting = drafted(martin, tmp_path)
        with distributed.reading() as unit:
            done = unit.deliveries.of_result(sent)[0].id
        unreadable = dead_letters(rabbitmq.url)
        before = world_of(distributed)
        with outside.watched() as watch:
            publish(rabbitmq.url, [*tap.heard * 3, *forged_facts(waiting, done, study.case())])
            # Queues are in order: when a whole case has gone through them, everything before it was handled.
            drafted(martin, tmp_path)
            distributed.eventually(
                lambda: dead_letters(rabbitmq.url) >= unreadable + 30, "what is no fact to be parked"
            )
        watch.require_nothing()
        after = world_of(distributed)
        assert set(before.pop("results")) < set(after.pop("results"))
        assert after == before
        require_honest_work(martin, outside, study, waiting)


# ---------------------------------------------------------------------------------------------------------- the API


@dataclass(frozen=True, slots=True)
class Scene:
    """A draft that somebody looks at, and everybody who would like to answer in their place.

    Args:
        opened, others: what the reader, and another reader, were shown and asked.
        elsewhere: what the reader was asked about another result.
        used: a question of another result that was answered.
    """

    result: str
    martin: AtDesk
    nguyen: AtDesk
    engineer: AtDesk
    nobody: httpx2.Client
    ended: httpx2.Client
    opened: dict[str, Any]
    others: dict[str, Any]
    elsewhere: dict[str, Any]
    used: dict[str, Any]
    released: str

    def opinion(self, **changes: Any) -> dict[str, Any]:
        """Return the honest answer, with ``changes``."""
        return {"nonce": self.opened["nonce"], "shown": self.opened["shown"], **ANSWER, **changes}

    def post(self, who: AtDesk | httpx2.Client, to: str = "opinions", /, **request: Any) -> httpx2.Response:
        """Answer as somebody."""
        web = who.web if isinstance(who, AtDesk) else who
        return web.post(f"/api/results/{self.result}/{to}", **request)


FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
EVIL: Final = {"Origin": "https://evil.example"}

API_ATTACKS: Final[dict[str, tuple[Callable[[Scene], httpx2.Response], tuple[int, str]]]] = {
    "no session": (lambda s: s.post(s.nobody, json=s.opinion()), (401, "not-signed-in")),
    "no session, to be asked": (lambda s: s.post(s.nobody, "question"), (401, "not-signed-in")),
    "a made-up session": (
        lambda s: s.post(s.nobody, json=s.opinion(), headers={"Cookie": f"aval={'A' * 43}"}),
        (401, "not-signed-in"),
    ),
    "a session that ended": (lambda s: s.post(s.ended, json=s.opinion()), (401, "not-signed-in")),
    "an engineer, with a reader's question": (
        lambda s: s.post(s.engineer, json=s.opinion()),
        (403, "role-refused"),
    ),
    "an engineer, to be asked": (lambda s: s.post(s.engineer, "question"), (403, "role-refused")),
    "another reader's question": (lambda s: s.post(s.nguyen, json=s.opinion()), (409, "nonce-refused")),
    "the question of somebody else": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.others["nonce"])),
        (409, "nonce-refused"),
    ),
    "the question about another result": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.elsewhere["nonce"])),
        (409, "nonce-refused"),
    ),
    "another result's question and draft": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.elsewhere["nonce"], shown=s.elsewhere["shown"])),
        (409, "nonce-refused"),
    ),
    "a question that was answered": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.used["nonce"], shown=s.used["shown"])),
        (409, "nonce-refused"),
    ),
    "a question that was never asked": (
        lambda s: s.post(s.martin, json=s.opinion(nonce="n" * 32)),
        (409, "nonce-refused"),
    ),
    "no question": (lambda s: s.post(s.martin, json=s.opinion(nonce="")), (422, "malformed")),
    "another draft": (
        lambda s: s.post(s.martin, json=s.opinion(shown=digest(b"an older draft"))),
        (409, "nonce-refused"),
    ),
    "no digest": (lambda s: s.post(s.martin, json=s.opinion(shown="latest")), (422, "malformed")),
    "a verdict that is none": (lambda s: s.post(s.martin, json=s.opinion(verdict="VALIDATE")), (422, "malformed")),
    "a whole content": (
        lambda s: s.post(s.martin, json=s.opinion(content=s.opened["draft"])),
        (422, "malformed"),
    ),
    "a reader's name in the body": (
        lambda s: s.post(s.engineer, json=s.opinion(reader="dr.martin")),
        (403, "role-refused"),
    ),
    "an amendment that changes nothing": (
        lambda s: s.post(s.martin, json=s.opinion(verdict="amend", reason="wording", edits={})),
        (422, "malformed"),
    ),
    "another site's page": (lambda s: s.post(s.martin, json=s.opinion(), headers=EVIL), (403, "cross-site")),
    "another site's page, as the browser tells": (
        lambda s: s.post(s.martin, json=s.opinion(), headers={"Sec-Fetch-Site": "cross-site"}),
        (403, "cross-site"),
    ),
    "another site's form": (
        lambda s: s.post(s.martin, content=b"verdict=accept", headers=EVIL | FORM),
        (403, "cross-site"),
    ),
    "no origin": (lambda s: s.post(s.martin, json=s.opinion(), headers={"Origin": ""}), (403, "cross-site")),
    "the null origin": (lambda s: s.post(s.martin, json=s.opinion(), headers={"Origin": "null"}), (403, "cross-site")),
    "text that looks like JSON": (
        lambda s: s.post(s.martin, content=json.dumps(s.opinion()), headers={"Content-Type": "text/plain"}),
        (422, "malformed"),
    ),
    "a result that does not exist": (
        lambda s: s.martin.web.post(f"/api/results/{NOBODY}/opinions", json=s.opinion()),
        (404, "not-found"),
    ),
    "a question about a result that does not exist": (
        lambda s: s.martin.web.post(f"/api/results/{NOBODY}/question"),
        (404, "not-found"),
    ),
    "a result that is already released": (
        lambda s: s.martin.web.post(f"/api/results/{s.released}/opinions", json=s.opinion()),
        (409, "nonce-refused"),
    ),
    "a withdrawal of what was never released": (
        lambda s: s.post(s.martin, "withdrawal", json={"reason": "wrong-result", "comment": "x"}),
        (409, "not-allowed"),
    ),
    "an engineer's withdrawal": (
        lambda s: s.engineer.web.post(
            f"/api/results/{s.released}/withdrawal", json={"reason": "wrong-result", "comment": "x"}
        ),
        (403, "role-refused"),
    ),
    "another method": (
        lambda s: s.martin.web.put(f"/api/results/{s.result}/opinions", json=s.opinion()),
        (405, "wrong-method"),
    ),
}


@pytest.fixture
def scene(place: Installation, tmp_path: Path) -> Iterator[Scene]:
    people = place.people
    nobody, ended = (
        httpx2.Client(base_url=place.desk, headers={"Origin": place.desk}, trust_env=False, timeout=30)
        for _ in range(2)
    )
    with (
        AtDesk(place, people["dr.martin"]) as martin,
        AtDesk(place, people["dr.nguyen"]) as nguyen,
        AtDesk(place, people["ing.petit"]) as engineer,
        nobody,
        ended,
    ):
        with AtDesk(place, people["dr.martin"]) as gone:
            token = gone.web.cookies["aval"]
            assert gone.web.delete("/api/session").status_code == 204
        ended.cookies.set("aval", token)
        _, released = drafted(martin, tmp_path)
        used = martin.sign(released)
        martin.wait_for(released, "delivered")
        _, second = drafted(martin, tmp_path)
        _, first = drafted(martin, tmp_path)
        yield Scene(
            result=first,
            martin=martin,
            nguyen=nguyen,
            engineer=engineer,
            nobody=nobody,
            ended=ended,
            opened=martin.open(first),
            others=nguyen.open(first),
            elsewhere=martin.open(second),
            used=used,
            released=released,
        )


def test_no_answer_but_the_readers_own_decides(scene: Scene, outside: Outside, place: Installation) -> None:
    before = world_of(place)
    with outside.watched() as watch:
        for name, (attack, expected) in API_ATTACKS.items():
            answer = attack(scene)
            assert (answer.status_code, answer.json()["code"]) == expected, f"{name}: {answer.text}"
        keep_looking(watch)
    watch.require_nothing()
    assert world_of(place) == before
    assert scene.martin.answer(scene.result, scene.opened).status_code == 201, "the honest answer still counts"
    scene.martin.wait_for(scene.result, "delivered")


def both_at_once(*answers: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """Give every answer at the same moment."""
    start = threading.Barrier(len(answers))
    given: list[httpx2.Response | None] = [None] * len(answers)

    def give(number: int) -> None:
        start.wait()
        given[number] = answers[number]()

    threads = [threading.Thread(target=give, args=(number,)) for number in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for one in given if one is not None]


def test_of_two_readers_who_sign_at_once_exactly_one_decides(
    place: Installation, outside: Outside, tmp_path: Path
) -> None:
    with (
        AtDesk(place, place.people["dr.martin"]) as martin,
        AtDesk(place, place.people["dr.nguyen"]) as nguyen,
    ):
        for number in range(AT_ONCE):
            study, result = drafted(martin, tmp_path)
            first, second = martin.open(result), nguyen.open(result)
            said = {} if number % 2 else {"verdict": "reject", "reason": "false-positive"}
            answers = both_at_once(
                lambda: martin.answer(result, first),  # noqa: B023 - both are joined before the next round
                lambda: nguyen.answer(result, second, **said),  # noqa: B023
            )
            assert sorted(answer.status_code for answer in answers) == [201, 409], [a.text for a in answers]
            state = martin.wait_for(result, "delivered", "rejected")["line"]["state"]
            with place.reading() as unit:
                assert len(unit.gate.opinions(result)) == 1
                assert unit.gate.decision(result) is not None
            assert outside.objects(study.uid).keys() == ({"SR", "SEG"} if state == "delivered" else set())


def test_a_button_that_is_pressed_twice_signs_once(place: Installation, outside: Outside, tmp_path: Path) -> None:
    with AtDesk(place, place.people["dr.martin"]) as martin:
        study, result = drafted(martin, tmp_path)
        opened = martin.open(result)
        answers = both_at_once(*[lambda: martin.answer(result, opened)] * 3)
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409], [a.text for a in answers]
        martin.wait_for(result, "delivered")
        with place.reading() as unit:
            assert len(unit.gate.opinions(result)) == 1
        assert outside.objects(study.uid).keys() == {"SR", "SEG"}


# ------------------------------------------------------------------------------------------------------------- SQL


@dataclass(frozen=True, slots=True)
class Genuine:
    """What the desk really sealed: the last endorsement of somebody honest."""

    result: str
    statement: str
    seal: Seal
    release_seal: Seal


def genuine(installation: Installation, result: str) -> Genuine:
    with installation.reading() as unit:
        opinion = unit.gate.opinions(result)[0]
        release = unit.deliveries.of_result(result)[0].release
        _, seal = unit.gate.terms(release)
    return Genuine(result, opinion.statement.to_bytes().decode(), opinion.seal, seal)


FORGERIES: Final[dict[str, Callable[[Genuine], tuple[Sealing, dict[str, dict[str, Any]]]]]] = {
    "a key of one's own": lambda _: (own_key(), {}),
    "a key of one's own under the desk's name": lambda g: (desks_name(g.seal), {}),
    "the desk's seal of another opinion": lambda g: (copied(g.seal), {}),
    "the desk's seal of another release": lambda g: (copied(g.release_seal), {}),
    "another opinion, statement and seal": lambda g: (copied(g.seal), {"opinions": {"statement": g.statement}}),
    "a statement of nothing": lambda g: (copied(g.seal), {"opinions": {"statement": "{}"}}),
    "a seal that is no seal": lambda g: (lambda _: Seal(key=g.seal.key, signature="zz" * 64), {}),
}


def ended(installation: Installation, result: str) -> dict[str, tuple[str, str]]:
    """Return how each delivery of a result ended, once all did."""

    def look() -> dict[str, tuple[str, str]]:
        with installation.reading() as unit:
            rows = unit.views.sent(result)
        found = {r.delivery.destination: (r.delivery.state, r.cause.code if r.cause else "") for r in rows}
        return found if found and all(state != "due" for state, _ in found.values()) else {}

    return installation.eventually(look, f"every delivery of {result[:8]} to end")


def test_a_whole_chain_with_made_up_seals_ends_declined(
    target: Installation, at_target: AtDesk, outside: Outside, tmp_path: Path
) -> None:
    _, signed = drafted(at_target, tmp_path)
    at_target.sign(signed)
    at_target.wait_for(signed, "delivered")
    model = genuine(target, signed)
    studies = [inputs.phantom(tmp_path, f"chain-{number}-{time.monotonic_ns()}") for number in range(len(FORGERIES))]
    for study in studies:
        inputs.send(study, target.scp)
    drafts = [at_target.draft_of(study.case(), PHANTOM) for study in studies]
    results = dict(zip(FORGERIES, drafts, strict=True))
    with outside.watched() as watch:
        for name, forgery in FORGERIES.items():
            seal, changes = forgery(model)
            with target.parts_of_the_owner() as parts:
                chain = forged_chain(parts, results[name], "dr.martin", seal, **changes)
            with attacking(target, "aval_desk") as session:
                for statement in chain.statements:
                    session.execute(statement)
        for name, result in results.items():
            assert ended(target, result) == dict.fromkeys((PACS, RECORD), ("declined", "not-endorsed")), name
        keep_looking(watch)
    watch.require_nothing()
    study, result = drafted(at_target, tmp_path)
    require_honest_work(at_target, outside, study, result)


def test_a_delivery_with_nothing_behind_it_ends_declined(
    target: Installation, at_target: AtDesk, outside: Outside, tmp_path: Path
) -> None:
    study, waiting = drafted(at_target, tmp_path)
    _, signed = drafted(at_target, tmp_path)
    at_target.sign(signed)
    at_target.wait_for(signed, "delivered")
    with target.reading() as unit:
        package = unit.deliveries.of_result(signed)[0].package
    rows = [lone_delivery(waiting, PACS, package), lone_delivery(NOBODY, PACS, package)]
    with outside.watched() as watch:
        with attacking(target) as session:
            for row in rows:
                session.execute(insert("deliveries", row))
                session.execute(bell(row["id"], PACS))
        assert ended(target, waiting) == {PACS: ("declined", "not-endorsed")}
        assert ended(target, NOBODY) == {PACS: ("declined", "not-endorsed")}
        keep_looking(watch)
    watch.require_nothing()
    require_honest_work_elsewhere(at_target, outside, tmp_path)
    assert at_target.state(waiting) == "awaiting_review"
    assert outside.objects(study.uid) == {}


def require_honest_work_elsewhere(reader: AtDesk, outside: Outside, folder: Path) -> None:
    study, result = drafted(reader, folder)
    require_honest_work(reader, outside, study, result)


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
def test_other_bytes_under_a_real_release_never_leave(
    target: Installation, at_target: AtDesk, outside: Outside, tmp_path: Path
) -> None:
    """A release that was really signed, pointed at the package of another one.

    Whoever opened the file of SQLite takes every wall down; on PostgreSQL tests/gate shows that each one holds.
    """
    _, other = drafted(at_target, tmp_path)
    at_target.sign(other)
    at_target.wait_for(other, "delivered")
    study, result = drafted(at_target, tmp_path)
    at_target.sign(result)
    at_target.wait_for(result, "delivered")
    with target.reading() as unit:
        (evil,) = (one.package for one in unit.deliveries.of_result(other) if one.destination == PACS)
        (mine,) = (one for one in unit.deliveries.of_result(result) if one.destination == PACS)
    with outside.watched() as watch:
        with attacking(target, walls=False) as session:
            session.execute(update("results", {"id": result}, state="validated"))
            session.execute(update("renderings", {"release_id": mine.release, "destination": PACS}, package=evil))
            past = "2026-01-01T00:00:00.000000Z"
            changes = {"state": "due", "package": evil, "next_attempt_at": past}
            session.execute(("DELETE FROM receipts WHERE delivery_id = :id", {"id": mine.id}))
            session.execute(update("deliveries", {"id": mine.id}, **changes))
            session.execute(bell(mine.id, PACS))
        assert ended(target, result)[PACS] == ("declined", "not-endorsed")
        keep_looking(watch)
    watch.require_nothing()
    assert outside.objects(study.uid).keys() == {"SR", "SEG"}


def test_bytes_that_changed_in_the_vault_after_the_signature_never_leave(
    target: Installation, at_target: AtDesk, outside: Outside, tmp_path: Path
) -> None:
    study, result = drafted(at_target, tmp_path)
    outside.orthanc.down()
    try:
        at_target.sign(result)
        (report, *_) = sent_objects(target, result, PACS)
        path = target.vault.path(digest(report))
        path.chmod(0o600)
        path.write_bytes(report.replace(b"Phantom", b"Tumour!") + b"\0\0")
    finally:
        outside.orthanc.up()
    assert ended(target, result) == {PACS: ("declined", "blob-damaged"), RECORD: ("confirmed", "")}
    assert outside.objects(study.uid) == {}


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
def test_no_role_but_the_desk_writes_a_row_of_the_chain(
    target: Installation, at_target: AtDesk, outside: Outside, tmp_path: Path
) -> None:
    study, result = drafted(at_target, tmp_path)
    with target.parts_of_the_owner() as parts:
        chain = forged_chain(parts, result, "dr.martin", own_key())
    with outside.watched() as watch:
        for role in OTHER_ROLES:
            rows = [row for table in TABLES[:-1] for row in chain.rows[table]]
            assert not any(tried(target, role, rows)), role
            poison = insert("outbox", {"id": role, "fact": '{"fact":"decision.made/1","ids":{}}', "at": "2026-01-01"})
            bells = [bell(delivery, place) for place, delivery in chain.deliveries.items()]
            tried(target, role, [poison, *bells])
        with target.reading() as unit:
            assert unit.gate.opinions(result) == ()
            assert unit.deliveries.of_result(result) == ()
            rung = unit.connection.scalar(text("SELECT count(*) FROM outbox WHERE id LIKE 'forged%'"))
            assert rung, "no role could ring: nothing was tried"
        drafted(at_target, tmp_path)
    watch.require_nothing()
    assert at_target.state(result) == "awaiting_review"
    require_honest_work(at_target, outside, study, result)


def test_afterwards_the_export_shows_every_forged_seal(target: Installation, tmp_path: Path) -> None:
    """The links follow from one another, for the database wrote them; the seals do not verify, and that shows."""
    assert target.aval("journal", "verify").returncode == 0
    export = tmp_path / "journal.jsonl"
    assert target.aval("journal", "export", "--out", str(export)).returncode == 0
    keys = [str(target.folder / "keys" / f"{name}.pub") for name in ("desk", "journal")]
    command = [sys.executable, "-I", str(ROOT / "deploy" / "verify_journal.py"), str(export)]
    done = subprocess.run(
        [*command, *(word for key in keys for word in ("--key", key))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
