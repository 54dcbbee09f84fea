"""Who is signed in, and how they sign in."""

from pydantic import Field

from bridge.web.schemas.base import In, Out, TimeText
from guarantee.policy import Role


class ReaderOut(Out):
    """Who is signed in."""

    login: str
    name: str = Field(description="DICOM form, FAMILY^Given^^Dr")
    role: Role
    professional_id: str
    organisation: str
    organisation_id: str


class SessionOut(Out):
    """A session; its token is in a cookie and nowhere else."""

    reader: ReaderOut
    auth: str
    since: TimeText


class HandoverOut(Out):
    """What another window of the same browser is given."""

    handover: str = Field(description="works once, for a minute")


class SignIn(In):
    """Both factors at once, so that a wrong password cannot be told from a wrong code."""

    login: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1024)
    code: str = Field(min_length=1, max_length=32)
