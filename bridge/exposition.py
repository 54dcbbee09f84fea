"""Prometheus' text format, version 0.0.4: what a scrape reads. Counters, gauges and histograms, and nothing else.

Source: prometheus.io/docs/instrumenting/exposition_formats. Written here, because it is a page of text, and every
package that we do not ship is one that nobody has to watch.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

SETS_MAX: Final = 500
"""Most sets of labels of one metric. Beyond it, what is new is counted under "other": a store of figures must not grow
because somebody finds new ways to be refused."""

LABEL_CHARS_MAX: Final = 100
"""Longest value of a label."""

OTHER: Final = "other"

SECONDS: Final = (0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
"""Upper bounds of the buckets of durations, in seconds."""


@dataclass(slots=True, kw_only=True)
class Family:
    """One metric: a number for each set of labels.

    Args:
        kind: "counter", "gauge" or "histogram".
        labels: their names, in order.
    """

    name: str
    kind: str
    says: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)
    buckets: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    def add(self, labels: Sequence[str], value: float = 1.0) -> None:
        """Add ``value`` to a counter."""
        key = self._key(labels)
        self.values[key] = self.values.get(key, 0.0) + value

    def observe(self, labels: Sequence[str], seconds: float) -> None:
        """Put one duration into a histogram."""
        key = self._key(labels)
        self.values[key] = self.values.get(key, 0.0) + seconds
        counts = self.buckets.setdefault(key, [0] * (len(SECONDS) + 1))
        counts[next((n for n, bound in enumerate(SECONDS) if seconds <= bound), len(SECONDS))] += 1

    def replace(self, values: Mapping[tuple[str, ...], float]) -> None:
        """Set a gauge anew: what is not said any more is gone."""
        self.values.clear()
        for labels, value in values.items():
            self.add(labels, value)

    def _key(self, labels: Sequence[str]) -> tuple[str, ...]:
        key = tuple(label[:LABEL_CHARS_MAX] for label in labels)
        if len(key) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {len(key)} of them")
        return key if key in self.values or len(self.values) < SETS_MAX else (OTHER,) * len(key)

    def lines(self) -> Iterator[str]:
        """Yield the metric as text, its series sorted."""
        yield f"# HELP {self.name} {self.says}"
        yield f"# TYPE {self.name} {self.kind}"
        for key in sorted(self.values):
            said = [f'{name}="{_escaped(value)}"' for name, value in zip(self.labels, key, strict=True)]
            if self.kind == "histogram":
                yield from self._histogram(key, said)
            else:
                yield f"{self.name}{_braced(said)} {_number(self.values[key])}"

    def _histogram(self, key: tuple[str, ...], said: list[str]) -> Iterator[str]:
        total = 0
        for bound, count in zip((*SECONDS, math.inf), self.buckets[key], strict=True):
            total += count
            within = f'le="{_number(bound)}"'
            yield f"{self.name}_bucket{_braced([*said, within])} {total}"
        yield f"{self.name}_sum{_braced(said)} {_number(self.values[key])}"
        yield f"{self.name}_count{_braced(said)} {total}"


def _braced(said: list[str]) -> str:
    return f"{{{','.join(said)}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
