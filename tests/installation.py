"""An installation of Aval that tests run, break and look into: a data folder, and real processes on it.

Everything a test does to it goes through the doors that a hospital uses (DICOM, FHIR, the desk's API, the command
line); only `reading`, for looking, and `owner`, for attacking, go to the database beside the product.
"""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
import pyotp

from bridge.accounts import add_person
from bridge.config import FILE, Site, load
from bridge.db.engine import engine_at, make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore, SqlUnit
from bridge.vault import FileVault
from bridge.wiring.install import install, to_toml
from bridge.wiring.parts import Parts
from bridge.wiring.rights import give_to_all
from guarantee.lifecycle import Stage
from guarantee.opinion import Reader
from guarantee.policy import Role
from tests.db.databases import ROLES
from tests.peers.base import free_port, listens
from tests.peers.postgresql import PostgreSQL

T = TypeVar("T")

ROOT: Final = Path(__file__).parents[1]
CACHE: Final = ROOT / ".peers" / "cache"
"""Where published packages are kept between runs."""

WAIT_S: Final = 180.0
"""Longest wait for anything: nothing takes this long, so that a test that fails here found something that is stuck."""

PROCESSES: Final = ("infer", "deliver", "scp", "intake", "desk", "relay", "sweep")
"""Every process of a distributed installation, as in ``aval run NAME``; those who answer the bell first."""

DATABASE_ROLES: Final = {
    "intake": "aval_intake",
    "infer": "aval_infer",
    "desk": "aval_desk",
    "deliver": "aval_deliver",
    "sweep": "aval_sweep",
    "relay": "aval_relay",
    "audit": "aval_audit",
}

PASSWORD: Final = "un-mot-de-passe-de-test"

PEOPLE: Final = (
    ("dr.martin", "MARTIN^Élodie^^Dr", Role.RADIOLOGIST, "899900000011"),
    ("dr.nguyen", "NGUYEN^Paul^^Dr", Role.CLINICIAN, "899900000022"),
    ("dr.durand", "DURAND^Anne^^Dr", Role.RADIOLOGIST, "899900000044"),
    ("ing.petit", "PETIT^Camille", Role.ENGINEER, "899900000033"),
    ("pr.colin", "COLIN^Zoé^^Pr", Role.COMMITTEE, "899900000055"),
    ("dpo", "PETIT^Jeanne", Role.DPO, "899900000066"),
)
"""Login, name, role, professional number of nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in."""

    login: str
    secret: str
    password: str = PASSWORD

    @property
    def code(self) -> str:
        """What their authenticator shows now."""
        return pyotp.TOTP(self.secret).now()


