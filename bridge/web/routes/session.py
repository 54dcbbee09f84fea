"""Signing in and out."""

from fastapi import APIRouter, Request, Response, status

from bridge.web.access import Signed, ThisDesk
from bridge.web.errors import NotSignedIn, SignInRefused
from bridge.web.problems import documented
from bridge.web.schemas.people import HandoverOut, SessionOut, SignIn
from bridge.web.security import clear_session, session_cookie, set_session
from guarantee.errors import NotEntitled

router = APIRouter(prefix="/api/session", tags=["session"])


def address_of(request: Request) -> str:
    """Return who is at the other end, for counting attempts; behind a proxy, the server is told to trust it."""
    return request.client.host if request.client else "unknown"


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Sign in with login, password and one-time code",
    responses=documented(
        *("sign-in-refused", "local-accounts-closed", "too-many-attempts", "malformed"), unsafe=True, signed_in=False
    ),
)
def sign_in(request: Request, response: Response, parts: ThisDesk, who: SignIn) -> SessionOut:
    """Open a session and put its token in a cookie. Whatever token the browser held before is ended."""
    parts.throttle.attempt(login=who.login, address=address_of(request))
    try:
        token = parts.desk.sign_in(who.login, who.password, who.code)
    except NotEntitled:
        raise SignInRefused("login, password or code") from None
    parts.throttle.forgive(login=who.login)
    before = request.cookies.get(session_cookie(parts.options))
    if before:
        parts.desk.sign_out(before)
    session = parts.desk.session(token)
    if session is None:
        raise NotSignedIn("the session ended at once")
    set_session(response, token, parts.options)
    return SessionOut.model_validate(session)


@router.get("", summary="Who is signed in", responses=documented())
def read_session(session: Signed) -> SessionOut:
    """Return the session that the cookie stands for."""
    return SessionOut.model_validate(session)


@router.post(
    "/handover",
    status_code=status.HTTP_201_CREATED,
    summary="Let another window of this browser go on with the session",
    responses=documented(unsafe=True),
)
def hand_over(request: Request, parts: ThisDesk, _session: Signed) -> HandoverOut:
    """Return a number that opens the same session once, within a minute, by a form of our own pages."""
    token = request.cookies.get(session_cookie(parts.options), "")
    return HandoverOut(handover=parts.desk.hand_over(token))


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Sign out",
    responses=documented(unsafe=True, signed_in=False),
)
def sign_out(request: Request, parts: ThisDesk) -> Response:
    """End the session and clear what the browser kept. Doing it twice is harmless."""
    token = request.cookies.get(session_cookie(parts.options))
    if token:
        parts.desk.sign_out(token)
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    clear_session(response, parts.options)
    return response
