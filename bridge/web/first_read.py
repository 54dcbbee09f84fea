"""The one place that decides whether something of AI may be shown to who asks, now.

Every address about a result that can say something of what a model found depends on `revealed`. Which addresses those
are, and why the others need not, is written down in tests/desk/test_desk_first_read.py, which walks all of them.
"""

from typing import Annotated, Final

from fastapi import Depends, Path, Request

from bridge.web.access import parts_of, session_of
from bridge.web.errors import NotSignedIn
from guarantee.errors import FirstReadDue

RESULT_FORM: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""Identifiers are derived UUIDs (guarantee/ids.py); anything else names nothing."""

ResultPath = Annotated[str, Path(pattern=RESULT_FORM, description="identifier of the result")]


def revealed(request: Request, result: ResultPath) -> None:
    """Let through who may see something of AI on ``result``: everybody, but who reads it first and has not yet.

    It is no sign of life (access.py: watching): whether the request is one, its own route says.

    Raises:
        NotSignedIn: nobody we know.
        FirstReadDue: the caller was drawn to say first what they think, and the draft was not revealed to them.
        Absent: there is no such result.
    """
    session = session_of(request, active=False)
    if session is None:
        raise NotSignedIn("no session, or it ended")
    if parts_of(request).desk.first_read(result, session.reader).hides:
        raise FirstReadDue(f"result {result} was not revealed to {session.reader.login}")


AfterReveal: Final = Depends(revealed)
"""For the ``dependencies`` of a route."""
