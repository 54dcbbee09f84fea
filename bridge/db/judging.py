"""Announcements, rejections, judgements and commitments in SQL."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select, update

from bridge.db import tables
from guarantee.canonical import canonical, parse_canonical
from guarantee.case import Case, CaseKind
from guarantee.codec import from_plain, parse_time, time_text, to_plain
from guarantee.completeness import Basis, Judgement, Shortage, Status, Verdict
from guarantee.errors import Malformed
from guarantee.ids import CaseId, Digest
from guarantee.judging import Commitment, Expectation, Held, Moving, Rejection
from guarantee.states import CaseState

NAMES_PER_QUERY: Final = 500
"""Identifiers asked for at a time: SQLite takes 32,766 parameters, a person reads shorter statements."""

_CASES = tables.cases
_TALKS = tables.conversations
_TOLD = tables.expectations
_REJECTED = tables.rejections
_JUDGED = tables.judgements
_INPUTS = tables.inputs
_ASKED = tables.commitments


class SqlJudging:
    """What judging reads and writes, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receiving(self, *, silent_before: datetime, case: CaseId | None = None) -> tuple[Moving, ...]:
        """Return how every receiving case stands, or this one, the longest quiet first."""
        moving = [_CASES.c.state == str(CaseState.RECEIVING), *([_CASES.c.id == case] if case else [])]
        this = (_TALKS.c.kind == _CASES.c.kind, _TALKS.c.case_uid == _CASES.c.uid)
        told = (
            select(func.max(_TOLD.c.at))
            .where(_TOLD.c.kind == _CASES.c.kind, _TOLD.c.case_uid == _CASES.c.uid)
            .scalar_subquery()
        )
        query = select(_CASES.c.id, _CASES.c.last_input_at, told.label("told_at")).where(*moving)
        rows = self._connection.execute(query.order_by(_CASES.c.last_input_at, _CASES.c.id)).all()
        talks = select(_CASES.c.id.label("case_id"), _TALKS).join(_TALKS, and_(*this)).where(*moving)
        heard: dict[str, list[Any]] = {}
        for talk in self._connection.execute(talks.order_by(_TALKS.c.heard_at)):
            heard.setdefault(talk.case_id, []).append(talk)
        silent = time_text(silent_before)
        return tuple(_moving(row, heard.get(row.id, []), silent) for row in rows)

    def hang_up(self, conversation: str, at: datetime, *, broken_off: bool) -> None:
        """Note that a conversation has ended. The quiet time goes on: the next association may be on its way."""
        self._connection.execute(
            update(_TALKS)
            .where(_TALKS.c.id == conversation, _TALKS.c.ended_at.is_(None))
            .values(ended_at=time_text(at), broken_off=int(broken_off))
        )

    def forget_conversations(self, before: datetime) -> int:
        """Delete conversations that ended, or fell silent, before ``before``; not those of a frozen case."""
        frozen = tables.frozen_cases
        kept = select(frozen.c.kind).where(frozen.c.kind == _TALKS.c.kind, frozen.c.case_uid == _TALKS.c.case_uid)
        last = func.coalesce(_TALKS.c.ended_at, _TALKS.c.heard_at)
        return self._connection.execute(_TALKS.delete().where(last < time_text(before), ~kept.exists())).rowcount

    def expect(self, kind: CaseKind, uid: str, said: Expectation, at: datetime) -> None:
        """Write ``said`` over what its source said of the same study or series before."""
        key = {"kind": str(kind), "case_uid": uid, "source": said.source, "group_uid": said.group}
        values = {
            "basis": said.basis.name.lower(),
            "status": str(said.status),
            "instances": said.instances,
            "listed": said.listed,
            "at": time_text(at),
        }
        same = [_TOLD.c[column] == value for column, value in key.items()]
        if self._connection.execute(update(_TOLD).where(*same).values(**values)).rowcount == 0:
            self._connection.execute(insert(_TOLD).values(**key, **values))

    def expectations(self, kind: CaseKind, uid: str) -> tuple[Expectation, ...]:
        """Return everything announced of a case."""
        query = select(_TOLD).where(_TOLD.c.kind == str(kind), _TOLD.c.case_uid == uid)
        return tuple(_expectation(row) for row in self._ordered(query))

    def announced_by(self, source: str) -> tuple[tuple[str, Expectation], ...]:
        """Return what one source announced, each with the case it is about."""
        query = select(_TOLD).where(_TOLD.c.source == source)
        return tuple((row["case_uid"], _expectation(row)) for row in self._ordered(query))

    def _ordered(self, query: Any) -> Sequence[Any]:
        return self._connection.execute(query.order_by(_TOLD.c.source, _TOLD.c.group_uid)).mappings().all()

    def reject(self, kind: CaseKind, rejection: Rejection, at: datetime) -> None:
        """Take instances out of use; saying it twice changes nothing."""
        this = (
            _REJECTED.c.kind == str(kind),
            _REJECTED.c.case_uid == rejection.study,
            _REJECTED.c.note == rejection.note,
        )
        known = set(self._connection.scalars(select(_REJECTED.c.uid).where(*this)))
        rows = [
            {
                "kind": str(kind),
                "case_uid": rejection.study,
                "uid": uid,
                "note": rejection.note,
                "title": rejection.title,
                "at": time_text(at),
            }
            for uid in sorted(rejection.uids - known)
        ]
        if rows:
            self._connection.execute(insert(_REJECTED), rows)

    def judge(self, case: Case, judgement: Judgement, at: datetime) -> None:
        """Insert the judgement that a case is complete."""
        self._connection.execute(
            insert(_JUDGED).values(
                case_id=case.id,
                manifest=case.manifest,
                verdict=str(judgement.verdict),
                how=judgement.how,
                shortages=canonical(to_plain(judgement.shortages)).decode(),
                instances=judgement.instances,
                last_input_at=time_text(judgement.last_at),
                at=time_text(at),
            )
        )

    def judgement(self, case: CaseId) -> Judgement | None:
        """Return the judgement of one revision; None before there is one."""
        row = self._connection.execute(select(_JUDGED).where(_JUDGED.c.case_id == case)).mappings().first()
        return judgement_from_row(row) if row else None

    def held(self, uids: Collection[str]) -> tuple[Held, ...]:
        """Return every instance received under one of these identifiers, other bytes under a known one left out."""
        found: list[Held] = []
        for some in _portions(sorted(uids)):
            query = select(_INPUTS.c.uid, _INPUTS.c["class"], _INPUTS.c.digest).where(
                _INPUTS.c.kind == str(CaseKind.STUDY), _INPUTS.c.uid.in_(some), _INPUTS.c.conflict == 0
            )
            found.extend(
                Held(uid=row["uid"], kind=row["class"], digest=Digest(row["digest"]))
                for row in self._connection.execute(query).mappings()
            )
        return tuple(found)

    def add_commitment(self, asked: Commitment, next_attempt_at: datetime) -> None:
        """Note that somebody must hear an answer."""
        self._connection.execute(
            insert(_ASKED).values(
                id=asked.id,
                sender=asked.sender,
                aet=asked.aet,
                transaction_uid=asked.transaction,
                listed=asked.listed,
                state="due",
                attempts=asked.attempts,
                next_attempt_at=time_text(next_attempt_at),
                asked_at=time_text(asked.asked_at),
            )
        )

    def commitments_due(self, now: datetime, limit: int) -> tuple[Commitment, ...]:
        """Return what must be answered now, locked where the database has locks; SQLite has one writer."""
        due = select(_ASKED).where(_ASKED.c.state == "due", _ASKED.c.next_attempt_at <= time_text(now))
        query = due.order_by(_ASKED.c.next_attempt_at, _ASKED.c.id).limit(limit).with_for_update(skip_locked=True)
        return tuple(_commitment(row) for row in self._connection.execute(query).mappings())

    def commitments_waiting(self) -> int:
        """Return how many wait to be answered, due or not."""
        return int(self._connection.scalar(select(func.count()).where(_ASKED.c.state == "due")) or 0)

    def postpone_commitment(self, asked: Commitment, next_attempt_at: datetime) -> None:
        """Note the attempts of ``asked``, and when the next one is due."""
        self._connection.execute(
            update(_ASKED)
            .where(_ASKED.c.id == asked.id)
            .values(attempts=asked.attempts, next_attempt_at=time_text(next_attempt_at))
        )

    def end_commitment(self, commitment_id: str, state: str) -> None:
        """Note how it ended: "heard" or "unheard"."""
        self._connection.execute(update(_ASKED).where(_ASKED.c.id == commitment_id).values(state=state))


