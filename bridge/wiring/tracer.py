"""Reads the journal and tells a collector what ended, as spans made of the times that are stored anyway.

Nothing of the work knows of it: when the collector is down, nothing waits, and nothing is lost but spans.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import httpx2

from bridge.db.measures import Step
from bridge.db.store import SqlStore, SqlUnit
from bridge.tracing import Span, of_case, of_delivery, of_result, to_otlp

LOOK_EVERY_S: Final = 5.0
"""How often the journal is read."""

STEPS_MAX: Final = 1_000
"""Most links of the journal that are read in one look; the next one goes on there."""

WAITING_MAX: Final = 10_000
"""Most spans that wait for a collector, 10 MB of memory; beyond it the oldest are given up."""

BATCH: Final = 500
"""Spans of one request, about 250 kB."""

PATIENCE_S: Final = 5.0
"""How long a collector may take to answer."""

_ENDS: Final = frozenset({"result.awaiting_review", "result.excluded", "result.failed"})
_SENT: Final = frozenset({"delivery.confirmed", "delivery.declined", "delivery.withheld"})

_log = logging.getLogger("aval.tracing")


class Tracer:
    """Holds what was not told yet."""

    def __init__(self, store: SqlStore, post: Callable[[bytes], None], version: str) -> None:
        """Begin at the end of the journal at the first look: what ended before is not told.

        Args:
            post: hands one request over; raises httpx2.HTTPError when nobody took it.
        """
        self._store = store
        self._post = post
        self._version = version
        self._seq: int | None = None
        self._waiting: deque[Span] = deque(maxlen=WAITING_MAX)

    def look(self) -> None:
        """Read what the journal has more, and hand over what waits.

        Raises:
            Unavailable: the database does not answer; the next look reads the same again.
        """
        with self._store.reading() as unit:
            if self._seq is None:
                head = unit.journal.head()
                self._seq = head[0] if head else 0
            steps = unit.measures.steps(self._seq, STEPS_MAX)
            spans = [span for step in steps for span in _spans(step, unit)]
        if steps:
            self._seq = steps[-1].seq
        lost = len(self._waiting) + len(spans) - WAITING_MAX
        if lost > 0:
            _log.warning("tracing.lost spans=%d", lost)
        self._waiting.extend(spans)
        self._tell()

    def _tell(self) -> None:
        while self._waiting:
            batch: Sequence[Span] = [self._waiting[number] for number in range(min(BATCH, len(self._waiting)))]
            try:
                self._post(to_otlp(batch, self._version))
            except httpx2.HTTPError as error:
                _log.warning("tracing.waiting kind=%s spans=%d", type(error).__name__, len(self._waiting))
                return
            for _ in batch:
                self._waiting.popleft()


def _spans(step: Step, unit: SqlUnit) -> Iterator[Span]:
    if step.action == "case.complete":
        case = unit.traces.case(step.subject)
        yield from of_case(case) if case else ()
    elif step.action in _ENDS:
        result = unit.traces.result(step.subject)
        yield from of_result(result) if result else ()
    elif step.action.startswith("decision."):
        review = unit.traces.review(step.subject)
        yield from (review,) if review else ()
    elif step.action in _SENT:
        delivery = unit.traces.delivery(step.subject)
        yield from (of_delivery(delivery),) if delivery else ()


def poster(endpoint: str, token: str) -> Callable[[bytes], None]:
    """Return what hands a request to the collector at ``endpoint``, e.g. http://127.0.0.1:4318."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    client = httpx2.Client(headers=headers, timeout=PATIENCE_S, trust_env=False)
    url = f"{endpoint.rstrip('/')}/v1/traces"

    def post(body: bytes) -> None:
        client.post(url, content=body).raise_for_status()

    return post
