"""``aval check``: can everything be reached, and may it be trusted?"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from socket import create_connection
from typing import Final

from bridge.broker import dead
from bridge.config import ConfigError, Settings
from bridge.config.dicom import Scp
from bridge.config.house import DeskSettings
from bridge.config.metrics import MetricsSettings
from bridge.config.record import Intake
from bridge.db.engine import engine_at
from bridge.db.migrate import schema_revision
from bridge.journal import require_anchors_hold
from bridge.vault import ObjectVault, examine
from bridge.wiring import (
    backend_services,
    entrance,
    models,
    outward,
    smart,
    sources,
    stamps,
    subscriptions,
    tls,
    ups,
    versions,
)
from bridge.wiring.parts import HOLD_NO_BYTES, KNOW_THE_JOURNAL, RING, ROLES, Parts
from guarantee.errors import GuaranteeError, PortError
from guarantee.ids import digest
from inference.errors import PackageRefused

_CHECKED: Final = b"aval check"
"""The one blob that a check keeps."""

DOOR_S: Final = 5.0
"""Longest wait for a process's own door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question and its answer.

    Args:
        fault: what is wrong and what to do; "" when nothing is.
    """

    what: str
    found: str
    fault: str


def run_checks(parts: Parts) -> list[Check]:
    """Ask every question; none stops the others."""
    questions: list[tuple[str, Callable[[], str]]] = [
        ("database", lambda: _database(parts, "sweep")),
        ("vault", lambda: _vault(parts)),
        ("keys", lambda: _keys(parts)),
        ("models", lambda: _models(parts)),
        ("provider", lambda: models.check_provider(parts)),
        ("retired models", lambda: models.check_retired(parts)),
        ("versions", lambda: versions.check_in_routine(parts)),
        ("signatures", lambda: models.check_signatures(parts)),
        ("stages", lambda: models.check_stages(parts)),
        ("routing", lambda: f"{len(parts.routing.routes)} routes"),
        ("journal", lambda: _journal(parts)),
        ("stamps", lambda: stamps.check_stamps(parts)),
        ("broker", lambda: _broker(parts)),
        ("held cases", lambda: _held(parts)),
        *tls.certificates(parts.settings, parts.clock.now).items(),
        ("dicom-web", lambda: _who_may_post(parts)),
        ("hl7", lambda: _who_may_send(parts)),
        *backend_services.reachable(parts.settings).items(),
        *subscriptions.reachable(parts.settings).items(),
        *outward.reachable(parts.settings).items(),
        *sources.reachable(parts.settings).items(),
        *ups.reachable(parts.settings).items(),
        *entrance.reachable(parts.settings, parts.clock.now).items(),
        *smart.reachable(parts.settings, parts.clock.now).items(),
    ]
    return [_ask(what, question) for what, question in questions]


def check_process(process: str, parts: Parts) -> list[Check]:
    """Ask what one process needs, with nothing but what it may know; for whoever watches it (a container's health).

    The world outside is not asked: a PACS that is down is no fault of the deliverer.
    """
    role = ROLES.get(process, process)
    questions: dict[str, Callable[[], str]] = {"database": lambda: _database(parts, role)}
    if process not in HOLD_NO_BYTES:
        questions["vault"] = lambda: _reached(parts)
    if process in KNOW_THE_JOURNAL:
        questions["journal"] = lambda: _anchored(parts, role)
    if process == "desk":
        questions["keys"] = lambda: _keys(parts)
    if process in RING:
        questions["broker"] = lambda: _broker(parts, process)
    if process in {"scp", "intake", "desk", "metrics"}:
        questions["door"] = lambda: _door(process, parts)
    if process == "intake" and parts.settings.intake.hl7 is not None:
        questions["hl7"] = lambda: _listens(parts)
    return [_ask(what, question) for what, question in questions.items()]


def _ask(what: str, question: Callable[[], str]) -> Check:
    try:
        return Check(what=what, found=question(), fault="")
    except (ConfigError, GuaranteeError, PortError, PackageRefused, OSError) as error:
        return Check(what=what, found="", fault=f"{error}")


def _database(parts: Parts, role: str) -> str:
    with engine_at(parts.settings.database_url(role)) as engine, engine.connect() as connection:
        dialect = connection.dialect.name
        here, needed = schema_revision(connection)
        durable = _require_durable(dialect, connection.exec_driver_sql)
    if here != needed:
        raise ConfigError(f"schema {here}, this version needs {needed}: run `aval migrate`")
    return f"{dialect}, schema {here}, {durable}"


def _require_durable(dialect: str, ask: Callable[[str], object]) -> str:
    """A commit that a power cut can undo would lose what we acknowledged (PostgreSQL's fsync, synchronous_commit)."""
    if dialect == "sqlite":
        return "synchronous=FULL"
    for setting in ("fsync", "synchronous_commit"):
        value = ask(f"SHOW {setting}").scalar()  # type: ignore[attr-defined]
        if value not in {"on", "remote_apply", "remote_write"}:
            raise ConfigError(f"PostgreSQL's {setting} is {value}: acknowledged images could be lost; set it to on")
    return "fsync and synchronous_commit on"


def _vault(parts: Parts) -> str:
    vault = parts.vault
    vault.get(vault.put(_CHECKED))
    said = f", {examine(vault)}" if isinstance(vault, ObjectVault) else ""
    return f"{parts.settings.storage.kind}, written and read back{said}, {_room(parts)}"


def _reached(parts: Parts) -> str:
    """An object store is asked, as the database is; nothing is written by what asks every minute."""
    parts.vault.has(digest(_CHECKED))
    return _room(parts)


def _room(parts: Parts) -> str:
    free, least = parts.vault.free_bytes() // 1024**2, parts.settings.storage.free_min_mb
    if free < least:
        raise ConfigError(f"only {free} MiB free: no image is taken below {least} MiB (storage.free_min_mb); make room")
    return f"{free // 1024} GiB free"


def _keys(parts: Parts) -> str:
    payload = b"aval check"
    parts.checking_ring.verify(payload, parts.desk_ring.seal(payload))
    return "the desk seals, the others can check"


def _models(parts: Parts) -> str:
    faults = parts.catalogue.verify()
    if faults:
        raise ConfigError("; ".join(faults))
    return ", ".join(card.model.id for card in parts.catalogue.cards())


def _anchored(parts: Parts, role: str) -> str:
    require_anchors_hold(parts.keeper(role, signs=False))
    return "at or past every anchor"


def _journal(parts: Parts) -> str:
    found = _anchored(parts, "sweep")
    places = len(parts.settings.journal.anchors)
    if places < 2:
        raise ConfigError(
            "only one place for anchors; give a second one that the database's administrator cannot reach"
        )
    return f"{found}, {places} places"


def _held(parts: Parts) -> str:
    with parts.store("desk").reading() as unit:
        causes = Counter(case.cause for case in unit.views.held())
    if causes:
        counted = ", ".join(f"{number} {cause}" for cause, number in sorted(causes.items()))
        raise ConfigError(f"cases wait for a person's word ({counted}): aval cases list --held")
    return "no case waits for a person's word"


def _broker(parts: Parts, process: str = "all") -> str:
    parts.require_bell(process)
    url = parts.settings.broker.url.get_secret_value()
    if not url:
        return "in-process bell"
    dead.reach(url)
    return "answers"


def _door(process: str, parts: Parts) -> str:
    """A connection to the listener says nothing and is no event; the others answer that they live."""
    host, port = _address(process, parts.settings)
    if process == "scp":
        create_connection((host, port), DOOR_S).close()
        return f"port {port} is open"
    asked = HTTPConnection(host, port, timeout=DOOR_S)
    try:
        asked.request("GET", "/healthz")
        status = asked.getresponse().status
    except HTTPException as error:
        raise ConfigError(f"port {port} does not speak HTTP ({type(error).__name__})") from error
    finally:
        asked.close()
    if status != 200:
        raise ConfigError(f"port {port} answers {status}")
    return f"port {port} answers"


def _who_may_post(parts: Parts) -> str:
    names = sorted(parts.settings.stow.senders)
    return f"{', '.join(names)} may post instances" if names else "nobody may post instances"


def _who_may_send(parts: Parts) -> str:
    mine = parts.settings.intake.hl7
    if mine is None:
        return "no HL7v2 listener (intake.hl7)"
    names = sorted(mine.senders)
    if not names:
        raise ConfigError("the HL7v2 listener knows no sender: give intake.hl7.senders, or leave intake.hl7 out")
    tls.hl7(parts.settings)
    return f"port {mine.port}, {', '.join(names)} may send, {'TLS' if mine.tls.certificate else 'no TLS'}"


def _listens(parts: Parts) -> str:
    """A connection that says nothing is no event."""
    mine = parts.settings.intake.hl7
    if mine is None:
        return "none"
    create_connection((_here(mine.host), mine.port), DOOR_S).close()
    return f"port {mine.port} is open"


def _address(process: str, settings: Settings) -> tuple[str, int]:
    """Return where this machine finds the door of one of its own processes."""
    doors: dict[str, Scp | Intake | DeskSettings | MetricsSettings] = {
        "scp": settings.scp,
        "intake": settings.intake,
        "desk": settings.desk,
        "metrics": settings.metrics,
    }
    door = doors[process]
    return _here(door.host), door.port


def _here(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
