"""`aval queues` as an operator uses it, on a real broker."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Final

import aio_pika
import pytest
from click.testing import CliRunner

from bridge.broker import topology
from bridge.broker.rabbit import RabbitBell
from bridge.cli.queues import queues
from guarantee.events import ResultQueued
from guarantee.ids import ResultId
from tests.installation import Installation, json_of
from tests.peers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.peer("rabbitmq"), pytest.mark.peer("postgresql")]

DONE: Final = 0
FAULT: Final = 1
MISUSE: Final = 2
SAID_NO: Final = 3
NO_ANSWER: Final = 4


def bury(broker: RabbitMQ, message_id: str, body: bytes) -> None:
    """Put a message among the dead letters."""

    async def put() -> None:
        async with await aio_pika.connect(broker.url) as connection:
            channel = await connection.channel()
            await topology.declare_exchanges(channel)
            dead = await channel.get_exchange(topology.DEAD_LETTERS)
            await dead.publish(aio_pika.Message(body, message_id=message_id), routing_key=topology.DEAD_LETTERS)

    asyncio.run(put())


def test_dead_letters_are_listed_and_rung_again_by_hand(installed: Installation, rabbitmq: RabbitMQ) -> None:
    result, told = str(uuid.uuid4()), str(uuid.uuid4())
    bury(rabbitmq, told, json.dumps({"id": told, "fact": "result.queued/1", "ids": {"result": result}}).encode())
    bury(rabbitmq, "", b"DOE^JANE")
    listed = installed.aval("queues", "list", "--json")
    assert listed.returncode == DONE, listed.stderr
    letters = json_of(listed)["dead_letters"]
    assert {"message": told, "fact": {"fact": "result.queued/1", "ids": {"result": result}}}.items() <= letters[
        0
    ].items()
    shown = installed.aval("queues", "list")
    assert told in shown.stdout
    assert "(unreadable, 8 bytes)" in shown.stdout
    assert "DOE" not in shown.stdout + listed.stdout
    done = installed.aval("queues", "replay", told, "nobody", "--json")
    assert (done.returncode, json_of(done)) == (
        FAULT,
        {"rung": [told], "refused": [], "left": 1, "unknown": ["nobody"]},
    )
    heard = set[tuple[str, str]]()
    bell = RabbitBell(rabbitmq.url)

    def hear(message_id: str, fact: object) -> None:
        assert isinstance(fact, ResultQueued)
        heard.add((message_id, fact.result))

    bell.listen("result.queued", hear)
    installed.eventually(lambda: (told, ResultId(result)) in heard, "the ring to be heard")
    bell.close()


def test_what_cannot_be_done_is_said(installed: Installation) -> None:
    for words in (["replay"], ["replay", "x", "--all"]):
        wrong = CliRunner().invoke(queues, [*words, "--dir", str(installed.folder)])
        assert (wrong.exit_code, "give --all" in wrong.output) == (MISUSE, True)
    none = installed.aval("queues", "list", AVAL_BROKER__URL="")
    assert (none.returncode, "broker.url is empty" in none.stderr) == (SAID_NO, True)
    silent = installed.aval("queues", "list", AVAL_BROKER__URL="amqp://nobody@127.0.0.1:1/")
    assert (silent.returncode, "RabbitMQ does not answer" in silent.stderr) == (NO_ANSWER, True)


def test_definitions_hold_the_queues_of_this_installation_and_no_password(
    installed: Installation, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    place = {"AVAL_DESTINATIONS__FHIR__RECORD__BASE_URL": "http://record.invalid/fhir"}
    done = installed.aval("queues", "definitions", "--password-file", str(tmp_path / "password"), **place)
    assert done.returncode == DONE, done.stderr
    made = json.loads(done.stdout)
    assert "aval.delivery.record" in {queue["name"] for queue in made["queues"]}
    assert [user["name"] for user in made["users"]] == ["aval"]
    assert "hunter2" not in done.stdout
    (tmp_path / "password").write_text("\n")
    refused = installed.aval("queues", "definitions", "--password-file", str(tmp_path / "password"))
    assert (refused.returncode, "password file" in refused.stderr) == (SAID_NO, True)
