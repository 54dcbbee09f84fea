"""How a test gets a peer or a tool: had, or skipped with the reason; in CI a missing one fails the run."""

import os
from collections.abc import Callable, Iterator
from typing import NoReturn, Protocol, TypeVar

import pytest

from tests.peers.base import PeerMissing, program


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
        missing(str(reason))
    try:
        yield peer
    finally:
        peer.stop()


def tool(*names: str) -> str:
    """Return the first program that exists; a tool that cannot be had is missed as a peer is."""
    try:
        return program(*names)
    except PeerMissing as reason:
        missing(str(reason))


def missing(reason: str) -> NoReturn:
    """Skip the test with the reason, or fail it where skips are not allowed."""
    if os.environ.get("PEERS_REQUIRED") == "1":
        pytest.fail(f"a peer is missing and skips are not allowed: {reason}")
    pytest.skip(reason)
