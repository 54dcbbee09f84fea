"""What another viewer is given."""

from pydantic import Field

from bridge.web.schemas.base import Out


class AdmissionOut(Out):
    """A bearer token for one study."""

    url: str = Field(description="root of our DICOMweb")
    study: str = Field(description="Study Instance UID; no other one is answered")
    token: str = Field(description="sent as `Authorization: Bearer …`; shown once")
    opens_within_s: int = Field(description="seconds in which the viewer must ask for the first time")
    weasis: str = Field(description="link that opens Weasis with all of it")
