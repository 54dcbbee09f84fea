"""Facts that processes tell each other."""

from dataclasses import fields
from typing import Any

import pytest

from guarantee.errors import Malformed
from guarantee.events import (
    FACTS,
    DeliveryDue,
    EventReceived,
    Fact,
    ResultQueued,
    fact_from_plain,
    fact_to_plain,
    topic,
)
from guarantee.ids import DeliveryId, ResultId

EXAMPLES: list[tuple[Fact, str, dict[str, Any]]] = [
    (EventReceived(event="e"), "event.received", {"fact": "event.received/1", "ids": {"event": "e"}}),
    (ResultQueued(result=ResultId("r")), "result.queued", {"fact": "result.queued/1", "ids": {"result": "r"}}),
    (
        DeliveryDue(delivery=DeliveryId("d"), destination="pacs"),
        "delivery.pacs",
        {"fact": "delivery.due/1", "ids": {"delivery": "d", "destination": "pacs"}},
    ),
]


@pytest.mark.parametrize(("fact", "queue", "plain"), EXAMPLES)
def test_a_fact_comes_back_from_its_message(fact: Fact, queue: str, plain: dict[str, Any]) -> None:
    """The plain forms are golden: a version is never edited, a changed fact is a new version."""
    assert fact_to_plain(fact) == plain
    assert fact_from_plain(plain) == fact
    assert topic(fact) == queue


def test_every_fact_has_an_example() -> None:
    assert {plain["fact"] for _, _, plain in EXAMPLES} == FACTS.keys()


def test_what_an_envelope_adds_is_ignored() -> None:
    assert fact_from_plain({"fact": "event.received/1", "ids": {"event": "e"}, "trace": "t"}) == EventReceived(
        event="e"
    )


def test_a_fact_carries_identifiers_and_nothing_else() -> None:
    allowed = {"event", "result", "delivery", "destination"}
    assert {field.name for kind in FACTS.values() for field in fields(kind)} == allowed


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        "result.queued/1",
        {},
        {"fact": None},
        {"fact": []},
        {"fact": {}},
        {"fact": "result.queued/2", "ids": {"result": "r"}},
        {"fact": "result.queued/1"},
        {"fact": "result.queued/1", "ids": []},
        {"fact": "result.queued/1", "ids": {"result": 1}},
        {"fact": "result.queued/1", "ids": {"event": "e"}},
        {"fact": "result.queued/1", "ids": {"result": "r", "patient": "DURAND"}},
    ],
)
def test_a_message_that_is_no_fact_is_refused(plain: object) -> None:
    with pytest.raises(Malformed):
        fact_from_plain(plain)
