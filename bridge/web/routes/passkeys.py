"""Passkeys: add, list, revoke; and what an opinion signed by one is made of."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, status
from fastapi.responses import HTMLResponse

from bridge.web.access import Parts, Reviewing, ThisDesk
from bridge.web.errors import CodeRefused
from bridge.web.first_read import AfterReveal
from bridge.web.pages import frame_of
from bridge.web.problems import documented
from bridge.web.routes.pages import ThesePages
from bridge.web.routes.results import ResultPath
from bridge.web.routes.session import address_of
from bridge.web.schemas.opinions import OpinionIn
from bridge.web.schemas.passkeys import AskedOut, CodeIn, PasskeyIn, PasskeyOut, PreparedOut, SigningOut
from bridge.web.security import session_cookie
from bridge.web.signing import Means
from guarantee.errors import NotEntitled

router = APIRouter(tags=["passkeys"])

PasskeyPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,1364}$", description="credential identifier")]


def token_of(request: Request, parts: Parts) -> str:
    """Return the token of the caller's session."""
    return request.cookies.get(session_cookie(parts.options), "")


@router.get("/passkeys", include_in_schema=False)
def page(request: Request, parts: ThisDesk, pages: ThesePages, session: Reviewing) -> HTMLResponse:
    """Show with what the caller signs."""
    means = parts.desk.signing.means(session.reader.login)
    return pages.render(request, "passkeys.html", means=means, **frame_of(parts, session))


@router.get("/api/passkeys", summary="The caller's passkeys", responses=documented("role-refused"))
def list_passkeys(parts: ThisDesk, session: Reviewing) -> list[PasskeyOut]:
    """Return the caller's passkeys, oldest first, those that were revoked too."""
    return [PasskeyOut.model_validate(one) for one in parts.desk.signing.means(session.reader.login)]


@router.post(
    "/api/passkeys/challenge",
    status_code=status.HTTP_201_CREATED,
    summary="Ask for another passkey, with a one-time code",
    responses=documented("role-refused", "code-refused", "too-many-attempts", "malformed", unsafe=True),
)
def ask_for_another(request: Request, parts: ThisDesk, session: Reviewing, given: CodeIn) -> AskedOut:
    """Return what the browser asks an authenticator for; it holds for two minutes, once, in this session."""
    login = session.reader.login
    parts.throttle.attempt(login=login, address=address_of(request))
    try:
        asked = parts.desk.signing.ask_for_another(session.reader, token_of(request, parts), given.code)
    except NotEntitled:
        raise CodeRefused("one-time code") from None
    parts.throttle.forgive(login=login)
    return AskedOut.model_validate(asked)


@router.post(
    "/api/passkeys",
    status_code=status.HTTP_201_CREATED,
    summary="Add a passkey",
    responses=documented("role-refused", "gesture-refused", "malformed", unsafe=True),
)
def add(request: Request, parts: ThisDesk, session: Reviewing, given: PasskeyIn) -> PasskeyOut:
    """Keep what an authenticator made; from now on it may sign the caller's opinions."""
    said = (given.client_data, given.attestation)
    added: Means = parts.desk.signing.add(session.reader, token_of(request, parts), given.name.strip(), said)
    return PasskeyOut.model_validate(added)


@router.delete(
    "/api/passkeys/{passkey}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Revoke a passkey",
    responses=documented("role-refused", "not-entitled", unsafe=True),
)
def revoke(parts: ThisDesk, session: Reviewing, passkey: PasskeyPath) -> Response:
    """Let one's own passkey sign nothing from now on. What it signed stands. Doing it twice is harmless."""
    parts.desk.signing.revoke(session.reader, passkey)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get(
    "/api/results/{result}/signing",
    summary="How the caller may sign an opinion",
    responses=documented("not-found", "role-refused"),
)
def signing(parts: ThisDesk, session: Reviewing, result: ResultPath) -> SigningOut:
    """Return what the policy asks for, and what the caller has. Nothing of the draft."""
    means = parts.desk.signing.means(session.reader.login)
    counting = sum(1 for one in means if one.ended_at is None)
    return SigningOut(gesture=parts.desk.signing.gesture_of(result), passkeys=counting)


@router.post(
    "/api/results/{result}/statement",
    status_code=status.HTTP_201_CREATED,
    summary="Fix the statement that a passkey will sign",
    dependencies=[AfterReveal],
    responses=documented(
        *(
            "not-found",
            "role-refused",
            "not-entitled",
            "draft-changed",
            "nonce-refused",
            "world-changed",
            "held",
            "objected",
        ),
        *("not-allowed", "malformed", "bytes-missing", "gesture-missing", "first-read-due"),
        unsafe=True,
    ),
)
def prepare(
    request: Request, parts: ThisDesk, session: Reviewing, result: ResultPath, opinion: OpinionIn
) -> PreparedOut:
    """Return the digest of the statement that this answer makes; it holds for two minutes, once, in this session."""
    token = token_of(request, parts)
    found = parts.desk.signing.prepare(result, session.reader, session.auth, token, opinion.to_answer())
    return PreparedOut.model_validate(found)
