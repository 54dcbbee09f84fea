"""HL7v2 on one connection, each message durable and committed before its answer: one in flight, and many."""

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from bridge.db.engine import engine_at
from fhir_adapters.hl7v2.frames import END, START, Frames
from tests.bench.dicom.parts import Part
from tests.bench.disk import durable_rates
from tests.bench.dpi.place import Aval, running
from tests.bench.dpi.posts import ANSWER_S, PIECE, Void
from tests.bench.figures import Spread, table, target
from tests.bench.machine import LOADED_CORES, wait_until_quiet, watching_others
from tests.hl7v2 import messages as m
from tests.peers.rabbitmq import RabbitMQ

PER_S: Final = 1_500.0
"""Messages per second that are asked of one connection whose sender does not wait for each answer."""

WINDOW: Final = 64
"""Messages in flight of a sender that reads answers while it sends."""

STAYS: Final = 40
"""Stays that the results belong to: a laboratory's analyser reports on a ward, not on one bed."""

WARM: Final = 64
ALONE_SHARE: Final = 5
"""One in flight is slower by far: it gets a fifth of the messages."""


def measure_messages(folder: Path, *, repetitions: int, count: int, quiet_s: float) -> Part:
    """Return messages per second on one connection: many in flight, then one."""
    broker, rounds = RabbitMQ(), []
    try:
        for number in range(repetitions):
            wait_until_quiet(quiet_s)
            with running(folder / f"hl7-{number}", broker.url) as aval, watching_others() as others:
                rounds.append(_round(aval, folder, count))
            rounds[-1]["others_cores"] = others.cores
    finally:
        broker.stop()
    many, alone, disk = (
        Spread.of([one[name] for one in rounds]) for name in ("many_per_s", "alone_per_s", "disk_per_s")
    )
    rows = [
        (f"{WINDOW} in flight, 1/s", str(many)),
        ("one in flight, 1/s", str(alone)),
        ("the disk alone: files of 1 kB flushed by four, 1/s", str(disk)),
    ]
    return Part(
        name="messages",
        shown=table(("HL7v2, one connection, SQLite, ORU^R01 of five results", "median (least–most)"), rows),
        targets=(target(f"messages per second with {WINDOW} in flight", "at least", PER_S, many),),
        data={"rounds": rounds},
        loaded=tuple(f"round {n}" for n, one in enumerate(rounds) if one["others_cores"] > LOADED_CORES),
    )


def _round(aval: Aval, folder: Path, count: int) -> dict[str, float]:
    send(aval.hl7_port, list(_messages(0, WARM)), window=WINDOW)
    many_per_s = send(aval.hl7_port, list(_messages(WARM, count)), window=WINDOW)
    few = count // ALONE_SHARE
    alone_per_s = send(aval.hl7_port, list(_messages(WARM + count, few)), window=1)
    _require_kept(aval, WARM + count + few)
    disk = durable_rates(folder, 1024, threads=4)
    return {"many_per_s": many_per_s, "alone_per_s": alone_per_s, "disk_per_s": disk["file+fsync"]}


def send(port: int, messages: Sequence[bytes], *, window: int) -> float:
    """Send all of them on one connection, with at most ``window`` unanswered, and return how many in a second.

    Raises:
        Void: an answer other than AA.
    """
    frames, sent, answered = Frames(), 0, 0
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        while answered < len(messages):
            following = messages[sent : answered + window]
            line.sendall(b"".join(START + message + END for message in following))
            sent += len(following)
            frames.add(line.recv(PIECE))
            for answer in frames.cut():
                if b"\rMSA|AA|" not in answer:
                    raise Void("a message was not taken")
                answered += 1
        return len(messages) / (time.monotonic() - begun)


def _require_kept(aval: Aval, count: int) -> None:
    with engine_at(aval.installation.owner) as engine, engine.connect() as connection:
        kept: Any = connection.execute(text("SELECT count(*) FROM inputs")).scalar_one()
    if kept != count:
        raise Void(f"{kept} inputs instead of the {count} that were acknowledged")


def _messages(first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        stay = number % STAYS
        values = [
            ("98979-8", str(30 + number % 60), "mL/min/{1.73_m2}"),
            ("2823-3", f"4.{number % 10}", "mmol/L"),
            ("2951-2", str(135 + number % 10), "mmol/L"),
            ("2160-0", str(60 + number % 50), "umol/L"),
            ("718-7", f"1{number % 5}.2", "g/dL"),
        ]
        visit = m.pv1(f"S{stay}^^^CHU-X&{m.STAYS}&ISO^VN")
        patient = m.pid(f"IPP{stay}", name=f"ESSAI{stay}^Jeanne^^^^^L", others="")
        text_of = m.oru(values, control=f"B{number}", patient=patient, visit=visit, order=m.obr(f"L{number}"))
        yield text_of.encode("iso8859-15")
