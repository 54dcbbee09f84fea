"""Messages of feeds, and the cases that their news may concern, in SQL."""

from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Connection, Insert, and_, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridge.db import tables
from bridge.db.results import insert_once
from bridge.db.rows import case_from_row
from guarantee.case import Case, CaseKind
from guarantee.codec import time_text
from guarantee.errors import Unavailable
from guarantee.feed import Message, News, Noted
from guarantee.states import CaseState, ResultState

CONCERNED_MAX: Final = 1_000
"""Most cases that one piece of news may concern. A patient has some hundreds; a number that more share is nobody's. Its
sender is answered AE, and keeps it, until a person has looked: the log says ``hl7.not-now code=too-many-cases``."""

_CASES = tables.cases
_RESULTS = tables.results
_FEED = tables.feed

# What one more message costs is these statements, built once (as in cases.py).
_CALLED = select(_FEED.c.digest).where(_FEED.c.sender == bindparam("sender"), _FEED.c.control == bindparam("control"))

_LIVE: Final = [
    str(state)
    for state in (
        ResultState.QUEUED,
        ResultState.FAILED,
        ResultState.AWAITING_REVIEW,
        ResultState.VALIDATED,
        ResultState.AMENDED,
        ResultState.DELIVERED,
    )
]
"""What may still go out, or has."""


@cache
def _insert_once(dialect: str) -> Insert:
    build = sqlite.insert if dialect == "sqlite" else postgresql.insert
    # Without preserve_rowcount SQLAlchemy says -1 (see results.insert_once).
    return build(_FEED).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _once(connection: Connection) -> Insert:
    return _insert_once(connection.dialect.name)


class SqlFeed:
    """Feeds, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, message: Message, at: datetime) -> Noted:
        """Note ``message`` and return what it turned out to be."""
        named = {"sender": message.sender, "control": message.control}
        before = self._connection.scalars(_CALLED, named).all()
        if message.digest in before:
            return Noted.AGAIN
        row = {"digest": message.digest, "kind": message.kind, "outcome": "used" if message.is_used else "unused"}
        added = self._connection.execute(_once(self._connection), {**named, **row, "at": time_text(at)})
        if not added.rowcount:
            return Noted.AGAIN  # another connection of the same sender, at this moment
        return Noted.REUSED if before else Noted.NEW

    def concerned(self, news: News) -> tuple[Case, ...]:
        """Return the newest revisions that ``news`` may concern, not locked."""
        values = {number.value for number in news.numbers} - {""}
        named = or_(
            and_(_CASES.c.patient_identifier != "", _CASES.c.patient_identifier.in_(values)),
            and_(_CASES.c.kind == str(CaseKind.RECORD), _CASES.c.uid.in_(news.stays)),
        )
        return live_cases(self._connection, named)

    def mention(self, news: News, message: Message, at: datetime) -> None:
        """Note whom ``news`` names; the same again changes nothing."""
        rows = {
            (who, number.issuer, number.value): {
                "message": message.digest,
                "who": who,
                "issuer": number.issuer,
                "value": number.value,
                "joined": int(news.merges),
                "sender": message.sender,
                "at": time_text(at),
            }
            for who, numbers in enumerate(news.people)
            for number in numbers
        }
        if rows:
            self._connection.execute(insert_once(self._connection, tables.mentions), [*rows.values()])

    def reidentify(self, case: Case, at: datetime) -> None:
        """Write the identity version of ``case`` over the one before it; the database counts it."""
        done = self._connection.execute(
            update(_CASES)
            .where(_CASES.c.id == case.id, _CASES.c.identity_version == case.identity_version - 1)
            .values(identity_version=case.identity_version, moved_at=time_text(at))
        )
        if done.rowcount != 1:
            raise Unavailable("moved-meanwhile", f"case {case.id} was moved by somebody else")


def live_cases(connection: Connection, named: ColumnElement[bool]) -> tuple[Case, ...]:
    """Return the newest live revisions of the cases that ``named`` finds, not locked.

    Live is what is receiving or held, and what is complete with a result that may still go out, or has.

    Raises:
        Unavailable: more than CONCERNED_MAX.
    """
    live = select(_RESULTS.c.id).where(_RESULTS.c.case_id == _CASES.c.id, _RESULTS.c.state.in_(_LIVE)).exists()
    open_states = [str(CaseState.RECEIVING), str(CaseState.QUARANTINED)]
    query = (
        select(_CASES)
        .where(named, or_(_CASES.c.state.in_(open_states), and_(_CASES.c.state == str(CaseState.COMPLETE), live)))
        .order_by(_CASES.c.kind, _CASES.c.uid, _CASES.c.revision.desc())
        .limit(CONCERNED_MAX + 1)
    )
    found = [case_from_row(row) for row in connection.execute(query).mappings()]
    if len(found) > CONCERNED_MAX:
        raise Unavailable("too-many-cases", f"one message concerns more than {CONCERNED_MAX} cases")
    return tuple({(case.kind, case.uid): case for case in reversed(found)}.values())
