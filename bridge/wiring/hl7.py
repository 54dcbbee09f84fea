"""The HL7v2 door: its settings to the adapter's own options, and what its messages become in the flows."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from bridge.config.record import Hl7
from bridge.flows import feed, intake
from bridge.flows.feed import Joins, Told
from bridge.wiring import tls
from bridge.wiring.parts import Parts
from fhir_adapters.hl7v2.door import Door, Heard, Sender
from fhir_adapters.hl7v2.inbound import Use
from fhir_adapters.hl7v2.mllp import Listener, Options
from fhir_adapters.hl7v2.people import Naming
from guarantee.feed import Message
from guarantee.ids import digest
from guarantee.ports import Vault

KEEP_THREADS: Final = 16
"""Most bodies that are flushed at the same moment."""

_JOINS: Final = {Use.STAY: Joins.EARLY, Use.CANCELLED: Joins.KNOWN}
"""When what a message says joins its stay; results always do."""


def listener(mine: Hl7, parts: Parts) -> Listener:
    """Return the HL7v2 listener.

    Raises:
        ConfigError: its certificate cannot be read.
    """
    store, clock = parts.store("intake"), parts.clock
    take = partial(feed.take, store=store, clock=clock, actor="hl7")
    turn_away = partial(intake.turn_away, "hl7", store=store, clock=clock)
    door = Door(
        keep=keeping(parts.vault),
        take=lambda heard: len(take(as_told(heard))),
        turn_away=turn_away,
        senders=senders(mine),
        site=parts.settings.site.name,
        zone=ZoneInfo(mine.zone),
        charset=mine.charset,
        processing=frozenset(mine.processing),
        now=clock.now,
    )
    options = Options(
        host=mine.host,
        port=mine.port,
        connections_max=mine.connections_max,
        message_s=mine.message_s,
        idle_s=mine.idle_s,
        tls=tls.hl7(parts.settings),
    )
    return Listener(options, door, turn_away)


def keeping(vault: Vault) -> Callable[[Sequence[bytes]], None]:
    """Return what keeps the bytes of several messages: their flushes overlap, and a disk does many at once."""
    pool = ThreadPoolExecutor(KEEP_THREADS, thread_name_prefix="hl7:keep")

    def keep(bodies: Sequence[bytes]) -> None:
        if len(bodies) == 1:
            vault.put(bodies[0])
        else:
            list(pool.map(vault.put, bodies))

    return keep


def senders(mine: Hl7) -> list[Sender]:
    """Return who may send; one that signs its messages is asked before one that takes any from the same address."""
    found = [
        Sender(
            name=name,
            addresses=sender.addresses,
            application=sender.application,
            facility=sender.facility,
            naming=Naming(authorities=mine.authorities, issuer=sender.issuer),
            connections_max=sender.connections_max,
            exams_of=frozenset(sender.exams_of),
        )
        for name, sender in mine.senders.items()
    ]
    return sorted(found, key=lambda one: (one.application == "") + (one.facility == ""))


def as_told(heard: Sequence[Heard]) -> list[Told]:
    """Return what the flows are told of messages; control numbers as digests, for a sender may write anything there."""
    return [
        Told(
            message=Message(
                sender=one.sender,
                control=digest(one.control.encode()),
                kind=one.meaning.kind,
                digest=digest(one.data),
                is_used=one.meaning.use is not Use.NONE,
            ),
            arrival=one.meaning.arrival,
            joins=_JOINS.get(one.meaning.use, Joins.ALWAYS),
            news=one.meaning.news,
            orders=one.meaning.orders,
        )
        for one in heard
    ]
