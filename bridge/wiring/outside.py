"""Settings to the adapters' own options, and the sentences that a site is responsible for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from bridge.config import ConfigError, Settings
from bridge.config.dicom import DicomSender as SenderSettings
from bridge.config.dicom import LimitedSender
from bridge.config.pacs import PacsSettings
from bridge.config.record import Hl7
from bridge.web import options as web
from bridge.wiring import ohif, tls
from bridge.wiring.backend_services import base_url, smart_options
from bridge.wiring.clock import SystemClock
from bridge.wiring.hl7_out import hl7_options, hl7_renderers
from dicom_adapters.deliver import posting, send
from dicom_adapters.listen import scp
from dicom_adapters.listen.admission import Sender as DicomSender
from dicom_adapters.listen.rates import Rate
from dicom_adapters.render.envelope import Options as DicomOptions
from dicom_adapters.render.envelope import Software
from dicom_adapters.render.renderer import DicomRenderer
from fhir_adapters import client as fhir_client
from fhir_adapters import consents, door, rest
from fhir_adapters.bundle import STORED_KINDS, read_bundle
from fhir_adapters.capability import Options as CapabilityOptions
from fhir_adapters.context import Options as FhirOptions
from fhir_adapters.errors import BadRequest
from fhir_adapters.hl7v2 import sending as hl7_client
from fhir_adapters.hl7v2.record import is_message, read_messages
from fhir_adapters.inbound import arrivals
from fhir_adapters.read import ReadClient
from fhir_adapters.record import age_years, newest_time, read_record
from fhir_adapters.report import FhirRenderer
from fhir_adapters.wire import read_exact
from guarantee.card import Card
from guarantee.case import CaseKind
from guarantee.errors import Declined, Malformed
from guarantee.ids import Digest, digest
from guarantee.inputs import Reading, Record
from guarantee.ports import Clock, Renderer, Vault
from guarantee.unit import Arrival, Fetch

VERSION: Final = version("aval")

Sending: TypeAlias = (
    send.PacsDestination | posting.StowDestination | fhir_client.DpiDestination | hl7_client.MllpDestination
)


def scp_options(settings: Settings) -> scp.Options:
    """Return how the DICOM listener listens."""
    mine = settings.scp
    return scp.Options(
        aet=mine.aet,
        host=mine.host,
        port=mine.port,
        site=settings.site.name,
        senders={sender.aet: dicom_sender(name, sender) for name, sender in mine.senders.items()},
        accept_unknown=mine.accept_unknown,
        quarantine_unknown=mine.quarantine_unknown,
        tls=tls.listening(settings),
        require_called_aet=not mine.accept_unknown,
        associations_max=mine.associations_max,
        network_timeout_s=mine.silence_s,
        fast=mine.fast,
        notes=settings.storage.notes and settings.database_url("intake").startswith("sqlite"),
        shared=settings.folder / "scp.rates" if mine.processes > 1 else None,
    )


def dicom_sender(name: str, sender: SenderSettings) -> DicomSender:
    """Return who may send images as ``name``."""
    return DicomSender(
        name=name,
        networks=sender.addresses,
        certificates=sender.certificates,
        required_tls=sender.required_tls,
        site=sender.site,
        rate=rate(sender),
        associations_max=sender.associations_max,
    )


def rate(sender: LimitedSender) -> Rate:
    """Return how much ``sender`` may bring."""
    return Rate(instances_per_s=sender.instances_per_s, bytes_per_min=sender.bytes_per_min)


def fhir_senders(settings: Settings) -> list[door.Sender]:
    """Return who may push record events."""
    return [
        door.Sender(
            name=name,
            addresses=sender.addresses,
            token=sender.token.get_secret_value(),
            is_registered=sender.jwks is not None,
            criteria=sender.search,
        )
        for name, sender in settings.intake.senders.items()
    ]


def statement(settings: Settings) -> CapabilityOptions:
    """Return how our FHIR endpoint names itself."""
    return CapabilityOptions(base_url=base_url(settings), version=VERSION, date="2026-11-22")


def objection_codes(settings: Settings) -> frozenset[str]:
    """Return the codes by which a Consent is an objection to AI: our own, and those of the site."""
    own = f"{settings.site.canonical_base}/CodeSystem/patient-information|{consents.CODE}"
    return frozenset({own, *settings.intake.objection_codes})


def look_up(settings: Settings) -> Callable[[str, str], bytes]:
    """Return what looks things up at a sender's own server, and nowhere else."""
    clients = {
        name: ReadClient(
            rest.Options(
                base_url=sender.base_url,
                token=sender.read_token.get_secret_value(),
                smart=smart_options(settings, sender.smart),
            )
        )
        for name, sender in settings.intake.senders.items()
        if sender.base_url
    }

    def ask(sender: str, what: str) -> bytes:
        if sender not in clients:
            raise Declined("no-server", f"sender {sender} has no base_url: what it names cannot be looked up")
        return clients[sender].fetch(what)

    return ask


