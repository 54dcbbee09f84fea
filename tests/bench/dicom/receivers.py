"""Who receives: Aval as it is installed, Orthanc, DCMTK, plain pynetdicom, and a peer that keeps nothing.

Each starts on a free port with a folder of its own, and says which processes are its own and how much it has kept.
"""

import json
import os
import sys
import tomllib
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from bridge.db.engine import engine_at
from guarantee.case import CaseKind
from tests.bench.machine import ROOT
from tests.bench.tree import wait_until_idle
from tests.installation import Installation
from tests.peers.base import Daemon, PeerMissing, free_port, listens, program, wait_until
from tests.peers.postgresql import PostgreSQL

NODELAY: Final = {"TCP_NODELAY": "1"}
"""What DCMTK and Orthanc read: since 3.6.2 DCMTK leaves Nagle's algorithm on, and answers in two writes."""

PDU: Final = 131_072
PLUGINS: Final = Path("/usr/share/orthanc/plugins")
ROW: Final = "bytes and row"
"""What Aval has made durable when it answers."""

START_S: Final = 60.0
"""Longest wait for a start to be over: models answer their golden cases before they take work."""

SAMPLES: Final = 20
"""Instances whose stored bytes are compared with what was sent."""


class Void(Exception):
    """A run that does not count, and why: an instance was refused, lost or changed."""


class Receiver(ABC):
    """One receiver, listening."""

    called = "ANY-SCP"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()

    @property
    @abstractmethod
    def roots(self) -> tuple[int, ...]:
        """The processes that, with their children, are this receiver."""

    @abstractmethod
    def kept(self) -> int:
        """Return how many instances it holds."""

    def check(self, sent: Mapping[str, bytes]) -> int:
        """Return how many stored instances were compared with what was sent: none, of a peer that promises no bytes.

        Raises:
            Void: an instance is missing, or its bytes are others.
        """
        return 0 * len(sent)

    @abstractmethod
    def stop(self) -> None:
        """End it."""


