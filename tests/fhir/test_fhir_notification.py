"""The five shapes of a notification, and what each leads to."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_adapters.errors import BadRequest
from fhir_adapters.inbound import arrivals
from fhir_adapters.notification import EVENTS_MAX, Notification, Subscription, read_notification
from fhir_adapters.record import read_record
from fhir_adapters.wire import write_exact
from guarantee.ids import digest
from tests.fhir.stays import NOW, observation, person, stay

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SUBSCRIPTION = Subscription(name="dpi", sender="dpi", site="chu", criteria="Observation?status=final")
JSON = {"content-type": "application/fhir+json"}


def told(method: str = "POST", tail: str = "", body: Any = b"", at: datetime = AT) -> Notification:
    data = body if isinstance(body, bytes) else write_exact(body)
    return read_notification(method, tail, data, JSON, subscription=SUBSCRIPTION, at=at)


def wanted(notification: Notification) -> list[str]:
    return [fetch.what for fetch in notification.fetches]


def parameters(kind: str, *events: tuple[Any, str], status: str = "active", since: Any = "9") -> dict[str, Any]:
    """The R4 form of the Backport."""
    said = [
        {"name": "subscription", "valueReference": {"reference": "https://dpi.example/fhir/Subscription/1"}},
        {"name": "status", "valueCode": status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": since},
    ]
    for number, focus in events:
        parts = [
            {
                "name": "event-number",
                **({"valueString": number} if isinstance(number, str) else {"valueInteger": number}),
            },
            {"name": "focus", "valueReference": {"reference": focus}},
        ]
        said.append({"name": "notification-event", "part": parts})
    return history({"resourceType": "Parameters", "parameter": said})


def status_of(kind: str, *events: tuple[str, str]) -> dict[str, Any]:
    """The R4B form of the Backport."""
    return history(
        {
            "resourceType": "SubscriptionStatus",
            "type": kind,
            "status": "active",
            "subscription": {"reference": "Subscription/1"},
            "eventsSinceSubscriptionStart": "9",
            "notificationEvent": [{"eventNumber": n, "focus": {"reference": f}} for n, f in events],
        }
    )


def history(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "history", "entry": [{"resource": item} for item in resources]}


def test_a_ping_leads_to_the_configured_search_since_a_little_before() -> None:
    ping = told()
    assert ping.kind == "ping"
    assert wanted(ping) == ["Observation?status=final&_lastUpdated=ge2026-11-21T09:55:00.000Z"]
    assert (ping.fetches[0].sender, ping.fetches[0].site, ping.fetches[0].state) == ("dpi", "chu", "due")


def test_two_pings_are_two_searches() -> None:
    assert told().fetches[0].id != told(at=AT + timedelta(seconds=1)).fetches[0].id


def test_a_resource_that_is_posted_is_read_back_by_its_name() -> None:
    found = told(body=observation())
    assert (found.kind, wanted(found), found.received) == ("resource", ["Observation/17"], None)


def test_a_resource_that_is_put_is_read_back_by_its_name() -> None:
    assert wanted(told("PUT", "Observation/17", observation())) == ["Observation/17"]
    assert wanted(told("PUT", "/Observation/17")) == ["Observation/17"]


def test_the_same_notification_again_is_the_same_fetch_and_a_new_version_another() -> None:
    first, again = told(body=observation()), told(body=observation(), at=AT + timedelta(hours=1))
    assert first.fetches == again.fetches
    changed = told(body=observation(meta={"versionId": "2"}))
    assert changed.fetches[0].id != first.fetches[0].id


def test_a_resource_that_is_not_read_here_leads_to_the_search() -> None:
    assert wanted(told(body={"resourceType": "Condition"})) == wanted(told())


@pytest.mark.parametrize("form", [parameters, status_of])
def test_an_event_with_ids_only_leads_to_each_thing_once(form: Any) -> None:
    events = (
        ("8", "https://dpi.example/fhir/Observation/17"),
        ("9", "Observation/18/_history/2"),
        ("9", "Observation/17"),
    )
    found = told(body=form("event-notification", *events))
    assert found.kind == "event-notification"
    assert (found.status, found.since_start, found.numbers) == ("active", 9, (8, 9, 9))
    assert wanted(found) == ["Observation/17", "Observation/18"]


@pytest.mark.parametrize("number", ["8", 8])
def test_older_servers_may_send_the_number_as_a_number(number: Any) -> None:
    assert told(body=parameters("event-notification", (number, "Observation/1"))).numbers == (8,)


def test_the_same_event_number_is_the_same_fetch_whatever_else_the_bundle_says() -> None:
    first = told(body=parameters("event-notification", ("8", "Observation/17"), since="8"))
    again = told(body=parameters("query-event", ("8", "Observation/17"), since="12"))
    assert first.fetches == again.fetches


def test_a_handshake_leads_to_the_search_since_things_happened_before_it() -> None:
    found = told(body=parameters("handshake", since="0"))
    assert (found.kind, found.since_start, wanted(found)) == ("handshake", 0, wanted(told()))


@pytest.mark.parametrize("kind", ["heartbeat", "query-status"])
def test_a_sign_of_life_leads_to_nothing_and_keeps_its_count(kind: str) -> None:
    found = told(body=parameters(kind, since="12", status="error"))
    assert (found.kind, found.status, found.since_start, found.fetches) == (kind, "error", 12, ())


def test_events_about_things_that_are_not_read_lead_to_nothing() -> None:
    assert told(body=parameters("event-notification", ("8", "Condition/17"), ("9", "file:///x"))).fetches == ()


def test_a_notification_with_the_whole_stay_is_taken_as_it_is() -> None:
    body = parameters("event-notification", ("8", "Observation/17"))
    body["entry"] += [{"resource": item} for item in (person(), stay(), observation())]
    found = told(body=body)
    assert found.fetches == ()
    assert found.received is not None
    data = write_exact(body)
    (arrival,) = arrivals(found.received, digest=digest(data), site="chu", sender="dpi", now=NOW)
    assert arrival.uid == "Encounter/7"
    (reading,) = read_record([data], at=AT).readings
    assert str(reading.value) == "72.50"


def test_a_notification_with_part_of_the_stay_is_fetched() -> None:
    body = parameters("event-notification", ("8", "Observation/17"))
    body["entry"].append({"resource": observation()})
    found = told(body=body)
    assert (found.received, wanted(found)) == (None, ["Observation/17"])


@pytest.mark.parametrize(
    ("method", "tail", "body", "status"),
    [
        ("GET", "", b"", 405),
        ("DELETE", "Observation/17", b"", 405),
        ("PUT", "", observation(), 404),
        ("PUT", "Condition/1", b"", 404),
        ("PUT", "../../Patient", b"", 404),
        ("PUT", "Observation/17", observation("18"), 400),
        ("POST", "", b"{", 400),
        ("POST", "", {"a": 1}, 400),
        ("POST", "", observation(status="zzz"), 400),
        ("POST", "", {"resourceType": "Bundle", "type": "transaction"}, 422),
        ("POST", "", {"resourceType": "Bundle", "type": "history"}, 400),
        ("POST", "", {"resourceType": "Bundle", "type": "history", "entry": {}}, 400),
        ("POST", "", history(observation()), 400),
        ("POST", "", parameters("party"), 400),
        ("POST", "", history({"resourceType": "Parameters", "parameter": "x"}), 400),
        ("POST", "", parameters("event-notification", *[("1", "Observation/1")] * (EVENTS_MAX + 1)), 413),
    ],
)
def test_anything_else_is_refused(method: str, tail: str, body: Any, status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        told(method, tail, body)
    assert refused.value.status == status


def test_a_number_that_is_no_number_is_not_counted() -> None:
    body = parameters("heartbeat", since="9" * 5_000)
    assert told(body=body).since_start is None
    assert told(body=parameters("heartbeat", since="²")).since_start is None


def test_another_media_type_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_notification(
            "POST", "", json.dumps(observation(), default=str).encode(), {}, subscription=SUBSCRIPTION, at=AT
        )
