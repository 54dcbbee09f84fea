"""By which right somebody answers, and what a learner's answer becomes: prepared, for a senior to answer for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from guarantee.answer import Answer
from guarantee.case import Case
from guarantee.content import Content
from guarantee.errors import DraftChanged, GestureRefused, Malformed, NotAllowed, NotEntitled, NotHabilitated
from guarantee.habilitation import Act, Grant, entitled
from guarantee.ids import ResultId
from guarantee.opinion import Opinion, Reader, Statement
from guarantee.policy import Policy
from guarantee.ports import Clock, Sealer, Store, Vault
from guarantee.preparation import Preparation, preparation_id, require_prepares
from guarantee.result import Result
from guarantee.unit import Unit
from guarantee.world import require_unchanged


@contextmanager
def counted(result_id: ResultId, reader: Reader, store: Store, clock: Clock) -> Iterator[None]:
    """Record that somebody was refused for what they are or lack: the house must see how often, and who is to be asked.

    In a transaction of its own: that of the decision is undone.
    """
    try:
        yield
    except NotEntitled as refusal:
        cause = refusal.lack if isinstance(refusal, NotHabilitated) else "role"
        with store.transaction(f"desk:{reader.login}") as unit:
            unit.habilitations.refuse(result_id, reader.login, cause, clock.now())
        raise


def right_of(reader: Reader, result: Result, case: Case, unit: Unit, now: datetime) -> Grant:
    """Return the right by which ``reader`` may endorse ``result`` now.

    Raises:
        NotHabilitated: there is none.
    """
    return _rights(reader, result, case, unit, now)(act=Act.ENDORSE)


def right_to_answer(reader: Reader, result: Result, case: Case, policy: Policy, unit: Unit, now: datetime) -> Grant:
    """Return the right by which ``reader`` may endorse ``result`` now, or else the one to prepare it.

    Raises:
        NotEntitled: the policy does not let this role see it.
        NotHabilitated: they have neither.
    """
    if not policy.shows(reader.role):
        raise NotEntitled(f"a {reader.role} does not review results under policy {policy.ref}")
    found = _rights(reader, result, case, unit, now)
    if reader.role in policy.roles:
        try:
            return found(act=Act.ENDORSE)
        except NotHabilitated:
            prepares = any(grant.act is Act.PREPARE for grant in unit.habilitations.of([reader.login]).grants)
            if not (policy.lets_prepare and prepares):
                raise
    return found(act=Act.PREPARE)


def _rights(reader: Reader, result: Result, case: Case, unit: Unit, now: datetime) -> Callable[..., Grant]:
    rights = unit.habilitations.of([reader.login])
    return partial(entitled, rights, person=reader.login, model=result.model, site=case.site, at=now)


def require_turn(reader: Reader, right: Grant, prepared: Preparation | None, opinions: tuple[Opinion, ...]) -> None:
    """Return when it is for ``reader`` to answer: to prepare what nobody touched, or to answer for somebody else.

    Raises:
        NotAllowed: somebody prepared or signed it before, or they prepared it themselves.
    """
    if right.act is Act.PREPARE and (prepared or opinions):
        raise NotAllowed("somebody has prepared or signed this result already; nothing was recorded")
    if prepared and prepared.learner == reader.login:
        raise NotAllowed("you prepared this result; another person answers for it")


def require_on_screen(given: Answer, prepared: Preparation | None) -> None:
    """Return when ``given`` was made with what a learner prepared on the screen, and says so.

    Raises:
        DraftChanged: it was prepared since, or is not what was shown.
        Malformed: there is nothing to co-sign, or it is co-signed with another verdict.
    """
    if given.prepared != (prepared.id if prepared else None):
        raise DraftChanged("a learner prepared this result meanwhile; open it again and look at what they say")
    if given.cosigns and (prepared is None or prepared.statement.verdict is not given.verdict):
        raise Malformed("what is co-signed is what was prepared, with its verdict")


def cosigned_content(prepared: Preparation | None, vault: Vault) -> Content | None:
    """Return what a learner proposes to release; None when they reject the draft."""
    content = prepared.statement.content if prepared else None
    return Content.from_bytes(vault.get(content)) if content else None


def require_no_gesture(right: Grant, *, asked: bool) -> None:
    """Return unless somebody who prepares signs by passkey: what is kept of a preparation is the desk's seal.

    Raises:
        GestureRefused: they do.
    """
    if asked and right.act is Act.PREPARE:
        raise GestureRefused("what is prepared is sealed by the desk; who answers for it signs by passkey")


def prepared_by(statement: Statement, policy: Policy, sealer: Sealer) -> Preparation:
    """Return the preparation that ``statement`` is, sealed.

    Raises:
        NotEntitled, NotHabilitated, Malformed: it cannot be one.
    """
    seal = sealer.seal(statement.to_bytes())
    made = Preparation(id=preparation_id(statement), statement=statement, seal=seal)
    require_prepares(made, policy, statement.shown)
    return made


def keep(preparation: Preparation, content: Content | None, store: Store, vault: Vault, clock: Clock) -> None:
    """Keep what a learner prepared, after looking at the world once more; the result awaits review as before.

    Raises:
        NotAllowed, NotEntitled, NotHabilitated, Held, WorldChanged: as their names say; nothing was kept.
    """
    if content is not None:
        vault.put(content.to_bytes())
    said = preparation.statement
    with store.transaction(f"desk:{preparation.learner}") as unit:
        result = unit.results.get(said.result)
        case, policy = unit.cases.get(result.case), unit.gate.policy(result.policy)
        require_unchanged(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
        right = right_to_answer(said.reader, result, case, policy, unit, clock.now())
        require_turn(said.reader, right, unit.preparations.of(result.id), unit.gate.opinions(result.id))
        unit.preparations.add(preparation)
