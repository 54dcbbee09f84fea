"""Stored messages to what a model is given, read from the same bytes that were received."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

from fhir_adapters.hl7v2.er7 import Message, read
from fhir_adapters.hl7v2.errors import BadMessage
from fhir_adapters.hl7v2.header import decode, read_header
from fhir_adapters.hl7v2.people import Naming, one_patient, patient
from fhir_adapters.hl7v2.results import Observed, observed
from fhir_adapters.hl7v2.times import read_time
from guarantee.errors import NotEligible
from guarantee.ids import derive, digest
from guarantee.inputs import Reading

CANCELLED: Final = "A11"
"""Cancel admit or visit notification: whoever sent it says that there was no such stay."""

OPENS: Final = frozenset({"A01", "A04", "A05", "A06", "A07"})
"""What says that there is one, after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the stored messages of one stay say.

    Args:
        birth_date: YYYY-MM-DD; "" when none of them says it.
        sex: M, F, O or "".
    """

    readings: tuple[Reading, ...]
    birth_date: str
    sex: str

    @property
    def newest(self) -> datetime | None:
        """When the newest reading was taken."""
        return max((reading.taken_at for reading in self.readings), default=None)


@dataclass(frozen=True, slots=True)
class _Stored:
    """One message; ``name`` says which without saying of whom."""

    message: Message
    event: str
    sent_at: datetime | None
    name: str


def is_message(data: bytes) -> bool:
    """Return whether stored bytes are a message, and not a bundle."""
    return data.startswith(b"MSH")


def read_messages(stored: Sequence[bytes], *, charset: str, zone: tzinfo) -> Said:
    """Return what the stored messages of one stay say.

    A reading is the newest word on one result of one order: a correction takes the place of what it corrects, what was
    withdrawn (D, W, X) is none, and two words of the same moment that differ are none either. Left out: bounds, texts,
    values without a LOINC code, a UCUM unit or a time.

    Args:
        stored: as received, in any order, all of the same stay.
        charset: of messages that name none.
        zone: of times that come without one.

    Raises:
        NotEligible: the last word on the stay is that it was cancelled, or a message cannot be read.
    """
    try:
        found = [_read(data, charset, zone) for data in stored]
        people = [patient(one_patient(one.message), Naming(issuer="-")) for one in found]
        readings = tuple(_readings(found, zone))
    except BadMessage as error:
        raise NotEligible("record-unreadable", f"a stored message cannot be read: {error.code}") from error
    _require_not_cancelled(found)
    return Said(
        readings=readings,
        birth_date=next((one.birth_date for one in people if one.birth_date), ""),
        sex=next((one.sex for one in people if one.sex), ""),
    )


def _read(data: bytes, charset: str, zone: tzinfo) -> _Stored:
    header = read_header(data)
    message = read(decode(data, header, charset))
    event = message.first("EVN")
    moments = (event.text(2) if event else "", message.segments[0].text(7))
    sent_at = next((found for text in moments if (found := read_time(text, zone)) is not None), None)
    return _Stored(message, header.kind[1], sent_at, derive("hl7-event", digest(data)))


def _require_not_cancelled(found: Sequence[_Stored]) -> None:
    """Raise when the stay's last word is A11; of two at the same moment, the one that takes it back counts."""
    words = [one for one in found if one.event in {CANCELLED, *OPENS}]
    last = max(words, key=lambda one: (_moment(one.sent_at), one.event == CANCELLED), default=None)
    if last is not None and last.event == CANCELLED:
        raise NotEligible("stay-cancelled", "the record says that there was no such stay (ADT^A11)")


def _moment(time: datetime | None) -> datetime:
    return time or datetime.min.replace(tzinfo=UTC)


def _readings(found: Sequence[_Stored], zone: tzinfo) -> Iterator[Reading]:
    words: dict[tuple[str, ...], list[tuple[Observed, str]]] = {}
    for one in found:
        if one.event == "R01":
            for each in observed(one.message, zone):
                words.setdefault(each.name, []).append((each, one.name))
    for known in words.values():
        last = _last(known)
        if last is not None:
            yield from _as_readings(*last)


def _last(known: Sequence[tuple[Observed, str]]) -> tuple[Observed, str] | None:
    """Return the word that stands, or None when two that differ cannot be told apart in time."""

    def order(word: tuple[Observed, str]) -> tuple[datetime, int]:
        return (_moment(word[0].said_at), word[0].rank)

    last = max(known, key=order)
    rivals = [word for word, _ in known if order((word, "")) == order(last)]
    says = {(word.value, word.unit, word.status in {"D", "W", "X"}, word.taken_at) for word in rivals}
    return last if len(says) == 1 else None


def _as_readings(one: Observed, message: str) -> Iterator[Reading]:
    if not one.is_valid or one.value is None or not one.unit or one.taken_at is None:
        return
    for code in one.codes:
        source = f"ORU/{message}/OBX-{one.number}"
        yield Reading(code=code, value=Decimal(one.value), unit=one.unit, taken_at=one.taken_at, source=source)
