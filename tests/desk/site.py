"""What the browser tests need of a desk that runs somewhere: an address, people, results on demand.

The fake one is here. A real installation can offer the same few methods and run the same tests; what it cannot stage
it answers with `pytest.skip`.
"""

import threading
import time
from dataclasses import replace
from functools import cache
from typing import Protocol

import uvicorn

from bridge.web.app import Options, make_app
from bridge.web.services import Session
from bridge.web.throttle import Throttle
from guarantee.case import Patient
from guarantee.policy import Role
from guarantee.result import Priority
from guarantee.states import ResultState
from guarantee.stops import Scope
from tests.desk import cases
from tests.desk.cases import Staged
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import LOGINS, PASSWORD, code_of
from tests.peers.base import PeerMissing, free_port

HOSTILE = Patient(
    identifier='IPP-"><b>7', issuer="CHU", name=cases.HOSTILE_NAME, birth_date="1932-02-29", sex="F", reference=""
)


class Site(Protocol):
    """A desk that runs."""

    url: str

    def person(self, role: Role) -> tuple[str, str, str]:
        """Return login, password and one-time code of somebody with this role."""

    def brain(self) -> str:
        """Put in an MR with one outlined finding that has one number; return the result's identifier."""

    def chest(self) -> str:
        """Put in a CT with two findings, one outlined, one marked by a region, and an ultrasound in colour."""

    def radiograph(self) -> str:
        """Put in a MONOCHROME1 image of a patient with a hostile name, in which nothing was found."""

    def record(self) -> str:
        """Put in a score made from the record, one input missing."""

    def change_draft(self, result: str) -> None:
        """Replace the draft under the reader's eyes."""

    def answers(self, result: str) -> int:
        """Return how many opinions a result has."""

    def forget_questions(self) -> None:
        """Let every question that was asked grow too old."""

    def end_sessions(self) -> None:
        """End every session, as idling does."""

    def stop(self) -> None:
        """End the server."""

    def hold(self, model: str) -> None:
        """Stop a model."""

    def confirm(self, result: str) -> None:
        """Let every destination confirm."""


@cache
def _staged(kind: str, n: int) -> Staged:
    return {
        "brain": lambda: cases.brain_case(n, priority=Priority.STAT),
        "chest": lambda: cases.chest_case(n),
        "radiograph": lambda: cases.radiograph_case(n, patient=HOSTILE),
        "record": lambda: cases.record_case(n),
    }[kind]()


class FakeSite:
    """The fake desk behind a real server."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.desk = FakeDesk()
        port = free_port()
        self.url = f"http://{host}:{port}"
        self.desk.signing.live_at(self.url)
        self.options = Options(
            public_url=self.url,
            site_name="CHU Démo",
            organisation="Service d’imagerie",
            secure_cookies=False,
            banner="Démonstration — patients fictifs",
            ui_build="test",
        )
        self._app = make_app(self.desk, self.options)
        config = uvicorn.Config(self._app, host="127.0.0.1", port=port, log_level="error", ws="none", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise PeerMissing("the desk's server did not start")
            time.sleep(0.01)

    def reset(self) -> None:
        """Begin again with an empty desk; starting a server for each test would take half the time of all."""
        self.desk = FakeDesk()
        self.desk.signing.live_at(self.url)
        self._app.state.parts = replace(self._app.state.parts, desk=self.desk, throttle=Throttle())

    def stop(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join(10)

    def person(self, role: Role) -> tuple[str, str, str]:
        """Return login, password and code."""
        return LOGINS[role], PASSWORD, code_of(LOGINS[role])

    def brain(self) -> str:
        """Put in a head MR."""
        return self._stage("brain")

    def chest(self) -> str:
        """Put in a chest CT."""
        return self._stage("chest")

    def radiograph(self) -> str:
        """Put in a radiograph."""
        return self._stage("radiograph")

    def record(self) -> str:
        """Put in a score."""
        return self._stage("record")

    def change_draft(self, result: str) -> None:
        """Replace the draft."""
        self.desk.change_draft(result, "Un autre brouillon, plus récent.")

    def answers(self, result: str) -> int:
        """Return how many opinions there are."""
        return len(self.desk.cases[result].opinions)

    def forget_questions(self) -> None:
        """Let every question that was asked grow too old."""
        self.desk.questions.clear()

    def end_sessions(self) -> None:
        """End every session."""
        self.desk.sessions.clear()

    def hold(self, model: str) -> None:
        """Stop a model."""
        session = Session(reader=self.desk.people["dr.durand"], auth="test", since=self.desk.now())
        self.desk.stop(Scope.MODEL, model, session, "contours aberrants")

    def confirm(self, result: str) -> None:
        """Let every destination confirm."""
        self.desk.confirm(result)

    def state(self, result: str) -> ResultState:
        """Return where a result stands."""
        return self.desk.cases[result].result.state

    def _stage(self, kind: str) -> str:
        n = sum(1 for case in self.desk.cases.values() if case.staged.draft.report == _staged(kind, 1).draft.report)
        return self.desk.stage(_staged(kind, {"brain": 10, "chest": 20, "radiograph": 30, "record": 40}[kind] + n))
