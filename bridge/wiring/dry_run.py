"""What the rules would do with files that nobody has sent, or with a case that is already here; nothing is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bridge.flows.route import Asked, Tried, facts_by_series, try_rules
from bridge.wiring.parts import Parts
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import read_header, to_arrival
from fhir_adapters.bundle import STORED_KINDS, read_bundle
from fhir_adapters.errors import BadRequest
from fhir_adapters.inbound import arrivals
from fhir_adapters.wire import parse_body
from guarantee.case import CaseKind
from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.orders import facts_of
from guarantee.rollout import Rollout
from guarantee.rules import Facts
from guarantee.unit import Arrival, Input

FILE_BYTES_MAX: Final = 1024**3
"""Largest file that is read, as at the listener."""

SENDER: Final = "dry-run"
"""Who files come from when nobody says so; no rule of a site knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where files would have come from: rules may ask for either."""

    site: str
    sender: str = SENDER


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """A case that might be, and what each rule makes of it."""

    kind: CaseKind
    uid: str
    images: dict[str, int]
    tried: tuple[Tried, ...]

    @property
    def takes(self) -> bool:
        """Return whether any rule takes the case: without one it is complete, and marked "no-route"."""
        return any(one.choices for one in self.tried)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that would have been turned away, and why."""

    path: Path
    why: str


def of_files(paths: Sequence[Path], parts: Parts, origin: Origin) -> tuple[list[DryRun], list[Unreadable]]:
    """Hold the rules against DICOM files and FHIR messages (``*.json``); folders are looked through."""
    cases: dict[tuple[CaseKind, str], list[Input]] = {}
    refused = []
    for path in _files(paths):
        try:
            for arrival in _read(path, origin, parts.clock.now()):
                used = Input(
                    source=arrival.source,
                    facts=arrival.facts,
                    conflict=False,
                    modality=arrival.modality,
                    sender=arrival.sender,
                    at=parts.clock.now(),
                )
                cases.setdefault((arrival.kind, arrival.uid), []).append(used)
        except (Malformed, MalformedInstance, BadRequest) as error:
            refused.append(Unreadable(path, str(error)))
    with parts.store("desk").reading() as unit:
        rollout = unit.rollouts.now()
    made = [_dry_run(kind, uid, inputs, parts, origin.site, rollout, {}) for (kind, uid), inputs in cases.items()]
    return made, refused


def of_case(uid: str, parts: Parts) -> list[DryRun]:
    """Hold the rules against what has arrived of a study or stay; empty when it is not known here."""
    site = parts.settings.site.name
    with parts.store("desk").reading() as unit:
        found = {kind: [each for each in unit.cases.inputs(kind, uid) if each.is_used] for kind in CaseKind}
        cases = {kind: unit.cases.latest(kind, uid) for kind in CaseKind}
        ordered = {kind: facts_of(unit.orders.of(case)) for kind, case in cases.items() if case}
        rollout = unit.rollouts.now()
    return [
        _dry_run(kind, uid, inputs, parts, site, rollout, ordered.get(kind, {}))
        for kind, inputs in found.items()
        if inputs
    ]


def _dry_run(
    kind: CaseKind, uid: str, inputs: Sequence[Input], parts: Parts, site: str, rollout: Rollout, order_facts: Facts
) -> DryRun:
    asked = Asked(kind=kind, uid=uid, site=site)
    tried = try_rules(
        asked, inputs, routing=parts.routing, catalogue=parts.catalogue, rollout=rollout, order_facts=order_facts
    )
    images = {group: int(min(facts["ImageCount"])) for group, facts in facts_by_series(kind, inputs).items()}
    return DryRun(kind=kind, uid=uid, images=images, tried=tried)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _read(path: Path, origin: Origin, now: datetime) -> Sequence[Arrival]:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise Malformed(f"larger than {FILE_BYTES_MAX} bytes")
    data = path.read_bytes()
    if path.suffix == ".json":
        received = read_bundle(parse_body(data, "application/fhir+json"), kinds=STORED_KINDS)
        return arrivals(received, digest=digest(data), site=origin.site, sender=origin.sender, now=now)
    header = read_header(data)
    return [to_arrival(header, digest=digest(data), site=origin.site, sender=origin.sender, conversation="")]
