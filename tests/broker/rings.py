"""Ringing as the relay does: again, when the broker says not now."""

import time

from guarantee.errors import Unavailable
from guarantee.events import Fact
from guarantee.ports import Bell

WAIT_S = 30.0


def ring(bell: Bell, message_id: str, fact: Fact) -> None:
    """Ring, and again while the queue takes nothing: a new quorum queue has no leader yet on a busy machine."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            bell.ring(message_id, fact)
        except Unavailable as error:
            if error.code != "queue-full" or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(0.1)
