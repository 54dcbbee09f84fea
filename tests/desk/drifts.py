"""Comparisons as an engineer finds them: a scanner that was replaced, and too few results of another site."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from bridge.comparison import Asked, Drift, Version, group
from bridge.drift import N_MIN, Sample
from bridge.figures import Event, Watched
from bridge.web.package_words import Signature
from tests.desk.nights import nothing_measured

MODEL: Final = "brain-extractor@1.0.0"
BEGAN: Final = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def samples(count: int, device: str, shift: float, *, since: datetime = BEGAN, seed: int = 1) -> list[Sample]:
    """Return results of one scanner, an hour apart, whose volumes are ``shift`` larger."""
    chance = random.Random(seed)
    return [
        Sample(
            at=since + timedelta(hours=number),
            answered=True,
            features={
                "input/device": device,
                "input/modality": "MR",
                "input/reading:Lactate": None if number % 3 == 0 else round(chance.expovariate(1), 1),
                "output/outcome": "drafted",
                "output/quantity:brain:Volume": round(chance.gauss(1450 + shift, 100)),
            },
        )
        for number in range(count)
    ]


def another_scanner(count: int = N_MIN) -> Drift:
    """A scanner was replaced, and the volumes grew with it."""
    reference = samples(count, "SIGNA Premier", 0.0)
    recent = samples(count, "=MAGNETOM<b>", 90.0, since=BEGAN + timedelta(days=30), seed=2)
    return Drift(
        asked=Asked(model=MODEL),
        groups=[group("", reference, recent), group("=chu", reference, reference[::-1])],
        hidden=1,
        events=(Event(at=BEGAN + timedelta(days=20), kind="service", about=MODEL),),
    )


class Measured:
    """The part of a fake desk that measures and compares: what tests put in."""

    measured: Watched = nothing_measured()
    drifted: Drift | None = None
    signed: Mapping[str, Signature] = MappingProxyType({})

    def watched(self, since: datetime, until: datetime) -> Watched:
        """Return what tests put in, as if it lay in the window."""
        return replace(self.measured, since=since, until=until)

    def signatures(self) -> Mapping[str, Signature]:
        """Return what tests put in."""
        return self.signed

    def compared(self) -> Sequence[Version]:
        """Return one version, once there is something to compare."""
        return () if self.drifted is None else (Version(model=MODEL, mode="care", results=400, last_at=BEGAN),)

    def drift(self, asked: Asked) -> Drift:
        """Return what tests put in, as if it had been asked for."""
        assert self.drifted is not None
        return replace(self.drifted, asked=asked)
