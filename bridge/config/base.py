"""What every section of the settings shares."""

from ipaddress import ip_network
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

NAME: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
"""Names that become queue names and parts of identifiers."""


DestinationName = Annotated[str, StringConstraints(pattern=NAME)]
"""Deliveries to a destination are a queue of this name, and releases are sealed with it."""


def _require_network(text: str) -> str:
    ip_network(text, strict=False)  # its ValueError says what is wrong
    return text


Network = Annotated[str, AfterValidator(_require_network)]
"""An address, or a network of them: 10.2.0.4 or 10.2.0.0/16."""


class ConfigError(Exception):
    """A setting is missing, unknown or wrong; the message names it and says what to do."""


class Section(BaseModel):
    """One section: a name nobody knows is refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebSender(Section):
    """One system that sends to us by HTTP."""

    addresses: tuple[Network, ...] = Field((), description="addresses it may come from; empty for any")
    token: SecretStr = Field(SecretStr(""), description="bearer token it must present; empty for none")

    @model_validator(mode="after")
    def _is_told_apart(self) -> Self:
        """Without either, anybody could send in its name."""
        if not self.addresses and not self.token.get_secret_value():
            raise ValueError("give addresses, or a token, or both")
        return self
