"""The identity provider at which people sign in to the desk."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from bridge.config.base import Section

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _require_address(text: str) -> str:
    parts = urlsplit(text)  # its ValueError says what is wrong
    if parts.query or parts.fragment or parts.username or not parts.hostname:
        raise ValueError("an address of a provider is https://host[:port]/path and nothing else")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("a provider is reached by https; by http only on this machine")
    return text


Address = Annotated[str, AfterValidator(_require_address)]
"""An https address; http on this machine."""

Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}(:[0-9]{1,5})?$")]
"""host, or host:port."""

Level = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]
"""A value of "acr"."""


class OidcSettings(Section):
    """Signing in by OpenID Connect, as Pro Santé Connect has it. Who may do what here is not the provider's to say."""

    name: str = Field("Pro Santé Connect", min_length=1, max_length=60, description="as people call it, on the button")
    issuer: Address = Field(description="its name, letter by letter as its tokens write it")
    discovery_url: Address | None = Field(
        None, description="its configuration, where that is not at issuer/.well-known/openid-configuration"
    )
    hosts: tuple[Host, ...] = Field(
        (), description="its hosts beside the issuer's own; no other is ever asked, or sent to"
    )
    authorities: Path | None = Field(
        None, description="PEM, who signs the provider's certificate; without it, those that the system knows"
    )
    client_id: str = Field(min_length=1, max_length=200, description="what it calls this installation")
    client_secret: SecretStr = Field(SecretStr(""), description="secret of this client, unless key proves who we are")
    key: Path | None = Field(None, description="PEM, private key of this client (private_key_jwt): RSA or ECDSA P-256")
    key_id: str = Field("", description="what the provider calls that key (kid); empty for none")
    scopes: tuple[str, ...] = Field(("openid", "scope_all"), description="what is asked for; openid must be there")
    acr_values: tuple[Level, ...] = Field(
        ("eidas1",),
        min_length=1,
        description="levels of sign-in that are enough; one of them is required of every token",
    )
    claim: str = Field(
        "SubjectNameID",
        pattern=r"^[A-Za-z0-9_.:/-]{1,100}$",
        description="claim of the token or the user information with the professional identifier of the account",
    )
    sign_out_there: bool = Field(default=True, description="lead people to the provider's own sign-out after ours")
    local_accounts: Literal["always", "cut-off", "never"] = Field(
        "cut-off",
        description="when people may still sign in with password and code: always; never; or as long as the operator's "
        "`aval users local open` lasts",
    )

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        """One proof of who we are, and the scope that makes it OpenID Connect."""
        if bool(self.client_secret.get_secret_value()) == (self.key is not None):
            raise ValueError("give client_secret, or key, and not both")
        if "openid" not in self.scopes or any(not one or " " in one for one in self.scopes):
            raise ValueError('scopes are single words, and "openid" is one of them')
        return self
