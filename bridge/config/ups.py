"""Worklist servers that we work for."""

from pydantic import Field, SecretStr, field_validator

from bridge.config.base import Section


class UpsSettings(Section):
    """One worklist server (UPS-RS) whose workitems we perform."""

    url: str = Field(description="root of its UPS-RS service; /workitems follows")
    token: SecretStr = Field(SecretStr(""), description="bearer token; empty for none")
    station: str = Field(description="who we are, as code|scheme: workitems scheduled for this station name are ours")
    source: str = Field(description="name of the source in [sources] that holds the studies")
    workitems: dict[str, str] = Field(
        default_factory=dict,
        description="workitem code to the name of the model it asks for; empty: every workitem, every model",
    )
    requester: str = Field("", max_length=16, description="AE title written after /state/, as dcm4chee wants it")
    poll_s: float = Field(10.0, gt=0, description="seconds between two looks")
    silence_s: float = Field(10.0, gt=0, description="longest wait for each answer, in seconds")

    @field_validator("station")
    @classmethod
    def _is_a_code(cls, given: str) -> str:
        value, bar, scheme = given.partition("|")
        if not (value and bar and scheme) or "|" in scheme:
            raise ValueError("write code|scheme, e.g. AVAL|99CHU")
        return given
