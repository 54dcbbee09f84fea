"""Somebody who can do everything but sign: whole rows, real renderings, real identifiers, and a seal that they made up.

A forged chain is as consistent as the honest one, because it is made by the same code: every row follows from the one
before, every digest is of bytes that are in the vault. Only the seals are not the desk's.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.db.engine import register_functions
from bridge.flows.release import endorse, renderings_of
from bridge.seal import KeyRing, key_id
from bridge.wiring import outside
from bridge.wiring.parts import Parts
from guarantee.codec import time_text
from guarantee.content import Content
from guarantee.decision import decide
from guarantee.events import DeliveryDue, fact_to_plain
from guarantee.habilitation import Act
from guarantee.ids import DeliveryId, ResultId, derive
from guarantee.opinion import Opinion, Seal, Statement, Verdict, opinion_id
from guarantee.release import Kind, Rendering, Terms, release_id
from tests.gate.rows import opinion_row, release_row
from tests.gate.sessions import PostgreSQLSession, Refusal, Session, SQLiteSession
from tests.gate.statements import Sql, insert, update
from tests.installation import Installation

Sealing = Callable[[bytes], Seal]

TABLES: Final = (
    "questions",
    "opinions",
    "decisions",
    "results",
    "releases",
    "renderings",
    "deliveries",
    "outbox",
)
"""What a chain is written into, in this order."""


def own_key() -> Sealing:
    """Seal with a key that nobody here trusts."""
    private = Ed25519PrivateKey.generate()
    return KeyRing(private, {key_id(private.public_key()): private.public_key()}).seal


def desks_name(desk: Seal) -> Sealing:
    """Seal with a key of one's own, under the name of the desk's."""
    mine = own_key()
    return lambda payload: Seal(key=desk.key, signature=mine(payload).signature)


def copied(genuine: Seal) -> Sealing:
    """Put the desk's own seal of something else on everything."""
    return lambda _payload: genuine


@dataclass(slots=True)
class Chain:
    """Every row of a forged endorsement, by table.

    Args:
        deliveries: their identifiers, by destination.
    """

    rows: dict[str, list[Sql]] = field(default_factory=dict)
    deliveries: dict[str, DeliveryId] = field(default_factory=dict)

    @property
    def statements(self) -> list[Sql]:
        return [row for table in TABLES for row in self.rows[table]]


def forged_chain(parts: Parts, result: str, login: str, seal: Sealing, **changes: Mapping[str, Any]) -> Chain:
    """Return the chain from a question to the bell for an endorsement of ``result`` by ``login`` that never was.

    Args:
        changes: other values for the rows of a table.
    """
    now = datetime.now(UTC)
    opinion = _opinion(parts, result, login, seal, now)
    terms = _terms(parts, opinion, now)
    made = Chain(deliveries={r.destination: _delivery(terms, r) for r in terms.renderings})
    made.rows = {
        "questions": [insert("questions", _question(opinion, now))],
        "opinions": [insert("opinions", opinion_row(opinion) | changes.get("opinions", {}))],
        "decisions": [insert("decisions", _decision_row(parts, opinion))],
        "results": [_decided(result, now)],
        "releases": [insert("releases", release_row(terms, seal(terms.to_bytes())) | changes.get("releases", {}))],
        "renderings": [insert("renderings", _rendering_row(terms, each)) for each in terms.renderings],
        "deliveries": [
            insert("deliveries", delivery_row(terms, each) | changes.get("deliveries", {})) for each in terms.renderings
        ],
        "outbox": [bell(made.deliveries[each.destination], each.destination) for each in terms.renderings],
    }
    return made


def bell(delivery: str, destination: str) -> Sql:
    """Return the row that rings a delivery."""
    fact = fact_to_plain(DeliveryDue(delivery=DeliveryId(delivery), destination=destination))
    now = time_text(datetime.now(UTC))
    return insert("outbox", {"id": f"forged {delivery} {now}", "fact": orjson.dumps(fact).decode(), "at": now})


# ------------------------------------------------------------------------------------------------------------ values


def _opinion(parts: Parts, result: str, login: str, seal: Sealing, now: datetime) -> Opinion:
    with parts.store("").reading() as unit:
        found = unit.results.get(ResultId(result))
        account = unit.accounts.find(login)
        right = next(grant for grant in unit.habilitations.all().grants if grant.names(login, found.model, Act.ENDORSE))
    assert account is not None
    assert found.draft is not None
    statement = Statement(
        nonce=f"forged {result}",
        result=found.id,
        model=found.model,
        manifest=found.manifest,
        identity_version=found.identity_version,
        policy=found.policy,
        reader=account.reader,
        right=right,
        verdict=Verdict.ACCEPT,
        shown=found.draft,
        content=found.draft,
        reason=None,
        comment="",
        patient_informed="yes",
        auth="password+totp",
        opened_at=now,
        signed_at=now,
    )
    return Opinion(id=opinion_id(statement), statement=statement, seal=seal(statement.to_bytes()))


def _decision(parts: Parts, opinion: Opinion) -> Any:
    with parts.store("").reading() as unit:
        policy = unit.gate.policy(opinion.statement.policy)
    decision = decide(policy=policy, draft=opinion.statement.shown, opinions=(opinion,))
    assert decision is not None
    return decision


