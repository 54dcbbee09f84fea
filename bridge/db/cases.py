"""Cases and their inputs in SQL."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Select, bindparam, func, insert, select, text, update

from bridge.db import tables
from bridge.db.rows import case_from_row, case_to_row
from guarantee.case import Case, CaseKind, Source
from guarantee.codec import parse_time, time_text
from guarantee.errors import Unavailable
from guarantee.ids import CaseId, Digest, ResultId
from guarantee.states import CaseState
from guarantee.unit import Arrival, Input

FACTS_KEPT: Final = 512
"""Parsed facts that are remembered: the images of one series mostly say the same."""

_CASES = tables.cases
_INPUTS = tables.inputs
_TALKS = tables.conversations
_REJECTED = tables.rejections

# What one more image of a study costs is these statements. They are built once: building one takes five times as long
# as executing it.
_LATEST = (
    select(_CASES)
    .where(_CASES.c.kind == bindparam("kind"), _CASES.c.uid == bindparam("uid"))
    .order_by(_CASES.c.revision.desc())
    .limit(1)
)
_IN_ORDER = (_INPUTS.c.uid, _INPUTS.c.conflict, _INPUTS.c.received_at)
_REJECTION = select(func.min(_REJECTED.c.title)).where(
    _REJECTED.c.kind == _INPUTS.c.kind, _REJECTED.c.case_uid == _INPUTS.c.case_uid, _REJECTED.c.uid == _INPUTS.c.uid
)
_OF_CASE = select(_INPUTS, _REJECTION.scalar_subquery().label("rejected")).where(
    _INPUTS.c.kind == bindparam("kind"), _INPUTS.c.case_uid == bindparam("case_uid")
)
_INPUTS_OF_CASE = _OF_CASE.order_by(*_IN_ORDER)
_INPUTS_CALLED = _OF_CASE.where(_INPUTS.c.uid == bindparam("uid")).order_by(*_IN_ORDER)
_ADD_CASE = insert(_CASES)
_ADD_INPUT = insert(_INPUTS)
_STILL_MOVING = update(_CASES).where(_CASES.c.id == bindparam("case")).values(last_input_at=bindparam("now"))
_STILL_TALKING = (
    update(_TALKS)
    .where(
        _TALKS.c.id == bindparam("talk"),
        _TALKS.c.kind == bindparam("of_kind"),
        _TALKS.c.case_uid == bindparam("of_case"),
    )
    .values(heard_at=bindparam("now"))
)


class CaseLock:
    """One lock per case (all its revisions), held until the transaction ends.

    Every change of a case, of its results and of their deliveries is made under it, so two changes of one case never
    meet and nothing can wait in a circle. An advisory lock needs no right to update the row, which most roles lack.
    SQLite has one writer at a time anyway.
    """

    def __init__(self, connection: Connection, *, enabled: bool) -> None:
        self._connection = connection
        self._enabled = enabled and connection.dialect.name == "postgresql"

    def take(self, kind: CaseKind | str, uid: str) -> None:
        """Lock the case called ``uid``."""
        if self._enabled:
            self._connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 4712))"), {"key": f"{kind}:{uid}"}
            )

    def take_for(self, case: CaseId) -> None:
        """Lock the case that ``case`` is a revision of."""
        if self._enabled:
            row = self._connection.execute(select(_CASES.c.kind, _CASES.c.uid).where(_CASES.c.id == case)).one()
            self.take(row.kind, row.uid)

    def take_for_result(self, result: ResultId) -> None:
        """Lock the case that ``result`` is about; a result that does not exist is about none."""
        if self._enabled:
            query = select(tables.results.c.case_id).where(tables.results.c.id == result)
            case = self._connection.scalar(query)
            if case is not None:
                self.take_for(CaseId(case))


class SqlCases:
    """Cases and their inputs, inside one transaction."""

    def __init__(self, connection: Connection, lock: CaseLock) -> None:
        self._connection = connection
        self._lock = lock

    def latest(self, kind: CaseKind, uid: str) -> Case | None:
        """Return the newest revision; the lock also keeps two senders from opening the same case at once."""
        self._lock.take(kind, uid)
        row = self._connection.execute(_LATEST, {"kind": str(kind), "uid": uid}).mappings().first()
        return case_from_row(row) if row else None

    def get(self, case: CaseId) -> Case:
        """Return one revision, the case locked."""
        self._lock.take_for(case)
        query = select(_CASES).where(_CASES.c.id == case)
        return case_from_row(self._connection.execute(query).mappings().one())

    def add(self, case: Case, at: datetime) -> None:
        """Insert a new revision."""
        now = time_text(at)
        times = {"opened_at": now, "last_input_at": now, "moved_at": now}
        self._connection.execute(_ADD_CASE, {**case_to_row(case), **times})

    def move(self, case: Case, at: datetime) -> None:
        """Write ``case`` over its previous version; the database checks the step."""
        values = {
            "state": str(case.state),
            "version": case.version,
            "cause": case.cause,
            "moved_at": time_text(at),
        }
        if case.state is CaseState.COMPLETE:
            values["manifest"] = case.manifest  # only the role that judges cases complete may write this column
        done = self._connection.execute(
            update(_CASES).where(_CASES.c.id == case.id, _CASES.c.version == case.version - 1).values(**values)
        )
        if done.rowcount != 1:
            raise Unavailable("moved-meanwhile", f"case {case.id} was moved by somebody else")

    def known(self, kind: CaseKind, uid: str, source_uid: str) -> tuple[Input, ...]:
        """Return what was already received under this identifier."""
        return self._inputs(_INPUTS_CALLED, {"kind": str(kind), "case_uid": uid, "uid": source_uid})

    def inputs(self, kind: CaseKind, uid: str) -> tuple[Input, ...]:
        """Return every input of the case, all revisions, sorted by uid."""
        return self._inputs(_INPUTS_OF_CASE, {"kind": str(kind), "case_uid": uid})

    def newest_input(self) -> datetime | None:
        """Return when the newest input of all was received. It reads every row: once for each start of the machine."""
        newest = self._connection.scalar(select(func.max(_INPUTS.c.received_at)))
        return parse_time(newest) if newest else None

    def _inputs(self, query: Select[Any], of: dict[str, str]) -> tuple[Input, ...]:
        return tuple(_input(row) for row in self._connection.execute(query, of).mappings())

    def add_input(self, case: Case, arrival: Arrival, *, conflict: bool, at: datetime) -> None:
        """Insert one input, and note that the case and the conversation are still moving."""
        now = time_text(at)
        facts = {name: sorted(values) for name, values in sorted(arrival.facts.items())}
        self._connection.execute(
            _ADD_INPUT,
            {
                "kind": str(case.kind),
                "case_uid": case.uid,
                "uid": arrival.source.uid,
                "digest": arrival.source.digest,
                "group_uid": arrival.source.group,
                "class": arrival.source.kind,
                "revision": case.revision,
                "conflict": int(conflict),
                "modality": arrival.modality,
                "facts": orjson.dumps(facts).decode(),
                "sender": arrival.sender,
                "received_at": now,
            },
        )
        if case.state is CaseState.RECEIVING:
            self._connection.execute(_STILL_MOVING, {"case": case.id, "now": now})
        if arrival.conversation:
            self._hear(arrival.conversation, case, now)

    def _hear(self, conversation: str, case: Case, now: str) -> None:
        this = {"talk": conversation, "of_kind": str(case.kind), "of_case": case.uid, "now": now}
        heard = self._connection.execute(_STILL_TALKING, this)
        if heard.rowcount == 0:
            self._connection.execute(
                insert(_TALKS).values(id=conversation, kind=str(case.kind), case_uid=case.uid, heard_at=now)
            )


def _input(row: Any) -> Input:
    return Input(
        source=Source(uid=row["uid"], group=row["group_uid"], kind=row["class"], digest=Digest(row["digest"])),
        facts=_facts(row["facts"]),
        conflict=bool(row["conflict"]),
        modality=row["modality"],
        sender=row["sender"],
        at=datetime.fromisoformat(row["received_at"]),
        rejected=row["rejected"] or "",
    )


@lru_cache(maxsize=FACTS_KEPT)
def _facts(text: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({name: frozenset(values) for name, values in orjson.loads(text).items()})