def judgement_from_row(row: Any) -> Judgement:
    """Return the judgement of a ``judgements`` row.

    Raises:
        Malformed: the row does not say one.
    """
    listed = parse_canonical(row["shortages"].encode())
    if not isinstance(listed, list):
        raise Malformed("the shortages of a judgement are a list")
    return Judgement(
        verdict=Verdict(row["verdict"]),
        how=row["how"],
        shortages=tuple(from_plain(Shortage, short) for short in listed),
        instances=row["instances"],
        last_at=parse_time(row["last_input_at"]),
    )


def _moving(row: Any, talks: list[Any], silent: str) -> Moving:
    """Return how one case stands; ``talks`` are its conversations, the last heard of at the end."""
    last = talks[-1] if talks else None
    return Moving(
        case=CaseId(row.id),
        last_input_at=parse_time(row.last_input_at),
        told_at=parse_time(row.told_at) if row.told_at else None,
        is_open=any(talk.ended_at is None and talk.heard_at > silent for talk in talks),
        broken_off=last is not None and (bool(last.broken_off) or (last.ended_at is None and last.heard_at <= silent)),
    )


def _expectation(row: Any) -> Expectation:
    return Expectation(
        source=row["source"],
        group=row["group_uid"],
        basis=Basis[row["basis"].upper()],
        status=Status(row["status"]),
        instances=row["instances"],
        listed=Digest(row["listed"]) if row["listed"] else None,
    )


def _commitment(row: Any) -> Commitment:
    return Commitment(
        id=row["id"],
        sender=row["sender"],
        aet=row["aet"],
        transaction=row["transaction_uid"],
        listed=Digest(row["listed"]),
        asked_at=parse_time(row["asked_at"]),
        attempts=row["attempts"],
    )


def _portions(names: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while some := list(islice(rest, NAMES_PER_QUERY)):
        yield some
