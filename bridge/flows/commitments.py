"""Storage commitment, asked of us: what must be answered is a row until the sender has heard, or never will.

A process that asks for work takes it for a while (``CLAIM``): one that is killed meanwhile leaves it to the next. An
answer may so go out twice, which a sender knows by its Transaction UID; none is lost.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from guarantee.errors import PortError, Unavailable
from guarantee.ids import Digest
from guarantee.judging import Commitment
from guarantee.ports import Clock, Store

WAITING_MAX: Final = 1_000
"""Most answers that wait to go out. More questions than that at once are refused; their senders ask again."""

CLAIM: Final = timedelta(seconds=20)
"""How long one attempt has before another process may try: a connection, and an answer to ours."""

WAITS_S: Final = (10.0, 60.0, 300.0, 900.0, 3600.0, 3600.0, 3600.0)
"""Seconds between one attempt and the next; a sender may be restarting, or be repaired. After the last nobody tries."""

KEPT: Final = timedelta(days=1)
"""Age at which an answer is given up: whoever asked has asked again since, or no longer waits."""

DUE_AT_ONCE: Final = 64
"""Most questions that one process takes at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitments:
    """The questions that wait.

    Args:
        turn_away: (sender, code, detail) of an answer that reached nobody.
    """

    store: Store
    clock: Clock
    actor: str
    turn_away: Callable[[str, str, str], object]

    def ask(self, sender: str, aet: str, transaction: str, listed: Digest) -> Commitment:
        """Note a question, taken by this process; return it.

        Raises:
            Unavailable: too many wait, or the database does not answer; the sender must ask again.
        """
        now = self.clock.now()
        asked = Commitment(
            id=str(uuid.uuid4()), sender=sender, aet=aet, transaction=transaction, listed=listed, asked_at=now
        )
        with self.store.transaction(self.actor) as unit:
            if unit.judging.commitments_waiting() >= WAITING_MAX:
                raise Unavailable("too-many-questions", "too many answers wait to go out; ask later")
            unit.judging.add_commitment(asked, now + CLAIM)
        return asked

    def due(self) -> Sequence[Commitment]:
        """Take what must be answered now, for this process.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self.clock.now()
        with self.store.transaction(self.actor) as unit:
            due = unit.judging.commitments_due(now, DUE_AT_ONCE)
            for asked in due:
                unit.judging.postpone_commitment(asked, now + CLAIM)
        return due

    def is_heard(self, asked: Commitment) -> None:
        """Note that the sender has the answer. Where that cannot be noted it hears it once more."""
        self._end(asked, "heard")

    def is_unheard(self, asked: Commitment, *, may_try_again: bool) -> None:
        """Note that an attempt failed: it is tried again later, or given up and recorded.

        Args:
            may_try_again: whether anybody knows where the sender listens.
        """
        now, left = self.clock.now(), WAITS_S[asked.attempts :]
        if not may_try_again or not left or now - asked.asked_at > KEPT:
            self._end(asked, "unheard")
            return
        try:
            with self.store.transaction(self.actor) as unit:
                later = now + timedelta(seconds=left[0])
                unit.judging.postpone_commitment(replace(asked, attempts=asked.attempts + 1), later)
        except PortError as error:  # it is due again when this process has had it for CLAIM
            _log.warning("commitment.not-postponed", extra={"sender": asked.sender, "code": error.code})

    def _end(self, asked: Commitment, state: str) -> None:
        try:
            with self.store.transaction(self.actor) as unit:
                unit.judging.end_commitment(asked.id, state)
            if state == "unheard":
                _log.warning("commitment.unheard", extra={"sender": asked.sender})
                self.turn_away(
                    asked.sender, "commitment-unheard", "the answer to a storage commitment reached nobody; ask again"
                )
        except PortError as error:
            _log.warning("commitment.not-ended", extra={"sender": asked.sender, "code": error.code})
