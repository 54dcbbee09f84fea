"""How a test gets a peer: started, or skipped with the reason; in CI a missing peer fails the run."""

import os
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import pytest

from tests.peers.base import PeerMissing


class Stoppable(Protocol):
    """A peer that runs."""

    def stop(self) -> None:
        """End it."""


P = TypeVar("P", bound=Stoppable)


def started(start: Callable[[], P]) -> Iterator[P]:
    """Yield the peer that ``start`` returns, and stop it afterwards.

    A peer that cannot be had skips the test with its reason, unless PEERS_REQUIRED=1, as in CI.
    """
    try:
        peer = start()
    except PeerMissing as reason:
        if os.environ.get("PEERS_REQUIRED") == "1":
            pytest.fail(f"a peer is missing and skips are not allowed: {reason}")
        pytest.skip(str(reason))
    try:
        yield peer
    finally:
        peer.stop()
