"""A migrated database of each dialect, made once and copied for each test; and the rows that every life starts from."""

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, insert

from bridge.db import tables
from bridge.db.engine import make_aval_engine
from bridge.db.habilitations import grant_row
from bridge.db.migrate import migrate
from guarantee.canonical import canonical
from guarantee.codec import time_text, to_plain
from guarantee.lifecycle import INSTALLER, Stage
from guarantee.opinion import Reader
from guarantee.policy import Policy, Role
from guarantee.result import ModelVersion
from tests.guarantee.samples import MODEL, POLICY, a_policy, a_reader, a_right, at
from tests.peers.postgresql import PostgreSQL

ROLES = ("aval_intake", "aval_infer", "aval_desk", "aval_deliver", "aval_sweep", "aval_relay", "aval_audit")

READERS = (
    a_reader("dr.martin"),
    a_reader("dr.leroy"),
    a_reader("dr.petit", Role.CLINICIAN),
    a_reader("learner", Role.LEARNER),
    a_reader("engineer", Role.ENGINEER),
    a_reader("committee", Role.COMMITTEE),
)
TWO_READERS = a_policy(2)
RIGHTS = [a_right(login, site=site) for login in ("dr.martin", "dr.leroy", "dr.petit") for site in ("chu", "north")]


@dataclass(frozen=True, slots=True)
class Database:
    """One database, as its owner sees it.

    Args:
        cluster: for another role's URL; None on SQLite.
    """

    url: str
    cluster: PostgreSQL | None = None

    @property
    def is_postgresql(self) -> bool:
        return self.cluster is not None

    def url_of(self, role: str) -> str:
        """Return the URL for ``role``; on SQLite there are none and everybody is the owner."""
        if self.cluster is None:
            return self.url
        return self.cluster.url(self.url.rpartition("/")[2], user=role)


class SQLiteTemplate:
    """A migrated and seeded file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "template.sqlite"
        prepare(f"sqlite:///{self.path}")
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def copy(self, path: Path) -> Database:
        shutil.copy(self.path, path)
        return Database(f"sqlite:///{path}")


class PostgreSQLTemplate:
    """A migrated and seeded database of one cluster, whose roles may log in."""

    def __init__(self, cluster: PostgreSQL) -> None:
        self._cluster = cluster
        self._copies = 0
        self.name = cluster.new_database().rpartition("/")[2]
        prepare(cluster.url(self.name))
        self._as_owner([f"ALTER ROLE {role} LOGIN" for role in ROLES])

    def copy(self) -> Database:
        self._copies += 1
        name = f"{self.name}_copy_{self._copies}"
        self._as_owner([f"CREATE DATABASE {name} TEMPLATE {self.name}"])
        return Database(self._cluster.url(name), self._cluster)

    def drop(self, database: Database) -> None:
        self._as_owner([f"DROP DATABASE {database.url.rpartition('/')[2]} WITH (FORCE)"])

    def _as_owner(self, statements: Sequence[str]) -> None:
        with psycopg.connect(self._cluster.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


def prepare(url: str) -> None:
    """Migrate the database at ``url`` and add people, policies and models, as the command line does."""
    engine = make_aval_engine(url)
    migrate(engine)
    seed(engine)
    engine.dispose()


def seed(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(tables.users), [user_row(reader) for reader in READERS])
        connection.execute(insert(tables.habilitations), [grant_row(right) for right in RIGHTS])
        connection.execute(insert(tables.policies), [policy_row(policy) for policy in (POLICY, TWO_READERS)])
        connection.execute(insert(tables.models), [model_row(MODEL)])
        connection.execute(insert(tables.stages), [begun_row(MODEL)])


def user_row(reader: Reader, **changes: Any) -> dict[str, Any]:
    return {
        "login": reader.login,
        "name": reader.name,
        "role": str(reader.role),
        "professional_id": reader.professional_id,
        "organisation": reader.organisation,
        "organisation_id": reader.organisation_id,
        "password": "scrypt$…",
        "second_factor": "sealed",
        "second_factor_step": 0,
        "active": 1,
        "added_at": time_text(at(0)),
    } | changes


def policy_row(policy: Policy) -> dict[str, Any]:
    return {
        "ref": policy.ref,
        "readers": policy.readers,
        "gesture": policy.gesture,
        "objection": str(policy.objection),
        "body": canonical(to_plain(policy)).decode(),
        "added_at": time_text(at(0)),
        "first_read": policy.first_read,
        "learners": policy.learners,
    }


def begun_row(model: ModelVersion, stage: Stage = Stage.PILOT) -> dict[str, Any]:
    """Return the first line of the life of ``model``, which the installer wrote."""
    values = {"model_id": model.id, "n": 1, "stage": str(stage), "by_whom": INSTALLER, "reason": "essai"}
    return values | {"at": time_text(at(0))}


def model_row(model: ModelVersion) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "card": model.card,
        "added_at": time_text(at(0)),
    }
