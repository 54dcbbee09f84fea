"""Figures for a monitoring system."""

from ipaddress import ip_address
from typing import Self

from pydantic import Field, SecretStr, model_validator

from bridge.config.base import Section


class MetricsSettings(Section):
    """GET /metrics, in Prometheus' text format. Nothing in it is of a patient."""

    enabled: bool = Field(default=False, description="whether `aval run all` serves it; `aval run metrics` always does")
    host: str = Field("127.0.0.1", description="address to listen on; any but loopback needs a token")
    port: int = Field(9464, ge=0, le=65535, description="port to listen on; 0 for any free one")
    token: SecretStr = Field(SecretStr(""), description="bearer token that must be presented; empty for none")

    @model_validator(mode="after")
    def _is_not_open_to_everybody(self) -> Self:
        if not self.token.get_secret_value() and not _is_loopback(self.host):
            raise ValueError("host is not loopback: give a token, or everybody on that network reads the figures")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
