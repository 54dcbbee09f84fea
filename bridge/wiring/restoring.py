"""After a power cut: rows that it took are written again from the notes beside their bytes (bridge/vault/notes.py).

Only a machine that stopped can lose a commit that left its flush to a later one; a process that is killed loses none.
So the notes are read once for each start of the machine. What the database still holds is the same again, and changes
nothing.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from bridge.flows import intake
from bridge.flows.intake import Outcome
from bridge.vault.disk import flush_folder
from bridge.vault.notes import notes_since
from dicom_adapters.read.notes import from_note
from guarantee.errors import GuaranteeError, Malformed, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Clock, Store
from guarantee.unit import Arrival

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""Another text after each start of the machine (proc(5)); containers see that of their host."""

EARLIER: Final = timedelta(hours=1)
"""How long before the newest row that is left notes are read. Bytes are flushed some milliseconds before their row is
committed, some seconds when the database is slow; the rest is for a clock that was set meanwhile."""

TOGETHER: Final = 64
"""Rows that are committed together."""

_log = logging.getLogger(__name__)


def restore(vault: Path, store: Store, clock: Clock, *, boot: Path = BOOT) -> int:
    """Write again the rows that a power cut took; return how many there were.

    Args:
        vault: root of a vault on a disk, recovered.
        boot: what says that the machine started again; where there is no such file, notes are read at every start.

    Raises:
        Unavailable: the database or the disk does not answer.
    """
    seen, now = vault / "boot", boot.read_text() if boot.exists() else ""
    if now and seen.exists() and seen.read_text() == now:
        return 0
    restored = _restore(notes_since(vault, _since(store)), store, clock)
    seen.write_text(now)
    flush_folder(vault)
    if restored:
        _log.warning("intake.restored", extra={"rows": restored})
    return restored


def _since(store: Store) -> float:
    with store.reading() as unit:
        newest = unit.cases.newest_input()
    return (newest - EARLIER).timestamp() if newest else 0.0


def _restore(notes: Iterable[tuple[Digest, bytes]], store: Store, clock: Clock) -> int:
    arrivals, restored = _arrivals(notes), 0
    while batch := list(islice(arrivals, TOGETHER)):
        restored += _receive(batch, store, clock)
    return restored


def _arrivals(notes: Iterable[tuple[Digest, bytes]]) -> Iterator[Arrival]:
    for digest, note in notes:
        try:
            yield from_note(note, digest)
        except Malformed:
            _log.error("intake.note-unreadable", extra={"digest": digest})


def _receive(batch: Sequence[Arrival], store: Store, clock: Clock) -> int:
    """Receive a batch; when that fails, each alone, so that one of them harms no other."""
    try:
        outcomes = intake.receive(batch, store=store, clock=clock, actor="restore")
    except Unavailable:
        raise
    except GuaranteeError as error:
        if len(batch) == 1:
            _log.error("intake.not-restored", extra={"digest": batch[0].source.digest, "error": type(error).__name__})
            return 0
        return sum(_receive([each], store, clock) for each in batch)
    return sum(outcome is not Outcome.DUPLICATE for outcome in outcomes)
