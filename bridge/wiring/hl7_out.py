"""Settings to the options of records that receive HL7v2: how a message is written for each, and how it is sent."""

import ssl
from collections.abc import Callable, Mapping

from bridge.config import ConfigError, Settings
from bridge.config.hl7_out import Hl7OutSettings
from fhir_adapters.hl7v2.report import Hl7Renderer
from fhir_adapters.hl7v2.report import Options as ReportOptions
from fhir_adapters.hl7v2.sending import Options as SendingOptions
from guarantee.ids import Digest


def hl7_renderers(settings: Settings, read: Callable[[Digest], bytes]) -> Mapping[str, Hl7Renderer]:
    """Return the renderer of each HL7v2 receiver, by name."""
    return {
        name: Hl7Renderer(_report_options(name, target, settings), read)
        for name, target in settings.destinations.hl7.items()
    }


def _report_options(name: str, target: Hl7OutSettings, settings: Settings) -> ReportOptions:
    return ReportOptions(
        name=name,
        application=target.application,
        facility=target.facility or settings.site.name,
        receiving_application=target.receiving_application,
        receiving_facility=target.receiving_facility,
        organisation=settings.site.organisation,
        patient_authority=target.patient_authority,
        authorities=tuple(target.authorities.items()),
        charset=target.charset,
        transliterate=target.transliterate,
        report=target.report,
        mdm=target.mdm,
        filler=target.filler,
        processing=target.processing,
        country=target.country,
        time_zone=target.zone,
    )


def hl7_options(name: str, target: Hl7OutSettings, settings: Settings) -> SendingOptions:
    """Return how one receiver is sent to.

    Raises:
        ConfigError: a certificate or key cannot be read.
    """
    return SendingOptions(
        name=name,
        host=target.host,
        port=target.port,
        answer_s=target.answer_s,
        tls=_tls(name, target, settings),
        server_name=target.tls.server_name,
    )


def _tls(name: str, target: Hl7OutSettings, settings: Settings) -> ssl.SSLContext | None:
    tls = target.tls
    if tls.authorities is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(settings.path(tls.authorities))
        if tls.certificate is not None and tls.key is not None:
            context.load_cert_chain(settings.path(tls.certificate), settings.path(tls.key))
    except OSError as error:  # ssl.SSLError is one
        place = f"destinations.hl7.{name}.tls"
        raise ConfigError(f"{place}: certificate, key or authorities cannot be read ({error})") from error
    return context
