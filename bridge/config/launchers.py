"""The systems that open the desk on an exam: PACS, RIS, record."""

import re
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.config.base import Section
from bridge.config.oidc import Address, Host
from bridge.links.signing import KEY_CHARACTERS_MIN

_ORIGIN: Final = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def _require_origin(text: str) -> str:
    """Return an origin in small letters. What stands here goes into a header as it is."""
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError("an origin is scheme://host[:port] and nothing else, e.g. https://pacs.chu.example:8443")
    return text.lower()


Origin = Annotated[str, AfterValidator(_require_origin)]
"""What a browser calls the place of a page (RFC 6454, 6.2)."""


class SmartSettings(Section):
    """A record that launches as SMART App Launch says (EHR launch)."""

    fhir_url: Address = Field(description="its FHIR root, the iss of its launches")
    issuer: Address = Field(description="who signs its identity tokens, letter by letter as they write it")
    hosts: tuple[Host, ...] = Field((), description="its hosts beside those of fhir_url and issuer")
    authorities: Path | None = Field(
        None, description="PEM, who signs its certificate; without it, those that the system knows"
    )
    client_id: str = Field(min_length=1, max_length=200, description="what it calls this installation")
    client_secret: SecretStr = Field(SecretStr(""), description="secret of this client; empty for a public one")
    scopes: tuple[str, ...] = Field(
        ("launch", "openid", "fhirUser", "patient/Patient.rs", "patient/ImagingStudy.rs", "user/Practitioner.rs"),
        description="what is asked for",
    )
    patient_system: str = Field(min_length=1, description="identifier system of the patient numbers that exams carry")
    patient_issuers: tuple[str, ...] = Field(
        (), description="how exams call it (0010,0021), or the record; any when empty"
    )
    professional_system: str = Field(
        "urn:oid:1.2.250.1.71.4.2.1", description="identifier system of the accounts' professional identifiers"
    )


class LauncherSettings(Section):
    """One system with a button that opens the desk."""

    key: SecretStr = Field(
        SecretStr(""), description="what it signs its links with, 32 characters or more; empty for none"
    )
    key_before: SecretStr = Field(
        SecretStr(""), description="another key that is still taken, while keys are exchanged; empty for none"
    )
    unsigned: bool = Field(
        default=False, description="take its links without a signature too; the person still signs in, as always"
    )
    smart: SmartSettings | None = Field(None, description="it is a record that launches by SMART")
    frames: tuple[Origin, ...] = Field((), description="origins of its pages that may show the desk in a frame")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that is taken, the present one first."""
        return tuple(key for key in (self.key.get_secret_value(), self.key_before.get_secret_value()) if key)

    @model_validator(mode="after")
    def _can_launch(self) -> Self:
        """Short keys are guessed."""
        if any(len(key) < KEY_CHARACTERS_MIN for key in self.keys):
            raise ValueError(f"a key has {KEY_CHARACTERS_MIN} characters or more: openssl rand -hex 32")
        if not self.keys and not self.unsigned and self.smart is None:
            raise ValueError("give key, or unsigned = true, or smart")
        return self
