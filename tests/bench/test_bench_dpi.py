"""What `make bench-dpi` measures with: its messages are valid ones, and a run in which one is refused is void."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import pytest

from fhir_adapters.hl7v2.er7 import read
from fhir_adapters.hl7v2.results import observed
from fhir_adapters.notification import Subscription, read_notification
from tests.bench.dpi import messages, notifications
from tests.bench.dpi.posts import Void, post_all, request
from tests.fhir.stays import NOW

JSON = {"content-type": "application/fhir+json"}


def test_a_notification_asks_for_the_fetch_that_the_bench_waits_for() -> None:
    body = json.dumps(notifications.notification(7)).encode()
    assert 1_700 < len(body) < 2_300
    mine = Subscription(name="dpi", sender="dpi", site="essai", criteria="")
    told = read_notification("POST", "", body, JSON, subscription=mine, at=NOW)
    assert [fetch.id for fetch in told.fetches] == [notifications._fetch(7)]


def test_messages_are_results_that_are_used_each_another_one() -> None:
    some = list(messages._messages(0, 3))
    read_again = [list(observed(read(data.decode("iso8859-15")), ZoneInfo("Europe/Paris"))) for data in some]
    assert [[one.is_valid and one.value is not None for one in each] for each in read_again] == [[True] * 5] * 3
    assert len(set(some)) == 3


@contextmanager
def answering(status: str) -> Iterator[int]:
    """Yield the port of a server that gives every request on a connection the same answer."""

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(line,), daemon=True).start()

    def talk(line: socket.socket) -> None:
        with line:
            while line.recv(65536):
                line.sendall(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_posts_are_due_at_their_pace_and_one_refusal_voids_them_all() -> None:
    posts = [request("/fhir", b"{}")] * 20
    with answering("200 OK") as port:
        due = post_all(port, posts, status=200, per_s=1_000)
        assert [round((at - due[0]) * 1000) for at in due] == list(range(20))
    with answering("503 Busy") as port, pytest.raises(Void, match="503"):
        post_all(port, posts, status=200)