def to_arrivals(data: bytes, fetch: Fetch, *, clock: Clock) -> Sequence[Arrival]:
    """Return what a fetched Bundle tells of.

    Raises:
        Malformed: it cannot be read.
    """
    try:
        received = read_bundle(read_exact(data), kinds=STORED_KINDS)
        return arrivals(received, digest=digest(data), site=fetch.site, sender=fetch.sender, now=clock.now())
    except BadRequest as error:
        raise Malformed(f"what was fetched cannot be read: {error.code}") from error


def stay_reader(settings: Settings) -> Callable[[Sequence[bytes], str], Record]:
    """Return what reads the stored inputs of one stay, bundles and HL7v2 messages alike."""
    hl7 = settings.intake.hl7
    # A system without time zones, and without this door, must not be asked for one.
    zone = ZoneInfo(hl7.zone) if hl7 else UTC
    return partial(read_stay, charset=(hl7 or Hl7()).charset, zone=zone)


def read_stay(stored: Sequence[bytes], uid: str, *, charset: str, zone: tzinfo) -> Record:
    """Return what the record says of one stay, as of its newest valid reading.

    The score is about the state that the readings describe, so age and freshness are judged at that moment; the reader
    sees every time and judges whether it is still the patient's state. The same reading through both doors is one.

    Args:
        charset, zone: of HL7v2 messages and times that name none.
    """
    bundles = [data for data in stored if not is_message(data)]
    said = read_messages([data for data in stored if is_message(data)], charset=charset, zone=zone)
    newest = [said.newest, newest_time(bundles, uid=uid) if bundles else None]
    at = max((time for time in newest if time is not None), default=SystemClock().now())
    found = read_record(bundles, at=at, uid=uid) if bundles else Record(readings=(), age_years=None, sex="", at=at)
    known = {_reading(one) for one in found.readings}
    more = [one for one in said.readings if _reading(one) not in known]
    return Record(
        readings=tuple(sorted([*found.readings, *more], key=lambda one: (one.code.code, one.taken_at, one.source))),
        age_years=age_years(said.birth_date, at) if found.age_years is None else found.age_years,
        sex=found.sex or said.sex,
        at=at,
    )


def _reading(one: Reading) -> tuple[str, Decimal, str, datetime]:
    return one.code.code, one.value, one.unit, one.taken_at


def dicom_options(settings: Settings) -> DicomOptions:
    """Return what every DICOM object of ours says of this installation."""
    site = settings.site
    software = Software(manufacturer="Aval", model="aval", version=VERSION, instance=site.name)
    return DicomOptions(site_namespace=site.namespace, organisation=site.organisation, software=software)


def renderers(settings: Settings, read: Callable[[Digest], bytes]) -> Mapping[CaseKind, Mapping[str, Renderer]]:
    """Return each destination's renderer: studies go to every PACS and record, record cases to every record.

    A record is one that speaks FHIR, or HL7v2.
    """
    site, dicom = settings.site, dicom_options(settings)
    pacs = {
        name: DicomRenderer(
            replace(
                dicom,
                charset=target.charset,
                transliterate=target.transliterate,
                transfer_syntax=target.transfer_syntax,
            ),
            read,
        )
        for name, target in settings.destinations.pacs.items()
    }
    records = {
        name: FhirRenderer(
            FhirOptions(
                base=site.canonical_base,
                instance=site.name,
                version=VERSION,
                organisation=site.organisation,
                organisation_id=site.organisation_id,
                accession_system=target.accession_system,
                patient_system=target.patient_system or f"{site.canonical_base}/sid/patient",
                issuers=tuple(target.issuers.items()),
            ),
            read,
        )
        for name, target in settings.destinations.fhir.items()
    }
    messages = hl7_renderers(settings, read)
    return {CaseKind.STUDY: {**pacs, **records, **messages}, CaseKind.RECORD: {**records, **messages}}


