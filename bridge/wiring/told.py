"""Rows of the database as the desk tells of them."""

from bridge.db.views import JudgedRow, SentRow
from bridge.web.services import Judged, Sent


def judgement_told(row: JudgedRow, focus: str) -> Judged:
    """Return how complete an exam was, as far as it concerns the series ``focus``."""
    return Judged(
        missing=tuple(short.said for short in row.judgement.concerning(focus)),
        instances=row.judgement.instances,
        waited_s=row.waited_s,
    )


def sending_told(line: SentRow) -> Sent:
    """Return where a result went, and how that stands."""
    return Sent(
        kind=line.delivery.kind,
        destination=line.delivery.destination,
        state=line.delivery.state,
        attempts=line.delivery.attempts,
        cause=line.cause,
        method=line.method,
        at=line.moved_at,
    )