class Installation:
    """A data folder, its database, its people, and the processes that run on it.

    Args:
        folder: made when absent; what a person sets is in ``settings``, over short quiet times and free ports.
        cluster: for a database of its own there, one login role for each process; SQLite when None.
        broker: URL of RabbitMQ; the in-process bell when "".
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        cluster: PostgreSQL | None = None,
        broker: str = "",
    ) -> None:
        self.folder = folder
        self.cluster = cluster
        self.logs = folder / "logs"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started_with: tuple[str, ...] = ()
        self.ports = {name: free_port() for name in ("desk", "intake", "scp")}
        self._owner_url = cluster.new_database() if cluster else ""
        install(folder, settings=to_toml(self._settings(settings, broker)))
        self.logs.mkdir()
        self._prepare_database()
        self.people = self._add_people()

    # ----------------------------------------------------------------------------------------------------- made once

    def _settings(self, given: Mapping[str, Any], broker: str) -> dict[str, Any]:
        usual: dict[str, Any] = {
            "site": {"name": "e2e", "organisation": "CHU d'essai", "namespace": str(uuid.uuid4())},
            "scp": {"aet": "AVAL", "host": "127.0.0.1", "port": self.ports["scp"], "accept_unknown": True},
            "intake": {
                "host": "127.0.0.1",
                "port": self.ports["intake"],
                "senders": {"dpi": {"addresses": ["127.0.0.0/8"], "search": "Observation"}},
            },
            "desk": {"host": "127.0.0.1", "port": self.ports["desk"], "codes_work_once": False},
            "quiet": {"default_s": 1.0, "by_modality_s": {"": 1.0}},
            "journal": {"anchors": ["anchors/anchors.jsonl", str(self.folder / "elsewhere" / "anchors.jsonl")]},
            "broker": {"url": broker},
            "database": self._database_settings(),
        }
        return _over(usual, given)

    def _database_settings(self) -> dict[str, Any]:
        """Each process logs in as its own role; nobody in this file is the owner."""
        if self.cluster is None:
            return {"url": "sqlite:///aval.db"}
        name = self._owner_url.rpartition("/")[2]
        urls = {process: self.cluster.url(name, user=role) for process, role in DATABASE_ROLES.items()}
        return {"url": self.cluster.url(name, user="nobody"), "urls": urls}

    def _prepare_database(self) -> None:
        """Do what ``aval migrate`` does, as the owner, in this process: tests/e2e/test_cli.py runs the real verb."""
        if self.cluster is None:
            return
        environment = {"AVAL_DATABASE__URL": self._owner_url}
        with engine_at(self._owner_url) as engine:
            migrate(engine)
        parts = Parts(load(self.folder, environment))
        parts.register(begin=Stage.PILOT)
        parts.close()
        with psycopg.connect(self._owner_url, autocommit=True) as connection:
            for role in ROLES:
                connection.execute(f"ALTER ROLE {role} LOGIN")

    def _add_people(self) -> dict[str, Person]:
        with self.parts_of_the_owner() as parts:
            if parts.embedded:
                parts.register(begin=Stage.PILOT)
            readers = [_reader(line, parts.settings.site) for line in PEOPLE]
            secrets = {reader.login: add_person(reader, PASSWORD, parts.sign_in) for reader in readers}
            give_to_all(readers, parts)
        return {login: Person(login=login, secret=secret) for login, secret in secrets.items()}

    def give_rights(self) -> None:
        """Let everybody endorse what was installed since, too."""
        with self.parts_of_the_owner() as parts:
            with parts.store("desk").reading() as unit:
                readers = [account.reader for account in unit.accounts.all()]
            give_to_all(readers, parts)

    @contextmanager
    def parts_of_the_owner(self) -> Iterator[Parts]:
        """Yield what the processes are made of, with the database owner's rights for each of them."""
        environment = {}
        if self.cluster is not None:
            environment["AVAL_DATABASE__URL"] = self._owner_url
            environment |= {f"AVAL_DATABASE__URLS__{name.upper()}": self._owner_url for name in DATABASE_ROLES}
        parts = Parts(load(self.folder, environment))
        try:
            yield parts
        finally:
            parts.close()

    # ----------------------------------------------------------------------------------------------------- addresses

    @property
    def desk(self) -> str:
        """Root of the review pages and their API."""
        return f"http://127.0.0.1:{self.ports['desk']}"

    @property
    def fhir(self) -> str:
        """Where record events go."""
        return f"http://127.0.0.1:{self.ports['intake']}/fhir"

    @property
    def dicomweb(self) -> str:
        """Where instances are posted."""
        return f"http://127.0.0.1:{self.ports['intake']}/dicom-web"

    @property
    def scp(self) -> int:
        """Port of the DICOM listener, called AVAL."""
        return self.ports["scp"]

    @property
    def vault(self) -> FileVault:
        """The bytes that the installation keeps."""
        settings = tomllib.loads((self.folder / FILE).read_text(encoding="utf-8"))
        return FileVault(self.folder / settings.get("storage", {}).get("vault", "vault"))

    @property
    def owner(self) -> str:
        """URL of the database as its owner."""
        return self._owner_url or f"sqlite:///{self.folder / 'aval.db'}"

    def url_of(self, role: str) -> str:
        """Return the URL of the database as one of its roles."""
        assert self.cluster is not None
        return self.cluster.url(self._owner_url.rpartition("/")[2], user=role)

    # ----------------------------------------------------------------------------------------------------- processes

    def start(self, *names: str) -> None:
        """Start processes by name, or everything in one, and return once their doors answer."""
        self.started_with = names = names or ("all",)
        for name in names:
            self.launch(name)
        self.wait_until_open(*names)

    def launch(self, name: str) -> None:
        """Start one process, and do not wait for it."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "bridge", "run", name, "--dir", str(self.folder)],
                stdout=log,
                stderr=log,
                env=self.environment(),
                cwd=self.folder,
                start_new_session=True,
            )

    def wait_until_open(self, *names: str) -> None:
        """Wait until the doors of processes accept connections."""
        doors = {"scp": "scp", "intake": "intake", "desk": "desk"}
        ports = [self.ports[door] for name, door in doors.items() if name in names or "all" in names]
        self.eventually(lambda: all(listens(port) for port in ports), f"the doors of {', '.join(names)} to open")

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a child gets: nothing of ours, a home of its own."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}

    def kill(self, *names: str) -> None:
        """End processes as a power cut would; every one when none is named."""
        for name in names or tuple(self.running):
            process = self.running.pop(name)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """Ask every process to end, and wait; what does not end by itself is killed, and that is a failure."""
        stuck = []
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self.running.items():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                stuck.append(name)
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        ended = {name: process.returncode for name, process in self.running.items() if process.returncode}
        self.running.clear()
        assert not stuck, f"{stuck} did not end when asked to\n{self.tail()}"
        assert not ended, f"processes ended with {ended}\n{self.tail()}"

    def aval(self, *words: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line on this installation and return how it ended."""
        return subprocess.run(
            [sys.executable, "-m", "bridge", *words, "--dir", str(self.folder)],
            env=self.environment(**environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    # ------------------------------------------------------------------------------------------------------- looking

    @contextmanager
    def reading(self) -> Iterator[SqlUnit]:
        """Yield what the database holds, as its owner; nothing can be changed."""
        store = SqlStore(make_aval_engine(self.owner))
        try:
            with store.reading() as unit:
                yield unit
        finally:
            store.dispose()

    def said(self) -> str:
        """Return everything that the processes wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.logs.glob("*.log")))

    def tail(self, lines: int = 12) -> str:
        """Return the last lines that each process wrote, for the message of a failed test."""
        ends = [
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
            for path in sorted(self.logs.glob("*.log"))
        ]
        return "\n".join(ends)

    def eventually(self, look: Callable[[], T], what: str, *, within_s: float = WAIT_S) -> T:
        """Return the first answer of ``look`` that is true; fail, with what the processes wrote, when there is none."""
        deadline = time.monotonic() + within_s
        while True:
            found = look()
            if found:
                return found
            ended = {name: p.returncode for name, p in self.running.items() if p.poll() is not None}
            if ended or time.monotonic() > deadline:
                why = f"processes ended: {ended}" if ended else f"not within {within_s:.0f} s"
                raise AssertionError(f"waited for {what}: {why}\n{self.tail()}")
            time.sleep(0.1)


def eventually(look: Callable[[], T], what: str, *, within_s: float = WAIT_S) -> T:
    """Return the first answer of ``look`` that is true."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited for {what}: not within {within_s:.0f} s"
        time.sleep(0.1)
    return found


def json_of(done: "subprocess.CompletedProcess[str]") -> Any:
    """Return what a verb printed as JSON, on one line."""
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def _reader(line: tuple[str, str, Role, str], site: Site) -> Reader:
    login, name, role, number = line
    return Reader(
        login=login,
        name=name,
        role=role,
        professional_id=number,
        organisation=site.organisation,
        organisation_id=site.organisation_id,
    )


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return merged
