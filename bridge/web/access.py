"""Who is asking, in which language, and what their role may do: what every route depends on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from bridge.web.errors import NotSignedIn, RoleRefused
from bridge.web.i18n import Language, preferred
from bridge.web.options import Options
from bridge.web.security import session_cookie
from bridge.web.services import Desk, Session
from bridge.web.throttle import Throttle
from guarantee.policy import Role

LANGUAGE_COOKIE: Final = "aval_lang"
THEME_COOKIE: Final = "aval_theme"
KEYS_COOKIE: Final = "aval_keys"

THEMES: Final = ("auto", "dark", "light")
"""How the pages may look. "auto" follows the system, except that the reading page is dark."""

REVIEWERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
"""Who sees drafts and images, and who may answer, withdraw and stop. The others see lists and states (ACC-07)."""

NAMED: Final = REVIEWERS | {Role.LEARNER}
"""Who sees whose exam it is. A biomedical engineer works with states and causes, and needs no name for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routes work with."""

    desk: Desk
    options: Options
    languages: Mapping[str, Language]
    throttle: Throttle
    now: Callable[[], datetime]
    assets: str


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def parts_of(request: Request) -> Parts:
    """Return what ``make_app`` put beside the application."""
    return cast("Parts", request.app.state.parts)


def language_of(request: Request) -> Language:
    """Return the language of the answer: the address says it, else the cookie, else the browser, else the default."""
    languages = parts_of(request).languages
    for asked in (request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, "")):
        if asked in languages:
            return languages[asked]
    return languages[preferred(request.headers.get("accept-language", ""), tuple(languages))]


def theme_of(request: Request) -> str:
    """Return how the page should look."""
    for asked in (request.query_params.get("theme", ""), request.cookies.get(THEME_COOKIE, "")):
        if asked in THEMES:
            return asked
    return THEMES[0]


def session_of(request: Request, *, active: bool) -> Session | None:
    """Return who is asking, or None."""
    parts = parts_of(request)
    token = request.cookies.get(session_cookie(parts.options), "")
    return parts.desk.session(token, active=active) if token else None


def signed_in(request: Request) -> Session:
    """Return who is asking.

    Raises:
        NotSignedIn: nobody we know.
    """
    session = session_of(request, active=True)
    if session is None:
        raise NotSignedIn("no session, or it ended")
    return session


def watching(request: Request) -> Session:
    """Return whose page refreshes itself. It does not count as a sign of life (services.py)."""
    session = session_of(request, active=False)
    if session is None:
        raise NotSignedIn("no session, or it ended")
    return session


def reviewing(session: Annotated[Session, Depends(signed_in)]) -> Session:
    """Return who is asking, when their role may see drafts and images.

    Raises:
        RoleRefused: it may not.
    """
    if session.reader.role not in REVIEWERS:
        raise RoleRefused(f"a {session.reader.role} sees lists and states only")
    return session


def naming(session: Annotated[Session, Depends(signed_in)]) -> Session:
    """Return who is asking, when their role may know whose exam is whose.

    Raises:
        RoleRefused: it may not.
    """
    if session.reader.role not in NAMED:
        raise RoleRefused(f"a {session.reader.role} is told no name, and asks for none")
    return session


ThisDesk = Annotated[Parts, Depends(parts_of)]
Signed = Annotated[Session, Depends(signed_in)]
Watching = Annotated[Session, Depends(watching)]
Reviewing = Annotated[Session, Depends(reviewing)]
Naming = Annotated[Session, Depends(naming)]
Speaking = Annotated[Language, Depends(language_of)]
