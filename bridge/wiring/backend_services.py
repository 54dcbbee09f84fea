"""Tokens (SMART Backend Services), from the settings: our registration at FHIR servers, and senders registered here."""

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bridge.config import ConfigError, Settings
from bridge.config.smart import SmartSettings
from bridge.files import write_secret
from bridge.wiring.parts import Parts
from fhir_adapters import jose, rest, smart
from fhir_adapters.authority import Authority
from fhir_adapters.errors import TokenRefused

SECRET_CHARACTERS_MIN: Final = 32

REACH_S: Final = 5.0
"""How long ``aval check`` waits for a server."""

KEY_BYTES_MAX: Final = 16 * 1024
"""Most of a key file that is read."""


def smart_options(settings: Settings, mine: SmartSettings | None) -> smart.Options | None:
    """Return how we get tokens; None where we do not.

    Raises:
        ConfigError: our key cannot be read.
    """
    if mine is None:
        return None
    key = _key(settings.path(mine.key))
    return smart.Options(client_id=mine.client_id, key=key, scope=mine.scope, token_url=mine.token_url)


def registered(settings: Settings) -> dict[str, SmartSettings]:
    """Return each registration by the name of its setting."""
    found = {f"intake.senders.{name}": sender.smart for name, sender in settings.intake.senders.items()}
    found |= {f"destinations.fhir.{name}": record.smart for name, record in settings.destinations.fhir.items()}
    return {name: mine for name, mine in found.items() if mine is not None}


def jwks(settings: Settings) -> dict[str, list[dict[str, str]]]:
    """Return the public keys that administrators register; a key that is missing is made.

    Raises:
        ConfigError: a key cannot be read, or nothing is registered.
    """
    places = sorted({settings.path(mine.key) for mine in registered(settings).values()})
    if not places:
        raise ConfigError("no server has a section smart (intake.senders.NAME.smart, destinations.fhir.NAME.smart)")
    for place in places:
        if not place.exists():
            write_secret(place, jose.new_private_key())
    return {"keys": [jose.public_jwk(_key(place)) for place in places]}


def reachable(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return a question for each registration, for ``aval check``: does its server give us a token, and take it?"""
    bases = {f"intake.senders.{name}": sender.base_url for name, sender in settings.intake.senders.items()}
    bases |= {f"destinations.fhir.{name}": record.base_url for name, record in settings.destinations.fhir.items()}
    return {
        f"smart {name}": partial(_asked, bases[name], mine, settings) for name, mine in registered(settings).items()
    }


def _asked(base_url: str, mine: SmartSettings, settings: Settings) -> str:
    options = rest.Options(base_url=base_url, smart=smart_options(settings, mine), connect_s=REACH_S, answer_s=REACH_S)
    with rest.Server(options) as server:
        status = server.get("metadata").status
    if status in {401, 403}:
        raise ConfigError(f"{base_url} answers {status} to a token that it gave: check client_id and scope there")
    return f"{base_url} gives {mine.client_id} a token"


def base_url(settings: Settings) -> str:
    """Return our FHIR address as senders reach it."""
    mine = settings.intake
    scheme = "http" if mine.tls.certificate is None else "https"
    return mine.public_url.rstrip("/") or f"{scheme}://{mine.host}:{mine.port}/fhir"


def authority(parts: Parts) -> Authority | None:
    """Return what gives tokens to registered senders; None when there are none.

    Raises:
        ConfigError: a sender's keys cannot be read, or the secret is too short.
    """
    settings = parts.settings
    named = {name: sender.jwks for name, sender in settings.intake.senders.items() if sender.jwks is not None}
    if not named:
        return None
    secret = settings.intake.token_secret.get_secret_value() or secrets.token_hex(32)
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise ConfigError(f"intake.token_secret: give at least {SECRET_CHARACTERS_MIN} characters")
    store, clock = parts.store("intake"), parts.clock

    def once(used: str) -> bool:
        with store.transaction("fhir") as unit:
            return unit.messages.heard("smart", used, clock.now())

    return Authority(
        base_url=base_url(settings),
        clients={name: _keys_of(settings.path(path)) for name, path in named.items()},
        secret=secret.encode(),
        once=once,
        now=clock.now,
    )


def _keys_of(place: Path) -> tuple[tuple[str, jose.PublicKey], ...]:
    try:
        return jose.read_jwks(_text(place))
    except TokenRefused as error:
        raise ConfigError(f"{place}: not a JWKS with a key for RS384 or ES384") from error


def _text(place: Path) -> str:
    try:
        with place.open("rb") as file:
            return file.read(KEY_BYTES_MAX).decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(f"{place}: {error.strerror}") from error


def _key(place: Path) -> jose.PrivateKey:
    try:
        with place.open("rb") as file:
            return jose.read_private_key(file.read(KEY_BYTES_MAX))
    except OSError as error:
        raise ConfigError(f"{place}: {error.strerror}; `aval smart jwks` makes it") from error
    except TokenRefused as error:
        raise ConfigError(f"{place}: not a private key for RS384 or ES384, in PEM without a password") from error
