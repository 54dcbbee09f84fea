"""Taking a released result back: everything that was sent is marked as entered in error, and says so to whoever reads.

The bundle is made of what was really sent, not rendered again. Where the receipt gave ids and versions, each resource
is updated only if it is still the version we wrote (If-Match): what somebody edited since is a person's business. Where
there is no receipt, the update is conditional on our identifier: it marks the resource if it is there, and if it is
not, it leaves a marker that a delayed first transaction runs into, instead of creating the result after its withdrawal.

What was said about the patient goes out of the current version; the history of the record keeps it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from fhir_adapters import companions, texts
from fhir_adapters.context import Context
from fhir_adapters.errors import BadRequest
from fhir_adapters.times import instant
from fhir_adapters.vocabulary import PARTICIPANT, coding, concept, identifier
from fhir_adapters.wire import Resource, objects_in, read_exact
from guarantee.errors import Malformed
from guarantee.ids import derive
from guarantee.ports import Withdrawn

MARKED: Final = ("DiagnosticReport", "Observation", "Communication", "Flag")
"""What is marked. Devices stay: they are true, and other results point at them. Provenance is history."""

_VERSIONED: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?")


def withdrawal_bundle(context: Context, withdrawn: Withdrawn, sent: bytes) -> Resource:
    """Return the transaction that takes ``sent`` back.

    Args:
        context: of the original release.
        sent: the bundle of the original release, from the vault.

    Raises:
        Malformed: ``sent`` is not a bundle of ours, or the receipt's reference is not what a receipt of ours says.
    """
    places = _places(withdrawn.reference)
    entries = list(_marked(context, withdrawn, sent, places))
    targets = [{"reference": _literal(places.get(entry["fullUrl"], "")) or entry["fullUrl"]} for entry in entries]
    options = context.options
    return {
        "resourceType": "Bundle",
        "identifier": identifier(options.sid("release"), withdrawn.release),
        "type": "transaction",
        "entry": [*entries, _nullified(context, withdrawn, targets)],
    }


def _marked(context: Context, withdrawn: Withdrawn, sent: bytes, places: Mapping[str, str]) -> Iterator[Resource]:
    try:
        bundle = read_exact(sent)
    except BadRequest as error:
        raise Malformed(f"the released package cannot be read: {error.diagnostics}") from error
    entries = [entry for entry in objects_in(bundle.get("entry")) if entry["resource"]["resourceType"] in MARKED]
    known = {entry["fullUrl"]: _literal(places.get(entry["fullUrl"], "")) or entry["fullUrl"] for entry in entries}
    for entry in entries:
        resource = _emptied(context, withdrawn, entry["resource"], known)
        request, name = _request(entry, places.get(entry["fullUrl"], ""))
        yield {"fullUrl": entry["fullUrl"], "resource": resource | name, "request": request}


def _request(entry: Resource, place: str) -> tuple[Resource, Resource]:
    found = _VERSIONED.fullmatch(place)
    if not found:
        return {"method": "PUT", "url": f"{entry['request']['url']}?{entry['request']['ifNoneExist']}"}, {}
    request: Resource = {"method": "PUT", "url": f"{found[1]}/{found[2]}"}
    return request | ({"ifMatch": f'W/"{found[3]}"'} if found[3] else {}), {"id": found[2]}


def _emptied(context: Context, withdrawn: Withdrawn, resource: Resource, known: Mapping[str, str]) -> Resource:
    """Return ``resource`` without what it said of the patient, marked, and with the reason where a reader looks."""
    reason = _sentence(context, withdrawn)
    dropped = {"text", "presentedForm", "component", "valueCodeableConcept", "note", "payload", "device", "about"}
    kept = {name: value for name, value in resource.items() if name not in dropped}
    note: Resource = {"note": [{"time": instant(withdrawn.notice.at), "text": reason}]}
    marks: dict[str, Resource] = {
        "DiagnosticReport": {"conclusion": reason, "text": _narrative(reason)},
        "Observation": note,
        "Communication": note,
        "Flag": {},
    }
    if "result" in kept:
        kept["result"] = [{"reference": known[item["reference"]]} for item in kept["result"]]
    if resource["resourceType"] == "DiagnosticReport":
        own = identifier(context.options.sid("withdrawal"), withdrawn.release)
        kept["identifier"] = [*kept["identifier"], own]
    return kept | {"status": "entered-in-error"} | marks[resource["resourceType"]]


def _nullified(context: Context, withdrawn: Withdrawn, targets: list[Resource]) -> Resource:
    role = "provenance-withdrawal"
    tag = coding(context.options.sid("provenance"), derive("fhir", withdrawn.release, role))
    resource = {
        "resourceType": "Provenance",
        "meta": {"tag": [tag]},
        "target": targets,
        "recorded": instant(withdrawn.notice.at),
        "reason": [concept(text=_sentence(context, withdrawn))],
        "activity": {"coding": [coding(_DATA_OPERATION, "NULLIFY", "nullify")]},
        "agent": [
            {
                "type": concept(coding(PARTICIPANT, "author", "Author")),
                "who": {"identifier": identifier(context.options.sid("login"), withdrawn.notice.by)},
            },
            {
                "type": concept(coding(PARTICIPANT, "assembler", "Assembler")),
                "who": {
                    "type": "Device",
                    "identifier": companions.own_device(context)["identifier"][0],
                },
            },
        ],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": identifier(context.options.sid("release"), withdrawn.notice.release)},
            }
        ],
    }
    return {
        "fullUrl": f"urn:uuid:{derive('fhir', withdrawn.release, role)}",
        "resource": resource,
        "request": {
            "method": "POST",
            "url": "Provenance",
            "ifNoneExist": f"_tag={tag['system']}|{tag['code']}",
        },
    }


_DATA_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"


def _sentence(context: Context, withdrawn: Withdrawn) -> str:
    notice = withdrawn.notice
    reason = context.say(texts.REASONS[notice.reason])
    return f"{context.say(texts.WITHDRAWN)} {reason} : {notice.comment.strip()} ({notice.by}, {notice.at:%Y-%m-%d})"


def _narrative(text: str) -> Resource:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(text)}</p></div>'}


def _places(reference: str) -> dict[str, str]:
    """Return where the record keeps each entry, by fullUrl; {} when the record never answered."""
    if not reference:
        return {}
    try:
        places = json.loads(reference)
    except ValueError as error:
        raise Malformed("the receipt's reference is not JSON") from error
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        raise Malformed("the receipt's reference does not say where each resource is")
    return places


def _literal(place: str) -> str:
    return place.partition("/_history")[0]
