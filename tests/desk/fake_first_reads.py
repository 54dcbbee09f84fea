"""First reads of the desk in memory, with the core's own values."""

from datetime import datetime
from typing import Any

from guarantee.errors import FirstReadDue, NotAllowed
from guarantee.first_read import SHOWN_TO, Exposure, FirstRead, Impression, Surface, Word
from guarantee.ids import Digest, ResultId
from guarantee.opinion import Reader
from guarantee.states import ResultState


class FakeFirstReads:
    """Part of FakeDesk. ``drawn`` says which results are read first, by whoever reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: set[str] = set()
        self.opened: dict[tuple[str, str], datetime] = {}
        self.impressions: dict[tuple[str, str], Impression] = {}
        self.revealed: dict[tuple[str, str], Exposure] = {}

    def first_read(self, result: str, reader: Reader) -> FirstRead:
        desk: Any = self
        case = desk._case(result)
        key = (result, reader.login)
        waits = case.result.state is ResultState.AWAITING_REVIEW
        if result not in self.drawn or not waits or reader.role not in SHOWN_TO:
            return FirstRead(drawn=False)
        return FirstRead(
            drawn=True,
            opened_at=self.opened.get(key),
            impression=self.impressions.get(key),
            exposures=(self.revealed[key],) if key in self.revealed else (),
        )

    def begin_first_read(self, result: str, reader: Reader) -> FirstRead:
        desk: Any = self
        if not self.first_read(result, reader).drawn:
            raise NotAllowed("not drawn")
        self.opened.setdefault((result, reader.login), desk.now())
        return self.first_read(result, reader)

    def give_impression(self, result: str, reader: Reader, word: Word, note: str) -> FirstRead:
        desk: Any = self
        found = self.first_read(result, reader)
        if not found.drawn or found.impression or not found.opened_at:
            raise NotAllowed("once, after the images were opened")
        kind = desk._case(result).staged.case.kind
        self.impressions[result, reader.login] = Impression(
            result=ResultId(result), reader=reader.login, kind=kind, word=word, note=note, at=desk.now()
        )
        return self.first_read(result, reader)

    def require_impression(self, result: str, reader: Reader) -> None:
        if self.first_read(result, reader).is_due:
            raise FirstReadDue("say first what you think")

    def note_reveal(self, result: str, reader: Reader, nonce: str, shown: Digest) -> None:
        desk: Any = self
        self.revealed.setdefault(
            (result, reader.login),
            Exposure(
                result=ResultId(result),
                reader=reader.login,
                surface=Surface.REVEAL,
                shown=shown,
                nonce=nonce,
                at=desk.now(),
            ),
        )
