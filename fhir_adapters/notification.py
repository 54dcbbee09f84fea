"""Rest-hook notifications: five shapes that record systems send, one answer to all.

    POST, empty body                        R4 plain rest-hook without payload: "something changed"
    POST, one resource                      R4 with payload, as Medplum sends it
    PUT {Type}/{id}, one resource or none   R4 with payload, as HAPI sends it
    POST, Bundle of type history            Subscriptions Backport, R4 (Parameters) and R4B (SubscriptionStatus):
                                            handshake, heartbeat, event-notification, query-status, query-event
    the same with id-only content           references, to be read back

Whatever the shape, what is told is a list of things to fetch from the configured server, with our own credentials: a
forged notification can do no more than make us read. Only a Backport bundle that carries the whole stay, patient
included, is taken as it is. Gaps in the numbering, $events and polling will use :class:`Notification` as it stands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fhir_adapters.bundle import ROUTED, Entry, Received, routed
from fhir_adapters.errors import BadRequest
from fhir_adapters.stays import stays
from fhir_adapters.times import instant
from fhir_adapters.wire import Resource, objects_in, parse_body
from guarantee.ids import derive, digest
from guarantee.unit import Fetch

EVENTS_MAX: Final = 200
"""Most events of one notification; the Backport lets a subscriber ask for a maximum, and 20 is what we ask for."""

DIGITS_MAX: Final = 18
"""Longest event number; a counter of 64 bits has no more."""

LOOK_BACK: Final = timedelta(minutes=5)
"""How far before a ping its search begins: the server's clock and ours differ, and a retried ping comes late."""

