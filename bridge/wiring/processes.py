"""Every process, one short function each."""

import os
import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from bridge.broker.relay import Relay
from bridge.config import ConfigError
from bridge.flows import completeness, deliver, fetch, infer, intake, objections
from bridge.flows.completeness import Completion, QuietTimes
from bridge.flows.deliver import Dispatch
from bridge.flows.fetch import Fetching
from bridge.flows.giving_back import Giving
from bridge.flows.infer import Inference
from bridge.flows.review import Review
from bridge.flows.sweep import Sweeper
from bridge.journal import anchor_head
from bridge.links.signing import Launcher
from bridge.passkeys import Party
from bridge.runner import Background, HttpServer, Loop, Process, Simple
from bridge.web.app import make_app
from bridge.web.fhir_door import make_fhir_app
from bridge.web.metrics_door import make_metrics_app
from bridge.web.stow_door import make_stow_routes
from bridge.wiring import backend_services, hl7, models, outside, outward, sources, tls
from bridge.wiring.authorities import under_every_name
from bridge.wiring.desk import RealDesk
from bridge.wiring.dicomweb import stow_door
from bridge.wiring.doors import services
from bridge.wiring.entrance import entrance
from bridge.wiring.exporter import Exporter
from bridge.wiring.group_commit import GroupCommit, flat
from bridge.wiring.incidents import RealReporting
from bridge.wiring.launches import Launching
from bridge.wiring.listener_process import ListenerProcess
from bridge.wiring.parts import NAMES, Parts
from bridge.wiring.shared_port import SharedPort, shared_listener
from bridge.wiring.signatures import signatures
from bridge.wiring.signing import RealSigning, passkeys_over
from bridge.wiring.stamps import stamping
from bridge.wiring.subscriptions import Watching
from bridge.wiring.tracer import LOOK_EVERY_S, Tracer, poster
from bridge.wiring.ups import performer
from bridge.wiring.viewing import RealImaging
from dicom_adapters.image.series import read_volume
from dicom_adapters.listen.scp import Doors, Listener
from fhir_adapters.door import BODY_MAX, Door
from inference.host import ModelHost

COMPLETE_EVERY_S: Final = 0.25
"""How often cases are judged: the delay it adds to the quiet time."""

CATCH_UP_EVERY_S: Final = 5.0
"""How often the listener looks for answers to storage commitment that are due."""

CHECKPOINT_EVERY_S: Final = 0.5
"""How often SQLite's log is written back: a listener at its fastest fills 8 MiB of it meanwhile."""

RING_EVERY_S: Final = 1.0
"""How often whatever is due is rung for again."""

GIVE_BACK_EVERY_S: Final = 1.0
"""How soon after a rollback what waited for the version that was left is given to the one in routine again."""

EXPIRE_EVERY_S: Final = 30.0
"""How often waiting drafts are looked at."""

FORGET_EVERY_S: Final = 3600.0
"""How often old associations and temporary files are deleted."""

FORGET_LAUNCHES_EVERY_S: Final = 300.0
"""How often launches that nobody may open any more are deleted: they may name a patient."""

LEFTOVER_S: Final = 600.0
"""Age at which something unfinished in the vault was left there by a crash; an instance that still arrives is younger
than its last byte."""


def scp(parts: Parts) -> Process:
    """The DICOM listener, in this process or in several that share its port."""
    many = parts.settings.scp.processes
    return SharedPort(shared_listener(parts.settings.folder), many) if many > 1 else listener(parts)


def listener(parts: Parts) -> Process:
    """One DICOM listener in this process."""
    store, clock = parts.store("intake"), parts.clock
    doors = Doors(
        receive=GroupCommit(partial(intake.receive, store=store, clock=clock, actor="scp")),
        hang_up=lambda conversation, broken_off: intake.hang_up(
            conversation, broken_off=broken_off, store=store, clock=clock, actor="scp"
        ),
        turn_away=partial(intake.turn_away, "scp", store=store, clock=clock),
    )
    notices, commitment = services(parts)
    made = Listener(outside.scp_options(parts.settings), parts.vault, doors, (notices, commitment))
    return ListenerProcess(made, Loop("scp:commitment", ((commitment.catch_up, CATCH_UP_EVERY_S),)))


