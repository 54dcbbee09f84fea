"""Instances that we fetch ourselves, from files or from an archive: through the same intake as those that are sent.

It runs in a process of its own, beside ``aval run`` or without it. Whatever was kept before it ended is kept; running
it again keeps the rest, and takes nothing twice.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from bridge.flows import intake
from bridge.flows.intake import Outcome
from bridge.wiring.dicomweb import custody
from bridge.wiring.parts import Parts
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.listen.custody import Taking
from dicom_adapters.read import directory
from dicom_adapters.read.directory import Given
from guarantee.errors import GuaranteeError, PortError
from guarantee.rules import Facts
from guarantee.unit import Arrival

COMMIT_EVERY: Final = 64
"""Instances whose rows are committed together."""

READ_BYTES: Final = 1024 * 1024
"""How much of a file is read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An instance that was not kept.

    Args:
        name: of the file, or of the instance at the archive.
    """

    name: str
    code: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What became of everything.

    Args:
        outcomes: how many were new, were there already (duplicate), or are other bytes under a known name (conflict).
        studies: how many instances of each were seen.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    studies: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)


class Inflow:
    """Takes instances one after the other.

    Args:
        door: what it is for the record of refusals and for the journal, e.g. "import".
        sender: who they come from, for rules and rows.
        facts: what rules are told of each of them beside what its header says.
    """

    def __init__(self, parts: Parts, *, door: str, sender: str, facts: Facts | None = None) -> None:
        self.custody = custody(parts)
        self.tally = Tally()
        self._sender = sender
        self._facts = facts or {}
        self._conversation = str(uuid.uuid4())
        self._ready: list[tuple[str, Arrival]] = []
        store, clock = parts.store("intake"), parts.clock
        self._receive = partial(intake.receive, store=store, clock=clock, actor=door)
        self._hang_up = partial(intake.hang_up, broken_off=False, store=store, clock=clock, actor=door)
        self._turn_away = partial(intake.turn_away, door, store=store, clock=clock)

    def take(self, name: str, fill: Callable[[], Taking], *, study_uid: str = "") -> None:
        """Take one instance, or record why not.

        Args:
            fill: returns it with all of its bytes.
            study_uid: that it must belong to; "" for any.

        Raises:
            Unavailable: nothing can be kept now; what was committed stays.
        """
        taking: Taking | None = None
        try:
            taking = fill()
            arrival = taking.finish(sender=self._sender, conversation=self._conversation, study_uid=study_uid)
        except MalformedInstance as error:
            self.refuse(name, error.code, error.detail)
            return
        finally:
            if taking is not None:
                taking.discard()
        self._ready.append((name, replace(arrival, facts={**arrival.facts, **self._facts})))
        if len(self._ready) >= COMMIT_EVERY:
            self.commit()

    def refuse(self, name: str, code: str, detail: str) -> None:
        """Record that an instance was not kept; its name stays with the person who gave it."""
        self.tally.refused.append(Refused(name=name, code=code, detail=detail))
        self._turn_away(self._sender, code, detail)

    def commit(self) -> None:
        """Commit what waits.

        Raises:
            Unavailable: the database does not answer; none of it is committed.
        """
        ready, self._ready = self._ready, []
        if ready:
            self._commit(ready)

    def close(self) -> None:
        """Note that nothing more comes; what waits is not committed."""
        with suppress(PortError):  # the sweeper takes a silent conversation for ended
            self._hang_up(self._conversation)

    def _commit(self, ready: list[tuple[str, Arrival]]) -> None:
        try:
            outcomes = self._receive([arrival for _, arrival in ready])
        except GuaranteeError as error:
            if len(ready) == 1:
                self.refuse(ready[0][0], "refused", type(error).__name__)
                return
            for one in ready:  # one that is refused must not take the others with it
                self._commit([one])
        else:
            self.tally.outcomes.update(outcomes)
            self.tally.studies.update(arrival.uid for _, arrival in ready)


def bring(files: Iterable[Given], inflow: Inflow) -> None:
    """Take files.

    Raises:
        Unavailable: nothing can be kept now.
    """
    try:
        for given in files:
            if given.path is None:
                inflow.refuse(given.name, given.code, given.detail)
            else:
                inflow.take(given.name, partial(_read, given.path, inflow))
        inflow.commit()
    finally:
        inflow.close()


def _read(path: Path, inflow: Inflow) -> Taking:
    taking = inflow.custody.file()
    try:
        with directory.opened(path) as file:
            while piece := file.read(READ_BYTES):
                taking.write(piece)
    except OSError as error:
        taking.discard()
        raise MalformedInstance("unreadable", f"the file cannot be read: {error.strerror}") from error
    except MalformedInstance:
        taking.discard()
        raise
    return taking
