"""Messages to what they say: inputs of stays, and news of identities. Pure functions that the door calls.

header = read_header(data)                      even of a message that cannot be read otherwise
require_ours(header, …)                         version, purpose
message = read(decode(data, header, …))         limits, letters
meaning(message, header, …)                     what it says here; nothing, for the kinds that mean nothing here
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Final

from fhir_adapters.hl7v2.er7 import Message, Segment
from fhir_adapters.hl7v2.errors import REQUIRED, SEQUENCE, UNSUPPORTED_EVENT, UNSUPPORTED_TYPE, BadMessage
from fhir_adapters.hl7v2.header import Header
from fhir_adapters.hl7v2.orders import orders
from fhir_adapters.hl7v2.people import Naming, all_numbers, best_number, is_doubtful, one_patient, patient, stay
from fhir_adapters.hl7v2.results import LOINC, observed
from fhir_adapters.hl7v2.times import read_time
from guarantee.case import CaseKind, Patient, Source
from guarantee.feed import News, Number
from guarantee.identity import Doubt, person
from guarantee.ids import Digest, derive, digest
from guarantee.orders import Order
from guarantee.rules import Facts
from guarantee.unit import Arrival


class Use(Enum):
    """What a kind of message means here."""

    RESULTS = "results of a laboratory"
    STAY = "a stay, and whose it is"
    TRAITS = "traits of a patient"
    CANCELLED = "a stay that was none"
    IDENTITY = "two identities were merged, moved, linked or split"
    ORDERS = "orders of exams"
    NONE = "nothing: acknowledged, counted, not kept"


USES: Final[Mapping[str, Mapping[str, Use]]] = {
    "ORU": {"R01": Use.RESULTS},
    "ADT": {
        **dict.fromkeys(("A01", "A04", "A05", "A06", "A07", "A08"), Use.STAY),
        **dict.fromkeys(("A28", "A31"), Use.TRAITS),
        "A11": Use.CANCELLED,
        "A13": Use.STAY,
        **dict.fromkeys(("A18", "A24", "A30", "A34", "A35", "A36", "A37", "A40", "A41", "A42"), Use.IDENTITY),
        **dict.fromkeys(("A43", "A44", "A45", "A46", "A47", "A48", "A49", "A50", "A51"), Use.IDENTITY),
        **dict.fromkeys(("A02", "A03", "A09", "A10", "A12", "A14", "A15", "A16", "A20", "A21", "A22"), Use.NONE),
        **dict.fromkeys(("A25", "A26", "A27", "A29", "A32", "A33", "A38", "A52", "A53", "A54", "A55"), Use.NONE),
        **dict.fromkeys(("A60", "A61", "A62", "Z80", "Z81", "Z84", "Z85", "Z88", "Z89", "Z99"), Use.NONE),
    },
    "ORM": {"O01": Use.ORDERS},
    "OMI": {"O23": Use.ORDERS},
    "OMG": {"O19": Use.ORDERS},
    "OML": {"O21": Use.NONE},
    "SIU": dict.fromkeys((f"S{number:02}" for number in range(12, 28)), Use.NONE),
    "MDM": dict.fromkeys((f"T{number:02}" for number in range(1, 12)), Use.NONE),
    "DFT": {"P03": Use.NONE},
}
"""Every kind that is taken. What is not here is refused: a feed that nobody looked at must not vanish in silence."""

BATCHES: Final = frozenset({b"FHS", b"BHS"})
"""A file or batch of messages (2.5, 2.10.3): answered once for many, so that one bad message would hold up all."""

_CLASSES: Final = {"I": "IMP", "O": "AMB", "E": "EMER", "P": "PRENC", "R": "AMB"}
"""PV1-2 (HL7 table 0004) onto FHIR's Encounter.class, which routing rules and pages know."""

DAYS_PER_YEAR: Final = Decimal("365.25")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What one message says here."""

    kind: str
    use: Use
    arrival: Arrival | None = None
    news: News | None = None
    orders: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the door knows of a message beside its text.

    Args:
        exams_of: sites whose exams its orders may be about; empty for all.
        now: when it came, for orders that say no time.
    """

    sender: str
    site: str
    naming: Naming
    zone: tzinfo
    digest: Digest
    exams_of: frozenset[str]
    now: datetime


def require_single(data: bytes) -> None:
    """Return when a frame does not begin a batch.

    Raises:
        BadMessage: it does.
    """
    if data[:3] in BATCHES:
        raise BadMessage("batch", SEQUENCE, "", "batches and files are not taken: send each message in its own frame")


MERGES: Final = frozenset({f"ADT^{event}" for event in ("A18", "A30", "A34", "A36", "A40", "A47")})
"""What says that two numbers are one patient's. A move (A43) and a link that may be undone (A24, A37) do not."""


def use_of(header: Header) -> Use:
    """Return what this kind of message means here.

    Raises:
        BadMessage: it is of no kind that is taken.
    """
    code, event = header.kind
    if code not in USES:
        raise BadMessage("type", UNSUPPORTED_TYPE, "MSH-9", f"types taken: {', '.join(sorted(USES))}")
    if event not in USES[code]:
        raise BadMessage("event", UNSUPPORTED_EVENT, "MSH-9", "this trigger event is not taken; see the README")
    return USES[code][event]