def destinations(settings: Settings, vault: Vault, clock: SystemClock) -> dict[str, Sending]:
    """Return the places outside, with their write credentials: for the deliverer alone."""
    found: dict[str, Sending] = {}
    for name, pacs in settings.destinations.pacs.items():
        kind = posting.StowDestination if pacs.transport == "stow" else send.PacsDestination
        found[name] = kind(_archive(name, pacs, settings), vault, clock)
    for name, record in settings.destinations.fhir.items():
        token, tokens = record.token.get_secret_value(), smart_options(settings, record.smart)
        server = rest.Options(base_url=record.base_url, token=token, smart=tokens)
        found[name] = fhir_client.DpiDestination(fhir_client.Options(name=name, server=server), vault, clock)
    for name, receiver in settings.destinations.hl7.items():
        found[name] = hl7_client.MllpDestination(hl7_options(name, receiver, settings), vault, clock)
    return found


def _archive(name: str, pacs: PacsSettings, settings: Settings) -> send.Options:
    return send.Options(
        name=name,
        aet=pacs.our_aet,
        peer_aet=pacs.aet,
        peer_host=pacs.host,
        peer_port=pacs.port,
        confirm=send.Confirm(pacs.confirm),
        duplicate=send.Duplicate(pacs.duplicate),
        dicomweb_url=pacs.dicomweb_url,
        web_token=pacs.dicomweb_token.get_secret_value(),
        commitment_host=pacs.commitment_host,
        commitment_port=pacs.commitment_port,
        tls=tls.calling(settings, pacs),
        answers_tls=tls.answered(settings, pacs),
        idle_s=pacs.keep_association_s,
    )


def desk_options(settings: Settings) -> web.Options:
    """Return how the desk presents itself.

    Raises:
        ConfigError: an address that is none, or a frame of another site without https.
    """
    desk = settings.desk
    scheme = "http" if desk.tls.certificate is None else "https"
    public_url = desk.public_url or f"{scheme}://{desk.host}:{desk.port}"
    try:
        return _presented(public_url, settings)
    except ValueError as error:
        raise ConfigError(f"desk.public_url, launchers.*.frames: {error}") from error


def _presented(public_url: str, settings: Settings) -> web.Options:
    desk, viewer = settings.desk, settings.folder / ohif.FOLDER
    return web.Options(
        public_url=public_url,
        site_name=settings.site.name,
        organisation=settings.site.organisation,
        secure_cookies=public_url.startswith("https"),
        ui_build=VERSION,
        frame_ancestors=tuple(sorted({origin for one in settings.launchers.values() for origin in one.frames})),
        banner=desk.banner,
        demo_hint=desk.demo_hint,
        provider=desk.oidc.name if desk.oidc else "",
        ohif=viewer if (viewer / "index.html").is_file() else None,
    )


def patient_mention(card: Card, settings: Settings) -> str:
    """Return the patient-information mention (CSP L.4001-3) of every report, with its version."""
    notice = settings.site.patient_notice
    if settings.site.language == "en-GB":
        return (
            f"An artificial intelligence system ({card.label.en}, version {card.model.version}) took part in this "
            "result. A doctor has reviewed and validated it, remains responsible for it and can explain it to you. "
            f"[patient information {notice}]"
        )
    return (
        f"Un système d'intelligence artificielle ({card.label.fr}, version {card.model.version}) a contribué à ce "
        "résultat. Un médecin l'a relu et validé\u00a0; il en reste responsable et peut vous l'expliquer (article "
        f"L.4001-3 du code de la santé publique). [information du patient {notice}]"
    )