def intake_processes(parts: Parts) -> list[Process]:
    """Every door but the DICOM listener, what looks up what was named there, and what looks after subscriptions."""
    watching = Watching(parts)
    return [fetcher(parts), intake_server(parts, watching.heard), *hl7_listeners(parts), *watching.processes()]


def intake_server(parts: Parts, heard: Callable[[str, tuple[int, ...]], object] = lambda *_: None) -> HttpServer:
    """The FHIR endpoint and DICOMweb storage; ``heard`` is told which events came, of whom."""
    settings, store = parts.settings, parts.store("intake")
    door = Door(
        vault=parts.vault,
        receive=GroupCommit(flat(partial(intake.receive, store=store, clock=parts.clock, actor="fhir"))),
        note=GroupCommit(flat(partial(fetch.note, store=store, clock=parts.clock, actor="fhir"))),
        object_to=lambda said: objections.hear(
            under_every_name(said, settings), store=store, clock=parts.clock, actor="fhir"
        ),
        turn_away=partial(intake.turn_away, "fhir", store=store, clock=parts.clock),
        senders=outside.fhir_senders(settings),
        site=settings.site.name,
        statement=outside.statement(settings),
        objection_codes=outside.objection_codes(settings),
        now=parts.clock.now,
        authority=backend_services.authority(parts),
        heard=heard,
    )
    app = make_fhir_app(door, body_bytes_max=BODY_MAX, beside=[make_stow_routes(stow_door(parts))])
    return HttpServer("intake", app, settings.intake.host, settings.intake.port, tls=tls.intake(settings))


def hl7_listeners(parts: Parts) -> list[Process]:
    """The HL7v2 listener, where one is configured; part of the intake process."""
    mine = parts.settings.intake.hl7
    return [hl7.listener(mine, parts)] if mine is not None else []


def fetcher(parts: Parts) -> Process:
    """Looks up what the record named; part of the intake process."""
    tools = Fetching(
        store=parts.store("intake"),
        vault=parts.vault,
        clock=parts.clock,
        look_up=outside.look_up(parts.settings),
        to_arrivals=partial(outside.to_arrivals, clock=parts.clock),
    )
    start = partial(parts.bell.listen, "event.received", partial(fetch.handle, tools=tools))
    return Simple("intake:fetch", start, lambda: None)


def desk(parts: Parts) -> HttpServer:
    """The review pages and their API."""
    real = RealDesk(
        store=parts.store("desk"),
        review=review_tools(parts),
        sign_ins=parts.sign_in,
        catalogue=parts.catalogue,
        installed=parts.catalogue.cards(),
        places=outward.places(parts.settings),
        launching=launching(parts, "desk"),
        signing=signing(parts),
        entrance=entrance(parts, launching(parts, "desk")),
        reporting=RealReporting(parts),
        examine=partial(models.examine, parts=parts),
        imaging=imaging(parts),
        signed=partial(signatures, parts),
    )
    mine, app = parts.settings.desk, make_app(real, outside.desk_options(parts.settings))
    return HttpServer("desk", app, mine.host, mine.port, tls=tls.desk(parts.settings))


def imaging(parts: Parts) -> RealImaging:
    """Return what serves studies and drafts to other viewers."""
    return RealImaging(
        store=parts.store("desk"),
        review=review_tools(parts),
        sign_ins=parts.sign_in,
        options=outside.dicom_options(parts.settings),
    )


