"""What every message of one release shares: names, numbers, times, who answers for it. Nothing here asks the time."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from fhir_adapters.hl7v2.writing import Spelling, components, escape, subcomponents
from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.ids import derive, digest
from guarantee.inputs import Coded
from guarantee.opinion import Opinion, Reader
from guarantee.ports import Endorsed

OURS: Final = "99AVAL"
"""Our own codes, as HL7 table 0396 wants local ones named."""

CONTROL_CHARS: Final = 20
"""Length of MSH-10 and OBR-3: 2.5 allows 20 and 22. 80 bits of a digest: no two messages of a site share them."""

_AUTHORITY: Final = re.compile(r"[^|^~\\&\s]+|[^|^~\\&\s]*&[^|^~\\&\s]+&(?:ISO|DNS|URI|GUID)")
_OID: Final = re.compile(r"(?:urn:oid:)?([012](?:\.(?:0|[1-9]\d*))+)")
_URI: Final = re.compile(r"https?://\S+|urn:\S+")
_SEX: Final = {"M": "M", "F": "F", "O": "O"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this installation signs what one destination receives.

    Args:
        name: of the destination; its control numbers are its own, for an engine may stand before several.
        application, facility: MSH-3 and MSH-4, who we are.
        receiving_application, receiving_facility: MSH-5 and MSH-6.
        organisation: the structure that the report is made for, for the document's heading.
        patient_authority: of patient numbers that came without an issuer; as ``authorities``.
        authorities: issuer of patient numbers, as the other doors call it, to its HL7 name: ``NAMESPACE``, or
            ``NAMESPACE&OID&ISO`` (HD, 2.5, 2.A.36).
        practitioner_authority: of the readers' professional numbers, likewise.
        charset: MSH-18 (table 0211).
        transliterate: whether our own words are respelled to fit it.
        report: "text", "pdf" or "both".
        mdm: whether the document goes a second time, as MDM^T02.
        filler: what OBR-3 is: "own", a number of this report's own; or "accession", the order's.
        processing: MSH-11.
        country: MSH-17, ISO 3166 with three letters.
        time_zone: that times are written in, and that study times without one are of.
    """

    name: str
    application: str
    facility: str
    receiving_application: str
    receiving_facility: str
    organisation: str
    patient_authority: str
    authorities: tuple[tuple[str, str], ...] = field(default=())
    practitioner_authority: str = "ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO"
    charset: str = "UNICODE UTF-8"
    transliterate: bool = False
    report: str = "text"
    mdm: bool = False
    filler: str = "own"
    processing: str = "P"
    country: str = "FRA"
    time_zone: str = "Europe/Paris"

    def __post_init__(self) -> None:
        names = (self.patient_authority, self.practitioner_authority, *(name for _, name in self.authorities))
        for name in names:
            if not _AUTHORITY.fullmatch(name):
                raise Malformed(f"{name[:80]!r} is no assigning authority: NAMESPACE, or NAMESPACE&OID&ISO")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One release about to be written in one spelling."""

    options: Options
    endorsed: Endorsed
    spelling: Spelling

    def say(self, text: Text) -> str:
        """Return ``text`` in the language of the report, spelled and escaped."""
        return self.spelling.words(self.plain(text))

    def plain(self, text: Text) -> str:
        """Return ``text`` in the language of the report."""
        return text.fr if self.endorsed.content.language.lower().startswith("fr") else text.en

    def coded(self, value: Coded, label: Text | None = None) -> str:
        """Return ``value`` as CE, with ``label`` as its text where there is one."""
        text = self.say(label) if label else self.spelling.words(value.meaning)
        return components(escape(value.code), text, escape(value.scheme))

    def own_code(self, code: str, label: Text) -> str:
        """Return a code of our own as CE."""
        return components(code, self.say(label), OURS)

    def time(self, moment: datetime) -> str:
        """Return a time with its zone (TS, 2.5, 2.A.77)."""
        return moment.astimezone(ZoneInfo(self.options.time_zone)).strftime("%Y%m%d%H%M%S%z")

    @property
    def is_study(self) -> bool:
        """Whether the inputs are images."""
        return self.endorsed.case.kind is CaseKind.STUDY

    @property
    def at(self) -> str:
        """When the decision was taken."""
        return self.time(self.endorsed.decision.at)

    @property
    def effective(self) -> str:
        """When what is said was true of the patient: the study's time, or the newest input's; else the decision's."""
        if self.is_study:
            return self._study_time() or self.at
        taken = [used.taken_at for used in self.endorsed.content.inputs if used.taken_at is not None]
        return self.time(max(taken)) if taken else self.at

    @property
    def endorsers(self) -> tuple[Opinion, ...]:
        """The opinions that the decision is made of, the deciding one first."""
        decision = self.endorsed.decision
        same = [o for o in self.endorsed.opinions if o.statement.content == decision.content]
        return tuple(sorted(same, key=lambda o: (o.id != decision.opinion, o.statement.signed_at)))

    @property
    def report_number(self) -> str:
        """A number of this report's own, which its withdrawal names again."""
        return number("report", self.options.name, self.endorsed.release)

    @property
    def filler(self) -> str:
        """OBR-3: the report's own number, or the accession number where the site asks for that and there is one."""
        order = self.endorsed.case.order
        if self.options.filler == "accession" and order:
            return escape(order)
        return components(self.report_number, escape(self.options.application))

    @property
    def placer(self) -> str:
        """OBR-2: the number that the requesting system gave the order, where there is exactly one."""
        found = {order.placer for order in self.endorsed.orders} - {""}
        if len(found) != 1:
            return ""
        system, _, value = found.pop().partition("|")
        return components(escape(value), *(self._authority(system).split("&") if system else ()))

    @property
    def practitioners(self) -> str:
        """Who answers for the content, as repeating XCN (OBX-16)."""
        return "~".join(components(*self._person(o.statement.reader)) for o in self.endorsers)

    def interpreter(self, reader: Reader) -> str:
        """Return a reader as NDL, whose first component is a person (OBR-32)."""
        return subcomponents(*self._person(reader)[:9])

    @property
    def readers(self) -> str:
        """The names of who answers for it, as people write them."""
        return ", ".join(person(o.statement.reader.name) for o in self.endorsers)

    def patient(self) -> dict[int, str]:
        """Return the fields of PID. The INS is never written; traits are as they were received.

        Raises:
            Malformed: the patient has no number.
        """
        patient = self.endorsed.case.patient
        if not patient.identifier:
            raise Malformed("the patient has no number: nobody could tell whose report this is")
        family, given, middle, prefix, suffix = (patient.name.partition("=")[0].split("^") + [""] * 5)[:5]
        # Whether it is the name at birth was not said where it came from: type U, "unspecified" (table 0200).
        name = [escape(part) for part in (family, given, middle, suffix, prefix)]
        return {
            1: "1",
            3: components(escape(patient.identifier), "", "", self._authority(patient.issuer), "PI"),
            5: components(*name, "", "U"),
            7: patient.birth_date.replace("-", ""),
            8: _SEX.get(patient.sex, "U"),
        }

    def visit(self) -> dict[int, str]:
        """Return the fields of PV1; the number of the stay only where the record gave one."""
        case = self.endorsed.case
        system, _, value = case.uid.rpartition("|")
        is_patient = (system, value) == (case.patient.issuer, case.patient.identifier)
        known = not self.is_study and bool(system and value) and not is_patient
        return {1: "1", 2: "U"} | ({19: components(escape(value), "", "", self._authority(system))} if known else {})

    def _authority(self, issuer: str) -> str:
        """Return an issuer as HD: by the site's table, else by what it says of itself."""
        if not issuer:
            return self.options.patient_authority
        named = dict(self.options.authorities).get(issuer)
        if named:
            return named
        if oid := _OID.fullmatch(issuer):
            return subcomponents("", oid[1], "ISO")
        return subcomponents("", escape(issuer), "URI") if _URI.fullmatch(issuer) else escape(issuer)

    def _person(self, reader: Reader) -> list[str]:
        family, given, middle, prefix, suffix = (reader.name.partition("=")[0].split("^") + [""] * 5)[:5]
        named = [escape(part) for part in (reader.professional_id, family, given, middle, suffix, prefix)]
        return [*named, "", "", self.options.practitioner_authority, "", "", "", "IDNPS"]

    def _study_time(self) -> str:
        text = self.endorsed.case.started
        try:
            if len(text) == 10:
                return date.fromisoformat(text).strftime("%Y%m%d")
            value = datetime.fromisoformat(text)
        except ValueError:
            return ""
        return self.time(value if value.tzinfo else value.replace(tzinfo=ZoneInfo(self.options.time_zone)))


