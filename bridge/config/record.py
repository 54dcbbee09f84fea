"""The record, in and out: who sends events to us, who receives reports."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.config.base import Network, Section, WebSender
from bridge.config.smart import SmartSettings
from bridge.config.subscription import SubscriptionSettings
from bridge.config.tls import DoorTls


class FhirSender(WebSender):
    """One record that sends events to us."""

    base_url: str = Field("", description="its FHIR server, for looking up what a notification names; empty for none")
    read_token: SecretStr = Field(SecretStr(""), description="bearer token for looking things up")
    search: str = Field("", description="search to run when it only rings, e.g. Observation?category=vital-signs")
    smart: SmartSettings | None = Field(None, description="tokens from its own server, instead of read_token")
    jwks: Path | None = Field(
        None, description="file of its public keys (JWKS): it gets tokens from us (SMART Backend Services) by its name"
    )
    subscription: SubscriptionSettings | None = Field(
        None, description="our subscription there; without this section we ask the record for none"
    )

    @model_validator(mode="after")
    def _is_told_apart(self) -> Self:
        """Keys tell a sender apart as well as a token does."""
        if not self.addresses and not self.token.get_secret_value() and self.jwks is None:
            raise ValueError("give addresses, or a token, or jwks")
        return self

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        """A subscription is asked for at the sender's server, and what was missed is searched there."""
        if self.subscription is not None and not self.base_url:
            raise ValueError("a subscription needs base_url: the record's FHIR server")
        if self.subscription is not None and self.subscription.is_topic and not self.search:
            raise ValueError("a subscription to a topic needs search: what is run again for what was missed")
        return self


class Hl7Sender(Section):
    """One system that sends HL7v2 messages to us. MLLP has no token: who it is, is where it comes from."""

    addresses: tuple[Network, ...] = Field(min_length=1, description="addresses it may come from")
    application: str = Field("", description="MSH-3 of its messages, to tell systems behind one engine apart")
    facility: str = Field("", description="MSH-4 of its messages, likewise")
    issuer: str = Field(
        "", description="identifier system of numbers that come without an authority; empty refuses such numbers"
    )
    connections_max: int = Field(8, ge=1, description="most connections at a time")
    exams_of: tuple[str, ...] = Field(
        (), description="sites whose exams its orders may be about, where sites number exams alike; empty for all"
    )


class Hl7Tls(DoorTls):
    """TLS of the HL7v2 listener."""

    key: Path = Field(Path("keys/hl7.key"), description="PEM, its private key, without a password")


class IntakeTls(DoorTls):
    """TLS of the FHIR endpoint, and of DICOMweb storage beside it."""

    key: Path = Field(Path("keys/intake.key"), description="PEM, its private key, without a password")


def require_zone(name: str) -> str:
    """Return ``name``; a ValueError where no zone is called that."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("no time zone has this name; give one like Europe/Paris") from error
    return name


class Hl7(Section):
    """The HL7v2 listener (MLLP). It listens when this section is there."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(2575, ge=0, le=65535, description="port to listen on; 0 for any free one")
    senders: dict[str, Hl7Sender] = Field(default_factory=dict, description="known senders by name")
    charset: Literal["8859/15", "8859/1", "UNICODE UTF-8", "ASCII"] = Field(
        "8859/15", description="character set of messages whose MSH-18 is empty"
    )
    zone: Annotated[str, AfterValidator(require_zone)] = Field(
        "Europe/Paris", description="time zone of times that come without one"
    )
    authorities: dict[str, str] = Field(
        default_factory=dict,
        description="namespace or OID of an assigning authority to the identifier system of the FHIR door",
    )
    processing: tuple[Literal["P", "T", "D"], ...] = Field(("P",), description="values of MSH-11 that are taken")
    connections_max: int = Field(64, ge=1, description="most connections of all senders together")
    message_s: float = Field(30.0, gt=0, description="longest time from the first byte of a message to its last")
    idle_s: float = Field(3600.0, gt=0, description="longest time without a message before a connection is ended")
    tls: Hl7Tls = Hl7Tls()


class Intake(Section):
    """The FHIR endpoint, and the HL7v2 listener beside it."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8081, ge=0, le=65535, description="port to listen on; 0 for any free one")
    public_url: str = Field(
        "", description="our FHIR address as senders reach it, https://…/fhir; empty: host and port. Tokens name it"
    )
    token_secret: SecretStr = Field(
        SecretStr(""), description="32 characters or more, for several intake processes; empty: drawn at each start"
    )
    senders: dict[str, FhirSender] = Field(default_factory=dict, description="known senders by name")
    hl7: Hl7 | None = Field(None, description="the HL7v2 listener; without this section there is none")
    tls: IntakeTls = Field(IntakeTls(), description="TLS of the FHIR endpoint and of DICOMweb storage")
    objection_codes: tuple[str, ...] = Field(
        (), description='more codes ("system|code") by which a FHIR Consent of this site is an objection to AI'
    )


class FhirSettings(Section):
    """One record that receives endorsed resources."""

    base_url: str = Field(description="its FHIR root")
    token: SecretStr = Field(SecretStr(""), description="bearer token; empty for none")
    smart: SmartSettings | None = Field(None, description="tokens from its own server, instead of token")
    patient_system: str = Field(
        "", description="identifier system of patients that came without an issuer; empty for one of our own"
    )
    issuers: dict[str, str] = Field(
        default_factory=dict, description="DICOM issuer of patient identifiers to the record's identifier system"
    )
    accession_system: str = Field("", description="identifier system of accession numbers; empty when it has none")
