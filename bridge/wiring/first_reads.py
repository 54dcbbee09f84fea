"""First reads at the desk: part of RealDesk (desk.py)."""

import logging

from bridge.db.store import SqlStore, SqlUnit
from bridge.db.views import Row
from bridge.flows import first_read
from bridge.flows.review import Review
from guarantee.decision import Decision
from guarantee.errors import Absent
from guarantee.first_read import FirstRead, Word
from guarantee.ids import ResultId
from guarantee.opinion import Reader
from guarantee.result import Mode

_log = logging.getLogger("aval.desk")


class ReadsFirst:
    """What RealDesk answers about first reads."""

    store: SqlStore
    review: Review

    def first_read(self, result: str, reader: Reader) -> FirstRead:
        """Return where ``reader`` stands with a result."""
        return first_read.standing(self._known(result), reader, self.store)

    def begin_first_read(self, result: str, reader: Reader) -> FirstRead:
        """Note that ``reader`` looks at the images, and at nothing of AI."""
        return first_read.begin(self._known(result), reader, self.review)

    def give_impression(self, result: str, reader: Reader, word: Word, note: str) -> FirstRead:
        """Keep what ``reader`` thinks before the draft is revealed to them."""
        given = first_read.commit(self._known(result), reader, word, note, self.review)
        _log.info("impression.kept result=%s", result)
        return given

    def note_shown(self, row: Row, decision: Decision, reader: Reader) -> None:
        """Record that ``reader`` is shown what was decided, under a policy that draws first reads."""
        with self.store.reading() as unit:
            draws = unit.first_reads.draw(row.result.policy) is not None
        if draws:
            shown = decision.content or decision.shown
            first_read.note_result_shown(row.result.id, reader, shown, self.review)

    def _known(self, result: str) -> ResultId:
        with self.store.reading() as unit:
            return shown_at_the_desk(result, unit).result.id


def shown_at_the_desk(result: str, unit: SqlUnit) -> Row:
    """Return a result that a person at the desk may know of: one in shadow mode does not exist for them.

    Raises:
        Absent: there is no such result, or it is in shadow mode.
    """
    row = unit.views.result(result)
    if row is None or row.result.mode is not Mode.CARE:
        raise Absent(result)
    return row
