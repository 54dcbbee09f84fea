"""Models: how they run here, whether the provider asked for is really there, who examines them, where each stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from bridge.config import ConfigError, Settings
from bridge.flows.golden import Examiner
from bridge.flows.holds import Triggers
from bridge.web.i18n import Language
from bridge.web.model_words import GOLDEN_CASE, TRIGGERS
from bridge.wiring.parts import Parts
from bridge.wiring.publishers import Origin
from bridge.wiring.registering import compared
from bridge.wiring.versions import at_work, in_routine
from guarantee.card import Card
from guarantee.errors import ModelFailed, Unavailable
from guarantee.examinations import Examination
from guarantee.ids import Digest, digest
from guarantee.lifecycle import Line, Stage, allowed
from guarantee.revalidation import Comparison
from guarantee.rollout import Appointment, Rollout
from guarantee.stops import in_force
from inference import golden
from inference.errors import PackageRefused
from inference.host import ModelHost
from inference.options import PROVIDERS, Options, Triton

LOOK_EVERY_S: Final = 60.0
"""How often the worker looks whether a model is to be examined again. Looking costs nothing, examining seconds."""


def host_options(settings: Settings) -> Options:
    """Return how models run on this machine."""
    models = settings.models
    return Options(
        threads=models.threads,
        providers=PROVIDERS[models.provider],
        language=settings.site.language,
        triton=_triton(settings) if models.provider == "triton" else None,
    )


def _triton(settings: Settings) -> Triton:
    said = settings.models.triton
    authorities, certificate, key = (
        None if file is None else settings.path(file) for file in (said.authorities, said.certificate, said.key)
    )
    return Triton(address=said.address, device=said.device, authorities=authorities, certificate=certificate, key=key)


def language_of(settings: Settings, code: str | None = None) -> Language:
    """Return the language of the site, or the one called ``code``; what is said with it here holds no time."""
    return Language(code or settings.site.language.partition("-")[0], ZoneInfo("UTC"))


_MENDING: Final = {
    "cuda": "install the extra `gpu` instead of `cpu` (never both), with the driver, CUDA and cuDNN it needs, and look "
    "whether `nvidia-smi` sees a GPU",
    "triton": "install the extra `triton` beside `cpu`, look whether the server at models.triton.address answers, was "
    "started with --model-control-mode=explicit, has the backend onnxruntime, and has the device of models.triton",
}
"""What to do, by the provider that is not there."""


def require_provider(host: ModelHost, parts: Parts) -> None:
    """Return when models run on the provider that was asked for.

    ONNX Runtime falls back to the CPU without a word: a hundred times slower, and with other numbers than those that
    were validated. The smallest model is started, because only a session shows which provider really comes first.

    Raises:
        ConfigError: it is not there; the message says what to do.
    """
    asked = parts.settings.models.provider
    cards = sorted(parts.catalogue.cards(), key=lambda card: card.memory_mb)
    if asked == "cpu" or not cards:
        return
    try:
        host.warm(cards[0])
    except (ModelFailed, Unavailable) as error:
        raise ConfigError(
            f"models.provider is {asked}, and models cannot run on it ({error.detail}): {_MENDING[asked]}; or set "
            'models.provider = "cpu". Nothing runs on another provider than the one asked for'
        ) from error


def check_provider(parts: Parts) -> str:
    """Return what models run on, for ``aval check``.

    Raises:
        ConfigError: as :func:`require_provider`.
    """
    with ModelHost(parts.catalogue, host_options(parts.settings), parts.publishers.require) as host:
        require_provider(host, parts)
    settings = parts.settings.models
    if settings.provider != "triton":
        return f"models run on {settings.provider}"
    tls = "over TLS" if settings.triton.authorities else "without TLS: images cross in clear"
    return f"networks run on triton at {settings.triton.address} ({settings.triton.device}), {tls}"


def routed(parts: Parts) -> Sequence[Card]:
    """Return the cards of the versions that get work now, each once, the cheapest first: those that are tried too."""
    names = {name for route in parts.routing.routes if route.reject is None for name in route.models}
    with parts.store("infer").reading() as unit:
        rollout = unit.rollouts.now()
    cards = [card for name in names for card in at_work(name, rollout, parts)]
    return sorted(cards, key=lambda card: (card.memory_mb, card.model.id))


def examiner(host: ModelHost, parts: Parts) -> Examiner:
    """Return who examines the models of this worker, on the children that work for patients."""
    return Examiner(
        store=parts.store("infer"),
        clock=parts.clock,
        failure=partial(_failure, host=host, parts=parts),
        cases=partial(_cases, parts=parts),
        every_s=parts.settings.models.golden_every_s,
        reason=partial(language_of(parts.settings).text, GOLDEN_CASE),
    )


def _failure(card: Card, *, host: ModelHost, parts: Parts) -> str | None:
    package = parts.catalogue.package(card.model.id)
    if package is None:
        return None  # the flow says "model-missing" of it
    try:
        return golden.failure(package, host)
    except PackageRefused as error:
        return str(error)


def _cases(card: Card, *, parts: Parts) -> Digest:
    package = parts.catalogue.package(card.model.id)
    return digest(b"") if package is None else golden.fingerprint(package)


def examine(model_id: str, by: str, *, parts: Parts) -> Examination:
    """Ask the golden cases of one version in the name of ``by``, on this machine, with children of their own.

    Raises:
        Unavailable: the version is not installed here, or nothing can be run here.
    """
    card = parts.catalogue.card_of(model_id)
    if card is None or parts.catalogue.package(model_id) is None:
        raise Unavailable("model-missing", f"{model_id} is not installed here: a worker that has it must ask its cases")
    with ModelHost(parts.catalogue, host_options(parts.settings)) as host:
        require_provider(host, parts)
        failure = _failure(card, host=host, parts=parts)
    cases, now = _cases(card, parts=parts), parts.clock.now()
    return Examination(model=model_id, cases=cases, failure=failure or "", by=by, at=now)


def triggers(parts: Parts) -> Triggers:
    """Return what suspends a version by itself here."""
    mine, language = parts.settings.triggers, language_of(parts.settings)
    return Triggers(
        wrong_patient=mine.wrong_patient,
        rejections=mine.rejections,
        window=timedelta(hours=mine.rejections_hours),
        failures_percent=mine.failures_percent,
        runs=mine.failures_runs,
        discordances=mine.discordances,
        say=lambda trigger, **values: language.text(TRIGGERS[trigger], **values),
    )


def examine_routed(parts: Parts, one: Examiner) -> Callable[[], None]:
    """Return what examines every routed model whose time has come."""
    return lambda: one.examine_due(routed(parts))


class State(StrEnum):
    """Where a model version of this installation stands in its life."""

    ROUTED = "routed"
    CANARY = "canary"
    SHADOW = "shadow"
    INSTALLED = "installed"
    STOPPED = "stopped"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Where a version stands, and why.

    Args:
        routes: those that send work to exactly this version, by name; of a version that is tried, through its trial.
        why: who retired or stopped it and why, or what it is tried for; "" otherwise.
        lines: of its life, oldest first; () while the database does not know it.
        appointments: those of exactly this version, oldest first.
        stage: where it stands; None while the database does not know it.
        origin: whose signature it bears.
        change: what it changes, and what must be shown again.
    """

    state: State
    routes: tuple[str, ...]
    why: str
    lines: tuple[Line, ...]
    appointments: tuple[Appointment, ...]
    stage: Stage | None
    origin: Origin
    change: Comparison