def number(kind: str, *parts: str) -> str:
    """Return the number that ``kind`` and ``parts`` always have."""
    return digest(derive(f"hl7-{kind}", *parts).encode())[:CONTROL_CHARS]


def person(name: str) -> str:
    """Return a DICOM person name as people write it: "MARTIN^Élodie^^Dr" is "Dr Élodie MARTIN" (PS3.5 6.2.1)."""
    family, given, middle, prefix, suffix = (name.partition("=")[0].split("^") + [""] * 5)[:5]
    return " ".join(part for part in (prefix, given, middle, family, suffix) if part)


def header(context: Context, kind: str, control: str, at: datetime) -> str:
    """Return MSH."""
    options = context.options
    fields = [
        *("MSH", "^~\\&", escape(options.application), escape(options.facility)),
        *(escape(options.receiving_application), escape(options.receiving_facility), context.time(at), "", kind),
        *(control, options.processing, "2.5", "", "", "", "", options.country, context.spelling.charset),
        escape(context.endorsed.content.language),
    ]
    return "|".join(fields)


def numbered(rows: Iterable[dict[int, str]]) -> Iterator[dict[int, str]]:
    """Yield ``rows`` with their Set ID, counted from 1."""
    for at, row in enumerate(rows, start=1):
        yield {1: str(at)} | row
