"""Our subscriptions at records, from the settings."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from bridge.config import ConfigError, Settings
from bridge.config.record import FhirSender
from bridge.config.subscription import SubscriptionSettings
from bridge.flows.subscriptions import Watch
from bridge.runner import Loop, Process
from bridge.wiring.backend_services import smart_options
from bridge.wiring.numbers import Numbers
from bridge.wiring.parts import Parts
from fhir_adapters import rest
from fhir_adapters.subscriptions import SubscriptionClient, Wanted
from guarantee.subscription import Held, fault_of

ANSWER_S = 20.0
"""Longest wait for one answer about a subscription."""


def subscribed(settings: Settings) -> dict[str, tuple[FhirSender, SubscriptionSettings]]:
    """Return the senders with a subscription of ours, by name."""
    senders = settings.intake.senders
    return {name: (sender, sender.subscription) for name, sender in senders.items() if sender.subscription}


def client(settings: Settings, name: str) -> SubscriptionClient:
    """Return what speaks of our subscription with one sender's record.

    Raises:
        ConfigError: there is no such sender, or it has no subscription.
    """
    found = subscribed(settings)
    if name not in found:
        raise ConfigError(f"no subscription of intake.senders is called {name!r}; there is {', '.join(found)}")
    sender, mine = found[name]
    token = mine.token.get_secret_value() or sender.read_token.get_secret_value()
    wanted = Wanted(
        criteria=mine.criteria,
        endpoint=mine.endpoint,
        token=sender.token.get_secret_value(),
        filters=mine.filters,
        content=mine.content,
        heartbeat_s=mine.heartbeat_s,
    )
    tokens = smart_options(settings, sender.smart)
    options = rest.Options(base_url=sender.base_url, token=token, smart=tokens, answer_s=ANSWER_S)
    return SubscriptionClient(options, wanted)


def watch(name: str, parts: Parts) -> Watch:
    """Return what looks after one subscription."""
    record = client(parts.settings, name)
    sender, mine = subscribed(parts.settings)[name]
    return Watch(
        name=name,
        site=parts.settings.site.name,
        search=sender.search or mine.criteria,
        record=record,
        store=parts.store("intake"),
        clock=parts.clock,
        told_after=timedelta(seconds=mine.told_after_s),
        repairs=mine.repairs,
    )


class Watching:
    """What looks after every subscription, in the process whose door hears of their events."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._watches = {name: watch(name, parts) for name in subscribed(parts.settings)}
        self._numbers = {name: Numbers() for name in self._watches}
        for name, each in self._watches.items():
            each.missing = self._numbers[name].missing

    def heard(self, name: str, numbers: tuple[int, ...]) -> None:
        """Note the events that a sender's notification carries."""
        if numbers and name in self._numbers:
            self._numbers[name].heard(numbers)

    def processes(self) -> list[Process]:
        """Return the process that looks at each of them at its own pace; none without subscriptions."""
        pace = {name: mine.check_every_s for name, (_, mine) in subscribed(self._settings).items()}
        steps = tuple((each.look, pace[name]) for name, each in self._watches.items())
        return [Loop("intake:subscriptions", steps)] if steps else []


def reachable(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return a question for each subscription, for ``aval check``."""
    return {f"subscription {name}": partial(_asked, name, settings) for name in subscribed(settings)}


def held(settings: Settings, name: str) -> Held | None:
    """Return a subscription as the record holds it now.

    Raises:
        PortError: the record does not answer, or refuses.
    """
    mine = client(settings, name)
    try:
        return mine.held()
    finally:
        mine.close()


def _asked(name: str, settings: Settings) -> str:
    found = held(settings, name)
    fault = fault_of(found)
    if fault or found is None:
        raise ConfigError(f"it is {fault}: the intake process mends it; or aval subscriptions repair {name}")
    counted = "" if found.events is None else f", {found.events} events"
    return f"{found.place} is active{counted}"