_LITERAL: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_NUMBERS: Final = ("valueString", "valueUnsignedInt", "valueInteger64", "valueInteger", "valuePositiveInt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription at a record system, from configuration.

    Args:
        name: last part of the address that notifications come to.
        sender, site: as for arrivals.
        criteria: the search to run when a notification does not say what changed, e.g. "Observation?status=final".
    """

    name: str
    sender: str
    site: str
    criteria: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a notification says.

    Args:
        kind: "ping", "resource", "handshake", "heartbeat", "event-notification", "query-status" or "query-event".
        status: of the subscription at the server ("active", "error", "off"…); "" when not said.
        since_start: events since the subscription began; None when not said.
        numbers: of the events it carries.
        received: whole stays, to be taken with ``arrivals``; None when everything is to be fetched.
        fetches: what to read from the server.
    """

    kind: str
    status: str = ""
    since_start: int | None = None
    numbers: tuple[int, ...] = ()
    received: Received | None = None
    fetches: tuple[Fetch, ...] = ()


def read_notification(
    method: str, path_tail: str, body: bytes, headers: Mapping[str, str], *, subscription: Subscription, at: datetime
) -> Notification:
    """Return what a record system tells.

    Args:
        method: "POST" or "PUT".
        path_tail: what follows the subscription's address, e.g. "Observation/17"; "" for a POST.
        headers: with lower-case names; "content-type" is read.
        at: when it came. Only a ping needs it: two pings are two events, everything else names its own.

    Raises:
        BadRequest: none of the five shapes, or invalid resources.
    """
    if method not in {"POST", "PUT"}:
        raise BadRequest(405, "not-supported", "notifications are sent with POST or PUT")
    tail = path_tail.strip("/")
    if method == "PUT" and not _is_routed(tail):
        raise BadRequest(
            404, "not-found", f"PUT a notification to {{Type}}/{{id}}, the type one of {', '.join(ROUTED)}"
        )
    if not body:
        return _told(subscription, tail, body) if tail else _ping(subscription, at)
    value = parse_body(body, headers.get("content-type", ""))
    if value.get("resourceType") == "Bundle":
        return _backport(value, body, subscription, at)
    return _resource(value, tail, body, subscription, at)


def _ping(subscription: Subscription, at: datetime, kind: str = "ping") -> Notification:
    since = instant(at - LOOK_BACK)
    joint = "&" if "?" in subscription.criteria else "?"
    what = f"{subscription.criteria}{joint}_lastUpdated=ge{since}"
    return Notification(kind=kind, fetches=(_fetch(subscription, what, instant(at)),))


def _told(subscription: Subscription, what: str, body: bytes) -> Notification:
    return Notification(kind="resource", fetches=(_fetch(subscription, what, digest(body)),))


def _resource(value: Resource, tail: str, body: bytes, subscription: Subscription, at: datetime) -> Notification:
    entry = routed(value, where="notification")
    if entry is None or not entry.reference or entry.type not in ROUTED:
        # Nothing to read back by name: look at what changed lately instead.
        return _ping(subscription, at, "resource")
    if tail and tail != entry.reference:
        raise BadRequest(400, "invalid", "the address and the resource name different things")
    return _told(subscription, entry.reference, body)


def _backport(value: Resource, body: bytes, subscription: Subscription, at: datetime) -> Notification:
    if value.get("type") not in ("history", "subscription-notification", "searchset"):
        raise BadRequest(422, "not-supported", "a notification Bundle has the type history")
    entries = objects_in(value.get("entry"))
    if not entries or not isinstance(entries[0].get("resource"), dict):
        raise BadRequest(400, "required", "the first entry of a notification is its status")
    said = _status(entries[0]["resource"])
    if said.kind == "handshake":
        searching = _ping(subscription, at, "handshake")
        return Notification(
            kind="handshake", status=said.status, since_start=said.since_start, fetches=searching.fetches
        )
    received = _whole(value)
    return Notification(
        kind=said.kind,
        status=said.status,
        since_start=said.since_start,
        numbers=tuple(event.number for event in said.events if event.number is not None),
        received=received,
        fetches=() if received else tuple(_event_fetches(said, value, body, subscription)),
    )


def _event_fetches(said: "_Said", value: Resource, body: bytes, subscription: Subscription) -> Iterator[Fetch]:
    seen: set[str] = set()
    for event in said.events:
        if _is_routed(event.focus) and event.focus not in seen:
            seen.add(event.focus)
            cause = digest(body) if event.number is None else f"{said.subscription} {event.number}"
            yield _fetch(subscription, event.focus, cause)
    if not said.events:
        for entry in _inline(value):
            if entry.reference and entry.reference not in seen:
                seen.add(entry.reference)
                yield _fetch(subscription, entry.reference, digest(body))


def _whole(value: Resource) -> Received | None:
    """Return the resources of the bundle when they can stand alone: a patient, and a stay of theirs."""
    entries = tuple(_inline(value))
    if not {"Patient", "Encounter"} <= {entry.type for entry in entries}:
        return None
    received = Received(kind="history", count=len(value["entry"]), entries=entries)
    return received if stays(received) else None


def _inline(value: Resource) -> Iterator[Entry]:
    for n, entry in enumerate(objects_in(value["entry"])[1:], start=1):
        if "resource" in entry:
            found = routed(entry["resource"], where=f"Bundle.entry[{n}]", full_url=str(entry.get("fullUrl", "")))
            if found:
                yield found


# ------------------------------------------------------------------------------------------ the status, in two forms


@dataclass(frozen=True, slots=True)
class _Event:
    number: int | None
    focus: str


@dataclass(frozen=True, slots=True)
class _Said:
    kind: str
    status: str
    subscription: str
    since_start: int | None
    events: tuple[_Event, ...]


_KINDS: Final = frozenset({"handshake", "heartbeat", "event-notification", "query-status", "query-event"})


def _status(resource: Resource) -> _Said:
    match resource.get("resourceType"):
        case "Parameters":
            said = _from_parameters(resource)
        case "SubscriptionStatus":
            said = _from_status(resource)
        case _:
            raise BadRequest(400, "invalid", "the first entry of a notification is Parameters or SubscriptionStatus")
    if said.kind not in _KINDS:
        raise BadRequest(400, "code-invalid", f"the type of a notification is one of {', '.join(sorted(_KINDS))}")
    if len(said.events) > EVENTS_MAX:
        raise BadRequest(413, "too-costly", f"{len(said.events)} events in one notification; at most {EVENTS_MAX}")
    return said


def _from_parameters(resource: Resource) -> _Said:
    """R4: Backport profile backport-subscription-status-r4."""
    given = _named(resource.get("parameter"))
    return _Said(
        kind=str(_first(given, "type").get("valueCode", "")),
        status=str(_first(given, "status").get("valueCode", "")),
        subscription=_focus(_first(given, "subscription").get("valueReference")),
        since_start=_number(_first(given, "events-since-subscription-start")),
        events=tuple(_event_part(item) for item in given.get("notification-event", ())),
    )


def _event_part(event: Resource) -> _Event:
    parts = _named(event.get("part"))
    return _Event(_number(_first(parts, "event-number")), _focus(_first(parts, "focus").get("valueReference")))


def _from_status(resource: Resource) -> _Said:
    """R4B: SubscriptionStatus."""
    events = objects_in(resource.get("notificationEvent"))
    return _Said(
        kind=str(resource.get("type", "")),
        status=str(resource.get("status", "")),
        subscription=_focus(resource.get("subscription")),
        since_start=_whole_number(resource.get("eventsSinceSubscriptionStart")),
        events=tuple(_Event(_whole_number(event.get("eventNumber")), _focus(event.get("focus"))) for event in events),
    )


def _named(parameters: object) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for item in objects_in(parameters):
        found.setdefault(str(item.get("name", "")), []).append(item)
    return found


def _first(given: dict[str, list[Resource]], name: str) -> Resource:
    return given.get(name, [{}])[0]


def _number(parameter: Resource) -> int | None:
    """Return the number, whatever type an older server gave it."""
    return next((found for name in _NUMBERS if (found := _whole_number(parameter.get(name))) is not None), None)


def _whole_number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX else None


def _focus(pointer: object) -> str:
    """Return "Type/id" of a reference, absolute or not; which server it is read from is configuration, not content."""
    reference = pointer.get("reference") if isinstance(pointer, dict) else None
    found = _LITERAL.fullmatch(reference) if isinstance(reference, str) else None
    return f"{found[1]}/{found[2]}" if found else ""


def _is_routed(reference: str) -> bool:
    found = _LITERAL.fullmatch(reference)
    return bool(found) and reference.count("/") == 1 and reference.partition("/")[0] in ROUTED


def _fetch(subscription: Subscription, what: str, cause: str) -> Fetch:
    return Fetch(
        id=derive("fetch", subscription.sender, subscription.name, what, cause),
        sender=subscription.sender,
        site=subscription.site,
        what=what,
    )


def events_told(answer: Resource) -> int | None:
    """Return how many events a subscription has had, as the record's answer to $status says; None when it does not."""
    for entry in objects_in(answer.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") in {"Parameters", "SubscriptionStatus"}:
            try:
                return _status(resource).since_start
            except BadRequest:
                return None
    return None
