"""Nothing leaves on a decision that was forged in the database or the vault."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from guarantee.ids import digest
from guarantee.opinion import Seal
from tests.e2e import inputs
from tests.e2e.control import NOBODY, drafted, keep_looking, require_honest_work
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
from tests.e2e.inputs import PHANTOM
from tests.e2e.outside import PACS, RECORD, Outside, sent_objects
from tests.e2e.reader import AtDesk
from tests.gate.statements import insert, update
from tests.installation import ROOT, Installation
from tests.peers.postgresql import PostgreSQL

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet"), pytest.mark.peer("dcmtk")]

OTHER_ROLES: Final = ("aval_intake", "aval_infer", "aval_deliver", "aval_sweep", "aval_relay", "aval_audit")


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