def meaning(message: Message, header: Header, about: About) -> Meaning:
    """Return what ``message`` says here.

    Raises:
        BadMessage: what its kind needs is not there.
    """
    use, kind = use_of(header), "^".join(header.kind)
    match use:
        case Use.NONE:
            return Meaning(kind=kind, use=use)
        case Use.IDENTITY:
            return Meaning(kind=kind, use=use, news=_moved(message, kind, about))
        case Use.ORDERS:
            sent = read_time(header.fields[7], about.zone) or about.now
            told_of = orders(message, naming=about.naming, zone=about.zone, sites=about.exams_of, now=sent)
            return Meaning(kind=kind, use=use if told_of else Use.NONE, orders=told_of)
        case _:
            pid = one_patient(message)
            who = patient(pid, about.naming)
            name = stay(message, pid, about.naming)
            uid = name or (f"{who.issuer}|{who.identifier}" if who.identifier and use is Use.RESULTS else "")
            if not uid and use is Use.RESULTS:
                raise BadMessage("no-number", REQUIRED, "PID-3", "neither the stay nor the patient has a number")
            arrival = _arrival(message, pid, who, uid, kind, about) if uid and use is not Use.TRAITS else None
            told = None if use is Use.RESULTS else _traits(pid, who, name, about)
            return Meaning(kind=kind, use=use, arrival=arrival, news=told)


# -------------------------------------------------------------------------------------------------- inputs of stays


def _arrival(message: Message, pid: Segment, who: Patient, uid: str, kind: str, about: About) -> Arrival:
    visit = message.first("PV1")
    began = read_time(visit.text(44), about.zone) if visit else None
    facts, newest = _facts(message, about.zone)
    stay_class = _CLASSES.get(visit.text(2), "") if visit else ""
    more = {
        "Encounter.class": stay_class,
        "PatientSex": who.sex,
        "PatientAgeYears": _age(who.birth_date, newest or began),
    }
    return Arrival(
        kind=CaseKind.RECORD,
        uid=uid,
        source=Source(uid=derive("hl7-event", about.digest), group="", kind=kind, digest=about.digest),
        site=about.site,
        patient=who,
        order="",
        modality="",
        description=stay_class,
        started=began.isoformat() if began else "",
        encounter="",
        facts={**facts, **{name: frozenset({value}) for name, value in more.items() if value}},
        sender=about.sender,
        conversation="",
        doubt=str(Doubt.IDENTITY_DOUBTFUL) if is_doubtful(pid) else "",
    )


def _facts(message: Message, zone: tzinfo) -> tuple[Facts, datetime | None]:
    """Return what routing rules are told of results, in the words of the FHIR door, and when the newest was taken."""
    valid = [one for one in observed(message, zone) if one.is_valid]
    codes = frozenset(f"{LOINC}|{code.code}" for one in valid for code in one.codes)
    facts: Facts = {"resourceType": frozenset({"Observation"}), "Observation.code": codes} if codes else {}
    return facts, max((one.taken_at for one in valid if one.taken_at), default=None)


def _age(birth_date: str, moment: datetime | None) -> str:
    born = datetime.fromisoformat(birth_date).date() if birth_date else None
    if born is None or moment is None or moment.date() < born:
        return ""
    return str(int((moment.date() - born).days / DAYS_PER_YEAR))


# ------------------------------------------------------------------------------------------------ news of identities


def _traits(pid: Segment, who: Patient, name: str, about: About) -> News | None:
    """Return the traits that the record now gives a patient; what contradicts them stops."""
    number = best_number(pid, 3, about.naming)
    if number is None:
        return None
    stays = (name,) if name else ()
    return News(numbers=(number,), stays=stays, traits=who, subject=person(who), people=((number,),))


def _moved(message: Message, kind: str, about: About) -> News:
    """Return whom a merge, move, link or split concerns: everybody who is named in it.

    Raises:
        BadMessage: fewer than two are named, and no stay.
    """
    numbers: list[Number] = []
    for name, field in (("PID", 3), ("MRG", 1)):
        for segment in message.all(name):
            numbers += all_numbers(segment, field, about.naming)
    stays = tuple(sorted(set(_stays(message, about.naming))))
    if len({(number.issuer, number.value) for number in numbers}) < 2 and not stays:
        says = "whom it concerns is not said: the number that stays and the one that is gone"
        raise BadMessage("identity", REQUIRED, "MRG-1", says)
    said = [kind, *sorted({f"{number.issuer}|{number.value}" for number in numbers}), *stays]
    return News(
        numbers=tuple(numbers),
        stays=stays,
        traits=None,
        subject=digest("\0".join(said).encode()),
        people=tuple(_people(message, about.naming)),
        merges=kind in MERGES,
    )


def _people(message: Message, naming: Naming) -> Iterator[tuple[Number, ...]]:
    """Yield the numbers of each person: those of a PID, and of the MRG that follows it."""
    found: list[list[Number]] = []
    for segment in message.segments:
        if segment.name == "PID":
            found.append(list(all_numbers(segment, 3, naming)))
        elif segment.name == "MRG" and found:
            found[-1] += all_numbers(segment, 1, naming)
    return (tuple(numbers) for numbers in found)


def _stays(message: Message, naming: Naming) -> list[str]:
    """Return the stays that are named: the one that stays (PV1-19), and the one that is gone (MRG-5)."""
    found = []
    for name, field in (("PV1", 19), ("MRG", 5)):
        for segment in message.all(name):
            value = segment.first(field)
            if value.text(1):
                number = naming.number(value, f"{name}-{field}")
                found.append(f"{number.issuer}|{number.value}")
    return found
