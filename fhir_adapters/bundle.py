"""A bundle as a sender sent it: its shape checked, and those resources validated that anything here reads.

Only the routed types are validated (fhir.resources, R4B, which equals R4 for them): the rest of the bundle is kept in
the raw bytes and never read, so a flaw there harms nobody and checking it would cost five times the time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from fhir_adapters.errors import BadRequest
from fhir_adapters.outcome import outcome
from fhir_adapters.wire import Resource

ROUTED: Final = ("Patient", "Encounter", "Observation", "ServiceRequest", "ImagingStudy", "DiagnosticReport")
"""The types that become facts and readings."""

HEARD: Final = ("Consent",)
"""The types that say something of a patient and are no input of a model (consents.py)."""

KINDS: Final = frozenset({"transaction", "batch", "collection", "message", "searchset"})
"""Bundle types taken as a set of resources. A "history" bundle is a notification (notification.py)."""

ENTRIES_MAX: Final = 5_000
"""Most entries of one bundle. A stay has hundreds; a bulk load belongs elsewhere."""

CODE_CHARS_MAX: Final = 256
"""Longest code, identifier or reference that is read. LOINC codes have 7 characters, OIDs about 60."""

_CODES: Final = {
    (owner, name): frozenset(codes.split())
    for owner, name, codes in (
        ("Patient", "gender", "male female other unknown"),
        (
            "Encounter",
            "status",
            "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
        ),
        (
            "Observation",
            "status",
            "registered preliminary final amended corrected cancelled entered-in-error unknown",
        ),
        ("ServiceRequest", "status", "draft active on-hold revoked completed entered-in-error unknown"),
        ("ImagingStudy", "status", "registered available cancelled entered-in-error unknown"),
        ("Consent", "status", "draft proposed active rejected inactive entered-in-error"),
        (
            "DiagnosticReport",
            "status",
            "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
        ),
    )
}
"""Required bindings that decide something here. The model library does not check any (R4, each resource's page)."""

_SCHEMES: Final = ("http://", "https://", "urn:uuid:", "urn:oid:")
_RELATIVE: Final = re.compile(r"[A-Za-z]+/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resource of a bundle.

    Args:
        where: for messages, e.g. "Bundle.entry[3]".
        full_url: Bundle.entry.fullUrl; "" when there is none.
    """

    where: str
    full_url: str
    resource: Resource

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    @property
    def reference(self) -> str:
        """ "Type/id" at the sender, or "" without an id."""
        return f"{self.type}/{self.resource['id']}" if "id" in self.resource else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A bundle whose routed resources are valid.

    Args:
        kind: Bundle.type.
        count: how many entries it has, routed or not.
        entries: those that are routed or heard, in order.
    """

    kind: str
    count: int
    entries: tuple[Entry, ...]


STORED_KINDS: Final = KINDS | {"history", "subscription-notification"}
"""Also those that a notification came in, once stored."""


def read_bundle(body: Resource, *, kinds: frozenset[str] = KINDS) -> Received:
    """Return what ``body``, from :func:`fhir_adapters.wire.parse_body`, brings.

    Raises:
        BadRequest: not a Bundle of a kind taken here, an operation other than creating or updating, an invalid
            resource, a code outside a required value set, a reference with a scheme that is never followed.
    """
    if body.get("resourceType") != "Bundle":
        raise BadRequest(400, "invalid", "send a Bundle of type transaction, batch, collection or message")
    kind = str(body.get("type", ""))
    if kind not in kinds:
        raise BadRequest(422, "not-supported", f"Bundle.type is one of {', '.join(sorted(kinds))}")
    return Received(kind=kind, count=len(_list(body, "entry", "Bundle")), entries=tuple(_entries(body)))


def routed(resource: object, *, where: str, full_url: str = "") -> Entry | None:
    """Return ``resource`` validated, or None when its type is not routed.

    Raises:
        BadRequest: it is not a resource, or an invalid one.
    """
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise BadRequest(400, "structure", f"{where}.resource: a resource has a resourceType")
    kind = resource["resourceType"]
    if kind not in ROUTED and kind not in HEARD:
        return None
    _check_texts(resource, where)
    _validate(kind, resource, where)
    return Entry(where=where, full_url=full_url, resource=resource)


def transaction_response(received: Received) -> Resource:
    """Return the answer to a bundle that is safely stored: every entry accepted, nothing judged yet.

    A transaction or a batch is answered in its own form, entry by entry (R4 3.1.0.11.2), anything else with an
    OperationOutcome.
    """
    if received.kind not in {"transaction", "batch"}:
        return outcome(severity="information", code="informational", diagnostics="stored; it will be looked at")
    accepted: Resource = {"response": {"status": "202 Accepted"}}
    return {"resourceType": "Bundle", "type": f"{received.kind}-response", "entry": [accepted] * received.count}


def warm() -> None:
    """Load the validators, which takes about 0.3 s, before the first message waits for them."""
    for kind in (*ROUTED, *HEARD):
        _model(kind)


def _entries(body: Resource) -> Iterator[Entry]:
    entries = _list(body, "entry", "Bundle")
    if len(entries) > ENTRIES_MAX:
        raise BadRequest(413, "too-costly", f"{len(entries)} entries; at most {ENTRIES_MAX} are taken at a time")
    for n, entry in enumerate(entries):
        where = f"Bundle.entry[{n}]"
        if not isinstance(entry, dict):
            raise BadRequest(400, "structure", f"{where} is not an object")
        full_url = entry.get("fullUrl", "")
        if not isinstance(full_url, str):
            raise BadRequest(400, "structure", f"{where}.fullUrl is not a text")
        if body.get("type") in ("transaction", "batch"):
            _require_write(entry, where)
        if "resource" in entry:
            found = routed(entry["resource"], where=where, full_url=full_url)
            if found is not None:
                yield found


def _require_write(entry: Resource, where: str) -> None:
    request = entry.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise BadRequest(400, "structure", f"{where}.request has a method and a url")
    if request.get("method") not in ("POST", "PUT"):
        # Ignoring a DELETE and answering 202 would be a lie; we hold no record to delete from.
        raise BadRequest(422, "not-supported", f"{where}.request.method: only POST and PUT are taken here")
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        raise BadRequest(400, "required", f"{where}.resource is missing")
    target = request["url"].partition("?")[0].strip("/").split("/")[0]
    if target != resource.get("resourceType"):
        raise BadRequest(400, "invalid", f"{where}.request.url names another type than the resource has")


def _validate(kind: str, resource: Resource, where: str) -> None:
    try:
        _model(kind).model_validate(resource)
    except ValidationError as error:
        raise BadRequest(400, "structure", f"{where}.resource: {_explain(kind, error)}") from None
    except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError):
        # The library's own checks trip over some shapes they do not expect, e.g. a list where they look for an object.
        raise BadRequest(400, "structure", f"{where}.resource: not a valid {kind}") from None
    for (owner, name), allowed in _CODES.items():
        if owner == kind and name in resource and resource[name] not in allowed:
            raise BadRequest(400, "code-invalid", f"{where}.resource: {kind}.{name} is none of its R4 codes")


def _explain(kind: str, error: ValidationError) -> str:
    """Return where and what, never the value: it may be a name."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = []
    for problem in problems[:3]:
        path = [part if isinstance(part, int) else _name(part) for part in problem["loc"]]
        if problem["type"] == "extra_forbidden":
            path[-1:] = ["(an element that R4 does not have)"]
        told.append(".".join(str(part) for part in (kind, *path)) + f" ({problem['type']})")
    return "; ".join(told) + (f"; and {len(problems) - 3} more" if len(problems) > 3 else "")


def _name(part: str) -> str:
    return part if _NAME.fullmatch(part) else "?"


def _check_texts(resource: Resource, where: str) -> None:
    for holder in objects(resource):
        if any(_has_null(holder, name) for name in holder):
            raise BadRequest(
                400, "structure", f"{where}.resource: null is no value in FHIR JSON; leave it out (R4 2.6.2)"
            )
        for name in ("code", "reference", "value", "system"):
            text = holder.get(name)
            if isinstance(text, str) and len(text) > CODE_CHARS_MAX:
                raise BadRequest(
                    400, "too-long", f"{where}.resource: a {name} has more than {CODE_CHARS_MAX} characters"
                )
        reference = holder.get("reference")
        if isinstance(reference, str) and not _is_known(reference):
            raise BadRequest(400, "value", f"{where}.resource: a reference is relative, http(s), urn:uuid or urn:oid")


def _has_null(holder: Resource, name: str) -> bool:
    """Return whether a null stands where R4 has none: only lists whose items have extensions beside them may."""
    value, beside = holder[name], name.removeprefix("_") if name.startswith("_") else f"_{name}"
    return value is None or (isinstance(value, list) and None in value and beside not in holder)


def _is_known(reference: str) -> bool:
    return (
        reference.startswith((*_SCHEMES, "#"))
        or bool(_RELATIVE.fullmatch(reference.partition("?")[0]))
        or (
            # a conditional reference: "Patient?identifier=…"
            bool(re.fullmatch(r"[A-Za-z]+\?[^\s]+", reference))
        )
    )


def objects(value: Any) -> Iterator[Resource]:
    """Yield every object inside ``value``, itself included."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def _list(holder: Resource, name: str, where: str) -> list[Any]:
    value = holder.get(name, [])
    if not isinstance(value, list):
        raise BadRequest(400, "structure", f"{where}.{name} is not a list")
    return value


@cache
def _model(kind: str) -> type[BaseModel]:
    model: type[BaseModel] = get_fhir_model_class(kind)
    return model
