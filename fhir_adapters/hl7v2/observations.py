"""Endorsed content as OBX: what was found, what was measured, the text, the document, what the patient was told.

OBX-4 groups: everything of finding 2 has 2 or 2.n, and the lines of the report their number in it. A line that is
longer than old records keep is split, and its pieces are n.1, n.2…; an empty line is not sent (OBX-5 must have a
value), and its number is left out.
"""

import base64
from collections.abc import Iterator
from itertools import accumulate, takewhile
from typing import Final

from fhir_adapters import texts
from fhir_adapters.hl7v2.context import OURS, Context
from fhir_adapters.hl7v2.writing import components, escape
from fhir_adapters.pdf import write_pdf
from guarantee.content import Finding, Origin, Presence, Quantity, Text
from guarantee.inputs import Coded

PRESENCE: Final = {
    Presence.PRESENT: Coded(code="52101004", scheme="SCT", meaning="Present"),
    Presence.ABSENT: Coded(code="272519000", scheme="SCT", meaning="Absent"),
    Presence.UNDETERMINED: Coded(code="373068000", scheme="SCT", meaning="Undetermined"),
}
"""What is said of a finding (DICOM CID 240): a negative is written, never left to silence."""

KEYS: Final = f"{OURS}KEY"
"""Coding system of the keys of findings, the alternate identifier of OBX-3."""

METRICS: Final = f"{OURS}METRIC"
"""Coding system of a model's own figures: "score" and "threshold"."""

DIGEST: Final = "content-sha256"
SPELLING: Final = "spelling"
INFORMATION: Final = "patient-information"

LINE_CHARS: Final = 199
"""Most characters of one line, escaped: TX has no such limit, but ST has, and several records keep both alike."""

READER_FINDING: Final = "reader-finding"
"""Type code of what a reader added (guarantee/amend.py): no machine said it."""

MACHINE: Final = Text(fr="Résultat d'un système d'IA, validé par un praticien", en="AI result, endorsed by a clinician")
CORRECTED: Final = Text(
    fr="Résultat d'un système d'IA, corrigé et validé par un praticien",
    en="AI result, corrected and endorsed by a clinician",
)
PERSON: Final = Text(fr="Dit par le praticien, sans système d'IA", en="Said by the clinician, without an AI system")

_NULL: Final = '""'
"""Means "delete what you have" (2.5, 2.7.1): two quotation marks that are meant go in two pieces."""

_DIGEST: Final = Text(fr="Empreinte du contenu validé", en="Digest of the endorsed content")
_SPELLING: Final = Text(
    fr="Texte translittéré pour ce destinataire : des lettres et des signes sont écrits autrement (oe, >=, ^9).",
    en="Text transliterated for this receiver: some letters and signs are written differently (oe, >=, ^9).",
)
_SITE: Final = Coded(code="363698007", scheme="SCT", meaning="Finding site")
_LATERALITY: Final = Coded(code="272741003", scheme="SCT", meaning="Laterality")
_STUDY: Final = Coded(code="113014", scheme="DCM", meaning="DICOM Study")
_INFORMED: Final = {"yes": texts.INFORMED, "to-do": texts.INFORMATION_DUE, "not-possible": texts.NOT_INFORMED}
_METRICS: Final = {"score": Text(fr="Score du modèle", en="Model score"), "threshold": Text(fr="Seuil", en="Threshold")}


def identity(context: Context) -> Iterator[dict[int, str]]:
    """Yield what ties the message to what was endorsed: digest, spelling, study."""
    yield _row(context, "ST", context.own_code(DIGEST, _DIGEST), context.endorsed.content.digest)
    if context.spelling.repertoire:
        yield _row(context, "ST", context.own_code(SPELLING, _SPELLING), context.spelling.repertoire)
    if context.is_study:
        yield _row(context, "HD", context.coded(_STUDY), components("", escape(context.endorsed.case.uid), "ISO"))


def findings(context: Context) -> Iterator[dict[int, str]]:
    """Yield every finding with its numbers, in the content's order."""
    for number, finding in enumerate(context.endorsed.content.findings, start=1):
        for row in _finding(context, finding, str(number)):
            yield row | _by(context, _method(finding))


def _method(finding: Finding) -> Text:
    if finding.type.code == READER_FINDING:
        return PERSON
    return CORRECTED if finding.origin is Origin.PERSON else MACHINE


