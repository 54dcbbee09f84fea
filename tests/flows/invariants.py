"""What must hold at every moment, read from the rows and from what is outside: reliability P1 to P4."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from guarantee.ids import Digest
from guarantee.journal import GENESIS, verify
from guarantee.release import Kind
from tests.flows.machine import Machine

OUTSIDE = text("""
SELECT r.id AS release, r.kind, r.result_id, d.verdict, d.content, s.state, s.mode, s.id AS result,
  l.destination, l.state AS delivery, (SELECT count(*) FROM attempts a WHERE a.delivery_id = l.id) AS attempts,
  (SELECT count(*) FROM receipts p WHERE p.delivery_id = l.id) AS receipts,
  (SELECT count(DISTINCT o.reader) FROM opinions o WHERE o.result_id = s.id AND o.content = d.content) AS readers,
  (SELECT p.readers FROM policies p WHERE p.ref = s.policy) AS needed
FROM releases r JOIN results s ON s.id = r.result_id JOIN deliveries l ON l.release_id = r.id
LEFT JOIN decisions d ON d.result_id = s.id""")

MOVES = text("""
SELECT 'result.' AS machine, id AS subject, state, version + 1 AS links FROM results UNION ALL
SELECT 'case.', id, state, version + 1 FROM cases""")

PASSED_OVER = text("""
SELECT o.id FROM opinions o LEFT JOIN preparations p ON p.result_id = o.result_id
WHERE o.reader_role = 'learner' OR o.prepared IS NOT p.id OR o.reader = p.reader""")
"""Opinions of learners, and those that pass over what was prepared."""

LINKS = text("SELECT action, subject FROM journal WHERE action LIKE 'result.%' OR action LIKE 'case.%' ORDER BY seq")


@dataclass(slots=True)
class Chain:
    """How far the journal was verified."""

    seq: int = 0
    head: Digest = GENESIS


def check(machine: Machine, chain: Chain | None = None) -> None:
    """Raise when any promise is broken at this moment."""
    with machine.sql.reading() as unit:
        chain = chain or Chain()
        chain.seq, chain.head = verify(unit.journal.links(chain.seq), seq=chain.seq, head=chain.head)
        rows = [dict(row) for row in unit.connection.execute(OUTSIDE).mappings()]
        assert not unit.connection.execute(PASSED_OVER).all(), "P-2: an opinion by a learner, or without what they said"
    by_release = {(row["release"], row["destination"]): row for row in rows}
    for place in machine.destinations.values():
        for uid, data in place.held.items():
            release, kind = place.released[uid]
            _check_object(by_release.get((release, place.name)), place.name, uid, data, kind)
        _check_singles(place, by_release)
    _check_delivered(rows, machine)


def _check_object(row: dict[str, Any] | None, place: str, uid: str, data: bytes, kind: Kind) -> None:
    assert row is not None, f"P1: {place} holds {uid}, which no release allows"
    assert row["attempts"] >= 1, f"P3: {place} holds {uid}, and no attempt says so"
    if kind is Kind.RESULT:
        assert row["verdict"] in {"accept", "amend"}, f"P1: {place} holds a result that was {row['verdict']}"
        assert row["readers"] >= row["needed"], f"P1: {place} holds what {row['readers']} of {row['needed']} endorsed"
        assert json.loads(data)["content"] == row["content"], f"P1: {place} holds other content than was endorsed"
        assert row["mode"] == "care", f"P1: {place} holds a result of a shadow model"
        allowed = {"validated", "amended", "delivered", "retracted"}
        assert row["state"] in allowed, f"P1: {place} holds a result that is {row['state']}"
    else:
        assert row["state"] == "retracted", f"P1: {place} was told of a withdrawal of a {row['state']} result"


def _check_singles(place: Any, by_release: dict[tuple[str, str], dict[str, Any]]) -> None:
    """One release is one object: whatever was sent again carried the same identifier."""
    results = Counter(
        by_release[release, place.name]["result"] for release, kind in place.released.values() if kind is Kind.RESULT
    )
    assert set(results.values()) <= {1}, f"P3: {place.name} holds a result more than once"


def _check_delivered(rows: list[dict[str, Any]], machine: Machine) -> None:
    for row in rows:
        if row["kind"] == "result" and row["state"] == "delivered":
            assert row["receipts"] == 1, f"delivered without the receipt of {row['destination']}"
            place = machine.destinations[row["destination"]]
            assert row["release"] in {release for release, _ in place.released.values()}, "confirmed, and not there"


def check_kept(machine: Machine) -> None:
    """P2: whatever was acknowledged has its row and its bytes."""
    with machine.sql.reading() as unit:
        for arrival in machine.acknowledged:
            kept = {used.source.digest for used in unit.cases.known(arrival.kind, arrival.uid, arrival.source.uid)}
            assert arrival.source.digest in kept, "P2: acknowledged, and no row says so"
            assert machine.disk.has(arrival.source.digest), "P2: acknowledged, and the bytes are gone"


def check_journal_tells_all(machine: Machine) -> None:
    """P4: each change of state is one link, in order."""
    with machine.sql.reading() as unit:
        moves = unit.connection.execute(MOVES).all()
        links = unit.connection.execute(LINKS).all()
    count = Counter((link.action.partition(".")[0], link.subject) for link in links)
    last = {link.subject: link.action for link in links}
    for machine_name, subject, state, expected in moves:
        assert count[machine_name.removesuffix("."), subject] == expected, f"P4: {subject} moved without a link"
        assert last[subject] == f"{machine_name}{state}", f"P4: the last link of {subject} is not its state"


def check_withdrawn(machine: Machine) -> None:
    """Wherever a copy is of what was taken back, that is known there; or a person is told that it is not."""
    with machine.sql.reading() as unit:
        rows = [dict(row) for row in unit.connection.execute(OUTSIDE).mappings()]
    refused = {(row["result"], row["destination"]) for row in rows if row["delivery"] == "declined"}
    for row in rows:
        place = machine.destinations[row["destination"]]
        uid = f"{row['release']}.{row['destination']}"
        if row["kind"] == "result" and row["state"] == "retracted" and uid in place.held:
            told = uid in place.withdrawn or (row["result"], row["destination"]) in refused
            assert told, f"{place.name} holds a withdrawn result and was never told"


def check_all(machine: Machine) -> None:
    """Everything, at rest."""
    check(machine)
    check_kept(machine)
    check_journal_tells_all(machine)
    check_withdrawn(machine)
