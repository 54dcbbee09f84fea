"""TLS of every door and call: settings to the adapters' own options, and how long certificates are still good for."""

import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from bridge.config import ConfigError, Settings
from bridge.config.dicom import SourceSettings
from bridge.config.pacs import PacsSettings
from bridge.config.tls import DoorTls
from dicom_adapters.associate.tls import Calling, Identity, Listening, days_left

NOTICE_DAYS: Final = 30
"""How long before a certificate ends ``aval check`` asks for a new one."""


def listening(settings: Settings) -> Listening | None:
    """Return how the DICOM listener speaks TLS; None when it does not."""
    tls = settings.scp.tls
    if tls.certificate is None:
        return None
    return Listening(
        identity=Identity(
            certificate=settings.path(tls.certificate),
            key=settings.path(tls.key),
            authorities=settings.path(tls.authorities),
        ),
        client_certificates=tls.client_certificates == "required",
        port=tls.port,
        only=tls.only,
    )


def hl7(settings: Settings) -> ssl.SSLContext | None:
    """Return how the HL7v2 listener speaks TLS; None when it does not.

    Raises:
        ConfigError: a certificate or key cannot be read.
    """
    mine = settings.intake.hl7
    return context_of("intake.hl7.tls", mine.tls, settings.path) if mine else None


def intake(settings: Settings) -> ssl.SSLContext | None:
    """Return how the FHIR endpoint speaks TLS, as ``hl7``."""
    return context_of("intake.tls", settings.intake.tls, settings.path)


def desk(settings: Settings) -> ssl.SSLContext | None:
    """Return how the desk speaks TLS, as ``hl7``."""
    return context_of("desk.tls", settings.desk.tls, settings.path)


def context_of(name: str, mine: DoorTls, place: Callable[[Path], Path]) -> ssl.SSLContext | None:
    """Return how a door speaks TLS whose section is called ``name``; its files are where ``place`` says."""
    if mine.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(place(mine.certificate), place(mine.key))
        if mine.authorities is not None:
            context.load_verify_locations(place(mine.authorities))
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"{name}: certificate, key or authorities cannot be read ({error})") from error
    return context


def calling(settings: Settings, place: PacsSettings | SourceSettings) -> Calling | None:
    """Return how we call a PACS, or an archive that we ask, by TLS; None when we do not."""
    tls = place.tls
    if tls.authorities is None:
        return None
    identity = Identity(
        certificate=settings.path(tls.certificate) if tls.certificate else None,
        key=settings.path(tls.key) if tls.key else None,
        authorities=settings.path(tls.authorities),
    )
    return Calling(identity=identity, server_name=tls.server_name, check_name=tls.check_name)


def answered(settings: Settings, pacs: PacsSettings) -> Identity | None:
    """Return who we are for a PACS that answers storage commitment by TLS; None when it answers without."""
    call = calling(settings, pacs)
    if call is None or call.identity.certificate is None or not pacs.tls.answers:
        return None
    return call.identity


def certificates(settings: Settings, now: Callable[[], datetime]) -> dict[str, Callable[[], str]]:
    """Return, for each certificate of ours, a question whether it is good for long enough."""
    found = {"scp": settings.scp.tls.certificate}
    found |= {"intake": settings.intake.tls.certificate, "desk": settings.desk.tls.certificate}
    found |= {"hl7": settings.intake.hl7.tls.certificate} if settings.intake.hl7 else {}
    found |= {f"pacs {name}": pacs.tls.certificate for name, pacs in settings.destinations.pacs.items()}
    found |= {f"hl7 {name}": one.tls.certificate for name, one in settings.destinations.hl7.items()}
    found |= {f"source {name}": source.tls.certificate for name, source in settings.sources.items()}
    return {f"certificate {name}": _lasts(settings.path(path), now) for name, path in found.items() if path is not None}


def _lasts(path: Path, now: Callable[[], datetime]) -> Callable[[], str]:
    def ask() -> str:
        days = days_left(path, now())
        if days < 0:
            raise ConfigError(f"{path} has expired: put a new certificate there and restart")
        if days < NOTICE_DAYS:
            raise ConfigError(f"{path} expires in {days} days: put a new certificate there and restart")
        return f"good for {days} days"

    return ask
