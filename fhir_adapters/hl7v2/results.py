"""Laboratory results of an ORU^R01: the OBX that somebody stands behind, as values with a code, a unit and a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from fhir_adapters.hl7v2.er7 import Message, Segment
from fhir_adapters.hl7v2.times import read_time
from guarantee.inputs import Coded

LOINC: Final = "http://loinc.org"
"""How routing rules call the codes of OBX-3 whose system is LN."""

VALID: Final = frozenset({"F", "C"})
"""OBX-11: final, or corrected (HL7 table 0085). What is preliminary or without a status is nobody's word yet."""

_RANK: Final = {"F": 2, "C": 3, "D": 4, "W": 4, "X": 4}
"""How far a result is in its life, for two that were sent at the same moment; what takes it back is last."""

_NUMBER: Final = re.compile(r"[+-]?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One OBX.

    Args:
        name: the same for the same result of the same order, however often it is sent.
        codes: LOINC; empty when it has only local ones.
        value: None when it is no number with a UCUM unit, e.g. a text or a bound.
        taken_at: when it was true of the patient: OBX-14, else the order's OBR-7, else the specimen's SPM-17.
        said_at: when the laboratory said so: OBR-22, else MSH-7.
        number: place among the OBX of the message, from 1.
    """

    name: tuple[str, ...]
    codes: tuple[Coded, ...]
    status: str
    value: Decimal | None
    unit: str
    taken_at: datetime | None
    said_at: datetime | None
    number: int

    @property
    def rank(self) -> int:
        """How far it is in its life."""
        return _RANK.get(self.status, 1)

    @property
    def is_valid(self) -> bool:
        """Whether somebody stands behind it."""
        return self.status in VALID


def observed(message: Message, zone: tzinfo) -> Iterator[Observed]:
    """Yield every OBX, in order.

    Args:
        zone: of times that come without one.
    """
    specimens = list(message.all("SPM"))
    collected = specimens[0].text(17) if len(specimens) == 1 else ""
    header = message.first("MSH")
    sent = header.text(7) if header else ""
    order: Segment | None = None
    number, taken, said_at = 0, "", read_time(sent, zone)
    for segment in message.segments:
        if segment.name == "OBR":
            order, taken = segment, segment.text(7)
            said_at = _first((segment.text(22), sent), zone)
        if segment.name == "OBX":
            number += 1
            times = (segment.text(14), taken, collected)
            yield Observed(
                name=_name(segment, order, times),
                codes=tuple(_loinc(segment)),
                status=segment.text(11),
                value=_value(segment),
                unit=_unit(segment),
                taken_at=_first(times, zone),
                said_at=said_at,
                number=number,
            )


def _first(times: tuple[str, ...], zone: tzinfo) -> datetime | None:
    return next((found for text in times if (found := read_time(text, zone)) is not None), None)


def _name(obx: Segment, order: Segment | None, times: tuple[str, ...]) -> tuple[str, ...]:
    """Return what makes it the same result: the order's own number, the code and the group; without a number its time.

    The filler's number is the laboratory's own (2.5, 4.5.3.3): a correction repeats it.
    """
    filler, placer = (order.raw(3), order.raw(2)) if order else ("", "")
    of = filler or placer or next((text for text in times if text), "")
    return (of, obx.first(3).text(1), obx.first(3).text(3), obx.text(4))


def _loinc(obx: Segment) -> Iterator[Coded]:
    """Yield the LOINC codes of OBX-3: in the first triplet, or in the alternate one."""
    concept = obx.first(3)
    for code, meaning, system in ((1, 2, 3), (4, 5, 6)):
        text = concept.text(code)
        if text and concept.text(system) == "LN":
            yield Coded(code=text, scheme="LN", meaning=concept.text(meaning) or concept.text(2) or text)


def _value(obx: Segment) -> Decimal | None:
    """Return a number (NM), or one that is written as structured (SN) without a comparator: a bound is no value."""
    raw = obx.repetitions(5)
    if len(raw) != 1:
        return None
    kind = obx.text(2)
    text = raw[0].text(1) if kind == "NM" else ""
    if kind == "SN" and raw[0].text(1) in {"", "="} and not raw[0].text(3):
        text = raw[0].text(2)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _unit(obx: Segment) -> str:
    """Return the UCUM code of OBX-6; "" when the sender does not say that it is one."""
    unit = obx.first(6)
    pairs = ((unit.text(1), unit.text(3)), (unit.text(4), unit.text(6)))
    return next((code for code, system in pairs if system == "UCUM"), "")
