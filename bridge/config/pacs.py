"""The archives that receive endorsed objects."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bridge.config.base import Section
from bridge.config.tls import PacsTls


class PacsSettings(Section):
    """One PACS that receives endorsed objects."""

    transport: Literal["dimse", "stow"] = Field(
        "dimse", description="how it is sent to: DICOM associations, or DICOMweb (STOW-RS) at dicomweb_url"
    )
    aet: str = Field("", max_length=16, description="its AE title; empty when it is sent to by DICOMweb")
    our_aet: str = Field(
        "AVAL-OUT",
        min_length=1,
        max_length=16,
        description="our title when we send; the PACS must know it and its port",
    )
    host: str = Field("", description="its address; empty when it is sent to by DICOMweb")
    port: int = Field(0, ge=0, le=65535, description="its DICOM port; 0 when it is sent to by DICOMweb")
    tls: PacsTls = Field(PacsTls(), description="TLS, where it speaks that")
    confirm: Literal["auto", "commitment", "dicomweb", "query"] = Field(
        "auto", description="how we make sure that it holds the objects; by DICOMweb, each is always read back"
    )
    duplicate: Literal["believe", "compare"] = Field(
        "believe",
        description="when it says that it holds our UID already: believe the usual proof, or only the instance itself, "
        "read back by DICOMweb and compared",
    )
    dicomweb_url: str = Field("", description="its DICOMweb root, for read-back and for transport stow; empty for none")
    dicomweb_token: SecretStr = Field(SecretStr(""), description="bearer token for DICOMweb; empty for none")
    transfer_syntax: Literal["explicit", "implicit"] = Field(
        "explicit", description="value representation that objects are rendered in, little endian"
    )
    charset: Literal["ISO_IR 192", "ISO_IR 100", "ISO_IR 6"] = Field(
        "ISO_IR 192", description="character set of objects; one that does not fit is written in the next larger set"
    )
    transliterate: bool = Field(
        default=False, description="respell our own words to fit charset, with a note in the object; never a name"
    )
    keep_association_s: float = Field(
        5.0, ge=0, le=60, description="how long an association waits for the next delivery, in seconds; 0 to hang up"
    )
    commitment_host: str = Field("", description="address to listen on for those answers; empty for every one")
    commitment_port: int = Field(
        11113, ge=0, le=65535, description="port of our_aet, for the PACS's answers to storage commitment"
    )

    @model_validator(mode="after")
    def _has_its_address(self) -> Self:
        """Each transport has an address of its own."""
        if self.transport == "dimse" and not (self.aet and self.host and self.port):
            raise ValueError('give aet, host and port, or transport = "stow" with dicomweb_url')
        if self.transport == "stow" and not self.dicomweb_url:
            raise ValueError('transport = "stow" needs dicomweb_url')
        return self
