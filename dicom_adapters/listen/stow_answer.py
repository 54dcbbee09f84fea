"""What a STOW-RS request is answered: the Store Instances Response Module, as JSON or XML (PS3.18, 10.5.3 and F, G)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

RETRY_AFTER_S: Final = 30
"""When a sender may try again that was told "not now"."""

JSON_MEDIA: Final = "application/dicom+json"
XML_MEDIA: Final = "application/dicom+xml"

_JSON: Final = frozenset({JSON_MEDIA, "application/json", "application/*", "*/*", ""})
_XML: Final = frozenset({XML_MEDIA, "application/xml", "text/xml"})
_NAMES: Final = {
    "00081150": ("ReferencedSOPClassUID", "UI"),
    "00081155": ("ReferencedSOPInstanceUID", "UI"),
    "00081190": ("RetrieveURL", "UR"),
    "00081197": ("FailureReason", "US"),
    "00081198": ("FailedSOPSequence", "SQ"),
    "00081199": ("ReferencedSOPSequence", "SQ"),
    "0008119A": ("OtherFailuresSequence", "SQ"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An instance that the answer speaks of."""

    class_uid: str
    instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An instance that is not kept.

    Args:
        name: None when nobody can say which one it is.
        reason: FailureReason (0008,1197).
    """

    name: Named | None
    reason: int
    code: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request as a whole went no further."""

    status: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def form_of(accept: str) -> str:
    """Return the media type of the answer: JSON unless XML is asked for first; "" when neither is acceptable."""
    for each in accept.lower().split(","):
        media = each.partition(";")[0].strip()
        if media in _JSON:
            return JSON_MEDIA
        if media in _XML:
            return XML_MEDIA
    return ""


def answer(stored: Sequence[Named], failed: Sequence[Failure], trouble: Trouble | None, *, form: str) -> Reply:
    """Return the answer to a request.

    Args:
        trouble: why it was not read to its end.
        form: as form_of says.
    """
    if trouble is None and not stored and not failed:
        trouble = Trouble(400, "no-instance", "the body holds no instance")
    status = trouble.status if trouble else _status(stored, failed)
    headers = {"Content-Type": form or JSON_MEDIA}
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if trouble is not None:
        headers |= {"Warning": f'299 aval "{trouble.code}: {trouble.detail}"', "Connection": "close"}
    module = _module(stored, failed)
    body = _xml(module) if form == XML_MEDIA else json.dumps(module).encode()
    return Reply(status=status, body=body, headers=headers)


def _status(stored: Sequence[Named], failed: Sequence[Failure]) -> int:
    """Return the status of a request that was read to its end (PS3.18, Table 10.5.3-1)."""
    if stored:
        return 202 if failed else 200
    if all(0xA700 <= failure.reason <= 0xA7FF for failure in failed):
        return 503
    return 413 if all(failure.code == "instance-too-large" for failure in failed) else 409


def _module(stored: Sequence[Named], failed: Sequence[Failure]) -> dict[str, Any]:
    module: dict[str, Any] = {"00081190": _attribute("00081190")}
    named = [failure for failure in failed if failure.name is not None]
    others = [failure for failure in failed if failure.name is None]
    if named:
        module["00081198"] = _attribute("00081198", *(_item(each.name, each.reason) for each in named))
    if stored:
        module["00081199"] = _attribute("00081199", *(_item(each, None) for each in stored))
    if others:
        module["0008119A"] = _attribute("0008119A", *(_item(None, each.reason) for each in others))
    return module


def _item(name: Named | None, reason: int | None) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if name is not None:
        item["00081150"] = _attribute("00081150", name.class_uid)
        item["00081155"] = _attribute("00081155", name.instance_uid)
    if name is not None and reason is None:
        item["00081190"] = _attribute("00081190")
    if reason is not None:
        item["00081197"] = _attribute("00081197", reason)
    return item


def _attribute(tag: str, *values: Any) -> dict[str, Any]:
    """Return one attribute in the JSON model; Retrieve URL is empty: nothing is retrieved here."""
    vr = _NAMES[tag][1]
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _xml(module: dict[str, Any]) -> bytes:
    root = Element("NativeDicomModel", {"xml:space": "preserve"})
    _add(root, module)
    said: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return said


def _add(parent: Element, attributes: dict[str, Any]) -> None:
    """Write attributes in the Native DICOM Model (PS3.19, A.1.6)."""
    for tag, attribute in attributes.items():
        place = SubElement(parent, "DicomAttribute", {"tag": tag, "vr": attribute["vr"], "keyword": _NAMES[tag][0]})
        for number, value in enumerate(attribute.get("Value", ()), start=1):
            if isinstance(value, dict):
                _add(SubElement(place, "Item", {"number": str(number)}), value)
            else:
                SubElement(place, "Value", {"number": str(number)}).text = str(value)
