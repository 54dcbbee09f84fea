"""From a record's SMART launch to a ticket that one account alone may open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from bridge import accounts
from bridge.config import ConfigError, Settings
from bridge.config.launchers import SmartSettings
from bridge.links.errors import BadLink, UntrustedLink
from bridge.links.wanted import Wanted
from bridge.oidc.errors import Astray, ProviderUnavailable, UnknownHere
from bridge.oidc.provider import Options, Provider
from bridge.oidc.request import Office
from bridge.oidc.smart import CONFIGURATION, Record
from bridge.wiring import outside
from bridge.wiring.launches import Launching
from guarantee.errors import Unavailable

CALLBACK: Final = "/launch/callback"
"""Where the record sends people back to; registered there with desk.public_url before it."""

_TARGET: Final = "smart:"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartLaunching:
    """Takes SMART launches in.

    Args:
        records: by the name of the launcher, each with the issuers of its patient numbers.
    """

    sign_ins: accounts.Desk
    office: Office
    launching: Launching
    records: Mapping[str, tuple[Record, tuple[str, ...]]]

    def begin(self, issuer: str, launch: str, browser: str, language: str) -> str:
        """Return where the browser of a launch goes on.

        Raises:
            UntrustedLink: no record of ours launches as ``issuer``.
            ProviderUnavailable: it does not answer.
        """
        for name, (record, _) in self.records.items():
            if record.fhir_url == issuer.rstrip("/"):
                return record.address(self.office.begin(_TARGET + name, browser), launch, language)
        raise UntrustedLink("launcher")

    def end(self, answer: Mapping[str, str], browser: str) -> str:
        """Return the ticket of a launch that came back.

        Raises:
            Astray, ProviderRefused, ProviderUnavailable, TokenRefused, UnknownHere.
            BadLink: the record has neither a patient nor an exam on its screen.
        """
        asked = self.office.recognise(answer.get("state", ""), browser)
        name = asked.target.removeprefix(_TARGET)
        if name == asked.target or name not in self.records:
            raise Astray("not a launch")
        record, issuers = self.records[name]
        context = record.context(record.provider.require_from_here(answer), asked)
        login = accounts.login_of(context.professional_id, self.sign_ins)
        if not login:
            accounts.note_refused(UnknownHere.outcome, self.sign_ins)
            raise UnknownHere("no one open account has the professional identifier of who launched")
        if not context.patient and not context.studies:
            raise BadLink("launch")
        wanted = Wanted(studies=context.studies, patient=context.patient, issuers=issuers if context.patient else ())
        return self.launching.keep(name, wanted, login)


def records(settings: Settings, now: Callable[[], datetime]) -> dict[str, tuple[Record, tuple[str, ...]]]:
    """Return the records that launch, by name.

    Raises:
        ConfigError: who signs a certificate cannot be read.
    """
    return {
        name: (record_of(mine.smart, settings, now), mine.smart.patient_issuers)
        for name, mine in sorted(settings.launchers.items())
        if mine.smart is not None
    }


def record_of(mine: SmartSettings, settings: Settings, now: Callable[[], datetime]) -> Record:
    """Return one of them."""
    root = mine.fhir_url.rstrip("/")
    options = Options(
        name=root,
        issuer=mine.issuer,
        client=mine.client_id,
        levels=(),
        claim="",
        redirect_uri=outside.desk_options(settings).origin + CALLBACK,
        secret=mine.client_secret.get_secret_value(),
        scope=" ".join(mine.scopes),
        discovery_url=root + CONFIGURATION,
        hosts=(urlsplit(root).netloc.lower(), *mine.hosts),
        authorities=settings.path(mine.authorities) if mine.authorities else None,
    )
    try:
        provider = Provider(options, now)
    except OSError as error:
        raise ConfigError(f"launchers.*.smart.authorities cannot be read: {error.strerror or error}") from error
    return Record(
        provider=provider,
        fhir_url=root,
        patient_system=mine.patient_system,
        professional_system=mine.professional_system,
    )


def reachable(settings: Settings, now: Callable[[], datetime]) -> dict[str, Callable[[], str]]:
    """Return, for each record that launches, the question whether it says how."""

    def question(record: Record) -> Callable[[], str]:
        def ask() -> str:
            try:
                return record.provider.check()
            except ProviderUnavailable as error:
                raise Unavailable("smart", str(error)) from error

        return ask

    return {f"launcher {name}": question(record) for name, (record, _) in records(settings, now).items()}
