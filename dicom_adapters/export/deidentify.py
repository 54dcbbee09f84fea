"""One object's header under a pseudonym (PS3.15, Annex E); pixels are not touched, so an object with text in them is
refused.

What is kept is kept byte for byte, in the transfer syntax and character set it came in. Private attributes, curves,
overlays and whatever the data dictionary does not know go. Attributes that the table does not list stay, with two
exceptions that the standard leaves to us: dates and person names never stay, and a text that repeats one of the
patient's own words is replaced: people write names where no table expects them.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from pydicom import config
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from dicom_adapters.errors import NotExportable
from dicom_adapters.export.confidentiality import Action, Profile
from dicom_adapters.export.pseudonyms import Pseudonyms, moved
from dicom_adapters.read.text import codec, decode
from dicom_adapters.read.values import parse_day

ELEMENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest attribute that is kept beside the pixels, 16 MiB: tables of colours have 200 kB, a waveform some MB."""

WORD_CHARS_MIN: Final = 3
"""Shortest word of the patient's that is looked for: shorter ones are in every text."""

SAFE_TEXT: Final = frozenset({"111001", "111003", "112039"})
"""Text in a report that a program wrote: Algorithm Name, Algorithm Version, Tracking Identifier (DCM)."""

DUMMY_TEXT: Final = "REMOVED"
_DUMMIES: Final = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), DUMMY_TEXT),
    **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
    **dict.fromkeys(("US", "SS", "UL", "SL", "FL", "FD"), 0),
    **dict.fromkeys(("DS", "IS"), "0"),
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "UR": "urn:removed",
}
_TEXT: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_DATES: Final = frozenset({"DA", "DT"})
_WELL_KNOWN: Final = "1.2.840.10008."
_NAMING_A_KIND: Final = re.compile(r"(Class|Syntax|Scheme|Context|MappingResource|Creator)UID")
"""Unique identifiers that name no object: classes, transfer syntaxes, coding schemes and their context groups."""

_IDENTIFYING: Final = ("PatientID", "AccessionNumber", "AdmissionID", "StudyInstanceUID", "PatientBirthDate", "StudyID")
_PART: Final = 256
_OVERLAP: Final = 128
"""A long text is read in parts of so many bytes, which overlap by the longest word that is looked for."""

_GONE: Final = frozenset({0x5000, 0x6000})
_WORD: Final = re.compile(r"[\w.-]+")


class Deidentifier:
    """Takes one patient's identity out of headers.

    Args:
        issuer, identifier: of the patient; their pseudonym and offset of dates follow from them.
        words: further text that must not be left, e.g. the digest of the endorsed content.
    """

    def __init__(
        self, profile: Profile, pseudonyms: Pseudonyms, *, issuer: str, identifier: str, words: Sequence[str] = ()
    ) -> None:
        self._profile = profile
        self._pseudonyms = pseudonyms
        self.patient = pseudonyms.patient(issuer, identifier)
        self._days = pseudonyms.days(issuer, identifier)
        self._words = frozenset(word.casefold() for word in words)

    def header(self, source: Dataset) -> Dataset:
        """Return the de-identified copy of ``source``, without its pixels.

        Raises:
            NotExportable: see errors.py; whether text in the pixels is allowed is judged by the caller.
        """
        require_exportable(source)
        one = _Object(self._profile, self._pseudonyms, self._days, self._words | set(_own_words(source)))
        target = one.copy(source, codec(""))
        target.PatientName = target.PatientID = self.patient
        target.PatientIdentityRemoved = "YES"
        target.LongitudinalTemporalInformationModified = "MODIFIED" if self._profile.shifts_dates else "REMOVED"
        target.DeidentificationMethod = f"PS3.15 E.1 {self._profile.name}"[:64]
        codes = self._profile.method_codes(structured="ContentSequence" in source)
        target.DeidentificationMethodCodeSequence = Items([_code(*code) for code in codes])
        return target


def require_exportable(source: Dataset) -> None:
    """Return when an object can be de-identified by its header.

    Raises:
        NotExportable: "overlay-in-pixels" or "document".
    """
    if any(
        tag.group & 0xFF00 == 0x6000 and tag.element == 0x0102 and source[tag].value for tag in tuple(source.keys())
    ):
        raise NotExportable("overlay-in-pixels", "an overlay is kept in unused bits of the pixels")
    if "EncapsulatedDocument" in source:
        raise NotExportable("document", "an encapsulated document can say anything")


def flags(source: Dataset) -> tuple[bool, bool]:
    """Return whether the header says that text is burned in (0028,0301), and that a face shows (0028,0302)."""
    said = (source.get("BurnedInAnnotation"), source.get("RecognizableVisualFeatures"))
    burned_in, recognizable = (str(value or "").strip().upper() == "YES" for value in said)
    return burned_in, recognizable