def signing(parts: Parts) -> RealSigning:
    """Return what takes opinions that are signed by passkey."""
    options = outside.desk_options(parts.settings)
    store = parts.store("desk")
    party = Party(origin=options.origin, name=f"Aval, {options.site_name}")
    return RealSigning(
        store=store,
        review=review_tools(parts),
        sign_ins=parts.sign_in,
        passkeys=passkeys_over(store, party, parts.clock),
    )


def launching(parts: Parts, process: str) -> Launching:
    """Return what takes launches in and opens them; the sweeper deletes the old ones by it."""
    options = outside.desk_options(parts.settings)
    launchers = [
        Launcher(name=name, keys=mine.keys, unsigned=mine.unsigned)
        for name, mine in sorted(parts.settings.launchers.items())
    ]
    return Launching(
        store=parts.store(process),
        clock=parts.clock,
        launchers=launchers,
        zone=ZoneInfo(options.time_zone),
        bound=frozenset(name for name, mine in parts.settings.launchers.items() if mine.smart is not None),
    )


def review_tools(parts: Parts) -> Review:
    """Return what takes opinions and withdrawals; for the desk and the command line alone."""
    return Review(
        store=parts.store("desk"),
        vault=parts.vault,
        clock=parts.clock,
        catalogue=parts.catalogue,
        renderers=outside.renderers(parts.settings, parts.vault.get),
        sealer=parts.desk_ring,
        witness=parts.checking_ring,
        nonce=lambda: secrets.token_urlsafe(24),
        triggers=models.triggers(parts),
    )


def relay(parts: Parts) -> Process:
    """Outbox to bell."""
    made = Relay(parts.store("relay"), parts.bell, parts.clock, wake=parts.committed)
    return Background("relay", made.run, parts.committed.set)


def infer_processes(parts: Parts) -> list[Process]:
    """The worker: models in limited child processes, examined beside their work."""
    host = ModelHost(parts.catalogue, models.host_options(parts.settings), parts.publishers.require)
    examiner = models.examiner(host, parts)
    tools = Inference(
        store=parts.store("infer"),
        vault=parts.vault,
        clock=parts.clock,
        catalogue=parts.catalogue,
        model=host,
        read_volume=read_volume,
        read_record=outside.stay_reader(parts.settings),
        mention=partial(outside.patient_mention, settings=parts.settings),
        examiner=examiner,
        language=parts.settings.site.language,
        triggers=models.triggers(parts),
        holder=f"infer:{socket.gethostname()}:{os.getpid()}",
    )

    def start() -> None:
        models.require_provider(host, parts)
        parts.bell.listen("result.queued", partial(infer.handle, tools=tools), workers=parts.settings.models.workers)

    # Stopped in reverse: the host first, which ends a golden case in the middle.
    examining = Loop("infer:golden", ((models.examine_routed(parts, examiner), models.LOOK_EVERY_S),))
    return [examining, Simple("infer", start, host.close)]


def deliver_process(parts: Parts) -> Process:
    """The deliverer: the only process that holds write credentials to the outside."""
    destinations = outside.destinations(parts.settings, parts.vault, parts.clock)
    tools = Dispatch(
        store=parts.store("deliver"), clock=parts.clock, destinations=destinations, witness=parts.checking_ring
    )

    def start() -> None:
        for name in destinations:  # one queue each: a dead PACS never delays the DPI
            parts.bell.listen(f"delivery.{name}", partial(deliver.handle, tools=tools))

    def stop() -> None:
        for destination in destinations.values():
            destination.close()

    return Simple("deliver", start, stop)


