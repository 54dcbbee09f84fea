"""Stops: one person gives one, two people lift it."""

from typing import Annotated

from fastapi import APIRouter, Body, Request, status

from bridge.web.access import Parts, Reviewing, Signed, ThisDesk
from bridge.web.errors import SecondRefused
from bridge.web.problems import documented
from bridge.web.routes.session import address_of
from bridge.web.schemas.systems import ResumeIn, StopIn, StopOut
from bridge.web.services import Session
from guarantee.errors import NotEntitled

router = APIRouter(prefix="/api/stops", tags=["stops"])

Order = Annotated[StopIn | ResumeIn, Body(discriminator="action")]


@router.get("", summary="The stops in force", responses=documented())
def list_stops(parts: ThisDesk, _session: Signed) -> list[StopOut]:
    """Return every stop in force."""
    return _in_force(parts)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Stop, or resume with a second person",
    responses=documented("role-refused", "second-refused", "not-green", "too-many-attempts", "malformed", unsafe=True),
)
def order(request: Request, parts: ThisDesk, session: Reviewing, given: Order) -> list[StopOut]:
    """Append a stop or a resumption, and return the stops in force."""
    if isinstance(given, StopIn):
        parts.desk.stop(given.scope, given.target, session, given.reason.strip())
    else:
        _resume(request, parts, session, given)
    return _in_force(parts)


def _resume(request: Request, parts: Parts, session: Session, given: ResumeIn) -> None:
    parts.throttle.attempt(login=given.second.login, address=address_of(request))
    second = (given.second.login, given.second.code)
    try:
        parts.desk.resume(given.scope, given.target, session, second, given.reason.strip())
    except NotEntitled:
        raise SecondRefused("the second person") from None
    parts.throttle.forgive(login=given.second.login)


def _in_force(parts: Parts) -> list[StopOut]:
    return [StopOut.model_validate(stop) for stop in parts.desk.stops()]