def _finding(context: Context, finding: Finding, group: str) -> Iterator[dict[int, str]]:
    name = components(context.coded(finding.type, finding.label), escape(finding.key), "", KEYS)
    yield _row(context, "CE", name, context.coded(PRESENCE[finding.presence]), group)
    for at, quantity in enumerate(finding.quantities, start=1):
        yield _quantity(context, quantity, f"{group}.{at}")
    for metric, value in (("score", finding.score), ("threshold", finding.threshold)):
        if value is not None:
            name = components(metric, context.say(_METRICS[metric]), METRICS)
            yield _row(context, "NM", name, f"{value:f}", group) | {6: "1^^UCUM"}
    for what, place in ((_SITE, finding.site), (_LATERALITY, finding.laterality)):
        if place is not None:
            yield _row(context, "CE", context.coded(what), context.coded(place), group)


def _quantity(context: Context, quantity: Quantity, group: str) -> dict[int, str]:
    """Return a number, to its last digit, with its UCUM unit."""
    name = context.coded(quantity.concept, quantity.label)
    return _row(context, "NM", name, f"{quantity.value:f}", group) | {6: context.coded(quantity.unit)}


def lines(context: Context) -> Iterator[dict[int, str]]:
    """Yield the text of the report, line by line."""
    text = context.spelling.spell(context.endorsed.content.full_text)
    for number, line in enumerate(text.split("\n"), start=1):
        pieces = list(_pieces(line))
        for at, piece in enumerate(pieces, start=1):
            group = str(number) if len(pieces) == 1 else f"{number}.{at}"
            yield _row(context, "TX", report_code(context), escape(piece), group)


def _pieces(line: str) -> Iterator[str]:
    """Yield ``line`` in pieces that can be kept whole, escaped, broken after a space where there is one."""
    while line:
        widths = accumulate(len(escape(sign)) for sign in line)
        most = sum(1 for _ in takewhile(lambda width: width <= LINE_CHARS, widths))
        at = len(line) if most == len(line) else line.rfind(" ", 0, most) + 1 or most
        at = 1 if line[:at] == _NULL else at
        yield line[:at]
        line = line[at:]


def document(context: Context) -> dict[int, str]:
    """Return the report as a PDF.

    Raises:
        Malformed: a letter that it cannot show.
    """
    content = context.endorsed.content
    title = context.plain(texts.REPORT_TITLE)
    text = context.spelling.spell(content.full_text)
    data = write_pdf(_heading(context, title), text, title=title, language=content.language)
    value = components("", "application", "pdf", "Base64", base64.b64encode(data).decode())
    return _row(context, "ED", report_code(context), value, "pdf")


def _heading(context: Context, title: str) -> list[str]:
    patient = context.endorsed.case.patient
    who = [" ".join(patient.name.partition("=")[0].replace("^", " ").split()), patient.birth_date, patient.sex]
    return [context.options.organisation, title, " – ".join(filter(None, [*who, patient.identifier])), context.readers]


def information(context: Context) -> dict[int, str]:
    """Return what the reader answered about informing the patient (CSP L.4001-3)."""
    answer = context.endorsers[0].statement.patient_informed
    value = components(answer, context.say(_INFORMED[answer]), OURS)
    return _row(context, "CE", context.own_code(INFORMATION, texts.USE_OF_AI), value) | _by(context, PERSON)


def report_code(context: Context) -> str:
    """Return what the report is: an imaging study's, or an evaluation note for a score from the record (LOINC)."""
    code = "18748-4" if context.is_study else "51848-0"
    return components(code, context.say(texts.REPORT_TITLE), "LN")


def _row(context: Context, kind: str, name: str, value: str, group: str = "") -> dict[int, str]:
    """Return OBX without its Set ID: preliminary, with who answers for it."""
    row = {2: kind, 3: name, 4: group, 5: value, 11: "P", 14: context.effective, 16: context.practitioners}
    return row | _by(context, MACHINE)


def _by(context: Context, method: Text) -> dict[int, str]:
    """Return OBX-17 and OBX-18: how it was observed, and with which model, where one had a part in it."""
    if method is PERSON:
        return {17: components("CLINAST", context.say(method), OURS), 18: ""}
    model = components(escape(context.endorsed.card.model.id), escape(context.options.application))
    return {17: components("AIAST", context.say(method), OURS), 18: model}
