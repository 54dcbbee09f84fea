"""What protects the desk's pages whatever a route does: headers, same origin, size of bodies, a last boundary.

Plain ASGI, so that it also covers static files and answers made by other middleware. Sources: CSP Level 3; Fetch
Metadata (W3C); RFC 6265bis for cookies.
"""

import asyncio
import logging
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bridge.web.errors import CrossSite, TooLarge
from bridge.web.ohif import PATH, policy_of
from bridge.web.options import Options

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Refuse: TypeAlias = Callable[[Request, Exception, str], Response]
"""Makes the answer to an error; the last argument is the reference of an internal one, or ""."""

BODY_BYTES_MAX: Final = 256 * 1024
"""Largest body, 256 KiB. A full report of 20,000 characters with edits of 200 findings is under 120 KiB."""

BODY_S: Final = 30
"""Longest wait for a whole body, in seconds: a sender of one byte a minute must not hold a connection."""

STATIC_AGE_S: Final = 31_536_000
"""A year: a static file's address holds a digest of its content."""

_SAFE: Final = {"GET", "HEAD", "OPTIONS"}

READ_ONLY: Final = "/dicom-web/"
"""Below this path every unsafe method is answered 405, its body unread: an origin would protect nothing there."""

_log = logging.getLogger("aval.desk")


def fixed_headers(options: Options) -> dict[str, str]:
    """Return the headers that every answer carries."""
    ancestors = _ancestors(options)
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
            f"form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": (
            "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
            "publickey-credentials-get=(self), publickey-credentials-create=(self)"
        ),
    }
    if not options.frame_ancestors:
        # A proxy that adds X-Frame-Options by itself would otherwise block a PACS that the CSP allows.
        headers["X-Frame-Options"] = "DENY"
    if options.secure_cookies:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def _ancestors(options: Options) -> str:
    return " ".join(options.frame_ancestors) or "'none'"


def is_same_origin(headers: Headers, options: Options) -> bool:
    """Return whether a page of the desk made this request.

    The browser's own word (Sec-Fetch-Site) comes first; it is not sent over plain http except on loopback, hence
    Origin, which browsers send with every unsafe request. A program that sends neither is asked to say its origin.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin", "").lower() == options.origin


class Guard:
    """The outermost layer: checks what comes in, adds headers to what goes out, and catches what nobody foresaw.

    Args:
        refuse: makes the answer for an error.
    """

    def __init__(self, app: App, options: Options, refuse: Refuse) -> None:
        self.app = app
        self.options = options
        self.refuse = refuse
        self.headers = fixed_headers(options)
        self.viewer_policy = policy_of(options.ohif, options.origin, _ancestors(options)) if options.ohif else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(scope, message)
            await send(message)

        try:
            body = await self._checked(request)
            await self.app(scope, body, send_guarded)
        except (ClientDisconnect, TimeoutError):
            return  # the caller went away, or never finished its body: there is nobody to answer
        except (CrossSite, TooLarge) as error:
            await self.refuse(request, error, "")(scope, receive, send_guarded)
        except Exception as error:  # noqa: BLE001 - the boundary: recorded with a reference, answered without details
            reference = _recorded(error)
            if started:
                raise ConnectionError(f"answer cut off after internal error {reference}") from None
            await self.refuse(request, error, reference)(scope, receive, send_guarded)

    async def _checked(self, request: Request) -> Receive:
        """Return the body, read and measured, for unsafe requests; refuse what our pages did not send."""
        if request.method in _SAFE or request.url.path.startswith(READ_ONLY):
            return request.receive
        if not is_same_origin(request.headers, self.options):
            raise CrossSite("neither Sec-Fetch-Site nor Origin names this desk")
        data = bytearray()
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                data += chunk
                if len(data) > BODY_BYTES_MAX:
                    raise TooLarge(f"a body of more than {BODY_BYTES_MAX} bytes")
        return _replay(bytes(data), request.receive)

    def _add_headers(self, scope: Scope, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in self.headers.items():
            headers[name] = value
        if self.viewer_policy and scope["path"].startswith(PATH):
            headers["Content-Security-Policy"] = self.viewer_policy
        if scope["path"].startswith("/static/") and message["status"] == 200:
            headers["Cache-Control"] = f"public, max-age={STATIC_AGE_S}, immutable"
        else:
            headers.setdefault("Cache-Control", "no-store")


def _replay(data: bytes, then: Receive) -> Receive:
    parts = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        return parts.pop() if parts else await then()

    return receive


def _recorded(error: Exception) -> str:
    """Log where an unforeseen error came from, without its text: nobody knows what that holds."""
    reference = uuid.uuid4().hex[:12]
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))
    _log.error("desk.internal-error reference=%s kind=%s place=%s", reference, type(error).__name__, place)
    return reference


def session_cookie(options: Options) -> str:
    """Return the name of the session cookie. ``__Host-`` binds it to this host and to https (RFC 6265bis, 4.1.3.2)."""
    return "__Host-aval" if options.secure_cookies else "aval"


def browser_cookie(options: Options) -> str:
    """Return the name of the cookie that a browser is recognised by when it comes back from the identity provider."""
    return "__Host-aval-browser" if options.secure_cookies else "aval-browser"


def set_session(response: Response, token: str, options: Options) -> None:
    """Hand the session token to the browser, out of reach of scripts; it goes when the browser closes."""
    set_cookie(response, session_cookie(options), token, options, out_of_reach=True)


def clear_session(response: Response, options: Options) -> None:
    """Take the session token back, and with it every image the browser kept.

    Source: Clear-Site-Data (W3C), "cache".
    """
    set_cookie(response, session_cookie(options), "", options, out_of_reach=True, max_age_s=0)
    response.headers["Clear-Site-Data"] = '"cache"'


def set_cookie(
    response: Response,
    name: str,
    value: str,
    options: Options,
    *,
    out_of_reach: bool = False,
    max_age_s: int | None = None,
) -> None:
    """Set a cookie. Where a page of another site may frame the desk, it is kept apart for each such site (CHIPS).

    Written by hand: http.cookies knows ``Partitioned`` from Python 3.14 on.

    Args:
        value: letters, digits, ``-`` and ``_`` alone.
        out_of_reach: of scripts.
        max_age_s: in seconds; until the browser closes when None.
    """
    parts = [f"{name}={value}", "Path=/"]
    parts += [f"Max-Age={max_age_s}"] if max_age_s is not None else []
    parts += ["HttpOnly"] if out_of_reach else []
    parts += ["Secure"] if options.secure_cookies else []
    parts += ["SameSite=None", "Partitioned"] if options.is_framed_across_sites else ["SameSite=Lax"]
    response.headers.append("Set-Cookie", "; ".join(parts))
