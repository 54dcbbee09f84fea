"""Content items that reports and rejection notes share: words, people, and the concepts that both sides name."""

import unicodedata
from typing import Any, Final

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from guarantee.content import Presence
from guarantee.errors import Malformed
from guarantee.opinion import Reader

CONTAINS: Final = sr.RelationshipTypeValues.CONTAINS
COMMENT: Final = Code("121106", "DCM", "Comment")
PRESENCE: Final = Code("121052", "DCM", "Presence of property")
QUALITATIVE: Final = Code("C0034375", "UMLS", "Qualitative Evaluations")
CAUTION: Final = Code("caution", "99AVAL", "Limit stated by the model")

PRESENCES: Final = {
    Presence.PRESENT: Code("52101004", "SCT", "Present"),
    Presence.ABSENT: Code("272519000", "SCT", "Absent"),
    Presence.UNDETERMINED: Code("373068000", "SCT", "Undetermined"),
}
"""CID 240, Present-Absent."""

PERSON_CHARS_MAX: Final = 64
"""Longest component group of a person name (PN, PS3.5 6.2.1)."""

VERIFYING: Final = Code("121098", "DCM", "Verifying")
"""CID 7453, Performing Roles."""

_CONTROLS: Final = frozenset("\t\n\f\r")


def text(name: Code, value: str) -> Dataset:
    """Return a TEXT item that its parent contains.

    Raises:
        Malformed: control characters other than tab, line end and form feed (PS3.5, 6.1.3).
    """
    if any(unicodedata.category(c) == "Cc" and c not in _CONTROLS for c in value):
        raise Malformed("the text holds control characters that DICOM text cannot carry; remove them")
    return sr.TextContentItem(name, value, CONTAINS)


def observer(reader: Reader, role: Code | None = VERIFYING) -> Any:
    """Return the observer context of a person who answers for what follows (TID 1002 and 1003)."""
    person = sr.PersonObserverIdentifyingAttributes(
        name=person_name(reader),
        login_name=reader.professional_id,
        organization_name=reader.organisation,
        role_in_procedure=role,
    )
    return sr.ObserverContext(codes.DCM.Person, person)


def person_name(reader: Reader) -> str:
    """Return the name with at least one caret: without one, a reader of DICOM takes it for an unstructured name.

    Raises:
        Malformed: it is longer than DICOM can write; a person's name is not shortened.
    """
    if len(reader.name) > PERSON_CHARS_MAX:
        raise Malformed(f"the name of reader {reader.login} is longer than {PERSON_CHARS_MAX} characters")
    return reader.name if "^" in reader.name else f"{reader.name}^"


def wire_text(words: str) -> str:
    """Return ``words`` with DICOM's line ends, CR LF (PS3.5, 6.1.3).

    A text that already holds a CR is left as it is. It still differs from a converted one: between report and mention
    it has a bare LF, which a converted text never has. So :func:`plain_text` gets every report back.
    """
    return words if "\r" in words else words.replace("\n", "\r\n")


def plain_text(wire: str) -> str:
    """Return the text that :func:`wire_text` was given."""
    return wire if "\n" in wire.replace("\r\n", "") else wire.replace("\r\n", "\n")
