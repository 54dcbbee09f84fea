"""Whether a draft may be shown in a viewer other than the desk. Every answer that bears one asks here, and only here.

A viewer shows what the desk has shown, to whom the desk has shown it: opening the draft there is the exposure, and is
recorded with its digest. So nothing of a draft reaches a viewer of which the journal does not say already that this
person was shown exactly these bytes; and a first read, a stop, a lost right or late images shut the viewer too.
"""

from bridge.flows.first_read import require_revealed
from bridge.flows.opening import draft_to_open
from bridge.flows.review import Review
from guarantee.errors import NotOpened
from guarantee.ids import Digest, ResultId
from guarantee.opinion import Reader


def may_see_draft(result_id: ResultId, reader: Reader, tools: Review) -> Digest:
    """Return the draft that a viewer may show to ``reader`` now.

    Raises:
        FirstReadDue: they were drawn to read first, and the draft was not revealed to them.
        NotOpened: the desk has not put this draft in front of them.
        NotAllowed, NotEntitled, NotHabilitated, Held, WorldChanged: as for opening it at the desk.
    """
    require_revealed(result_id, reader, tools.store)
    with tools.store.reading() as unit:
        draft = draft_to_open(result_id, reader, unit, tools.clock.now())
        question = unit.gate.first_shown(result_id, reader.login)
        if question is None or question.shown != draft:
            raise NotOpened(f"result {result_id} was not opened at the desk by {reader.login}; no viewer shows it")
        return draft
