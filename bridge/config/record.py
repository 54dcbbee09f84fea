"""The record, in and out: who sends events to us, who receives reports."""

from pydantic import Field, SecretStr

from bridge.config.base import Section, WebSender


class FhirSender(WebSender):
    """One record that sends events to us."""

    base_url: str = Field("", description="its FHIR server, for looking up what a notification names; empty for none")
    read_token: SecretStr = Field(SecretStr(""), description="bearer token for looking things up")
    search: str = Field("", description="search to run when it only rings, e.g. Observation?category=vital-signs")


class Intake(Section):
    """The FHIR endpoint."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8081, ge=0, le=65535, description="port to listen on; 0 for any free one")
    senders: dict[str, FhirSender] = Field(default_factory=dict, description="known senders by name")


class FhirSettings(Section):
    """One record that receives endorsed resources."""

    base_url: str = Field(description="its FHIR root")
    token: SecretStr = Field(SecretStr(""), description="bearer token; empty for none")
    patient_system: str = Field(
        "", description="identifier system of patients that came without an issuer; empty for one of our own"
    )
    issuers: dict[str, str] = Field(
        default_factory=dict, description="DICOM issuer of patient identifiers to the record's identifier system"
    )
    accession_system: str = Field("", description="identifier system of accession numbers; empty when it has none")
