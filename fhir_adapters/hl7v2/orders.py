"""Orders of an ORM^O01, OMG^O19 or OMI^O23 (2.5, 4.4): what is asked for, for whom, under which numbers.

Where an exam's numbers stand, by IHE Scheduled Workflow: the accession number in IPC-1, else OBR-18; the Study Instance
UID in IPC-3, else ZDS-1. An order that names no exam (a laboratory's) is of no use here, and nothing of it is kept.
"""

import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

from fhir_adapters.hl7v2.er7 import Composite, Message, Segment
from fhir_adapters.hl7v2.errors import DATA_TYPE, REQUIRED, SEQUENCE, BadMessage
from fhir_adapters.hl7v2.people import Naming, all_numbers, one_patient, patient
from fhir_adapters.hl7v2.times import read_time
from guarantee.orders import WORDS_CHARS_MAX, Order, OrderStatus

ORDERS_MAX: Final = 50
"""Most orders of one message."""

NUMBER_CHARS_MAX: Final = 64
"""Longest number that is read; Accession Number (0008,0050) has 16 characters, a placer's some 40."""

CANCELLED: Final = frozenset({"CA", "OC", "CR", "DC", "OD", "DR"})
"""ORC-1 (table 0119): cancelled or discontinued, as request, order or answer. Every other word leaves it wanted."""

STAT: Final = "S"
"""Priority (tables 0485 and 0027): at once. ASAP, and whatever a site invented, is routine here."""

SYSTEMS: Final = {"LN": "http://loinc.org", "SCT": "http://snomed.info/sct"}
"""How routing rules call code systems of OBR-4 that have a name outside HL7v2; any other is called as sent."""

_UID: Final = re.compile(r"(?=.{1,64}\Z)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


def orders(
    message: Message, *, naming: Naming, zone: tzinfo, sites: frozenset[str], now: datetime
) -> tuple[Order, ...]:
    """Return the orders of exams that ``message`` tells of, and the cancellations, in its order.

    Args:
        now: when the message was sent (MSH-7), for orders that do not say when they were placed or changed (ORC-9).

    Raises:
        BadMessage: no patient or two, an order without a number, or too many.
    """
    pid = one_patient(message)
    who, numbers = patient(pid, naming), all_numbers(pid, 3, naming)
    shared = _study(message.first("ZDS"), 1)
    found = []
    for group in _groups(message):
        asked = _Asked(group)
        study = _study(group.get("IPC"), 3) or _study(group.get("ZDS"), 1) or shared
        order = Order(
            placer=asked.number(2),
            filler=asked.number(3),
            accession=asked.accession,
            study=study,
            sites=sites,
            patient=who,
            numbers=numbers,
            procedures=asked.procedures,
            procedure=asked.procedure,
            indication=asked.indication,
            is_stat=asked.is_stat,
            status=OrderStatus.CANCELLED if asked.control in CANCELLED else OrderStatus.WANTED,
            said_at=read_time(asked.text("ORC", 9), zone) or now,
        )
        if order.accession or order.study or order.status is OrderStatus.CANCELLED:
            found.append(order)
    return tuple(found)


def _groups(message: Message) -> Iterator[dict[str, Segment]]:
    """Yield the first segment of each name in each order: from one ORC to the next."""
    group: dict[str, Segment] = {}
    count = 0
    for segment in message.segments:
        if segment.name == "ORC":
            if group:
                yield group
            group, count = {}, count + 1
            if count > ORDERS_MAX:
                raise BadMessage("too-many", SEQUENCE, "ORC", f"at most {ORDERS_MAX} orders of one message are taken")
        if count:
            group.setdefault(segment.name, segment)
    if not group:
        raise BadMessage("no-order", REQUIRED, "ORC", "a message of orders has an ORC segment for each")
    yield group


class _Asked:
    """What the segments of one order say."""

    def __init__(self, group: dict[str, Segment]) -> None:
        self._group = group

    def text(self, name: str, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return a part of a segment; "" when it is not there."""
        segment = self._group.get(name)
        return segment.first(number).text(component, subcomponent) if segment else ""

    def number(self, field: int) -> str:
        """Return "authority|number" of ORC-2 or ORC-3, else of the OBR field of the same place.

        Raises:
            BadMessage: neither has one, and nothing else names the order; or it is too long.
        """
        for name in ("ORC", "OBR"):
            value = self.text(name, field)
            if len(value) > NUMBER_CHARS_MAX:
                says = f"a number has at most {NUMBER_CHARS_MAX} characters"
                raise BadMessage("number", DATA_TYPE, f"{name}-{field}", says)
            if value:
                return f"{self.text(name, field, 3) or self.text(name, field, 2)}|{value}"
        if field == 3 and not (self.text("ORC", 2) or self.text("OBR", 2) or self.accession):
            raise BadMessage("no-number", REQUIRED, "ORC-2", "an order has a number of its placer or of its filler")
        return ""

    @property
    def control(self) -> str:
        """ORC-1, or CA where only the status says so (ORC-5; OBR-25 = X)."""
        is_cancelled = self.text("ORC", 5) == "CA" or self.text("OBR", 25) == "X"
        return "CA" if is_cancelled else self.text("ORC", 1).upper()

    @property
    def accession(self) -> str:
        """The accession number of the exam."""
        value = self.text("IPC", 1) or self.text("OBR", 18)
        if len(value) > NUMBER_CHARS_MAX:
            says = f"an accession number has at most {NUMBER_CHARS_MAX} characters"
            raise BadMessage("number", DATA_TYPE, "OBR-18", says)
        return value

    @property
    def procedures(self) -> frozenset[str]:
        """The codes of what is asked for (OBR-4), "system|code"."""
        pairs = ((self.text("OBR", 4, at + 2), self.text("OBR", 4, at)) for at in (1, 4))
        return frozenset(f"{SYSTEMS.get(system, system)}|{code}" for system, code in pairs if code)

    @property
    def procedure(self) -> str:
        """What is asked for, in words."""
        return (self.text("OBR", 4, 2) or self.text("OBR", 4, 5))[:WORDS_CHARS_MAX]

    @property
    def indication(self) -> str:
        """Why, in words: the reason (OBR-31), then what the clinician adds (OBR-13)."""
        obr = self._group.get("OBR")
        said = [_words(value) for value in obr.repetitions(31)] + [obr.text(13)] if obr else []
        return "\n".join(dict.fromkeys(text for text in said if text))[:WORDS_CHARS_MAX]

    @property
    def is_stat(self) -> bool:
        """Whether it is wanted at once: TQ1-9, else the sixth component of OBR-27 or ORC-7, else OBR-5."""
        told = self.text("TQ1", 9) or self.text("OBR", 27, 6) or self.text("ORC", 7, 6) or self.text("OBR", 5)
        return told.upper() in {STAT, "STAT"}


def _words(value: Composite) -> str:
    return value.text(2) or value.text(5) or value.text(1)


def _study(segment: Segment | None, field: int) -> str:
    """Return the Study Instance UID of a field; "" when there is none."""
    value = segment.text(field) if segment else ""
    if value and not _UID.fullmatch(value):
        raise BadMessage("study", DATA_TYPE, f"{segment.name if segment else ''}-{field}", "it is no DICOM UID")
    return value
