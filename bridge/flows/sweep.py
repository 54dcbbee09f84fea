"""The safety net: ring again for whatever waits too long, and let time expire what nobody reviewed.

Losing the broker, a worker or a message costs time, never a case: the rows say what is due, and this rings for it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bridge.flows.objections import settle
from guarantee.errors import Unavailable
from guarantee.events import DeliveryDue, EventReceived, Fact, ResultQueued, topic
from guarantee.ids import ResultId
from guarantee.ports import Bell, Clock, Store
from guarantee.result import Cause
from guarantee.states import ResultState, ResultVerb

RING_AGAIN: Final = timedelta(seconds=30)
"""How long a ring is given before it is repeated. Repeating is harmless, and a long queue must not be flooded."""

RINGS_MAX: Final = 500
"""Most rings of one round: after an outage the backlog is rung in order, not all at once."""

CONVERSATIONS_KEPT: Final = timedelta(days=1)
"""How long ended associations are remembered."""


@dataclass(slots=True)
class Sweeper:
    """Rings again; remembers what it rang for, and when."""

    store: Store
    bell: Bell
    clock: Clock
    _rung: dict[str, datetime] = field(default_factory=dict)

    def ring_due(self) -> int:
        """Ring for everything that is due and was not rung lately; return how many rings."""
        now = self.clock.now()
        due = [(key, fact) for key, fact in self._due(now) if self._may_ring(key, now)][:RINGS_MAX]
        deaf: set[str] = set()
        for key, fact in due:
            if topic(fact) in deaf:
                continue
            try:
                self.bell.ring(f"sweep:{key}:{now.timestamp():.0f}", fact)
            except Unavailable:
                # The next round tries again; a destination that is gone must not silence the rest.
                deaf.add(topic(fact))
            else:
                self._rung[key] = now
        self._rung = {key: at for key, at in self._rung.items() if now - at < 2 * RING_AGAIN}
        return len(due)

    def _may_ring(self, key: str, now: datetime) -> bool:
        last = self._rung.get(key)
        return last is None or now - last >= RING_AGAIN

    def _due(self, now: datetime) -> list[tuple[str, Fact]]:
        with self.store.reading() as unit:
            facts: list[tuple[str, Fact]] = [
                (result, ResultQueued(result=result)) for result in unit.results.waiting(now=now)
            ]
            facts.extend(
                (delivery.id, DeliveryDue(delivery=delivery.id, destination=delivery.destination))
                for delivery in unit.deliveries.due(now=now)
            )
            facts.extend((event, EventReceived(event=event)) for event in unit.messages.fetches_due(now))
        return facts

    def expire(self) -> tuple[ResultId, ...]:
        """Expire drafts that waited too long under their policy. Time never approves; it only says that it passed."""
        now = self.clock.now()
        with self.store.reading() as unit:
            overdue = [
                result
                for policy in unit.gate.policies()
                for result in unit.results.awaiting_since(now - timedelta(seconds=policy.expires_after_s), policy.ref)
            ]
        return tuple(result for result in overdue if self._expire(result, now))

    def _expire(self, result_id: ResultId, now: datetime) -> bool:
        cause = Cause(code="not-reviewed-in-time", detail="the draft waited longer than its policy allows")
        with self.store.transaction("sweep:expire") as unit:
            result = unit.results.get(result_id)
            if result.state is not ResultState.AWAITING_REVIEW:
                return False
            unit.results.move(result.after(ResultVerb.EXPIRE, cause=cause), now)
        return True

    def settle_objections(self) -> None:
        """Bring results into line with what patients object to: what a crash left half done, and what came since."""
        settle(store=self.store, clock=self.clock, actor="sweep:objections")

    def forget(self) -> None:
        """Delete associations that ended long ago."""
        with self.store.transaction("sweep:forget") as unit:
            unit.judging.forget_conversations(self.clock.now() - CONVERSATIONS_KEPT)
