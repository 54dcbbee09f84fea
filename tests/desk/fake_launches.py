"""The launches of a desk in memory: links are judged by the real code, and kept in dictionaries."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bridge.links.errors import UntrustedLink
from bridge.links.reading import Link
from bridge.links.signing import Launcher, make_launch, sender_of
from bridge.web.services import Found, Line
from guarantee.case import Case
from guarantee.opinion import Reader

KEY = "0123456789abcdef0123456789abcdef"
OLD_KEY = "fedcba9876543210fedcba9876543210"


class FakeLaunches:
    """What FakeDesk adds its cases and its people to."""

    cases: dict[str, Any]
    sessions: dict[str, Any]

    def __init__(self) -> None:
        self.launchers = [Launcher(name="pacs", keys=(KEY, OLD_KEY))]
        self.tickets: dict[str, tuple[Link, str, datetime]] = {}
        self.claimed: dict[str, str] = {}
        self.used: set[tuple[str, str]] = set()
        self.openings: list[tuple[str, str, str | None]] = []
        self.handovers: dict[str, tuple[str, datetime]] = {}
        self.unplanned: list[Case] = []
        """Cases without a result."""

    def now(self) -> datetime:
        """Return the time."""
        raise NotImplementedError

    def _line(self, case: Any) -> Line:
        raise NotImplementedError

    def link(self, parameters: Mapping[str, str], *, key: str = KEY, ago_s: int = 0) -> str:
        """Return the address that a launcher makes, without the host."""
        nonce = secrets.token_urlsafe(12)
        return "/launch?" + make_launch(parameters, key, at=self.now() - timedelta(seconds=ago_s), nonce=nonce)

    def launch(self, link: Link) -> str:
        launcher = sender_of(link, self.launchers, self.now())
        ticket = secrets.token_urlsafe(32)
        once = (launcher.name, link.nonce or ticket)
        if once in self.used:
            raise UntrustedLink("used")
        self.used.add(once)
        self.tickets[ticket] = (link, launcher.name, self.now())
        return ticket

    def expected(self, ticket: str) -> str:
        return self.tickets[ticket][0].user if ticket in self.tickets else ""

    def launched(self, ticket: str, reader: Reader) -> Found:
        if ticket not in self.tickets or self.now() - self.tickets[ticket][2] > timedelta(minutes=15):
            raise UntrustedLink("late")
        link, launcher, _ = self.tickets[ticket]
        if self.claimed.setdefault(ticket, reader.login) != reader.login:
            raise UntrustedLink("used")
        lines = [self._line(case) for case in self.cases.values() if _fits(case.staged.case, link)]
        bare = [case for case in self.unplanned if _fits(case, link)]
        for case in [*(line.case.id for line in lines), *(case.id for case in bare)] or [None]:
            self.openings.append((reader.login, launcher, case))
        numbers = {line.case.patient.identifier for line in lines}
        return Found(launcher=launcher, lines=lines, bare=bare, mixed=len(numbers) > 1)

    def hand_over(self, token: str) -> str:
        handover = secrets.token_urlsafe(32)
        self.handovers[handover] = (token, self.now())
        return handover

    def take_over(self, handover: str) -> str | None:
        token, at = self.handovers.pop(handover, ("", self.now()))
        if token not in self.sessions or self.now() - at > timedelta(seconds=60):
            return None
        fresh = secrets.token_urlsafe(32)
        self.sessions[fresh] = self.sessions[token]
        return fresh


def _fits(case: Case, link: Link) -> bool:
    wanted = link.wanted
    return (
        (not wanted.studies or case.uid in wanted.studies)
        and (not wanted.accession or case.order == wanted.accession)
        and wanted.names_patient_of(case)
        and wanted.covers(case, ZoneInfo("Europe/Paris"))
    )