def lives(parts: Parts) -> dict[str, Life]:
    """Return where each installed version stands, by "name@version": retired before stopped before tried or routed."""
    with parts.store("desk").reading() as unit:
        ended = {line.model: f"{line.at:%Y-%m-%d}, {line.by}: {line.reason}" for line in unit.retirements.all()}
        stops, rollout = in_force(unit.stops.lines()), unit.rollouts.now()
        lines = {card.model.id: unit.lives.of(card.model.id) for card in parts.catalogue.cards()}
        appointed = unit.rollouts.appointments()
        changes = {package.card.model.id: compared(package, unit) for package in parts.catalogue.packages()}
    found = {}
    for package in parts.catalogue.packages():
        card = package.card
        state, routes, tried = _working(card, rollout, parts)
        held = next((f"{s.at:%Y-%m-%d}, {s.by}: {s.reason}" for s in stops if s.covers(card.model, "")), "")
        if held:
            state = State.STOPPED
        if card.model.id in ended:
            state, held = State.RETIRED, ended[card.model.id]
        told = lines[card.model.id]
        found[card.model.id] = Life(
            state=state,
            routes=routes,
            why=held or tried,
            lines=told,
            appointments=tuple(line for line in appointed if line.model == card.model.id),
            stage=rollout.standing(card.model.id, suspended=state is State.STOPPED, retired=state is State.RETIRED)
            if told
            else None,
            origin=parts.publishers.origin(package),
            change=changes[card.model.id],
        )
    return found


