"""What goes over the broker: a name and identifiers. Golden files: one per fact and version, added to, never edited."""

import dataclasses
import re
from pathlib import Path

import orjson
import pytest

from bridge.broker.codec import BODY_BYTES_MAX, decode, encode
from guarantee.errors import Malformed
from guarantee.events import FACTS, DeliveryDue, EventReceived, Fact, ResultQueued
from guarantee.ids import DeliveryId, ResultId

GOLDEN = Path(__file__).parents[1] / "golden" / "facts"
MESSAGE = "3f0c2a52-0d0f-4a53-9f0b-0e7c7a4a9d11"
IDENTIFIER = "0b6f2f0e-6f5b-5a3e-8a75-1d2b8f6c9d10"

SAMPLES: dict[str, Fact] = {
    "event.received/1": EventReceived(event=IDENTIFIER),
    "result.queued/1": ResultQueued(result=ResultId(IDENTIFIER)),
    "delivery.due/1": DeliveryDue(delivery=DeliveryId(IDENTIFIER), destination="pacs"),
}
NAMES_ONLY = {"event", "result", "delivery", "destination"}
"""Everything a fact may carry: identifiers of our own, and the name of a destination from the configuration."""


def path_of(name: str) -> Path:
    return GOLDEN / f"{name.replace('/', '.')}.json"


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_is_written_as_its_golden_file(name: str) -> None:
    assert encode(MESSAGE, SAMPLES[name]) == path_of(name).read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_each_golden_file_is_still_understood(path: Path) -> None:
    message, fact = decode(path.read_bytes().rstrip(b"\n"))
    name = orjson.loads(path.read_bytes())["fact"]
    assert (message, fact) == (MESSAGE, SAMPLES[name])
    assert path_of(name) == path


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_carries_identifiers_and_nothing_else(name: str) -> None:
    assert {field.name for field in dataclasses.fields(FACTS[name])} <= NAMES_ONLY
    body = orjson.loads(encode(MESSAGE, SAMPLES[name]))
    assert set(body) == {"id", "fact", "ids"}
    assert all(re.fullmatch(r"[a-z0-9-]{1,64}", value) for value in body["ids"].values())


def test_a_newer_fact_may_say_more_beside_its_identifiers() -> None:
    body = orjson.loads(encode(MESSAGE, SAMPLES["result.queued/1"])) | {"trace": "abc"}
    assert decode(orjson.dumps(body)) == (MESSAGE, SAMPLES["result.queued/1"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"id":1,"fact":"result.queued/1","ids":{"result":"x"}}',
        b'{"id":"m","fact":"result.queued/99","ids":{"result":"x"}}',
        b'{"id":"m","fact":"result.queued/1"}',
        b'{"id":"m","fact":"result.queued/1","ids":{"result":["x"]}}',
        b'{"id":"m","fact":"result.queued/1","ids":{}}',
        b'{"id":"m","fact":["result.queued/1"],"ids":{}}',
        b"[" * 4_000,
        b" " * (BODY_BYTES_MAX + 1),
    ],
)
def test_what_is_not_a_fact_is_malformed_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode(body)
