"""Our subscription at a real record: made, deleted and broken behind our back, and across a restart of the record."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from tests.fhir.stays import person, stay
from tests.installation import Installation, json_of
from tests.peers.base import free_port
from tests.peers.sekmet import Sekmet

TOPIC = "http://sekmet.dev/fhir/SubscriptionTopic/encounter-start"


class Story:
    """One record, one installation that subscribes to it."""

    def __init__(self, folder: Path, sekmet: Sekmet) -> None:
        self.sekmet = sekmet
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}/fhir/notify/dpi"
        mine = {"criteria": TOPIC, "endpoint": self.endpoint, "check_every_s": 1.0, "heartbeat_s": 10}
        sender = {"base_url": sekmet.url, "search": "Encounter?status=in-progress", "subscription": mine}
        self.installation = Installation(folder, {"intake": {"port": port, "senders": {"dpi": sender}}})
        self.installation.ports["intake"] = port
        self.web = httpx2.Client(trust_env=False, timeout=30)

    def held(self) -> list[dict[str, Any]]:
        found = self.web.get(f"{self.sekmet.url}/Subscription").json().get("entry", [])
        mine = [entry["resource"] for entry in found]
        return [one for one in mine if one["channel"]["endpoint"] == self.endpoint]

    def is_active(self) -> bool:
        return [one["status"] for one in self.held()] == ["active"]

    def wait_until_active(self) -> None:
        self.installation.eventually(self.is_active, "an active subscription at the record")

    def put(self, resource: dict[str, Any]) -> None:
        place = f"{self.sekmet.url}/{resource['resourceType']}/{resource['id']}"
        assert self.web.put(place, json=resource).status_code in {200, 201}

    def admit(self, number: str) -> None:
        """Begin a stay at the record."""
        self.put(person(number))
        self.put(stay(number, number))

    def wait_for_stay(self, number: str) -> None:
        self.installation.eventually(lambda: f"Encounter/{number}" in self.stays(), f"stay {number} to arrive")

    def stays(self) -> set[str]:
        with self.installation.reading() as unit:
            return set(unit.connection.execute(text("SELECT encounter FROM cases")).scalars())

    def faults(self) -> set[str]:
        with self.installation.reading() as unit:
            return {row["code"] for row in unit.views.turned_away(100) if row["door"] == "subscription"}


@pytest.fixture
def story(tmp_path: Path, sekmet: Sekmet) -> Iterator[Story]:
    made = Story(tmp_path / "data", sekmet)
    try:
        made.installation.start("all")
        yield made
    finally:
        made.installation.kill()
        made.web.close()


def test_a_subscription_is_made_watched_and_mended(story: Story) -> None:
    aval = story.installation.aval

    story.wait_until_active()
    story.admit("s1")
    story.wait_for_stay("s1")
    (listed,) = json_of(aval("subscriptions", "list", "--json"))
    assert (listed["state"], listed["criteria"]) == ("active", TOPIC)
    assert listed["events"] >= 1

    (mine,) = story.held()
    assert story.web.delete(f"{story.sekmet.url}/Subscription/{mine['id']}").status_code < 300
    story.admit("s2")  # nobody is subscribed: it must be found by the search
    story.wait_until_active()
    story.wait_for_stay("s2")

    (mine,) = story.held()
    story.put({**mine, "status": "error", "error": "delivery failed"})
    story.admit("s3")
    story.wait_until_active()
    story.wait_for_stay("s3")
    assert {"missing", "error"} <= story.faults()

    story.sekmet.kill()
    story.sekmet.restart()
    story.wait_until_active()
    story.admit("s4")
    story.wait_for_stay("s4")

    (mine,) = story.held()
    story.put({**mine, "status": "off"})
    assert "it is off" in aval("check").stdout
    repaired = json_of(aval("subscriptions", "repair", "dpi", "--since-h", "0.2", "--json"))
    assert repaired["was"] == "off"
    story.wait_until_active()

    story.installation.stop()
    removed = json.loads(aval("subscriptions", "remove", "dpi", "--json").stdout)
    assert removed["removed"].startswith("Subscription/")
    assert story.held() == []
    assert "missing" in aval("subscriptions", "list").stdout
