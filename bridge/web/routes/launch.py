"""Opened from a PACS, RIS or record: which exam comes from the link, who looks at it from signing in.

The link's own address holds a patient number, so it is left at once, for one that holds a ticket and nothing else. It
is the same answer whether the exam is here or not: what is known is told after signing in.
"""

from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from bridge.links.errors import BadLink
from bridge.links.reading import QUERY_BYTES_MAX, Link, read_invocation, read_launch
from bridge.oidc.request import new_browser
from bridge.web.access import Naming, Parts, ThisDesk, language_of
from bridge.web.errors import NotSignedIn
from bridge.web.launched import page_of, waiting
from bridge.web.pages import frame_of
from bridge.web.routes.pages import ThesePages, own_page
from bridge.web.routes.session import address_of
from bridge.web.routes.sign_in import answer_of, browser_of, led_away, returned
from bridge.web.security import session_cookie, set_session

router = APIRouter(include_in_schema=False)

TICKET_FORM: Final = r"^[A-Za-z0-9_-]{43}$"
"""256 bits in base64url."""

_FIELDS_MAX: Final = 4
"""Fields of the form that hands a session on; it has two."""

TicketPath = Annotated[str, Path(pattern=TICKET_FORM)]


@router.get("/launch")
def launch(request: Request, parts: ThisDesk) -> Response:
    """Take a link of our own form, or a record's SMART launch, which names itself by ``iss``."""
    if "iss" in request.query_params:
        return _from_record(request, parts)
    return _taken(read_launch(request.scope["query_string"]), parts)


@router.get("/launch/callback")
def back_from_record(request: Request, parts: ThisDesk) -> Response:
    """Take what the record says is on its screen; who looks at it still signs in."""
    ticket = parts.desk.entrance.end_launch(answer_of(request), returned(request, parts))
    return RedirectResponse(f"/launch/{ticket}", status_code=303)


@router.get("/IHEInvokeImageDisplay")
def invoke_image_display(request: Request, parts: ThisDesk) -> Response:
    """Take a link of IHE's form (RAD-106), as the Image Display."""
    return _taken(read_invocation(request.scope["query_string"]), parts)


@router.get("/launch/{ticket}")
def launched(request: Request, parts: ThisDesk, pages: ThesePages, session: Naming, ticket: TicketPath) -> Response:
    """Lead to the one draft that waits; list what is known when it is none, or more than one."""
    found = parts.desk.launched(ticket, session.reader)
    drafts = waiting(found)
    if len(drafts) == 1 and not found.mixed:
        return RedirectResponse(f"/results/{drafts[0].result.id}", status_code=303)
    return pages.render(request, "launched.html", **page_of(found), **frame_of(parts, session))


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form. The guard has measured it, and one of our own pages sent it."""
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=_FIELDS_MAX)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


@router.post("/launch/handover")
def take_over(request: Request, parts: ThisDesk, form: Annotated[dict[str, str], Depends(_form)]) -> Response:
    """Go on with a session in this window, where its cookie is another one than in the frame."""
    token = parts.desk.take_over(form.get("handover", ""))
    if token is None:
        raise NotSignedIn("the window came too late, or twice")
    before = request.cookies.get(session_cookie(parts.options))
    if before:
        parts.desk.sign_out(before)
    response = RedirectResponse(own_page(form.get("next", "")), status_code=303)
    set_session(response, token, parts.options)
    return response


def _from_record(request: Request, parts: Parts) -> Response:
    issuer, launch = (request.query_params.getlist(name) for name in ("iss", "launch"))
    if len(request.scope["query_string"]) > QUERY_BYTES_MAX or len(issuer) != 1 or len(launch) != 1 or not launch[0]:
        raise BadLink("launch")
    parts.throttle.begin(address=address_of(request))
    browser = browser_of(request, parts) or new_browser()
    address = parts.desk.entrance.begin_launch(issuer[0], launch[0], browser, language_of(request).code)
    return led_away(address, browser, parts)


def _taken(link: Link, parts: Parts) -> Response:
    return RedirectResponse(f"/launch/{parts.desk.launch(link)}", status_code=303)
