"""The records that receive endorsed results by HL7v2."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bridge.config.base import Section
from bridge.config.record import require_zone

Authority = Annotated[
    str, StringConstraints(pattern=r"^([^|^~\\&\s]+|[^|^~\\&\s]*&[^|^~\\&\s]+&(ISO|DNS|URI|GUID))$", max_length=227)
]
"""Who gives numbers, as HL7v2 names it (HD): NAMESPACE, or NAMESPACE&OID&ISO."""

Word = Annotated[str, StringConstraints(pattern=r"^[^|^~\\&\x00-\x1f]*$", max_length=180)]
"""A name in the header of a message, without what delimits."""


class Hl7OutTls(Section):
    """TLS towards one HL7v2 receiver: TLS 1.2 and 1.3. Files are read at the start."""

    authorities: Path | None = Field(None, description="PEM, who signs its certificate; without it no TLS is spoken")
    certificate: Path | None = Field(None, description="PEM, ours, when it asks for one")
    key: Path | None = Field(None, description="PEM, the private key of ours, without a password")
    server_name: str = Field("", description="name that its certificate must have; empty for host")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Half a pair is a mistake."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key come together")
        if self.certificate is not None and self.authorities is None:
            raise ValueError("TLS needs authorities: who signs the certificate of the receiver")
        return self


class Hl7OutSettings(Section):
    """One record that receives endorsed results by HL7v2 over MLLP, where it does not speak FHIR."""

    host: str = Field(min_length=1, description="its address")
    port: int = Field(ge=1, le=65535, description="its MLLP port")
    tls: Hl7OutTls = Field(Hl7OutTls(), description="TLS, where it speaks that")
    version: Literal["2.5"] = Field("2.5", description="of the messages (MSH-12)")
    application: Word = Field("AVAL", description="who we are (MSH-3)")
    facility: Word = Field("", description="where we are (MSH-4); empty for the site's name")
    receiving_application: Word = Field("", description="who it is (MSH-5)")
    receiving_facility: Word = Field("", description="where it is (MSH-6)")
    patient_authority: Authority = Field(
        description="who gives patient numbers that came without an issuer: NAMESPACE, or NAMESPACE&OID&ISO"
    )
    authorities: dict[str, Authority] = Field(
        default_factory=dict, description="issuer of patient and stay numbers, as DICOM or FHIR names it, likewise"
    )
    charset: Literal["UNICODE UTF-8", "8859/15", "8859/1"] = Field(
        "UNICODE UTF-8", description="character set (MSH-18); a message that does not fit is written in UTF-8"
    )
    transliterate: bool = Field(
        default=False, description="respell our own words to fit charset, with a note in the message; never a name"
    )
    report: Literal["text", "pdf", "both"] = Field("text", description="the report as lines of text, as PDF, or both")
    mdm: bool = Field(default=False, description="send the report a second time as a document (MDM^T02)")
    filler: Literal["own", "accession"] = Field(
        "own",
        description="what OBR-3 is: a number of our own, or the accession number, where it finds orders by that alone",
    )
    processing: Literal["P", "T", "D"] = Field("P", description="production, training or debugging (MSH-11)")
    country: str = Field("FRA", pattern=r"^[A-Z]{3}$", description="ISO 3166, three letters (MSH-17)")
    zone: Annotated[str, AfterValidator(require_zone)] = Field(
        "Europe/Paris", description="time zone that times are written in"
    )
    answer_s: float = Field(60.0, gt=0, le=70, description="longest time from a message to its answer, in seconds")
