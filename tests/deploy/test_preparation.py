"""The steps of deploy/README.md from nothing to a running process, done for real: passwords, roles, broker, folders."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import pytest

from bridge.wiring.parts import NAMES
from tests.db.databases import ROLES
from tests.installation import ROOT, WAIT_S
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ

COMPOSE: Final = ROOT / "deploy" / "compose"
CONF: Final = ROOT / "deploy" / "rabbitmq" / "rabbitmq.conf"
DEFINITIONS: Final = "/run/secrets/rabbitmq-definitions"


def aval(folder: Path, secrets: str, *words: str, **more: str) -> str:
    """Run one command of the README and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        env={"PYTHONPATH": str(ROOT), "AVAL_DIR": str(folder), "AVAL_SECRETS": str(folder / secrets), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepare(folder: Path, **places: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(COMPOSE / "prepare"), str(folder)],
        env={"PATH": os.environ["PATH"], **places},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


@pytest.fixture(scope="module")
def database(cluster: PostgreSQL) -> str:
    """An empty database that belongs to aval, who may make roles and is no superuser."""
    url = cluster.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE aval CREATEROLE LOGIN")
        connection.execute(f"ALTER DATABASE {urlsplit(url).path.strip('/')} OWNER TO aval".encode())
    return url


@pytest.fixture(scope="module")
def site(database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the administrator has before the broker starts."""
    folder = tmp_path_factory.mktemp("site")
    place = urlsplit(database)
    done = prepare(folder, DATABASE_HOST=place.netloc.rpartition("@")[2], DATABASE_NAME=place.path.strip("/"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    master = folder / "master"
    aval(master, "secrets", "init", "--template", str(COMPOSE / "aval.toml"))
    aval(master, "owner", "migrate")
    with psycopg.connect(database.replace("owner@", "aval@"), autocommit=True) as connection:
        connection.execute((folder / "logins.sql").read_bytes())
    return folder


@pytest.fixture(scope="module")
def broker(site: Path) -> Iterator[RabbitMQ]:
    """A broker with the settings and definitions of deploy/, and no other login."""
    words = ("queues", "definitions", "--password-file", str(site / "master" / "broker-password"))
    made = aval(site / "master", "secrets", *words)
    conf = CONF.read_text().replace(DEFINITIONS, "{home}/definitions.json")
    yield from started(lambda: RabbitMQ(conf, {"definitions.json": made}))


@pytest.mark.peer("postgresql")
def test_every_role_has_a_password_of_its_own_and_may_log_in(site: Path, database: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL"
        ).fetchall()
    assert {name for name, _ in found} == set(ROLES)
    assert all(hashed.startswith("SCRAM-SHA-256$") for _, hashed in found)
    assert len({hashed for _, hashed in found}) == len(ROLES)
    private = [path for path in site.rglob("*") if path.is_file() and path.suffix not in {".pub", ".toml"}]
    assert [path for path in private if path.stat().st_mode & 0o077] == []


@pytest.mark.peer("postgresql")
@pytest.mark.peer("rabbitmq")
def test_the_broker_starts_with_our_definitions_and_processes_are_well_with_their_folders(
    site: Path, broker: RabbitMQ
) -> None:
    master = site / "master"
    url = master / "secrets" / "AVAL_BROKER__URL"
    url.write_text(url.read_text().replace("rabbitmq:5672", f"127.0.0.1:{broker.port}"))
    assert '"guest"' not in broker.ctl("list_users", "--formatter", "json")
    aval(master, "secrets", "config", "split", str(master / "processes"))
    assert {path.name for path in (master / "processes").iterdir()} == set(NAMES)
    said = json.loads(aval(master / "processes" / "relay", "secrets", "check", "--process", "relay", "--json"))
    assert {one["what"] for one in said} == {"database", "broker"}
    waiting = json.loads(aval(master, "secrets", "queues", "list", "--json"))["queues"]
    assert all(queue["waiting"] == 0 for queue in waiting)


def test_passwords_are_made_once(site: Path) -> None:
    before = (site / "master" / "secrets" / "AVAL_DATABASE__URL").read_text()
    done = prepare(site)
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert (site / "master" / "secrets" / "AVAL_DATABASE__URL").read_text() == before
