"""An answer reaches whoever waits for it, also when pynetdicom's reactor is not where it should be."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE
from pynetdicom.sop_class import Verification

from dicom_adapters.upper_layer import keep_answers
from tests.dicom.post import Post

ECHOES = 30


class NeverClosed:
    """A checkpoint that stops nobody: what the reactor sees when it is held up between its check and its word."""

    def wait(self) -> None:
        time.sleep(0.002)

    def clear(self) -> None: ...

    def set(self) -> None: ...


@contextmanager
def associated(post: Post, keep: Callable[[Any], Any]) -> Iterator[Any]:
    entity = AE("MR2")
    entity.dimse_timeout = 3
    entity.add_requested_context(Verification)
    association = keep(entity.associate("127.0.0.1", post.port, ae_title="AVAL"))
    assert association.is_established
    association._reactor_checkpoint = NeverClosed()
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
