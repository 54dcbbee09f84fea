"""The pages. They hold no draft: the review page's script asks for it, which is what records the exposure."""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from bridge.web.access import Parts, Signed, ThisDesk, Watching, session_of
from bridge.web.first_read import AfterReveal
from bridge.web.pages import Pages, frame_of
from bridge.web.preparing import is_shown
from bridge.web.routes.results import ResultPath
from bridge.web.services import Session, View
from bridge.web.views import DECIDED, WITHDRAWABLE, is_reviewer, own_opinions, shown_opinions
from bridge.web.worklist import shelves, tab_named
from guarantee.first_read import FirstRead
from guarantee.lifecycle import INSTALLER
from guarantee.states import ResultState

router = APIRouter(include_in_schema=False)

_OWN_PAGE: Final = re.compile(
    r"/(worklist|passkeys|systems|destinations|rights|incidents|monitoring|about"
    r"|results/[0-9a-f-]{36}(/timeline)?|launch/[A-Za-z0-9_-]{43})?"
    r"(\?show=[a-z-]{1,20})?"
)
"""Where a sign-in may lead: our own pages only, never an address that somebody put in a link."""


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


ThesePages = Annotated[Pages, Depends(_pages)]


@router.get("/")
def home() -> Response:
    """Lead to the worklist."""
    return RedirectResponse("/worklist", status_code=303)


@router.get("/sign-in")
def sign_in(
    request: Request, parts: ThisDesk, pages: ThesePages, then: Annotated[str, Query(alias="next")] = "/worklist"
) -> Response:
    """Show the sign-in form."""
    target = own_page(then)
    if session_of(request, active=False) is not None:
        return RedirectResponse(target, status_code=303)
    ticket = target.removeprefix("/launch/")
    expected = parts.desk.expected(ticket) if ticket != target else ""
    return pages.render(
        request, "sign_in.html", target=target, expected=expected, local=parts.desk.entrance.local(), **_nobody()
    )


@router.get("/worklist")
def worklist(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed, show: str = "") -> HTMLResponse:
    """Show results by what must be done with them."""
    return pages.render(request, "worklist.html", **_worklist(parts, session, show))


@router.get("/worklist/rows")
def worklist_rows(
    request: Request, parts: ThisDesk, pages: ThesePages, session: Watching, show: str = ""
) -> HTMLResponse:
    """Show the list alone, for a page that refreshes itself."""
    return pages.render(request, "_worklist.html", **_worklist(parts, session, show))


@router.get("/results/{result}")
def review(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed, result: ResultPath) -> HTMLResponse:
    """Show a result: to be reviewed, decided, or why it is neither."""
    return pages.render(request, "review.html", **_review(parts, session, result))


@router.get("/results/{result}/outcome", dependencies=[AfterReveal])
def outcome(
    request: Request, parts: ThisDesk, pages: ThesePages, session: Watching, result: ResultPath
) -> HTMLResponse:
    """Show what became of a result, for a page that refreshes itself."""
    return pages.render(request, "_outcome.html", **_review(parts, session, result))


@router.get("/results/{result}/timeline", dependencies=[AfterReveal])
def timeline(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed, result: ResultPath) -> HTMLResponse:
    """Show what the journal says of a result."""
    view = parts.desk.view(result, session.reader)
    return pages.render(
        request, "timeline.html", view=view, happened=parts.desk.timeline(result), **frame_of(parts, session)
    )


@router.get("/systems")
def systems(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed) -> HTMLResponse:
    """Show the AI systems in use and let a person stop them."""
    desk, frame = parts.desk, frame_of(parts, session)
    cards, retired, rollout = desk.cards(), desk.retired(), desk.rollout()
    stages = {
        card.model.id: rollout.standing(
            card.model.id,
            suspended=any(stop.suspends(card.model.id) for stop in frame["stops"]),
            retired=card.model.id in retired,
        )
        for card in cards
    }
    return pages.render(
        request,
        "systems.html",
        cards=cards,
        retired=retired,
        rollout=rollout,
        stages=stages,
        signatures=desk.signatures(),
        installer=INSTALLER,
        **frame,
    )


@router.get("/destinations")
def destinations(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed) -> HTMLResponse:
    """Show how the places stand that endorsed results go to."""
    return pages.render(request, "destinations.html", standings=parts.desk.destinations(), **frame_of(parts, session))


@router.get("/about")
def about(request: Request, parts: ThisDesk, pages: ThesePages) -> HTMLResponse:
    """Say what this is, what it is not, and under which licence."""
    session = session_of(request, active=True)
    frame = frame_of(parts, session) if session else {"session": None, "stops": ()}
    return pages.render(request, "about.html", **frame)


def own_page(target: str) -> str:
    """Return ``target`` when it is a page of ours, else the worklist."""
    return target if _OWN_PAGE.fullmatch(target) else "/worklist"


def to_sign_in(request: Request) -> RedirectResponse:
    """Lead somebody who is not signed in to the form, and back to where they were going."""
    query = f"?show={request.query_params['show']}" if "show" in request.query_params else ""
    target = f"{request.url.path}{query}"
    after = f"?next={quote(target, safe='/?=')}" if _OWN_PAGE.fullmatch(target) else ""
    return RedirectResponse(f"/sign-in{after}", status_code=303)


def _nobody() -> dict[str, Any]:
    return {"session": None, "stops": ()}


def _worklist(parts: Parts, session: Session, show: str) -> dict[str, Any]:
    chosen = tab_named(show)
    return {"chosen": chosen, "shelves": shelves(parts.desk, chosen), **frame_of(parts, session)}


def _review(parts: Parts, session: Session, result: str) -> dict[str, Any]:
    view = parts.desk.view(result, session.reader)
    standing = parts.desk.first_read(result, session.reader)
    shown = is_shown(parts.desk, session, result)
    return {
        "view": view,
        "standing": standing,
        "manner": _manner(view, session, standing) if shown else "closed",
        "opinions": shown_opinions(view, session),
        "shown": shown,
        "withdrawable": is_reviewer(session) and view.line.result.state in WITHDRAWABLE,
        **frame_of(parts, session),
    }


def _manner(view: View, session: Session, standing: FirstRead) -> str:
    """Return how the page behaves: "ask" for the draft, "show" what was decided, or say why it is "closed".

    "first-read" asks for what the reader thinks, and then for the draft.
    """
    if view.line.result.state in DECIDED:
        return "show"
    waits = view.line.result.state is ResultState.AWAITING_REVIEW
    free = not (view.obstacles or view.line.held or view.lacking or own_opinions(view.opinions, session))
    if not (waits and free) or (view.prepares and view.line.prepared_by):
        return "closed"
    return "first-read" if standing.hides else "ask"