class Program(Receiver):
    """A receiver that is one program."""

    def __init__(
        self, home: Path, command: Callable[[int, Path], list[str]], environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(home)
        self.store = home / "store"
        self.store.mkdir(parents=True)
        self.daemon = Daemon(
            "receiver", command(self.port, self.store), home, {**os.environ, **(environment or {})}, cwd=ROOT
        )
        wait_until(lambda: listens(self.port), self.daemon.tail(3) or "the receiver", self.daemon.process)

    @property
    def roots(self) -> tuple[int, ...]:
        """The program."""
        return (self.daemon.process.pid,)

    def kept(self) -> int:
        """Return the number of files."""
        return sum(1 for _ in self.store.iterdir())

    def stop(self) -> None:
        """End it."""
        self.daemon.stop()


class NullReceiver(Program):
    """Keeps nothing: it shows what the sender can do."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, lambda port, _: [sys.executable, "-m", "tests.bench.dicom.null_receiver", str(port)])

    def kept(self) -> int:
        """Return that nothing was meant to be kept."""
        return -1


class Orthanc(Program):
    """Debian's Orthanc with its default storage (SQLite index, every file flushed).

    Args:
        settings: over the defaults.
    """

    def __init__(
        self, home: Path, *, environment: Mapping[str, str] | None = None, plugins: Iterable[str] = (), **settings: Any
    ) -> None:
        self.http_port = free_port()
        self._settings = {**settings, "Plugins": [str(PLUGINS / name) for name in plugins]}
        super().__init__(home, self._command, environment)
        wait_until(lambda: listens(self.http_port), "Orthanc's HTTP server", self.daemon.process)

    @property
    def url(self) -> str:
        """Root of its HTTP server."""
        return f"http://127.0.0.1:{self.http_port}"

    def kept(self) -> int:
        """Return the number of instances in its index."""
        with urllib.request.urlopen(f"{self.url}/statistics", timeout=60) as answer:
            return int(json.load(answer)["CountInstances"])

    def _command(self, port: int, store: Path) -> list[str]:
        config = self.home / "orthanc.json"
        own = {
            "Name": "bench",
            "StorageDirectory": str(store),
            "IndexDirectory": str(store),
            "DicomAet": self.called,
            "DicomPort": port,
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }
        config.write_text(json.dumps({**own, **self._settings}))
        return [program("Orthanc"), str(config)]


def storescp(*flags: str) -> Callable[[int, Path], list[str]]:
    """Return the command of DCMTK's storage peer; none of its options makes it flush."""
    return lambda port, store: [program("storescp"), "-q", *flags, "-od", str(store), str(port)]


def plain(port: int, store: Path) -> list[str]:
    """Return the command of the documented example of pynetdicom."""
    return [sys.executable, "-m", "tests.bench.dicom.plain_receiver", str(port), str(store)]


class Aval(Receiver):
    """The product as it is installed: durable, with its index, journal and outbox.

    On SQLite it is ``aval run all``; on PostgreSQL the processes that take part, and the server counts as its own.

    Args:
        settings: over the installation's own.
    """

    called = "AVAL"

    def __init__(self, home: Path, settings: Mapping[str, Any], cluster: PostgreSQL | None = None) -> None:
        super().__init__(home)
        usual = {"quiet": {"default_s": 60.0}}  # the product's own: no study is judged while it is being measured
        self.installation = Installation(home, {**usual, **settings}, cluster=cluster)
        self.port = self.installation.scp
        self._cluster = cluster
        names = ("scp", "intake", "relay", "sweep") if cluster else ("all",)
        try:
            self.installation.start(*names)
            wait_until_idle(self.roots, START_S)
        except AssertionError:
            self.installation.kill()
            raise

    @property
    def roots(self) -> tuple[int, ...]:
        """Its processes, and the database server."""
        server = (self._cluster.daemon.process.pid,) if self._cluster else ()
        return (*(process.pid for process in self.installation.running.values()), *server)

    def kept(self) -> int:
        """Return the number of committed rows."""
        with engine_at(self.installation.owner) as engine, engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM inputs WHERE conflict = 0")) or 0)

    def check(self, sent: Mapping[str, bytes]) -> int:
        """Compare every row with a stored object, and some objects with what was sent, byte for byte."""
        with self.installation.reading() as unit, self.installation.parts_of_the_owner() as parts:
            held = {used.source.uid: used.source.digest for used in self._inputs(unit)}
            lost = [uid for uid in sent if uid not in held or not parts.vault.has(held[uid])]
            if lost:
                raise Void(f"{len(lost)} of {len(sent)} acknowledged instances are not kept, the first {lost[0]}")
            samples = sorted(sent)[:: max(1, len(sent) // SAMPLES)]
            for uid in samples:
                if not parts.vault.get(held[uid]).endswith(sent[uid]):
                    raise Void(f"instance {uid} is not kept byte for byte")
        return len(samples)

    def file_of(self, sop_instance_uid: str) -> bytes:
        """Return the stored file of an instance.

        Raises:
            Void: it has none.
        """
        with engine_at(self.installation.owner) as engine, engine.connect() as connection:
            query = text("SELECT digest FROM inputs WHERE uid = :uid")
            digest = connection.scalar(query, {"uid": sop_instance_uid})
        if digest is None:
            raise Void(f"instance {sop_instance_uid} has no row")
        with self.installation.parts_of_the_owner() as parts:
            return bytes(parts.vault.get(digest))

    def stop(self) -> None:
        """Ask it to end."""
        self.installation.stop()

    def _inputs(self, unit: Any) -> list[Any]:
        with engine_at(self.installation.owner) as engine, engine.connect() as connection:
            studies = list(connection.scalars(text("SELECT DISTINCT case_uid FROM inputs WHERE kind = 'study'")))
        return [used for uid in studies for used in unit.cases.inputs(CaseKind.STUDY, uid)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A receiver that can be started.

    Args:
        flushes: what it has made durable when it answers.
    """

    start: Callable[[Path], Receiver]
    flushes: str
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Receivers:
    """Every receiver by name.

    Args:
        variants: further Avals, by name, each with its settings.
        cluster: for an Aval on PostgreSQL too.
    """

    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: PostgreSQL | None = None

    def all(self) -> dict[str, Kind]:
        """Return them."""
        ours = {
            name: Kind(
                start=partial(_aval, settings), flushes=ROW, note=f"aval run all, {settings or 'as it is installed'}"
            )
            for name, settings in {"aval": {}, "aval-plain": {"scp": {"fast": False}}, **self.variants}.items()
        }
        if self.cluster:
            start = partial(_aval, {}, cluster=self.cluster)
            ours["aval-postgresql"] = Kind(start=start, flushes=ROW, note="its processes, on PostgreSQL")
        return {**ours, **PEERS}

    @property
    def ours(self) -> list[str]:
        """The names of every Aval, the installed one first."""
        return [name for name in self.all() if name not in PEERS]


def _aval(settings: Mapping[str, Any], home: Path, cluster: PostgreSQL | None = None) -> Aval:
    return Aval(home, settings, cluster)


PEERS: Final[Mapping[str, Kind]] = {
    "orthanc-tuned": Kind(
        start=lambda home: Orthanc(home, environment=NODELAY, MaximumPduLength=PDU),
        flushes="bytes",
        note="Debian's, TCP_NODELAY=1, MaximumPduLength 131072",
    ),
    "orthanc-shipped": Kind(start=Orthanc, flushes="bytes", note="Debian's, as it is installed"),
    "storescp-tuned": Kind(
        start=lambda home: Program(home, storescp("-pdu", str(PDU)), NODELAY),
        flushes="nothing",
        note="storescp -pdu 131072, TCP_NODELAY=1",
    ),
    "storescp-shipped": Kind(
        start=lambda home: Program(home, storescp("-pdu", str(PDU))), flushes="nothing", note="storescp -pdu 131072"
    ),
    "storescp-fork": Kind(
        start=lambda home: Program(home, storescp("--fork", "-pdu", str(PDU)), NODELAY),
        flushes="nothing",
        note="storescp --fork -pdu 131072, TCP_NODELAY=1",
    ),
    "pynetdicom": Kind(start=lambda home: Program(home, plain), flushes="nothing", note="the documented example"),
    "null": Kind(start=NullReceiver, flushes="nothing", note="keeps nothing: the sender's own limit"),
}


def variant(words: str) -> tuple[str, dict[str, Any]]:
    """Return name and settings of ``name:section.key=value,section.key=value``; a value is TOML, or else a word.

    Raises:
        ValueError: it is not of this form.
    """
    name, separator, settings = words.partition(":")
    if not separator or name in PEERS:
        raise ValueError(f"{words!r} is not NAME:section.key=value[,…], or is the name of a peer")
    made: dict[str, Any] = {}
    for line in settings.split(","):
        section, _, rest = line.partition(".")
        made.setdefault(section, {}).update(_setting(rest))
    return name, made


def _setting(line: str) -> dict[str, Any]:
    try:
        return tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        key, _, word = line.partition("=")
        return {key: word}


__all__ = ["PEERS", "Aval", "Kind", "Orthanc", "PeerMissing", "Receiver", "Receivers", "Void", "variant"]
