"""Who a message is about, and which stay: PID, MRG, PV1. Traits as received, never corrected, never completed.

The INS (national health identifier) is passed over wherever it stands: it is no key here, and nothing that we write
needs it. Whether PID-32 says VALI makes no difference to what is never read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fhir_adapters.hl7v2.er7 import Composite, Message, Segment
from fhir_adapters.hl7v2.errors import REQUIRED, BadMessage
from fhir_adapters.hl7v2.times import read_date
from guarantee.case import Patient
from guarantee.feed import Number

INS_AUTHORITIES: Final = frozenset(f"1.2.250.1.213.1.4.{last}" for last in range(7, 12))
"""OIDs of the INS: INS-C, NIR, NIA, and those of demonstration and test (ANS)."""

DOUBTFUL: Final = frozenset({"DOUB", "DPOT", "DOUA", "COLP", "COLV", "USUR", "INVA", "DOUT", "FICT", "DESA"})
"""PID-32: the record itself does not vouch for this identity (table 0445 of IHE PAM France, as FR Core 2.2 lists it).

A duplicate or a collision, known or suspected; an identity that was usurped, invalidated, doubted, made up or put out
of use. Not held: VALI, QUAL, RECUP; PROV and VIDE, which are ordinary in an emergency; ANOM, CACH, FILI, IDVER, RECD,
IDRA; HOMD and HOMA, for a namesake is another person, and this one is known.
"""

_NOT_A_NUMBER_OF_OURS: Final = frozenset(
    {"AN", "VN", "NI", "NH", "SS", "PPN", "DL", "NNFRA", "INS", "INS-C", "INS-NIR"}
)
"""PID-3.5: accounts, visits, national and social numbers are not the hospital's number of a patient (table 0203)."""

_SEX: Final = {"M": "M", "F": "F", "O": "O", "A": "O"}
"""HL7 table 0001 onto DICOM Patient's Sex (PS3.3 C.7.1.1); U and N say nothing."""

_OID: Final = re.compile(r"[012](\.(0|[1-9]\d*))+")
_NAME_DELIMITERS: Final = re.compile(r"[\^=\\]|[\x00-\x1f]")
"""Separators of a DICOM person name (PS3.5 6.2.1.1); a space stands for them, nothing is dropped."""

NUMBER_CHARS_MAX: Final = 64
"""Longest number of a patient or a stay; PS3.5 gives LO as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What authorities are called here.

    Args:
        authorities: namespace or OID as sent, to the identifier system that our other doors use for it.
        issuer: system of numbers that come without any authority; "" refuses them.
    """

    authorities: Mapping[str, str] = field(default_factory=dict)
    issuer: str = ""

    def number(self, value: Composite, place: str) -> Number:
        """Return the number that a CX writes (2.5, 2.A.14).

        Raises:
            BadMessage: too long, or nobody is said to have given it.
        """
        text = value.text(1)
        if len(text) > NUMBER_CHARS_MAX:
            raise BadMessage("number", REQUIRED, place, f"a number has at most {NUMBER_CHARS_MAX} characters")
        namespace, universal = value.text(4, 1), value.text(4, 2)
        system = self.authorities.get(universal) or self.authorities.get(namespace) or _system(universal, namespace)
        issuer = system or self.issuer
        names = {name for name, other in self.authorities.items() if other == issuer}
        if text and not issuer:
            says = "who gave this number is not said: send its authority, or give the sender an issuer here"
            raise BadMessage("authority-missing", REQUIRED, place, says)
        return Number(value=text, issuer=issuer, aliases=frozenset({namespace, universal, *names} - {""}))


def _system(universal: str, namespace: str) -> str:
    return f"urn:oid:{universal}" if _OID.fullmatch(universal) else universal or namespace


def best_number(segment: Segment, field_number: int, naming: Naming) -> Number | None:
    """Return the hospital's own number of a patient (type PI) where there is one; else another that is no national one.

    Of several alike the first by issuer and value, so that their order in the message changes nothing.
    """
    kinds = {"PI": 0, "MR": 1, "": 2}
    ranked = [(kinds.get(kind, 3), number) for kind, number in _numbers(segment, field_number, naming)]
    return min(ranked, key=lambda one: (one[0], one[1].issuer, one[1].value))[1] if ranked else None


def all_numbers(segment: Segment, field_number: int, naming: Naming) -> tuple[Number, ...]:
    """Return every number of a patient that is no national one."""
    return tuple(number for _, number in _numbers(segment, field_number, naming))


def _numbers(segment: Segment, field_number: int, naming: Naming) -> Iterator[tuple[str, Number]]:
    for value in segment.repetitions(field_number):
        if value.text(1) and not _is_foreign(value):
            yield value.text(5), naming.number(value, f"{segment.name}-{field_number}")


def _is_foreign(value: Composite) -> bool:
    """Return whether a number is no number of the hospital's own."""
    is_ins = value.text(4, 2) in INS_AUTHORITIES or value.text(4, 1).upper().startswith("ASIP-SANTE-INS")
    return is_ins or value.text(5).upper() in _NOT_A_NUMBER_OF_OURS or value.text(5).upper().startswith("INS")


def patient(pid: Segment, naming: Naming) -> Patient:
    """Return the traits of a PID segment."""
    number = best_number(pid, 3, naming)
    return Patient(
        identifier=number.value if number else "",
        issuer=number.issuer if number else "",
        name=_name(pid),
        birth_date=read_date(pid.text(7)),
        sex=_SEX.get(pid.text(8), ""),
    )


def is_doubtful(pid: Segment) -> bool:
    """Return whether the record itself doubts this identity (PID-32)."""
    return any(value.text(1) in DOUBTFUL for value in pid.repetitions(32))


def _name(pid: Segment) -> str:
    """Return the name at birth (type L), which is a strict trait; else the one shown (D), else the first."""
    kinds = {"L": 0, "D": 1}
    names = [name for name in pid.repetitions(5) if name.text(1)]
    if not names:
        return ""
    chosen = min(names, key=lambda name: kinds.get(name.text(7), 2))
    return f"{_component(chosen.text(1))}^{_component(chosen.text(2))}".rstrip("^")


def _component(text: str) -> str:
    return _NAME_DELIMITERS.sub(" ", text).strip()


def stay(message: Message, pid: Segment, naming: Naming) -> str:
    """Return the name of the stay, as the FHIR door gives it: "system|value" of PV1-19, else of PID-18; "" for none."""
    visit = message.first("PV1")
    for segment, number in ((visit, 19), (pid, 18)):
        value = segment.first(number) if segment else None
        if segment and value and value.text(1):
            found = naming.number(value, f"{segment.name}-{number}")
            return f"{found.issuer}|{found.value}"
    return ""


def one_patient(message: Message) -> Segment:
    """Return the PID of a message about one person.

    Raises:
        BadMessage: none, or several.
    """
    found = list(message.all("PID"))
    if len(found) != 1:
        code = "two-patients" if found else "no-patient"
        raise BadMessage(code, REQUIRED, "PID", "this message is about exactly one patient: send each in its own")
    return found[0]
