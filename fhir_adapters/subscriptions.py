"""Our own Subscription at a record: R4 rest-hook, or a topic of the Subscriptions Backport on R4.

It is found by its endpoint, which is ours alone, so that nothing need be remembered here: who deletes it, restores the
record from a backup or moves it to another server is found out by the next look. This client writes Subscriptions of
that endpoint and nothing else.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx2

from fhir_adapters import rest
from fhir_adapters.notification import events_told
from fhir_adapters.rest import Answer, Server
from fhir_adapters.times import read_time
from fhir_adapters.wire import Resource, objects_in, write_exact
from guarantee.errors import Declined, Unavailable
from guarantee.subscription import Held

BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
"""Subscriptions R5 Backport 1.1, for R4."""

FOUND_MAX: Final = 50
"""Most Subscriptions that are looked through; a server that ignores the search parameter url answers with all."""

MAX_COUNT: Final = 20
"""Most events that one notification of a topic may carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What we subscribe to.

    Args:
        criteria: a search, or the canonical address of a topic.
        endpoint: where notifications come to.
        token: that the record must present there; "" for none. The record keeps it in the Subscription.
        filters, content, heartbeat_s: of a topic.
    """

    criteria: str
    endpoint: str
    token: str = field(default="", repr=False)
    filters: tuple[str, ...] = ()
    content: str = "id-only"
    heartbeat_s: int = 60

    @property
    def is_topic(self) -> bool:
        """Whether criteria names a topic."""
        return self.criteria.startswith(("http://", "https://", "urn:"))


class _Subscriber(Server):
    """A server whose Subscriptions can be written."""

    def write(self, method: str, place: str, resource: Resource | None = None, *, version: str = "") -> Answer:
        headers = {"If-Match": f'W/"{version}"'} if version else {}
        if resource is None:
            return self._call(method, place, within_s=math.inf, headers=headers)
        headers["Content-Type"] = rest.MEDIA_TYPE
        data = write_exact(resource)
        return self._call(method, place, within_s=math.inf, content=data, headers=headers)


class SubscriptionClient:
    """Looks after our Subscription at one record.

    Args:
        options: address, a token that may write Subscription, patience.
        transport: for tests that need no socket; None for the network.
    """

    def __init__(self, options: rest.Options, wanted: Wanted, transport: httpx2.BaseTransport | None = None) -> None:
        self._server = _Subscriber(options, transport)
        self._wanted = wanted

    def held(self) -> Held | None:
        """Return what the record holds under our endpoint, active ones first; None for nothing.

        Raises:
            Unavailable: no answer, or not now.
            Declined: the record does not let us look.
        """
        search = f"Subscription?url={quote(self._wanted.endpoint, safe='')}&_count={FOUND_MAX}"
        answer = self._server.get(search)
        _require(answer, {200}, "a search of Subscription")
        found = [item for item in _resources(answer.body) if _endpoint(item) == self._wanted.endpoint]
        if not found:
            return None
        best, *others = sorted(found, key=lambda one: (one.get("status") != "active", str(one.get("id", ""))))
        meta = best.get("meta") or {}
        place = f"Subscription/{best.get('id', '')}"
        return Held(
            place=place,
            status=str(best.get("status", "")),
            is_as_wanted=best.get("criteria") == self._wanted.criteria,
            changed_at=read_time(str(meta.get("lastUpdated", ""))),
            version=str(meta.get("versionId", "")),
            events=self._events(place),
            doubles=tuple(f"Subscription/{one.get('id', '')}" for one in others),
        )

    def make(self) -> None:
        """Create it.

        Raises:
            Unavailable, Declined: as :meth:`held`.
        """
        _require(self._server.write("POST", "Subscription", self.resource()), {200, 201}, "a new Subscription")

    def renew(self, held: Held) -> None:
        """Ask for it again as we want it, over the version that was seen; doubles are removed.

        Raises:
            Unavailable, Declined: as :meth:`held`; also when somebody changed it since.
        """
        for double in held.doubles:
            _require(self._server.write("DELETE", double), {200, 202, 204, 404, 410}, "the removal of a Subscription")
        again = {**self.resource(), "id": held.place.partition("/")[2]}
        answer = self._server.write("PUT", held.place, again, version=held.version)
        _require(answer, {200, 201}, "an update of our Subscription")

    def remove(self, held: Held) -> None:
        """Remove it, and every double.

        Raises:
            Unavailable, Declined: as :meth:`held`.
        """
        for place in (held.place, *held.doubles):
            _require(self._server.write("DELETE", place), {200, 202, 204, 404, 410}, "the removal of a Subscription")

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def resource(self) -> Resource:
        """Return the Subscription as it is asked for."""
        wanted = self._wanted
        channel: Resource = {
            "type": "rest-hook",
            "endpoint": wanted.endpoint,
            "payload": "application/fhir+json",
            "header": [f"Authorization: Bearer {wanted.token}"] if wanted.token else [],
        }
        asked: Resource = {
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "Aval",
            "criteria": wanted.criteria,
            "channel": {name: value for name, value in channel.items() if value},
        }
        return self._of_a_topic(asked) if wanted.is_topic else asked

    def _of_a_topic(self, asked: Resource) -> Resource:
        wanted = self._wanted
        asked["meta"] = {"profile": [f"{BACKPORT}/backport-subscription"]}
        if wanted.filters:
            filters = [{"url": f"{BACKPORT}/backport-filter-criteria", "valueString": text} for text in wanted.filters]
            asked["_criteria"] = {"extension": filters}
        content = {"url": f"{BACKPORT}/backport-payload-content", "valueCode": wanted.content}
        asked["channel"]["_payload"] = {"extension": [content]}
        asked["channel"]["extension"] = [
            {"url": f"{BACKPORT}/backport-heartbeat-period", "valueUnsignedInt": wanted.heartbeat_s},
            {"url": f"{BACKPORT}/backport-max-count", "valuePositiveInt": MAX_COUNT},
        ]
        return asked

    def _events(self, place: str) -> int | None:
        """Return how many events a topic has had for us; an R4 rest-hook has no numbers."""
        if not self._wanted.is_topic:
            return None
        answer = self._server.get(f"{place}/$status")
        return events_told(answer.body) if answer.status == 200 else None


def _resources(bundle: Resource) -> list[Resource]:
    found: list[Any] = [entry.get("resource") for entry in objects_in(bundle.get("entry"))]
    return [one for one in found if isinstance(one, dict) and one.get("resourceType") == "Subscription"]


def _endpoint(resource: Resource) -> str:
    channel = resource.get("channel")
    return str(channel.get("endpoint", "")) if isinstance(channel, dict) else ""


def _require(answer: Answer, wanted: set[int], what: str) -> None:
    if answer.status in wanted:
        return
    said = f"the record answered {answer.status} to {what}"
    if answer.status in {401, 403, 408, 409, 412, 425, 429} or answer.status >= 500:
        raise Unavailable(f"http-{answer.status}", said)
    raise Declined(f"http-{answer.status}", said)
