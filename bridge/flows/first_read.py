"""Read first, then reveal: a drawn reader looks at the images, says what they think, and is then shown the draft.

The reveal is `review.ask`, as for everybody; it is refused until the impression is there. Nothing is shown here.
"""

from typing import Final

from bridge.flows.opening import draft_to_review
from bridge.flows.review import Review
from guarantee.errors import FirstReadDue, NotAllowed, NotEntitled
from guarantee.first_read import SHOWN_TO, Exposure, FirstRead, Impression, Opening, Surface, Word
from guarantee.ids import Digest, ResultId
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.ports import Store
from guarantee.states import ResultState
from guarantee.unit import Unit
from guarantee.world import require_unchanged

NOT_ASKED: Final = FirstRead(drawn=False)
"""Nothing is asked of this reader, and nothing is hidden from them."""


def standing(result_id: ResultId, reader: Reader, store: Store) -> FirstRead:
    """Return where ``reader`` stands with a result.

    Once it awaits review no more, nothing is hidden: nobody can give an opinion that it would have to precede.
    """
    if reader.role not in SHOWN_TO | {Role.LEARNER}:
        return NOT_ASKED
    with store.reading() as unit:
        result = unit.results.get(result_id)
        if result.state is not ResultState.AWAITING_REVIEW:
            return NOT_ASKED
        if reader.role is Role.LEARNER and not unit.gate.policy(result.policy).lets_prepare:
            return NOT_ASKED
        return unit.first_reads.standing(result_id, reader.login)


def require_revealed(result_id: ResultId, reader: Reader, store: Store) -> None:
    """Refuse to show ``reader`` anything of AI while their first read goes on.

    Raises:
        FirstReadDue: they were drawn, and the draft was not revealed to them yet.
    """
    if standing(result_id, reader, store).hides:
        raise FirstReadDue(f"result {result_id} was not revealed to {reader.login}; nothing of it was shown")


def begin(result_id: ResultId, reader: Reader, tools: Review) -> FirstRead:
    """Note that ``reader`` looks at the images, and at nothing of AI; a second time changes nothing.

    Raises:
        NotAllowed: the result is not awaiting review, or this reader was not drawn.
        NotEntitled: the policy does not let this role endorse it, so it reads nothing first.
        Held, WorldChanged: a stop, late images or a corrected identity forbid a decision now.
    """
    now = tools.clock.now()
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        found = _drawn(result_id, reader, unit)
        if found.opened_at is None:
            unit.first_reads.open(Opening(result=result_id, reader=reader.login, role=reader.role, at=now))
        return unit.first_reads.standing(result_id, reader.login)


def commit(result_id: ResultId, reader: Reader, word: Word, note: str, tools: Review) -> FirstRead:
    """Keep what ``reader`` thinks before the draft is revealed to them. It is said once, and never changed.

    Raises:
        NotAllowed: it was said already, or as for `begin`, or the images were not opened.
        Malformed: nobody says that word of this kind of case.
        NotEntitled, Held, WorldChanged: as for `begin`.
    """
    now = tools.clock.now()
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        found = _drawn(result_id, reader, unit)
        if found.impression is not None or found.opened_at is None:
            raise NotAllowed(f"result {result_id}: a first impression is given once, after the images were opened")
        kind = unit.cases.get(unit.results.get(result_id).case).kind
        unit.first_reads.add_impression(
            Impression(result=result_id, reader=reader.login, kind=kind, word=word, note=note, at=now)
        )
        return unit.first_reads.standing(result_id, reader.login)


def note_result_shown(result_id: ResultId, reader: Reader, shown: Digest, tools: Review) -> None:
    """Record, once, that ``reader`` was shown what was decided: a later first read on the case is not a blind one.

    Only under a policy that draws first reads: elsewhere it would be a write for each look, and serve nothing.
    """
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        unit.first_reads.expose(
            Exposure(
                result=result_id,
                reader=reader.login,
                surface=Surface.RESULT,
                shown=shown,
                nonce=None,
                at=tools.clock.now(),
            )
        )


def _drawn(result_id: ResultId, reader: Reader, unit: Unit) -> FirstRead:
    result = unit.results.get(result_id)
    draft_to_review(result)
    case = unit.cases.get(result.case)
    require_unchanged(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
    if not unit.gate.policy(result.policy).shows(reader.role):
        raise NotEntitled(f"a {reader.role} reads nothing first under policy {result.policy}")
    found = unit.first_reads.standing(result_id, reader.login)
    if not found.drawn:
        raise NotAllowed(f"result {result_id} is not read first by {reader.login}")
    return found