def _working(card: Card, rollout: Rollout, parts: Parts) -> tuple[State, tuple[str, ...], str]:
    """Return whether exactly this version gets work, through which routes, and what it is tried for."""
    name = card.model.name
    routes = tuple(route.name for route in parts.rules[0] if route.reject is None and name in route.models)
    trial = next((trial for trial in rollout.trials if trial.model == card.model.id), None)
    if not routes or (trial is None and in_routine(name, rollout, parts) != card):
        return State.INSTALLED, (), ""
    if trial is None:
        return State.ROUTED, routes, ""
    state = State.CANARY if trial.share else State.SHADOW
    return state, routes, f"{trial.at:%Y-%m-%d}, {trial.by}: {trial.reason}"


def require_unrouted(model_id: str, parts: Parts) -> None:
    """Return when no route sends work to exactly this version.

    Raises:
        ConfigError: one does; the message says what becomes of that work.
    """
    life = lives(parts).get(model_id)
    if life is not None and life.routes:
        raise ConfigError(
            f"route {', '.join(life.routes)} sends work to {model_id}: take it out of the rules and restart, put "
            "another version in routine (`aval models promote`), end its trial, or give --although-routed; every "
            "result of those routes is then excluded as retired, and no model looks at it"
        )


def check_retired(parts: Parts) -> str:
    """Return that no route sends work to a retired version, for ``aval check``.

    Raises:
        ConfigError: one does.
    """
    wrong = [
        f"route {name} sends work to {model}, which is retired: nothing looks at its cases"
        for model, life in lives(parts).items()
        if life.state is State.RETIRED
        for name in life.routes
    ]
    if wrong:
        raise ConfigError("; ".join(wrong))
    return "no route sends work to a retired model"


def check_stages(parts: Parts) -> str:
    """Return where the versions stand that routes send work to, for ``aval check``.

    Raises:
        ConfigError: one stands where no version runs.
    """
    found = {model: life.stage for model, life in lives(parts).items() if life.routes}
    idle = [f"{model} is at {stage}" for model, stage in found.items() if _is_idle(parts, model, stage)]
    if idle:
        raise ConfigError(f"routes send work to versions that nobody let run: {', '.join(idle)} (aval models advance)")
    return ", ".join(f"{model} {stage or 'begins at the next start'}" for model, stage in found.items())


def _is_idle(parts: Parts, model: str, stage: Stage | None) -> bool:
    card = parts.catalogue.card_of(model)
    return card is not None and stage not in {None, Stage.RETIRED} and allowed(stage, card.mode) is None


def check_signatures(parts: Parts) -> str:
    """Return whose signature each package bears, for ``aval check``; one that may not run is not loaded at all."""
    found = {package.card.model.id: parts.publishers.origin(package) for package in parts.catalogue.packages()}
    return ", ".join(f"{model} {origin.said}" for model, origin in found.items())
