"""What we subscribe to at a record that offers it."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bridge.config.base import Section


class SubscriptionSettings(Section):
    """Our subscription at one record; without this section the record's administrator makes it by hand, or nobody."""

    criteria: str = Field(
        description="a search (R4 rest-hook), e.g. ServiceRequest?status=active, or the canonical address of a topic "
        "(Subscriptions Backport)"
    )
    endpoint: str = Field(description="our notify address as the record reaches it, https://…/fhir/notify/NAME")
    filters: tuple[str, ...] = Field((), description="of a topic, e.g. ServiceRequest?category=imaging")
    content: Literal["empty", "id-only", "full-resource"] = Field("id-only", description="what a notification carries")
    heartbeat_s: int = Field(60, ge=10, description="how often a silent record of a topic says that it lives")
    token: SecretStr = Field(SecretStr(""), description="bearer token that may write Subscription; empty: read_token")
    check_every_s: float = Field(60.0, ge=1, description="how often its state is asked for")
    told_after_s: float = Field(600.0, ge=0, description="how long it may be broken before that is recorded as broken")
    repairs: bool = Field(default=True, description="make it again when it is gone, switch it on again after an error")

    @model_validator(mode="after")
    def _can_be_subscribed(self) -> Self:
        """A search that cannot be run again could not bring what was missed."""
        if not self.is_topic and "?" not in self.criteria:
            raise ValueError("criteria is a search with ?, or the canonical address of a topic")
        if not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint is an http or https address")
        return self

    @property
    def is_topic(self) -> bool:
        """Whether criteria names a topic."""
        return self.criteria.startswith(("http://", "https://", "urn:"))