class _Object:
    """One object on its way; the same rules at every depth."""

    def __init__(self, profile: Profile, pseudonyms: Pseudonyms, days: int, words: frozenset[str]) -> None:
        self._profile = profile
        self._pseudonyms = pseudonyms
        self._days = days
        self._words = words

    def copy(self, source: Dataset, inherited: str) -> Dataset:
        first = _codec(source, inherited)
        target = Dataset()
        text_is_safe = _concept(source) in SAFE_TEXT
        for tag in sorted(source.keys()):
            if tag.is_private or tag.group & 0xFF00 in _GONE or not dictionary_has_tag(tag):
                continue
            element = self._element(source, tag, first, text_is_safe=text_is_safe)
            if element is not None:
                target[tag] = element
        return target

    def _element(
        self, source: Dataset, tag: BaseTag, first: str, *, text_is_safe: bool
    ) -> DataElement | RawDataElement | None:
        vr = _vr(source, tag)
        action = self._profile.action(tag) or _unlisted(_known_vr(tag))
        if tag == _TEXT_VALUE:
            action = Action.KEEP if text_is_safe else Action.DUMMY
        if self._profile.shifts_dates and tag.group != 0x0010 and vr in {*_DATES, "TM"}:
            action = Action.CLEAN
        if action is Action.REMOVE:
            return None
        if vr == "SQ":
            return self._items(source, tag, first, action)
        match action:
            case Action.EMPTY:
                return _made(tag, vr, "")
            case Action.UID:
                return _made(tag, vr, "\\".join(self._uid(tag, uid) for uid in _plain(source, tag).split("\\")))
            case Action.CLEAN:
                return _made(tag, vr, _shifted(_plain(source, tag), vr, self._days))
            case Action.DUMMY:
                return _dummy(tag, vr)
        return self._kept(source, tag, vr, first)

    def _items(self, source: Dataset, tag: BaseTag, first: str, action: Action) -> DataElement:
        items = [] if action is Action.EMPTY else [self.copy(item, first) for item in source[tag].value]
        return DataElement(tag, "SQ", Items(items))

    def _uid(self, tag: BaseTag, uid: str) -> str:
        kept = not uid or uid.startswith(_WELL_KNOWN) or _NAMING_A_KIND.search(keyword_for_tag(tag))
        return uid if kept else self._pseudonyms.uid(uid)

    def _kept(self, source: Dataset, tag: BaseTag, vr: str, first: str) -> DataElement | RawDataElement:
        element = source.get_item(tag, keep_deferred=True)
        if element is None or (isinstance(element, RawDataElement) and element.value is None and element.length):
            raise NotExportable("element-too-large", f"{keyword_for_tag(tag)} has more than {ELEMENT_BYTES_MAX} bytes")
        if vr in _TEXT and self._tells(_text(source, tag, first if vr != "UR" else "latin_1")):
            return _dummy(tag, vr)
        return element

    def _tells(self, text: str) -> bool:
        folded = text.casefold()
        return any(word in folded for word in self._words)


# ---------------------------------------------------------------------------------------------------------- elements

_TEXT_VALUE: Final = tag_for_keyword("TextValue")
_CHARACTER_SET: Final = tag_for_keyword("SpecificCharacterSet")


def _unlisted(vr: str) -> Action:
    if vr == "UI":
        return Action.UID
    if vr in _DATES:
        return Action.REMOVE
    return Action.DUMMY if vr == "PN" else Action.KEEP


def _vr(source: Dataset, tag: BaseTag) -> str:
    element = source.get_item(tag, keep_deferred=True)
    said: str | None = getattr(element, "VR", None)
    if said and said != "UN":
        return said
    return _known_vr(tag) if dictionary_has_tag(tag) else "UN"


def _known_vr(tag: BaseTag) -> str:
    """Return what the data dictionary says, whatever the object does."""
    return str(dictionary_VR(tag)).split(" or ", maxsplit=1)[0]


def _plain(source: Dataset, tag: BaseTag) -> str:
    return _text(source, tag, "latin_1")


def _text(source: Dataset, tag: BaseTag, first: str) -> str:
    """Return a text in parts that decode() takes whole; a name can stand anywhere in a long one."""
    element = source.get_item(tag, keep_deferred=True)
    value = element.value if element is not None else b""
    if not isinstance(value, bytes):
        return str(value or "")
    parts = range(0, max(len(value) - _OVERLAP, 1), _PART - _OVERLAP)
    return " ".join(decode(value[at : at + _PART], first) for at in parts)


def _made(tag: BaseTag, vr: str, value: str) -> DataElement:
    return DataElement(tag, vr, value or None, validation_mode=config.IGNORE)


def _dummy(tag: BaseTag, vr: str) -> DataElement:
    return DataElement(tag, vr, _DUMMIES.get(vr), validation_mode=config.IGNORE)


def _shifted(value: str, vr: str, days: int) -> str:
    """Return dates moved back, times as they are; what is no date becomes empty."""
    if vr == "TM":
        return value
    found = []
    for one in value.split("\\"):
        day = parse_day(one[:8])
        before: date | None = moved(day, days) if day else None
        found.append(f"{before:%Y%m%d}{one[8:] if vr == 'DT' else ''}" if before else "")
    return "\\".join(found)


def _concept(item: Dataset) -> str:
    """Return the code of what a content item is about; "" for anything else (PS3.3, C.17.3)."""
    names = item.get("ConceptNameCodeSequence") or ()
    return next((str(name.get("CodeValue") or "") for name in names), "")


def _own_words(source: Dataset) -> Iterator[str]:
    """Yield the words by which an object names its patient and the people around them, casefolded."""
    first = _codec(source, codec(""))
    for tag in sorted(source.keys()):
        vr = _vr(source, tag)
        if vr == "PN":
            words = _WORD.findall(_text(source, tag, first).replace("^", " ").replace("=", " "))
            yield from (word.casefold() for word in words if len(word) >= WORD_CHARS_MIN)
    for keyword in _IDENTIFYING:
        said = _text(source, BaseTag(tag_for_keyword(keyword) or 0), first).strip().casefold()
        if len(said) >= WORD_CHARS_MIN:
            yield said


def _codec(dataset: Dataset, inherited: str) -> str:
    if _CHARACTER_SET not in dataset:
        return inherited
    value = dataset[_CHARACTER_SET].value
    return codec(value if isinstance(value, str) else "\\".join(value or ()))


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
