"""SMART Backend Services: how we are registered at a FHIR server that gives out tokens itself."""

from pathlib import Path

from pydantic import Field

from bridge.config.base import Section


class SmartSettings(Section):
    """Our registration at one server; without this section its fixed token is sent, if it has one."""

    client_id: str = Field(min_length=1, description="as the server's administrator registered us")
    key: Path = Field(Path("keys/smart.pem"), description="PEM, our private key; `aval smart jwks` makes it")
    scope: str = Field("system/*.rs", description="what we ask for; a destination needs system/*.cruds")
    token_url: str = Field("", description="token endpoint; empty to ask the server, which must have it itself")
