"""Signing in at the identity provider: there, back, and out again.

The way there and the way back are plain GETs, because a page of another site sends people back. What makes them safe:
the answer counts once, within five minutes, in the browser that left (a cookie of its own), and for the nonce and the
verifier of that departure.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from bridge.oidc.errors import Astray
from bridge.oidc.request import LIFE, new_browser
from bridge.web.access import Parts, ThisDesk, language_of
from bridge.web.errors import NotHere
from bridge.web.routes.pages import own_page
from bridge.web.routes.session import address_of
from bridge.web.security import browser_cookie, session_cookie, set_cookie, set_session

router = APIRouter(include_in_schema=False)

_BROWSER_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ANSWER: Final = ("state", "code", "iss", "error")
_VALUE_CHARACTERS_MAX: Final = 4096
"""Longest value of an answer. Codes have up to 2,000 characters where they are signed tokens."""


@router.get("/sign-in/provider")
def depart(request: Request, parts: ThisDesk, then: Annotated[str, Query(alias="next")] = "/worklist") -> Response:
    """Lead to the provider, and remember which browser left, for where."""
    if not parts.options.provider:
        raise NotHere("no identity provider")
    parts.throttle.begin(address=address_of(request))
    browser = browser_of(request, parts) or new_browser()
    address = parts.desk.entrance.depart(own_page(then), browser, language_of(request).code)
    return led_away(address, browser, parts)


@router.get("/sign-in/callback")
def arrive(request: Request, parts: ThisDesk) -> Response:
    """Take the provider's answer: a new session, or a page that says why not. Whatever session was there is ended."""
    if not parts.options.provider:
        raise NotHere("no identity provider")
    arrived = parts.desk.entrance.arrive(answer_of(request), returned(request, parts))
    before = request.cookies.get(session_cookie(parts.options))
    if before:
        parts.desk.sign_out(before)
    response = RedirectResponse(own_page(arrived.target), status_code=303)
    set_session(response, arrived.token, parts.options)
    return response


@router.get("/sign-out")
def leave(request: Request, parts: ThisDesk) -> Response:
    """Lead to the provider's own sign-out, after ours. A page of another site leads nobody there."""
    here = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    address = parts.desk.entrance.leave() if here and parts.options.provider else ""
    return RedirectResponse(address or "/sign-in", status_code=303)


def led_away(address: str, browser: str, parts: Parts) -> Response:
    """Lead to ``address``, and remember for as long as it may take which browser left."""
    response = RedirectResponse(address, status_code=303)
    age_s = int(LIFE.total_seconds())
    set_cookie(response, browser_cookie(parts.options), browser, parts.options, out_of_reach=True, max_age_s=age_s)
    return response


def returned(request: Request, parts: Parts) -> str:
    """Return what the browser that comes back is recognised by.

    Raises:
        Astray: it never left.
    """
    browser = browser_of(request, parts)
    if not browser:
        raise Astray("this browser left for nowhere")
    return browser


def browser_of(request: Request, parts: Parts) -> str:
    """Return what the browser that left is recognised by; "" when it has nothing of that form."""
    value = request.cookies.get(browser_cookie(parts.options), "")
    return value if _BROWSER_FORM.fullmatch(value) else ""


def answer_of(request: Request) -> Mapping[str, str]:
    """Return the parameters of an answer; one that stands there twice, or is too long, is somebody's attempt."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in _ANSWER:
            if name in found or len(value) > _VALUE_CHARACTERS_MAX:
                raise Astray("a parameter twice, or too long")
            found[name] = value
    return found
