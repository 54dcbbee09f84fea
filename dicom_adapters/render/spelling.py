"""The character set of one object, and its words respelled where a site asks for that.

A destination that knows fewer letters than UTF-8 gets the smallest character set, from the one it asks for on, that
holds the object whole. With ``transliterate``, our own words are respelled first, and the object says so: in the
equipment that wrote it and, in a report, beside its text. What names a person, identifies, or came with the images is
never respelled: where that does not fit, the next larger set is taken.

Source: PS3.3, C.12.1.1.2 (Specific Character Set; absent is ISO_IR 6).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_adapters.render.envelope import CHARSETS, CONTENT_MARK, Options
from dicom_adapters.render.items import QUALITATIVE, text
from dicom_adapters.render.source import PATIENT_AND_STUDY
from guarantee.respelling import respelled

RESPELLED: Final = re.compile(r"text transliterated to (ISO_IR \d+)")
"""How an object says that its words were respelled, in the description of the equipment that wrote it."""

NOTE: Final = Code("spelling", "99AVAL", "Note on the spelling")

_SAYS: Final = {
    "fr": "Texte translittéré pour cette archive : des lettres et des signes sont écrits autrement (oe, >=, ^9).",
    "en": "Text transliterated for this archive: some letters and signs are written differently (oe, >=, ^9).",
}
_TEXT: Final = frozenset({"SH", "LO", "PN", "ST", "LT", "UC", "UT"})
_WORDS: Final = frozenset({"LO", "ST", "LT", "UT"})
"""Where words of ours stand. SH and UC hold codes and numbers; PN a person."""

_NOT_OURS: Final = frozenset({*PATIENT_AND_STUDY, "ReferencedRequestSequence"})


def choose_charset(dataset: Dataset, options: Options, language: str) -> None:
    """Set the character set of ``dataset``, after respelling its words where the site asks for that.

    Args:
        language: of the note that says so, "fr-FR" for one.
    """
    names = list(CHARSETS)
    for name in names[names.index(options.charset) :]:
        changes = _changes(dataset, CHARSETS[name], respell=options.transliterate)
        if changes is None:
            continue
        for element, value in changes:
            element.value = value
        if changes:
            _say(dataset, name, language)
        if name == "ISO_IR 6":
            dataset.pop("SpecificCharacterSet", None)
        else:
            dataset.SpecificCharacterSet = name
        return


def repertoire_of(dataset: Dataset) -> str:
    """Return the letters that an object says its words were respelled for; "" when it says nothing of the kind."""
    for item in dataset.get("ContributingEquipmentSequence") or []:
        found = RESPELLED.search(str(item.get("ContributionDescription", "")))
        if found:
            return CHARSETS.get(found[1], "")
    return ""


def _changes(dataset: Dataset, codec: str, *, respell: bool) -> list[tuple[DataElement, Any]] | None:
    """Return each element whose words must change, with its new value; None when the object does not fit."""
    found: list[tuple[DataElement, Any]] = []
    for element, is_ours in _texts(dataset):
        values = list(element.value) if element.VM > 1 else [element.value]
        if all(_fits(value, codec) for value in values):
            continue
        written = [respelled(str(value or ""), codec) for value in values] if respell and is_ours else [None]
        if None in written:
            return None
        found.append((element, written if element.VM > 1 else written[0]))
    return found


def _texts(dataset: Dataset, *, ours: bool = True) -> Iterator[tuple[DataElement, bool]]:
    """Yield every text, and whether it holds words of ours."""
    for element in dataset:
        mine = ours and element.keyword not in _NOT_OURS
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item, ours=mine)
        elif element.VR in _TEXT:
            yield element, mine and element.VR in _WORDS


def _fits(value: object, codec: str) -> bool:
    """Return whether a text can be written in ``codec``; pydicom itself would write "?" and warn."""
    try:
        str(value or "").encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _say(dataset: Dataset, charset: str, language: str) -> None:
    for item in dataset.ContributingEquipmentSequence:
        if CONTENT_MARK.search(str(item.get("ContributionDescription", ""))):
            item.ContributionDescription += f"; text transliterated to {charset}"
    note = respelled(_SAYS["en" if language.startswith("en") else "fr"], CHARSETS[charset])
    for container in dataset.get("ContentSequence") or []:
        names = container.get("ConceptNameCodeSequence") or []
        if note and names and names[0].get("CodeValue") == QUALITATIVE.value:
            container.ContentSequence.append(text(NOTE, note))
