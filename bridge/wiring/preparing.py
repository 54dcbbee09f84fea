"""Who prepares and who could co-sign: what the desk says of a learner's part in a result."""

from collections.abc import Iterator
from datetime import datetime

from bridge.db.store import SqlUnit
from bridge.flows.preparing import right_to_answer
from guarantee.case import Case
from guarantee.errors import NotEntitled, NotHabilitated
from guarantee.habilitation import Act, entitled
from guarantee.ids import ResultId
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.result import Mode, Result
from guarantee.states import ResultState

READERS = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
"""Who may see what a model found."""


def part_of(reader: Reader, result: Result, case: Case, unit: SqlUnit, now: datetime) -> Act | None:
    """Return what ``reader`` may do with a draft: endorse it, prepare it, or nothing."""
    try:
        return right_to_answer(reader, result, case, unit.gate.policy(result.policy), unit, now).act
    except NotEntitled:
        return None


def prepares(result: str, reader: Reader, unit: SqlUnit, now: datetime) -> bool:
    """Return whether ``reader`` prepared a result, or may prepare it now."""
    row = unit.views.result(result)
    if row is None or row.result.mode is not Mode.CARE:
        return False
    made = unit.preparations.of(ResultId(result))
    if made is not None:
        return made.learner == reader.login
    waits = row.result.state is ResultState.AWAITING_REVIEW
    return waits and part_of(reader, row.result, row.case, unit, now) is Act.PREPARE


def seniors(result: Result, case: Case, learner: str, unit: SqlUnit, now: datetime) -> tuple[Reader, ...]:
    """Return who could answer for what ``learner`` prepared: people with a right in force, but themselves."""
    return tuple(_seniors(result, case, learner, unit, now))


def _seniors(result: Result, case: Case, learner: str, unit: SqlUnit, now: datetime) -> Iterator[Reader]:
    rights, roles = unit.habilitations.all(), unit.gate.policy(result.policy).roles
    for account in unit.accounts.all():
        person = account.reader
        if not account.active or person.role not in roles or person.login == learner:
            continue
        try:
            entitled(rights, person=person.login, model=result.model, site=case.site, at=now)
        except NotHabilitated:
            continue
        yield person
