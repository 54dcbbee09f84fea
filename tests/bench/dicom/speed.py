"""The comparison: every receiver under the same load, in one run, in rotated order, and what must hold."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench.dicom import images
from tests.bench.dicom.parts import Part
from tests.bench.dicom.receivers import Receivers
from tests.bench.dicom.runs import Load, Run, Track, to_json
from tests.bench.disk import durable_rates
from tests.bench.figures import Spread, Target, paired, table, target
from tests.bench.machine import LOADED_CORES

INSTANCE_BYTES: Final = 526_000
"""A CT image of 512 x 512 x 16 bit, with its header."""

DISK_SHARE: Final = 0.6
"""Where the disk is the limit: the least share of its own rate."""

DISK_RATIO: Final = 1.7
"""Where the disk is the limit: the least ratio to Orthanc, which flushes too."""

SENDER_ROOM: Final = 1.25
"""A sender that reaches this much more against a peer that keeps nothing is not what was measured."""


NAMES: Final = ("one", "four", "shipped", "dcmsend", "mr")
"""Every scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One load and who receives it; every Aval receives every load.

    Args:
        peers: by name, as in receivers.py.
    """

    name: str
    title: str
    load: Load
    peers: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Measured:
    """Everything that was measured: runs by scenario and receiver, one for each repetition."""

    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    disk: dict[str, list[float]] = field(default_factory=dict)

    def values(self, scenario: str, receiver: str, figure: str) -> list[float | None]:
        """Return a figure of each repetition."""
        return [run.value(figure) for run in self.runs.get(scenario, {}).get(receiver, [])]

    def spread(self, scenario: str, receiver: str, figure: str) -> Spread | None:
        """Return a figure over all repetitions that count."""
        found = [value for value in self.values(scenario, receiver, figure) if value is not None]
        return Spread.of(found) if found else None

    def ratio(self, scenario: str, peer: str, *, ours: str = "per_s", theirs: str = "") -> Spread | None:
        """Return Aval's figure over a peer's, repetition by repetition."""
        mine, other = self.values(scenario, "aval", ours), self.values(scenario, peer, theirs or ours)
        return paired(mine, other) if mine and other else None

    def disk_limit(self, threads: int) -> float:
        """Return what the disk makes durable per second, by the better of the two ways."""
        rates = [Spread.of(found).median for name, found in self.disk.items() if name.endswith(f"x{threads}")]
        return max(rates, default=0.0)


def scenarios(cache: Path, *, count: int, shipped_count: int) -> list[Scenario]:
    """Return the loads. As they are shipped, peers take some 45 ms for each instance: those get fewer."""
    ct, few = images.study(images.CT, count, cache), images.study(images.CT, shipped_count, cache)
    mr = images.study(images.MR, count, cache)
    return [
        Scenario(
            name="one",
            title=f"one association, {count} CT of 526 kB, raw sender, tuned peers",
            load=Load(folder=ct),
            peers=("orthanc-tuned", "storescp-tuned", "pynetdicom", "null"),
        ),
        Scenario(
            name="four",
            title=f"four associations, {count} CT, raw sender, tuned peers",
            load=Load(folder=ct, associations=4),
            peers=("orthanc-tuned", "storescp-fork", "pynetdicom", "null"),
        ),
        Scenario(
            name="shipped",
            title=f"one association, {shipped_count} CT, raw sender, peers as they are installed",
            load=Load(folder=few),
            peers=("orthanc-shipped", "storescp-shipped", "pynetdicom"),
        ),
        Scenario(
            name="dcmsend",
            title=f"dcmsend as it is installed, {shipped_count} CT (its own start is in the time)",
            load=Load(folder=few, tool="dcmsend"),
            peers=("orthanc-tuned", "orthanc-shipped", "storescp-tuned", "storescp-shipped", "pynetdicom"),
        ),
        Scenario(
            name="mr",
            title=f"one association, {count} MR of 132 kB, raw sender, tuned peers",
            load=Load(folder=mr),
            peers=("orthanc-tuned", "storescp-tuned"),
        ),
    ]


def measure_speed(
    receivers: Receivers, track: Track, every: list[Scenario], *, only: list[str], repetitions: int
) -> Part:
    """Return the comparison under the loads that ``only`` names."""
    wanted = [scenario for scenario in every if scenario.name in only]
    measured = compare(wanted, receivers, track, repetitions=repetitions)
    return Part(
        name="speed",
        shown=show(measured, wanted, receivers),
        targets=tuple(targets(measured)),
        data={
            "ratios": ratios(measured),
            "notes": {name: kind.note for name, kind in receivers.all().items()},
            **as_json(measured, wanted),
        },
        loaded=tuple(loaded(measured)),
    )


def compare(wanted: list[Scenario], receivers: Receivers, track: Track, *, repetitions: int) -> Measured:
    """Run everything, ``repetitions`` times, each time in another order."""
    measured, kinds = Measured(), receivers.all()
    for repetition in range(repetitions):
        for threads in (1, 4):
            for way, rate in durable_rates(track.folder, INSTANCE_BYTES, threads=threads).items():
                measured.disk.setdefault(f"{way} x{threads}", []).append(rate)
        for scenario in wanted:
            print(f"{repetition + 1}/{repetitions} {scenario.title}", file=sys.stderr)
            names = [*receivers.ours, *scenario.peers]
            turn = repetition % len(names)
            runs = measured.runs.setdefault(scenario.name, {})
            for name in names[turn:] + names[:turn]:
                runs.setdefault(name, []).append(track.run(name, kinds[name], scenario.load))
    return measured


# ------------------------------------------------------------------------------------------------- what must hold


def targets(measured: Measured) -> list[Target]:
    """Return what must hold of everything that was run."""
    makers: Mapping[str, Callable[[Measured], list[Target]]] = {"one": _one, "four": _four, "shipped": _shipped}
    found = [each for name, make in makers.items() if name in measured.runs for each in make(measured)]
    return [*found, *_counted(measured), *_sender(measured)]


def _one(measured: Measured) -> list[Target]:
    return [
        *_rate(measured, "one", 1, {"orthanc-tuned": 5.0, "storescp-tuned": 1.0}),
        target(
            "p99 over Orthanc's median, one association",
            "at most",
            1.0,
            measured.ratio("one", "orthanc-tuned", ours="p99_ms", theirs="p50_ms"),
        ),
        target(
            "CPU for each instance over Orthanc's, one association",
            "at most",
            0.3,
            measured.ratio("one", "orthanc-tuned", ours="cpu_ms"),
        ),
    ]


def _four(measured: Measured) -> list[Target]:
    return [
        *_rate(measured, "four", 4, {"orthanc-tuned": 4.0, "storescp-fork": 0.5}),
        target(
            "p99 over Orthanc's median, four associations",
            "at most",
            1.0,
            measured.ratio("four", "orthanc-tuned", ours="p99_ms", theirs="p50_ms"),
        ),
    ]


def _shipped(measured: Measured) -> list[Target]:
    return [
        target(
            "rate over Orthanc as it is installed, one association",
            "at least",
            30.0,
            measured.ratio("shipped", "orthanc-shipped"),
        )
    ]


def _rate(measured: Measured, scenario: str, associations: int, asked: Mapping[str, float]) -> list[Target]:
    """Return the targets on the rate; where the disk makes one impossible, those that take its place.

    The disk is the limit of a target when it cannot make instances durable as fast as the target asks for, with nothing
    else to do: then no durable receiver could meet it.
    """
    limit, found, by_disk = measured.disk_limit(associations), [], []
    words = f"{scenario} association{'s' * (associations > 1)}"
    for peer, ratio in asked.items():
        theirs = measured.spread(scenario, peer, "per_s")
        if theirs is None or ratio * theirs.median <= limit:
            found.append(target(f"rate over {peer}, {words}", "at least", ratio, measured.ratio(scenario, peer)))
        else:
            by_disk.append(f"{ratio} x {theirs.median:.0f}/s of {peer}")
    if not by_disk:
        return found
    why = f"the disk alone makes {limit:.0f}/s durable, and what was asked is {' and '.join(by_disk)}"
    orthanc = measured.ratio(scenario, "orthanc-tuned")
    return [
        *found,
        target(f"rate over orthanc-tuned where the disk is the limit, {words}", "at least", DISK_RATIO, orthanc, why),
        target(f"share of the disk's rate, {words}", "at least", DISK_SHARE, _share(measured, scenario), why),
    ]


def _share(measured: Measured, scenario: str) -> Spread | None:
    limit = measured.disk_limit(4 if scenario == "four" else 1)
    rates = [value / limit for value in measured.values(scenario, "aval", "per_s") if value is not None and limit]
    return Spread.of(rates) if rates else None


def _counted(measured: Measured) -> list[Target]:
    """A run that was refused, lost or changed an instance is void; one of ours means that nothing holds."""
    void = [
        f"{scenario}/{name}: {run.void}"
        for scenario, by_name in measured.runs.items()
        for name, runs in by_name.items()
        for run in runs
        if run.void and name.startswith("aval")
    ]
    return [Target(name="void runs of ours", asks="at most", limit=0, value=len(void), why="; ".join(void[:3]))]


def _sender(measured: Measured) -> list[Target]:
    """The raw sender must be able to do more than any receiver did."""
    found = []
    for scenario in ("one", "four"):
        by_name = measured.runs.get(scenario, {})
        rates = {name: measured.spread(scenario, name, "per_s") for name in by_name}
        null = rates.pop("null", None)
        best = max((rate.median for rate in rates.values() if rate), default=0.0)
        if null and best:
            value = null.median / best
            found.append(
                Target(
                    name=f"the sender's own limit over the fastest receiver, {scenario}",
                    asks="at least",
                    limit=SENDER_ROOM,
                    value=value,
                    why=f"{null.median:.0f}/s against a peer that keeps nothing",
                )
            )
    return found


# --------------------------------------------------------------------------------------------------------- words


def show(measured: Measured, wanted: list[Scenario], receivers: Receivers) -> str:
    """Return the tables, for a person."""
    disk = ", ".join(f"{name}: {Spread.of(rates)}/s" for name, rates in measured.disk.items())
    parts = [f"The disk's own limits, 526 kB each: {disk}"]
    for scenario in wanted:
        rows = [_row(measured, scenario, name, receivers) for name in measured.runs.get(scenario.name, {})]
        parts.append(f"**{scenario.title}**\n\n{table(_HEAD, rows)}")
        if scenario.name in {"one", "four"} and (share := _share(measured, scenario.name)):
            parts.append(f"Aval reaches {share} of what the disk does alone.")
    return "\n\n".join(parts)


_HEAD: Final = (
    "receiver",
    "durable when it answers",
    *("instances/s", "MB/s", "p50 ms", "p99 ms", "CPU ms", "peak MiB"),
    "Aval over it",
)


def _row(measured: Measured, scenario: Scenario, name: str, receivers: Receivers) -> list[str]:
    figures = [measured.spread(scenario.name, name, figure) for figure in ("per_s", "mb_s", "p50_ms", "p99_ms")]
    costs = [measured.spread(scenario.name, name, figure) for figure in ("cpu_ms", "peak_mib")]
    medians = [f"{spread.median:,.4g}" if spread else "–" for spread in (*figures[1:], *costs)]
    ratio = "1" if name == "aval" else str(measured.ratio(scenario.name, name) or "–")
    return [name, receivers.all()[name].flushes, str(figures[0] or "void"), *medians, ratio]


def loaded(measured: Measured) -> list[str]:
    """Return the runs during which others used so much of the machine that their figures must not be published."""
    return [
        f"{scenario}/{name} ({run.others_cores:.2f} of a core)"
        for scenario, by_name in measured.runs.items()
        for name, runs in by_name.items()
        for run in runs
        if run.others_cores > LOADED_CORES
    ]


def as_json(measured: Measured, wanted: list[Scenario]) -> dict[str, Any]:
    """Return everything that was measured, as the results file has it."""
    return {
        "disk_per_s": {name: [round(rate, 1) for rate in rates] for name, rates in measured.disk.items()},
        "scenarios": {
            scenario.name: {
                "title": scenario.title,
                "receivers": {
                    name: [to_json(run) for run in runs] for name, runs in measured.runs[scenario.name].items()
                },
            }
            for scenario in wanted
            if scenario.name in measured.runs
        },
    }


def ratios(measured: Measured) -> dict[str, dict[str, float]]:
    """Return Aval's rate over each peer's, by scenario: medians of repetitions."""
    return {
        scenario: {
            name: round(ratio.median, 3)
            for name in by_name
            if not name.startswith("aval") and name != "null" and (ratio := measured.ratio(scenario, name))
        }
        for scenario, by_name in measured.runs.items()
    }
