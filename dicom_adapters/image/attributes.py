"""The attributes of an instance as DICOM JSON: what QIDO-RS and WADO-RS metadata answer.

Values are read one by one from their bytes, so that one that breaks its value representation is left empty and costs
no other. pydicom's own conversion stops at the first such value, and warns with the patient's words.

Source: PS3.18, F.2 (DICOM JSON Model).
"""

import base64
import math
import struct
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from dicom_adapters.image.decode import PLUGINS, integer, open_header
from dicom_adapters.read.text import codec, decode_whole, person_name
from dicom_adapters.read.values import CONVERSION_ERRORS

INLINE_BYTES_MAX: Final = 256 * 1024
"""Longest binary value that is written inline, 256 KiB: lookup tables of 16 bits have 128. A longer one is named and
left out; it is in the instance."""

_NUMBERS: Final = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
}
_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_ONE_TEXT: Final = frozenset({"LT", "ST", "UT", "UR"})
"""Texts in which a backslash is a backslash (PS3.5, 6.2)."""

_ENCODED: Final = frozenset({"SH", "LO", "PN", "ST", "LT", "UC", "UT"})
"""Texts in the declared character set; the others are ASCII."""

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_CHARACTER_SET: Final = 0x00080005
_PHOTOMETRIC: Final = "00280004"
_PLANAR: Final = "00280006"
_UNDEFINED_VRS: Final = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}
"""In implicit VR the dictionary leaves a choice; the first one that holds for all that was seen."""


def attributes(data: bytes | Path) -> dict[str, dict[str, Any]]:
    """Return every attribute of a DICOM file but its pixels, by tag of eight hexadecimal digits.

    Text is written in UTF-8, and (0008,0005) says so. Colours of a compressed image are said to be RGB, one pixel after
    the other: that is what its decoded frames are.

    Raises:
        NotEligible: "pixels-unreadable", not a DICOM file.
        Unavailable: the file cannot be opened.
    """
    dataset = open_header(data)
    found = _plain(dataset, codec(""))
    found["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    found["00083002"] = {"vr": "UI", "Value": [syntax_of(dataset)]}
    if syntax_of(dataset) in PLUGINS and integer(dataset, "SamplesPerPixel", 1) == 3:
        found[_PHOTOMETRIC] = {"vr": "CS", "Value": ["RGB"]}
        found[_PLANAR] = {"vr": "US", "Value": [0]}
    return dict(sorted(found.items()))


def syntax_of(dataset: Dataset) -> str:
    """Return the Transfer Syntax UID of a file; "" when it states none."""
    return str(UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))))


def _plain(dataset: Dataset, inherited: str) -> dict[str, dict[str, Any]]:
    first = _codec(dataset, inherited)
    found = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0:  # the length of a group, retired
            continue
        try:
            found[f"{tag:08X}"] = _element(dataset, tag, first)
        except CONVERSION_ERRORS:
            found[f"{tag:08X}"] = {"vr": _vr(dataset.get_item(tag), tag)}
    return found


def _element(dataset: Dataset, tag: BaseTag, first: str) -> dict[str, Any]:
    raw = dataset.get_item(tag)
    vr = _vr(raw, tag)
    if vr == "SQ":
        return _said(vr, [_plain(item, first) for item in dataset[tag].value])
    value = raw.value or b""
    if not isinstance(value, bytes):  # converted before: a sequence's neighbours, or an element we asked for
        value = _again(value)
    if vr in _BINARY:
        return _inline(vr, value)
    if vr in _NUMBERS or vr == "AT":
        return _said(vr, _numbers(vr, value, little=getattr(raw, "is_little_endian", True)))
    text = decode_whole(value, first if vr in _ENCODED else "latin_1")
    return _said(vr, _texts(vr, text))


def _vr(raw: Any, tag: BaseTag) -> str:
    vr = raw.VR
    if vr is None or vr == "UN":
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            return "UN"
    return _UNDEFINED_VRS.get(vr, str(vr))


def _again(value: Any) -> bytes:
    values = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    return "\\".join(str(one) for one in values).encode()


def _said(vr: str, values: list[Any]) -> dict[str, Any]:
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _inline(vr: str, value: bytes) -> dict[str, Any]:
    if not value or len(value) > INLINE_BYTES_MAX:
        return {"vr": vr}
    return {"vr": vr, "InlineBinary": base64.b64encode(value).decode()}


def _numbers(vr: str, value: bytes, *, little: bool) -> list[Any]:
    order = "<" if little else ">"
    if vr == "AT":
        pairs = struct.iter_unpack(f"{order}HH", value)
        return [f"{group:04X}{element:04X}" for group, element in pairs]
    found = [number for (number,) in struct.iter_unpack(f"{order}{_NUMBERS[vr]}", value)]
    return [number if math.isfinite(number) else None for number in found]


def _texts(vr: str, text: str) -> list[Any]:
    if vr in _ONE_TEXT:
        whole = text.rstrip("\0 ")
        return [whole] if whole else []
    parts = [part.strip("\0 ") for part in text.split("\\")]
    if parts == [""]:
        return []
    if vr == "PN":
        return [_person(part) for part in parts]
    if vr in {"DS", "IS"}:
        return [_number(part, whole=vr == "IS") for part in parts]
    return [part or None for part in parts]


def _person(text: str) -> dict[str, str]:
    return {name: group for name, group in zip(_GROUPS, person_name(text).split("="), strict=False) if group}


def _number(text: str, *, whole: bool) -> float | int | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 300:
        return None
    return int(number) if whole or (number == number.to_integral_value() and "." not in text) else float(number)


def _codec(dataset: Dataset, inherited: str) -> str:
    """Return the codec that ``dataset`` declares, or the one it inherits (PS3.3, C.12.1.1.2)."""
    if _CHARACTER_SET not in dataset:
        return inherited
    value = dataset.get_item(_CHARACTER_SET).value or b""
    return codec((value if isinstance(value, bytes) else _again(value)).decode("latin_1"))
