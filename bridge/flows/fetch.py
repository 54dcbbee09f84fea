"""The record rang: look up what it named, and take it in like anything else that arrives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bridge.flows.intake import receive
from guarantee.errors import Declined, Malformed, PortError
from guarantee.events import EventReceived, Fact
from guarantee.ports import Clock, Store, Vault
from guarantee.unit import Arrival, Fetch

ATTEMPTS_MAX: Final = 8
"""How often something is looked up before a person must see that it failed: about ten minutes with the waits below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """What looking things up needs.

    Args:
        look_up: relative reference or search at one sender's server to the bytes of a Bundle; never another server.
        to_arrivals: those bytes, their digest, sender and site to arrivals.
    """

    store: Store
    vault: Vault
    clock: Clock
    look_up: Callable[[str, str], bytes]
    to_arrivals: Callable[[bytes, Fetch], Sequence[Arrival]]


def note(fetches: Sequence[Fetch], *, store: Store, clock: Clock, actor: str) -> int:
    """Note what must be looked up, and ring for it; return how many were not noted before."""
    now = clock.now()
    with store.transaction(actor) as unit:
        new = [fetch for fetch in fetches if unit.messages.add_fetch(fetch, now)]
        for fetch in new:
            unit.messages.ring(EventReceived(event=fetch.id), now)
        return len(new)


def fetch(fetch_id: str, tools: Fetching) -> None:
    """Look one thing up and take it in.

    Raises:
        Unavailable: the database or the vault does not answer.
    """
    with tools.store.reading() as unit:
        wanted = unit.messages.fetch(fetch_id)
    if wanted is None or wanted.state != "due":
        return
    try:
        data = tools.look_up(wanted.sender, wanted.what)
        arrivals = tools.to_arrivals(data, wanted)
    except (PortError, Malformed) as error:
        _settle_failure(wanted, error, tools)
        return
    tools.vault.put(data)
    receive(arrivals, store=tools.store, clock=tools.clock, actor="intake:fetch")
    with tools.store.transaction("intake:fetch") as unit:
        unit.messages.settle_fetch(wanted, "done", "", tools.clock.now())


def handle(_message_id: str, fact: Fact, tools: Fetching) -> None:
    """Answer the bell of ``event.received``."""
    if isinstance(fact, EventReceived):
        fetch(fact.event, tools)


def _settle_failure(wanted: Fetch, error: PortError | Malformed, tools: Fetching) -> None:
    hopeless = isinstance(error, Declined | Malformed) or wanted.attempts + 1 >= ATTEMPTS_MAX
    code = error.code if isinstance(error, PortError) else "malformed"
    wait = timedelta(seconds=min(2.0**wanted.attempts * 2, 300.0))
    with tools.store.transaction("intake:fetch") as unit:
        unit.messages.settle_fetch(wanted, "failed" if hopeless else "due", code, tools.clock.now() + wait)
