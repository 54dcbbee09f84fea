"""The versions of this installation that get work now, and whether one of them may."""

from collections.abc import Sequence

from bridge.config import ConfigError
from bridge.wiring.parts import Parts
from guarantee.card import Card
from guarantee.result import Mode
from guarantee.rollout import Rollout


def in_routine(name: str, rollout: Rollout, parts: Parts) -> Card | None:
    """Return the card of the version in routine; None when it is not installed here.

    Of a model that never had an appointment it is the version that came furthest, the highest of several.
    """
    line = rollout.appointments.get(name)
    return parts.catalogue.card_of(line.model) if line else _foremost(name, rollout, parts)


def _foremost(name: str, rollout: Rollout, parts: Parts) -> Card | None:
    highest = parts.catalogue.card(name)
    return highest and (parts.catalogue.card_of(rollout.foremost(name, highest.model.id)) or highest)


def at_work(name: str, rollout: Rollout, parts: Parts) -> Sequence[Card]:
    """Return the cards of every version of a model that gets work now, those that are installed here."""
    versions = rollout.versions(name)
    cards = [parts.catalogue.card_of(version) for version in versions] or [_foremost(name, rollout, parts)]
    return [card for card in cards if card is not None]


def require_usable(version: str, parts: Parts, *, for_care: bool = True) -> None:
    """Return when ``version`` may be given work.

    Args:
        for_care: whether patients' results are to come of it.

    Raises:
        ConfigError: it is not installed or not yet known here, the rules have no policy for it, it looks at other
            cases than the version in routine, or its card says shadow. Whether its stage lets it is asked in the
            transaction that gives it work.
    """
    card = parts.catalogue.card_of(version)
    if card is None:
        raise ConfigError(f"{version} is not installed here: give name@version, as `aval models list` prints it")
    if card.policy not in parts.routing.policies:
        raise ConfigError(f"the card of {version} asks for policy {card.policy!r}, which no rule file defines")
    if for_care and card.mode is Mode.SHADOW:
        raise ConfigError(
            f"the card of {version} says shadow: nobody is treated with it, and it is tried with --shadow"
        )
    with parts.store("desk").reading() as unit:
        rollout = unit.rollouts.now()
        known, present = unit.registry.model(version), in_routine(card.model.name, rollout, parts)
    if known != card.model:
        raise ConfigError(f"{version} is installed and this database does not know it yet: restart, or `aval migrate`")
    if present is not None and present.kind is not card.kind:
        raise ConfigError(f"{version} looks at {card.kind} cases, {present.model.id} at {present.kind} cases")


def check_in_routine(parts: Parts) -> str:
    """Return that every version which gets work is installed, for ``aval check``.

    Raises:
        ConfigError: one is not: its cases fail as "model-missing".
    """
    names = {name for route in parts.routing.routes if route.reject is None for name in route.models}
    with parts.store("desk").reading() as unit:
        rollout = unit.rollouts.now()
    wanted = [version for name in sorted(names) for version in rollout.versions(name)]
    missing = [version for version in wanted if parts.catalogue.card_of(version) is None]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)} is to run and is not installed here: every case of it fails as model-missing. "
            "Install it again, or put another version in routine (`aval models promote`)"
        )
    return ", ".join(wanted) or "no appointment yet"
