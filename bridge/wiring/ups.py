"""The performer of workitems, joined to the parts of an installation: one loop for each server."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

from bridge.config import ConfigError, Settings
from bridge.config.ups import UpsSettings
from bridge.flows.workitems import SCHEDULED, Performing, perform
from bridge.runner import Loop
from bridge.wiring.inflow import Inflow
from bridge.wiring.parts import Parts
from bridge.wiring.retrieval import fetch
from bridge.wiring.sources import source
from dicom_adapters.ask.query import Source
from dicom_adapters.ask.ups import Code, Options, Output, Workitem, Worklist
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import read_header
from dicom_adapters.uids import derive_uid
from guarantee.deliveries import Delivery
from guarantee.errors import BlobMissing
from guarantee.release import Package
from guarantee.rules import Facts

STAT: Facts = {"RequestedProcedurePriority": frozenset({"STAT"})}
"""What a workitem of high priority (0074,1200) says of its images, for the rules."""


def worklist(name: str, mine: UpsSettings, settings: Settings) -> Worklist:
    """Return the worklist of one server."""
    value, _, scheme = mine.station.partition("|")
    return Worklist(
        Options(
            url=mine.url,
            token=mine.token.get_secret_value(),
            station=Code(value=value, scheme=scheme, meaning="Aval"),
            requester=mine.requester,
            silence_s=mine.silence_s,
            transaction=partial(derive_uid, settings.site.namespace, "ups-transaction", name),
        )
    )


def reachable(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return, for each worklist server, a question whether it lists its workitems."""
    return {f"ups {name}": partial(_ask, worklist(name, mine, settings)) for name, mine in settings.ups.items()}


def _ask(asked: Worklist) -> str:
    return f"{len(asked.in_state(SCHEDULED))} workitems scheduled for our station"


def performer(parts: Parts) -> Loop:
    """Return the process that works for every configured server.

    Raises:
        ConfigError: there is none, a source is unknown, or a workitem asks for a model that is not installed.
    """
    settings = parts.settings
    if not settings.ups:
        raise ConfigError("aval.toml has no [ups.NAME]: there is no worklist server to work for")
    steps = []
    for name, mine in settings.ups.items():
        for model in mine.workitems.values():
            if parts.catalogue.card(model) is None:
                raise ConfigError(f"ups.{name} asks for model {model!r}, which is not installed (`aval models list`)")
        server = worklist(name, mine, settings)
        tools = Performing(
            store=parts.store("intake"),
            clock=parts.clock,
            server=server,
            models=mine.workitems,
            fetch=partial(_fetch, name=name, archive=source(settings, mine.source), parts=parts),
            complete=partial(_complete, server=server, parts=parts),
        )
        steps.append((partial(perform, tools), mine.poll_s))
    return Loop("ups", steps)


def _fetch(item: Workitem, *, name: str, archive: Source, parts: Parts) -> int:
    facts = STAT if item.priority == "HIGH" else {}
    (study,) = item.study_uids
    with closing(Inflow(parts, door="ups", sender=name, facts=facts)) as inflow:
        return fetch(study, archive, "auto", inflow, parts).listed


def _complete(item: Workitem, held: Sequence[Delivery], now: datetime, *, server: Worklist, parts: Parts) -> bool:
    outputs = [output for delivery in held for output in _outputs(delivery, parts)]
    return server.complete(item, outputs, now)


def _outputs(delivery: Delivery, parts: Parts) -> Sequence[Output]:
    """Return the objects that an archive confirmed; the record's are no DICOM objects and are not named."""
    archives: Mapping[str, str] = {name: pacs.aet for name, pacs in parts.settings.destinations.pacs.items()}
    if delivery.destination not in archives:
        return ()
    found = []
    for part in Package.from_bytes(parts.vault.get(delivery.package)).parts:
        try:
            header = read_header(parts.vault.get(part.digest))
        except MalformedInstance as error:
            raise BlobMissing("blob-damaged", f"a sent object cannot be read: {error.code}") from error
        found.append(
            Output(
                study_uid=header.study_instance_uid,
                series_uid=header.series_instance_uid,
                sop_class_uid=header.sop_class_uid,
                sop_instance_uid=header.sop_instance_uid,
                aet=archives[delivery.destination],
            )
        )
    return found
