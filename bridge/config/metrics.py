"""Figures for a monitoring system."""

from ipaddress import ip_address

from pydantic import Field, SecretStr

from bridge.config.base import Section


class MetricsSettings(Section):
    """GET /metrics, in Prometheus' text format. Nothing in it is of a patient."""

    enabled: bool = Field(default=False, description="whether `aval run all` serves it; `aval run metrics` always does")
    host: str = Field("127.0.0.1", description="address to listen on; any but loopback needs a token")
    port: int = Field(9464, ge=0, le=65535, description="port to listen on; 0 for any free one")
    token: SecretStr = Field(SecretStr(""), description="bearer token that must be presented; empty for none")

    @property
    def is_open_to_a_network(self) -> bool:
        """Whether somebody on another machine could read the figures without a token.

        Asked where the door opens, not when settings are read: no other process knows the token.
        """
        return not self.token.get_secret_value() and not _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
