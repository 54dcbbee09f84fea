"""From a link to a ticket, and from a ticket, once somebody has signed in, to what is known of the exam."""

import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bridge.accounts import token_digest
from bridge.db.launches import Launch
from bridge.db.store import SqlStore, SqlUnit
from bridge.db.views import Row
from bridge.links.errors import UntrustedLink
from bridge.links.reading import Link
from bridge.links.signing import Launcher, sender_of
from bridge.links.wanted import Wanted
from guarantee.case import Case
from guarantee.opinion import Reader
from guarantee.ports import Clock
from guarantee.states import ResultState

UNOPENED: Final = timedelta(minutes=15)
"""How long a launch waits for somebody to sign in. Afterwards the exam on the screen of the PACS may be another one."""

KEPT: Final = timedelta(hours=1)
"""How long whoever opened it may look again. Then the row is deleted, and a patient number with it."""

LAUNCHES_MAX: Final = 10_000
"""Launches of one launcher that are kept: three a second, all hour long. Without a limit, links that need no signature
would fill the database."""

OPENED_FROM: Final = timedelta(minutes=5)
"""A draft that is shown so soon after a launch to its case was opened from there."""

FOUND_MAX: Final = 50
"""Exams shown of one launch, the newest; whoever needs more looks in the worklist."""

_READ_MAX: Final = 1000
"""Revisions looked at, before modality and time are compared."""

_log = logging.getLogger("aval.desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a launch led to.

    Args:
        rows: results.
        bare: the last revisions of cases that have none.
        mixed: whether they are of more than one patient, as far as anybody can tell.
        elsewhere: whether an exam that was asked for is here under another patient number.
        more: whether more exams fit than are shown.
    """

    launcher: str
    rows: Sequence[Row]
    bare: Sequence[Case]
    mixed: bool
    elsewhere: bool
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """Takes launches in, and opens them.

    Args:
        zone: of times that name none.
        bound: launchers that prove for whom they launch: nobody else may open what they sent.
    """

    store: SqlStore
    clock: Clock
    launchers: Sequence[Launcher]
    zone: ZoneInfo
    bound: frozenset[str] = frozenset()

    def receive(self, link: Link) -> str:
        """Keep what ``link`` asks for and return a ticket for it.

        Raises:
            UntrustedLink: it may not open anything.
        """
        launcher = sender_of(link, self.launchers, self.clock.now())
        ticket = self.keep(launcher.name, link.wanted, link.user, nonce=link.nonce)
        _log.info("launch.received launcher=%s signed=%s", launcher.name, bool(link.signature))
        return ticket

    def keep(self, launcher: str, wanted: Wanted, expected: str, *, nonce: str = "") -> str:
        """Keep what ``launcher`` asks for, for the login ``expected``, and return a ticket for it.

        Raises:
            UntrustedLink: it has asked for too many, or its one-time number is used.
        """
        ticket = secrets.token_urlsafe(32)
        digest = token_digest(ticket)
        kept = Launch(launcher=launcher, wanted=wanted, expected=expected, login=None, at=self.clock.now())
        with self.store.transaction(f"launcher:{launcher}") as unit:
            if unit.launches.holds(launcher, LAUNCHES_MAX):
                raise UntrustedLink("many")
            if not unit.launches.add(digest, nonce or digest, kept):
                raise UntrustedLink("used")
        return ticket

    def expected(self, ticket: str) -> str:
        """Return the login that the launcher believes in; "" for none."""
        with self.store.reading() as unit:
            launch = unit.launches.find(token_digest(ticket))
        return launch.expected if launch else ""

    def open(self, ticket: str, reader: Reader) -> Opening:
        """Return what is known of the exams; the first time, record that ``reader`` came by this launch.

        Raises:
            UntrustedLink: the ticket is unknown, too old, or somebody else's.
        """
        now, digest = self.clock.now(), token_digest(ticket)
        with self.store.transaction(f"desk:{reader.login}") as unit:
            launch = unit.launches.find(digest)
            if launch is None or now - launch.at > (KEPT if launch.login else UNOPENED):
                raise UntrustedLink("late")
            if launch.launcher in self.bound and launch.expected not in {"", reader.login}:
                raise UntrustedLink("used")
            if launch.login is None and unit.launches.claim(digest, reader.login):
                return self._noted(launch, reader, now, unit)
            if launch.login != reader.login:
                raise UntrustedLink("used")
            return self._found(launch, unit)

    def opened_from(self, case: Case, reader: Reader) -> str:
        """Return the launcher that has just brought ``reader`` to ``case``; "" for none."""
        with self.store.reading() as unit:
            return unit.launches.opened_from(reader.login, case.id, self.clock.now() - OPENED_FROM)

    def forget(self) -> None:
        """Delete launches that nobody may open any more."""
        with self.store.transaction("sweep:forget") as unit:
            unit.launches.forget(self.clock.now() - KEPT)

    def _noted(self, launch: Launch, reader: Reader, now: datetime, unit: SqlUnit) -> Opening:
        found = self._found(launch, unit)
        cases = dict.fromkeys([*(row.case.id for row in found.rows), *(case.id for case in found.bare)])
        for case in cases or [None]:
            unit.launches.note_opening(reader.login, launch.launcher, case, now)
        return found

    def _found(self, launch: Launch, unit: SqlUnit) -> Opening:
        wanted = launch.wanted
        here = unit.launches.cases(wanted, _READ_MAX)
        fitting = [case for case in here if wanted.names_patient_of(case) and wanted.covers(case, self.zone)]
        chosen = list(dict.fromkeys((case.kind, case.uid) for case in fitting))
        shown = frozenset(chosen[: min(wanted.newest or FOUND_MAX, FOUND_MAX)])
        cases = [case for case in fitting if (case.kind, case.uid) in shown]
        rows, bare = _results(cases, unit)
        return Opening(
            launcher=launch.launcher,
            rows=rows,
            bare=bare,
            mixed=_are_mixed(cases),
            elsewhere=any(not wanted.names_patient_of(case) for case in here),
            more=wanted.newest is None and len(chosen) > FOUND_MAX,
        )


def _results(cases: Sequence[Case], unit: SqlUnit) -> tuple[list[Row], list[Case]]:
    """Return the results of ``cases`` that still say something, and the last revisions that have none."""
    last: dict[tuple[str, str], Case] = {}
    for case in cases:
        before = last.get((case.kind, case.uid))
        last[case.kind, case.uid] = case if before is None or case.revision > before.revision else before
    present = {case.id for case in last.values()}
    rows = [
        row
        for row in unit.views.of_cases([case.id for case in cases], _READ_MAX)
        if row.case.id in present or row.result.state is not ResultState.STALE
    ]
    having = {row.case.id for row in rows}
    return rows, [case for case in last.values() if case.id not in having]


def _are_mixed(cases: Iterable[Case]) -> bool:
    """Return whether ``cases`` name more than one patient; one whose sender gave no issuer contradicts nobody."""
    patients = [case.patient for case in cases]
    return len({who.identifier for who in patients}) > 1 or len({who.issuer for who in patients if who.issuer}) > 1
