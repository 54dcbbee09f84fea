"""Who may be shown a draft and its images: reviewers, and a learner about the one result that they prepare."""

from typing import Annotated

from fastapi import Depends

from bridge.web.access import REVIEWERS, Signed, ThisDesk
from bridge.web.errors import RoleRefused
from bridge.web.first_read import ResultPath
from bridge.web.services import Desk, Session
from guarantee.policy import Role


def is_shown(desk: Desk, session: Session, result: str) -> bool:
    """Return whether ``session`` may be shown what a model says of ``result``, and the images.

    Raises:
        Absent: there is no such result.
    """
    role = session.reader.role
    return role in REVIEWERS or (role is Role.LEARNER and desk.prepares(result, session.reader))


def showing(parts: ThisDesk, session: Signed, result: ResultPath) -> Session:
    """Return who is asking, when they may be shown the draft and the images of this result.

    Raises:
        RoleRefused: they may not.
    """
    if not is_shown(parts.desk, session, result):
        raise RoleRefused(f"a {session.reader.role} sees lists and states only")
    return session


Showing = Annotated[Session, Depends(showing)]
