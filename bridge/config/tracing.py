"""Traces for a collector."""

from pydantic import Field, SecretStr, field_validator

from bridge.config.base import Section


class TracingSettings(Section):
    """OpenTelemetry traces (OTLP over HTTP, JSON), told by the metrics process. Nothing in them is of a patient."""

    endpoint: str = Field(
        "", description="collector, e.g. http://127.0.0.1:4318 (/v1/traces is added); empty for no traces"
    )
    token: SecretStr = Field(SecretStr(""), description="bearer token for the collector; empty for none")

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return value