def _terms(parts: Parts, opinion: Opinion, now: datetime) -> Terms:
    decision = _decision(parts, opinion)
    with parts.store("").reading() as unit:
        result = unit.results.get(decision.result)
        case = unit.cases.get(result.case)
    endorsed = endorse(
        result=result,
        case=case,
        content=Content.from_bytes(parts.vault.get(decision.content)),
        decision=decision,
        opinions=(opinion,),
        vault=parts.vault,
        catalogue=parts.catalogue,
    )
    renderers = outside.renderers(parts.settings, parts.vault.get)[case.kind]
    return Terms(
        release=endorsed.release,
        kind=Kind.RESULT,
        result=result.id,
        ground=decision.id,
        content=decision.content,
        renderings=renderings_of(endorsed, renderers, parts.vault),
        at=now,
    )


def _delivery(terms: Terms, rendering: Rendering) -> DeliveryId:
    return DeliveryId(derive("delivery", terms.release, rendering.destination))


# -------------------------------------------------------------------------------------------------------------- rows


def _question(opinion: Opinion, now: datetime) -> dict[str, Any]:
    said = opinion.statement
    return {
        "nonce": said.nonce,
        "result_id": said.result,
        "shown": said.shown,
        "mode": "care",
        "reader": said.reader.login,
        "asked_at": time_text(now),
        "expires_at": "2999-01-01T00:00:00.000000Z",
    }


def _decision_row(parts: Parts, opinion: Opinion) -> dict[str, Any]:
    decision = _decision(parts, opinion)
    return {
        "id": decision.id,
        "result_id": decision.result,
        "opinion_id": decision.opinion,
        "policy": decision.policy,
        "verdict": str(decision.verdict),
        "shown": decision.shown,
        "content": decision.content,
        "at": time_text(decision.at),
    }


def _decided(result: str, now: datetime) -> Sql:
    sql, values = update("results", {"id": result}, state="validated", moved_at=time_text(now))
    return sql.replace(" SET ", " SET version = version + 1, "), values


def _rendering_row(terms: Terms, rendering: Rendering) -> dict[str, Any]:
    return {
        "release_id": terms.release,
        "destination": rendering.destination,
        "content": terms.content,
        "package": rendering.package,
    }


def delivery_row(terms: Terms, rendering: Rendering) -> dict[str, Any]:
    return {
        "id": _delivery(terms, rendering),
        "release_id": terms.release,
        "kind": str(terms.kind),
        "result_id": terms.result,
        "destination": rendering.destination,
        "package": rendering.package,
        "state": "due",
        "cause_code": "",
        "cause_detail": "",
        "next_attempt_at": time_text(terms.at),
        "added_at": time_text(terms.at),
        "moved_at": time_text(terms.at),
    }


def lone_delivery(result: str, destination: str, package: str) -> dict[str, Any]:
    """Return a delivery of ``result`` that nothing stands behind."""
    now = time_text(datetime.now(UTC))
    return {
        "id": derive("forged delivery", result, destination),
        "release_id": release_id(derive("decision of nobody", result)),  # type: ignore[arg-type]
        "kind": "result",
        "result_id": result,
        "destination": destination,
        "package": package,
        "state": "due",
        "cause_code": "",
        "cause_detail": "",
        "next_attempt_at": now,
        "added_at": now,
        "moved_at": now,
    }


# ---------------------------------------------------------------------------------------------------------- sessions


@contextmanager
def attacking(installation: Installation, role: str = "owner", *, walls: bool = True) -> Iterator[Session]:
    """Open the database of a running installation beside it, and keep what is written.

    Foreign keys do not hold for whoever opened the file, nor for the owner of a PostgreSQL database who says so.

    Args:
        role: a role of PostgreSQL; on SQLite there are none.
        walls: False to take down every trigger while the session lasts.
    """
    opened = _sqlite(installation, walls=walls) if installation.cluster is None else _postgresql(installation, role)
    with opened as session:
        yield session


@contextmanager
def _sqlite(installation: Installation, *, walls: bool) -> Iterator[Session]:
    connection = sqlite3.connect(installation.folder / "aval.db", isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA foreign_keys=OFF")
        moment = register_functions(connection)
        moment.actor, moment.at = "desk:dr.martin", time_text(datetime.now(UTC))
        connection.execute("BEGIN IMMEDIATE")
        every = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = [] if walls else connection.execute(every).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield SQLiteSession(connection)
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")
    finally:
        connection.close()


@contextmanager
def _postgresql(installation: Installation, role: str) -> Iterator[Session]:
    url = installation.owner if role == "owner" else installation.url_of(role)
    with psycopg.connect(url, options="-c search_path=aval,pg_catalog") as connection:
        if role == "owner":
            connection.execute("SET session_replication_role = replica")  # no foreign keys; walls say ENABLE ALWAYS
        yield PostgreSQLSession(connection)


def tried(installation: Installation, role: str, statements: list[Sql]) -> list[bool]:
    """Try each statement on its own, as ``role``; return which the database took."""
    taken = []
    with psycopg.connect(installation.url_of(role), options="-c search_path=aval,pg_catalog") as connection:
        for sql in statements:
            try:
                with connection.transaction():
                    PostgreSQLSession(connection).execute(sql)
            except Refusal:
                taken.append(False)
            else:
                taken.append(True)
    return taken
