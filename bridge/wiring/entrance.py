"""The desk's ways in over accounts and the identity provider; and when local accounts are open."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge import accounts
from bridge.config import ConfigError, Settings
from bridge.config.oidc import OidcSettings
from bridge.db.sign_ins import LocalOpening, SqlRequests
from bridge.db.store import SqlStore
from bridge.oidc.errors import Astray, IdentityRefused, ProviderUnavailable, TokenRefused, UnknownHere
from bridge.oidc.jose import PrivateKey, load_key
from bridge.oidc.provider import Options, Provider
from bridge.oidc.request import Office
from bridge.web.entrance import Arrived
from bridge.wiring import outside
from bridge.wiring.launches import Launching
from bridge.wiring.parts import Parts
from bridge.wiring.smart import SmartLaunching, records
from guarantee.errors import Unavailable

CALLBACK: Final = "/sign-in/callback"
"""Where the provider sends people back to; registered there with desk.public_url before it."""

OPEN_MAX: Final = timedelta(days=7)
"""Longest time that local accounts are opened for at once: who still needs them then says why again."""

_log = logging.getLogger("aval.desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealEntrance:
    """Implements bridge.web.entrance.Entrance.

    Args:
        provider: None where people sign in here alone.
        when_local: desk.oidc.local_accounts; "always" without a provider.
    """

    store: SqlStore
    sign_ins: accounts.Desk
    provider: Provider | None
    office: Office
    when_local: str
    smart: SmartLaunching

    def local(self) -> bool:
        """Return whether people may sign in here with login, password and code."""
        if self.when_local != "cut-off":
            return self.when_local == "always"
        with self.store.reading() as unit:
            last = unit.local_openings.last()
        return last is not None and self.sign_ins.now() < last.until

    def depart(self, target: str, browser: str, language: str) -> str:
        """Return the address of the provider's page."""
        provider = self._provider()
        return provider.address(self.office.begin(target, browser), language)

    def arrive(self, answer: Mapping[str, str], browser: str) -> Arrived:
        """Take what a browser brought back."""
        provider = self._provider()
        asked = self.office.recognise(answer.get("state", ""), browser)
        if not asked.target.startswith("/"):
            raise Astray("a launch, which signs nobody in")
        code = provider.require_from_here(answer)
        try:
            identity = provider.identify(code, asked)
        except IdentityRefused as error:
            accounts.note_refused(error.outcome, self.sign_ins)
            _log.warning("oidc.refused why=%s", error.why if isinstance(error, TokenRefused) else "level")
            raise
        token = accounts.sign_in_vouched(identity.professional_id, identity.level, self.sign_ins)
        if token is None:
            raise UnknownHere("no one open account has this professional identifier")
        return Arrived(token=token, target=asked.target)

    def leave(self) -> str:
        """Return where people sign out at the provider."""
        return self.provider.leaving() if self.provider else ""

    def begin_launch(self, issuer: str, launch: str, browser: str, language: str) -> str:
        """Return where the browser of a SMART launch goes on."""
        return self.smart.begin(issuer, launch, browser, language)

    def end_launch(self, answer: Mapping[str, str], browser: str) -> str:
        """Return the ticket of a SMART launch that came back."""
        return self.smart.end(answer, browser)

    def _provider(self) -> Provider:
        if self.provider is None:
            raise ProviderUnavailable("none is configured (desk.oidc)")
        return self.provider


def entrance(parts: Parts, launching: Launching) -> RealEntrance:
    """Return the desk's ways in."""
    store, mine = parts.store("desk"), parts.settings.desk.oidc

    @contextmanager
    def requests() -> Iterator[SqlRequests]:
        with store.transaction("desk:sign-in") as unit:
            yield unit.requests

    office = Office(requests=requests, now=parts.clock.now)
    known = records(parts.settings, parts.clock.now)
    return RealEntrance(
        smart=SmartLaunching(sign_ins=parts.sign_in, office=office, launching=launching, records=known),
        store=store,
        sign_ins=parts.sign_in,
        provider=provider_of(parts.settings, parts.clock.now) if mine else None,
        office=office,
        when_local=mine.local_accounts if mine else "always",
    )


def provider_of(settings: Settings, now: Callable[[], datetime]) -> Provider:
    """Return the identity provider of a site that has one.

    Raises:
        ConfigError: its key, or who signs its certificate, cannot be read.
    """
    mine = settings.desk.oidc
    if mine is None:
        raise ConfigError("desk.oidc is not set")
    home = outside.desk_options(settings).origin
    options = Options(
        name=mine.name,
        issuer=mine.issuer,
        client=mine.client_id,
        levels=mine.acr_values,
        claim=mine.claim,
        redirect_uri=home + CALLBACK,
        secret=mine.client_secret.get_secret_value(),
        key=_key(mine, settings),
        key_id=mine.key_id,
        scope=" ".join(mine.scopes),
        discovery_url=mine.discovery_url or "",
        hosts=mine.hosts,
        authorities=settings.path(mine.authorities) if mine.authorities else None,
        after_logout=f"{home}/sign-in" if mine.sign_out_there else "",
    )
    try:
        return Provider(options, now)
    except OSError as error:  # ssl's own errors are among them
        raise ConfigError(f"desk.oidc.authorities cannot be read: {error.strerror or error}") from error


def reachable(settings: Settings, now: Callable[[], datetime]) -> dict[str, Callable[[], str]]:
    """Return the question whether the identity provider answers and is the one that was meant; none without one."""
    return {"identity provider": lambda: _check(settings, now)} if settings.desk.oidc else {}


def open_local(parts: Parts, span: timedelta, *, by: str, reason: str) -> LocalOpening:
    """Let local accounts sign in for ``span`` from now on, or no more when it is nothing.

    Raises:
        ConfigError: there is no such mode here, or it is too long.
    """
    mine = parts.settings.desk.oidc
    if mine is None or mine.local_accounts != "cut-off":
        always = mine is None or mine.local_accounts == "always"
        raise ConfigError(f"local accounts are {'always' if always else 'never'} open here (desk.oidc.local_accounts)")
    if span > OPEN_MAX:
        raise ConfigError(f"local accounts are opened for {OPEN_MAX.days} days at most; nothing was changed")
    now = parts.clock.now()
    opening = LocalOpening(until=now + span, by=by, reason=reason, at=now)
    with parts.store("desk").transaction("operator") as unit:
        unit.local_openings.add(opening)
    return opening


def _check(settings: Settings, now: Callable[[], datetime]) -> str:
    try:
        return provider_of(settings, now).check()
    except ProviderUnavailable as error:
        raise Unavailable("identity-provider", str(error)) from error


def _key(mine: OidcSettings, settings: Settings) -> PrivateKey | None:
    if mine.key is None:
        return None
    try:
        return load_key(settings.path(mine.key).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"desk.oidc.key: {error}") from error
