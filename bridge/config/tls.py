"""TLS: our certificate, and whose we believe."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bridge.config.base import Section


class ScpTls(Section):
    """TLS of the DICOM listener (PS3.15, B.12: TLS 1.2 and 1.3, nothing older). Files are read at the start."""

    certificate: Path | None = Field(None, description="PEM, ours with its chain; without it no TLS is spoken")
    key: Path = Field(Path("keys/scp.key"), description="PEM, its private key, without a password")
    authorities: Path = Field(Path("keys/scp-authorities.pem"), description="PEM, who signs the senders' certificates")
    client_certificates: Literal["required", "optional"] = Field(
        "required", description="whether every sender must show one"
    )
    port: int | None = Field(
        None, ge=0, le=65535, description="a port for TLS alone; without it, scp.port takes both, each as it begins"
    )
    only: bool = Field(default=False, description="whether scp.port refuses connections without TLS")


class DoorTls(Section):
    """TLS of a door: TLS 1.2 and 1.3, and nothing else on that port. Files are read at the start."""

    certificate: Path | None = Field(None, description="PEM, ours with its chain; without it no TLS is spoken")
    key: Path = Field(description="PEM, its private key, without a password")
    authorities: Path | None = Field(
        None, description="PEM, who signs the callers' certificates; with it, everybody must show one"
    )

    @model_validator(mode="after")
    def _needs_ours(self) -> Self:
        """Half of it is a mistake."""
        if self.authorities is not None and self.certificate is None:
            raise ValueError("authorities without a certificate of ours: no TLS would be spoken")
        return self


class DeskTls(DoorTls):
    """TLS of the desk, where no proxy before it speaks TLS; public_url begins with https then."""

    key: Path = Field(Path("keys/desk-tls.key"), description="PEM, its private key, without a password")


class PacsTls(Section):
    """TLS towards one PACS (PS3.15, B.12)."""

    authorities: Path | None = Field(None, description="PEM, who signs its certificate; without it no TLS is spoken")
    certificate: Path | None = Field(None, description="PEM, ours, when it asks for one")
    key: Path | None = Field(None, description="PEM, the private key of ours, without a password")
    server_name: str = Field("", description="name that its certificate must have; empty for host")
    check_name: bool = Field(default=True, description="whether its certificate must have that name")
    answers: bool = Field(
        default=True, description="whether its answers to storage commitment come by TLS too (needs a certificate)"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Half a pair is a mistake."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key come together")
        if self.certificate is not None and self.authorities is None:
            raise ValueError("TLS needs authorities: who signs the certificate of the PACS")
        return self