def sweep(parts: Parts) -> Process:
    """Judges cases complete, rings again, expires, anchors."""
    quiet = parts.settings.quiet
    completion = Completion(
        store=parts.store("sweep"),
        vault=parts.vault,
        clock=parts.clock,
        catalogue=parts.catalogue,
        routing=parts.routing,
        quiet=QuietTimes(
            default_s=quiet.default_s,
            by_modality_s=quiet.by_modality_s,
            silence_s=parts.settings.scp.silence_s,
            broken_s=quiet.broken_s,
            deadline_s=quiet.deadline_s,
            heed_acquisitions=quiet.heed_acquisitions,
        ),
        asking=sources.asking(parts.settings),
    )
    sweeper = Sweeper(parts.store("sweep"), parts.bell, parts.clock)
    return Loop(
        "sweep",
        (
            (partial(completeness.complete_due, completion), COMPLETE_EVERY_S),
            (parts.store("sweep").checkpoint, CHECKPOINT_EVERY_S),
            (sweeper.ring_due, RING_EVERY_S),
            (sweeper.expire, EXPIRE_EVERY_S),
            (sweeper.settle_objections, EXPIRE_EVERY_S),
            (Giving(tools=completion).give_back, GIVE_BACK_EVERY_S),
            (sweeper.forget, FORGET_EVERY_S),
            (launching(parts, "sweep").forget, FORGET_LAUNCHES_EVERY_S),
            (lambda: parts.vault.sweep(LEFTOVER_S, parts.clock.now().timestamp()), FORGET_EVERY_S),
            (partial(anchor_head, parts.keeper()), parts.settings.journal.anchor_every_s),
            *((stamp, parts.settings.journal.anchor_every_s) for stamp in stamping(parts)),
        ),
    )


def metrics(parts: Parts) -> HttpServer:
    """Figures for a monitoring system.

    Raises:
        ConfigError: it would listen beyond loopback without a token.
    """
    mine, places = parts.settings.metrics, outward.places(parts.settings)
    if mine.is_open_to_a_network:
        raise ConfigError(f"metrics.host is {mine.host}: give metrics.token, or everybody there reads the figures")
    exporter = Exporter(
        parts.store("audit"),
        parts.clock,
        lambda unit: outward.standings(places, unit.destinations.traffic(), parts.clock.now()),
        outside.VERSION,
    )
    exporter.text()  # counters begin now, not at the first scrape
    app = make_metrics_app(exporter.text, mine.token.get_secret_value())
    return HttpServer("metrics", app, mine.host, mine.port)


def tracing(parts: Parts) -> Process:
    """Traces for a collector, beside the figures: read with the same role."""
    mine = parts.settings.tracing
    tracer = Tracer(parts.store("audit"), poster(mine.endpoint, mine.token.get_secret_value()), outside.VERSION)
    return Loop("metrics:tracing", ((tracer.look, LOOK_EVERY_S),))


def watching(parts: Parts, *, figures: bool) -> list[Process]:
    """Figures, traces, or both."""
    told = [tracing(parts)] if parts.settings.tracing.endpoint else []
    return [metrics(parts), *told] if figures else told


def make(name: str, parts: Parts) -> list[Process]:
    """Return the process called ``name``; "all" is every one of them, listeners of the bell first."""
    bell = Simple("bell", lambda: None, parts.bell.close)
    makers: dict[str, Callable[[], list[Process]]] = {
        "infer": lambda: infer_processes(parts),
        "deliver": lambda: [deliver_process(parts)],
        "intake": lambda: intake_processes(parts),
        "scp": lambda: [scp(parts)],
        "desk": lambda: [desk(parts)],
        "relay": lambda: [relay(parts)],
        "sweep": lambda: [sweep(parts)],
        "ups": lambda: [performer(parts)],
        "metrics": lambda: watching(parts, figures=name == "metrics" or parts.settings.metrics.enabled),
    }
    if name != "all":
        return [*makers[name](), bell]
    # Started first and stopped last: those who answer the bell. Then the bell, then those who may ring it.
    answering = ("infer", "deliver")
    optional = {
        "ups": bool(parts.settings.ups),
        "metrics": parts.settings.metrics.enabled or bool(parts.settings.tracing.endpoint),
    }
    others = [each for each in NAMES if each not in answering and optional.get(each, True)]
    return [
        *(process for each in answering for process in makers[each]()),
        bell,
        *(process for each in others for process in makers[each]()),
    ]
