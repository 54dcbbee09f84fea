"""An answer reaches whoever waits for it, also when pynetdicom's reactor is not where it should be."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from pynetdicom import AE
from pynetdicom.events import EVT_DIMSE_RECV
from pynetdicom.sop_class import Verification

from dicom_adapters.associate.upper_layer import keep_answers
from tests.dicom.post import Post
from tests.peers.base import wait_until

ECHOES = 5

ROUNDS = 20
"""Rounds of the reactor that lie between an answer and the requester who comes for it."""


class NeverClosed:
    """A checkpoint that stops nobody: what the reactor sees when it is held up between its check and its word."""

    def __init__(self) -> None:
        self.rounds = 0

    def wait(self) -> None:
        time.sleep(0.001)
        self.rounds += 1

    def clear(self) -> None: ...

    def set(self) -> None: ...


@contextmanager
def associated(post: Post, keep: Callable[[Any], Any]) -> Iterator[Any]:
    """Yield an association whose reactor is never stopped, and whose requester comes late for each answer."""
    entity = AE("MR2")
    entity.dimse_timeout = 3
    entity.add_requested_context(Verification)
    has_come = Event()
    association = entity.associate(
        "127.0.0.1", post.port, ae_title="AVAL", evt_handlers=[(EVT_DIMSE_RECV, lambda _: has_come.set())]
    )
    assert association.is_established
    checkpoint = NeverClosed()
    association._reactor_checkpoint = checkpoint  # type: ignore[assignment]
    keep(association)
    take = association.dimse.get_msg

    def take_late(block: bool = False) -> Any:
        if block:
            assert has_come.wait(30)
            has_come.clear()
            enough = checkpoint.rounds + ROUNDS
            wait_until(lambda: checkpoint.rounds >= enough, "the reactor")
        return take(block=block)

    association.dimse.get_msg = take_late  # type: ignore[method-assign]
    try:
        yield association
    finally:
        association.abort()


def answered(association: Any) -> int:
    """Return how many of ECHOES requests were answered before one was not."""
    for number in range(ECHOES):
        if association.send_c_echo().get("Status") != 0x0000:
            return number
    return ECHOES


def test_every_answer_is_kept(post: Post) -> None:
    with associated(post, keep_answers) as association:
        assert answered(association) == ECHOES


def test_without_it_answers_are_lost(post: Post) -> None:
    with associated(post, lambda association: association) as association:
        assert answered(association) < ECHOES


def test_the_word_that_there_will_be_no_answer_is_kept_too(post: Post) -> None:
    with associated(post, keep_answers) as association:
        association.dimse.msg_queue.put((None, None))
        assert association.dimse.get_msg(block=False) == (None, None)
        assert association.dimse.msg_queue.qsize() == 1
