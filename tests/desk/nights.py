"""Nights as an engineer finds them measured: one that is like all others, and one in which a worker was away."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from bridge.figures import Attempts, Event, Observation, Verdicts, Waiting, Watched

NOW: Final = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)
MODELS: Final = ("brain-extractor@1.0.0", "series-check@1.0.0")
SCANNERS: Final = (("irm-1", "SIGNA Premier"), ("irm-2", "MAGNETOM Vida"), ("", ""))


def nothing_measured() -> Watched:
    """Nothing happened."""
    return Watched(since=NOW, until=NOW, observations=(), is_cut=False, attempts=(), verdicts=(), waiting=(), events=())


def observations(now: datetime, count: int, *, slow_from: int = -1, slow_to: int = -1) -> Iterator[Observation]:
    """Yield results of the last 12 hours, newest first; from the one to the other of them the queue is long."""
    chance = random.Random(20261127)
    for number in range(count):
        sender, scanner = SCANNERS[number % 3]
        seconds = {
            "receive": 40 + chance.random() * 200,
            "complete": 300.0,
            "queue": chance.random() * 4,
            "fetch": 0.4,
            "start": 0.05,
            "preprocess": 1.2,
            "predict": 14 + chance.random() * 6,
            "postprocess": 0.3,
            "store": 0.2,
        }
        if slow_from <= number < slow_to:
            seconds["queue"] = 1200 + 1800 * chance.random()
        if number % 2 == 0:
            seconds |= {"review": chance.random() * 9_000, "deliver": 0.6}
        yield Observation(
            result=str(UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128)),
            model=MODELS[number % 2],
            mode="care",
            priority="routine",
            site="chu",
            sender=sender,
            scanner=scanner,
            state="awaiting_review",
            cause="",
            queued_at=now - timedelta(hours=12) * number / count,
            seconds=seconds,
        )


def slow_night(now: datetime = NOW, count: int = 240) -> Watched:
    """A night in which a worker was away for three hours."""
    model, other = MODELS
    return Watched(
        since=now - timedelta(days=1),
        until=now,
        observations=tuple(observations(now, count, slow_from=count // 2, slow_to=3 * count // 4)),
        is_cut=False,
        attempts=(
            Attempts(model=model, outcome="drafted", cause="", count=114),
            Attempts(model=model, outcome="retried", cause="memory", count=5),
            Attempts(model=model, outcome="failed", cause="timeout", count=1),
            Attempts(model=other, outcome="excluded", cause="modality", count=31),
            Attempts(model=other, outcome="drafted", cause="", count=12),
        ),
        verdicts=(
            Verdicts(model=model, accepted=45, amended=4, rejected=1),
            Verdicts(model=other, accepted=7, amended=0, rejected=2),
        ),
        waiting=(
            Waiting(place="queue", of=model, count=12, oldest=now - timedelta(minutes=9)),
            Waiting(place="complete", of="study", count=2, oldest=now - timedelta(seconds=80)),
            Waiting(place="deliver", of="pacs", count=3, oldest=now - timedelta(hours=2)),
            Waiting(place="held", of="two-patients", count=1, oldest=now - timedelta(days=1, hours=3)),
        ),
        events=(
            Event(at=now - timedelta(hours=4, minutes=55), kind="worker", about="infer:aval-1:4711"),
            Event(at=now - timedelta(hours=9), kind="stop", about="site:chu"),
            Event(at=now - timedelta(hours=8, minutes=30), kind="resume", about="site:chu"),
        ),
    )


def slower(which: Callable[[Observation], bool], stage: str, seconds: float, *events: Event) -> Watched:
    """A night in which what ``which`` says took so much longer in one stage."""
    seen = [
        replace(one, seconds={**one.seconds, stage: one.seconds[stage] + seconds}) if which(one) else one
        for one in observations(NOW, 240)
    ]
    return replace(slow_night(), observations=tuple(seen), events=events)
