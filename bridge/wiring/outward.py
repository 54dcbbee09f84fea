"""The places outside as an engineer follows them: what is configured, how each stands, whether it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from bridge.config import ConfigError, Settings
from bridge.config.pacs import PacsSettings
from bridge.config.record import FhirSettings
from bridge.db.destinations import Traffic
from bridge.web.outward import Place, Standing
from bridge.wiring import tls
from bridge.wiring.hl7_out import hl7_options
from bridge.wiring.sources import NOWHERE
from dicom_adapters.ask.dicomweb import Web
from dicom_adapters.associate.tls import Calling
from dicom_adapters.deliver.echo import echo, takes
from fhir_adapters import rest
from fhir_adapters.hl7v2.sending import connected
from guarantee.breaker import Health
from guarantee.errors import Unavailable

ANSWER_BYTES_MAX: Final = 64 * 1024
"""Most that is read of a search for the study that nobody has."""

REACH_S: Final = 5.0
"""How long ``aval check`` and ``aval destinations test`` wait for each place outside."""


def places(settings: Settings) -> tuple[Place, ...]:
    """Return what is configured, without credentials: for pages and the command line."""
    found = [
        Place(
            name=name,
            kind="pacs",
            address=pacs.dicomweb_url if pacs.transport == "stow" else f"{pacs.aet} {pacs.host}:{pacs.port}",
        )
        for name, pacs in settings.destinations.pacs.items()
    ]
    found += [
        Place(name=name, kind="record", address=record.base_url) for name, record in settings.destinations.fhir.items()
    ]
    found += [
        Place(name=name, kind="hl7", address=f"{target.host}:{target.port}")
        for name, target in settings.destinations.hl7.items()
    ]
    return tuple(found)


def standings(configured: Sequence[Place], traffic: Mapping[str, Traffic], now: datetime) -> tuple[Standing, ...]:
    """Return how each place stands: those that are configured, then those that only old deliveries name."""
    gone = [Place(name=name, kind="", address="") for name in traffic.keys() - {place.name for place in configured}]
    return tuple(
        _standing(place, traffic.get(place.name), now) for place in [*configured, *sorted(gone, key=lambda p: p.name)]
    )


def _standing(place: Place, known: Traffic | None, now: datetime) -> Standing:
    traffic = known or Traffic(health=Health(destination=place.name), pause=None)
    health = traffic.health
    return Standing(
        place=place,
        breaker=health.phase(now),
        rests_until=health.rests_until,
        failures=health.failures,
        confirmed_at=health.confirmed_at,
        failed_at=health.failed_at,
        cause=health.cause,
        pause=traffic.pause,
        waiting=traffic.waiting,
        attempts=traffic.attempts,
        oldest=traffic.oldest,
        refused=traffic.refused,
    )


def require_known(settings: Settings, name: str) -> Place:
    """Return a configured place.

    Raises:
        ConfigError: none has this name.
    """
    known = {place.name: place for place in places(settings)}
    if name not in known:
        raise ConfigError(f"no destination is called {name!r}; aval.toml has {', '.join(sorted(known)) or 'none'}")
    return known[name]


def reachable(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return, for each place outside, a question whether it answers."""
    asked = {place.name: f"{place.kind} {place.name}" for place in places(settings)}
    return {what: question(settings, name) for name, what in asked.items()}


def looked_into(settings: Settings, name: str) -> str:
    """Return what one configured place answers and, of a PACS, in which transfer syntaxes it takes our objects.

    Raises:
        Unavailable: it does not answer.
    """
    answer = question(settings, name)()
    pacs = settings.destinations.pacs.get(name)
    if pacs is None or pacs.transport == "stow":
        return answer
    called = {"aet": pacs.our_aet, "peer_aet": pacs.aet, "host": pacs.host}
    taken = takes(**called, port=pacs.port, timeout_s=REACH_S, tls=tls.calling(settings, pacs))
    return f"{answer}. {taken}"


def question(settings: Settings, name: str) -> Callable[[], str]:
    """Return the question whether one configured place answers: C-ECHO of a PACS, its statement of a record.

    Of an HL7v2 receiver, whether it takes a connection: HL7v2 has no echo.
    """
    if name in settings.destinations.pacs:
        pacs = settings.destinations.pacs[name]
        if pacs.transport == "stow":
            return partial(_search, pacs)
        return partial(_echo, pacs, tls.calling(settings, pacs))
    if name in settings.destinations.hl7:
        return partial(_connection, name, settings)
    return partial(_statement, settings.destinations.fhir[name])


def _echo(pacs: PacsSettings, call: Calling | None) -> str:
    echo(aet=pacs.our_aet, peer_aet=pacs.aet, host=pacs.host, port=pacs.port, timeout_s=REACH_S, tls=call)
    return f"C-ECHO answered by {pacs.aet} at {pacs.host}:{pacs.port}{' in TLS' if call else ''}"


def _connection(name: str, settings: Settings) -> str:
    target = settings.destinations.hl7[name]
    with connected(replace(hl7_options(name, target, settings), connect_s=REACH_S)):
        how = " in TLS" if target.tls.authorities else ""
    return f"connected to {target.host}:{target.port}{how}; HL7v2 has no echo: how it answers a message is not known"


def _search(pacs: PacsSettings) -> str:
    web = Web(pacs.dicomweb_url, REACH_S, pacs.dicomweb_token.get_secret_value())
    web.get(f"/studies?StudyInstanceUID={NOWHERE}", "application/dicom+json", ANSWER_BYTES_MAX)
    return f"DICOMweb answers at {pacs.dicomweb_url}"


def _statement(record: FhirSettings) -> str:
    options = rest.Options(
        base_url=record.base_url, token=record.token.get_secret_value(), connect_s=REACH_S, answer_s=REACH_S
    )
    with rest.Server(options) as server:
        answer = server.get("metadata")
    if answer.status != 200 or answer.type != "CapabilityStatement":
        raise Unavailable("no-statement", f"{record.base_url} answered {answer.status} and no CapabilityStatement")
    return f"CapabilityStatement (FHIR {answer.body.get('fhirVersion', 'of no version')}) from {record.base_url}"
