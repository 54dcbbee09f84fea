"""The desk as an ASGI application: pages, API, errors. Wiring gives it a Desk and Options; it reads nothing else."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from bridge.links.errors import BadLink, LinkError, UntrustedLink
from bridge.oidc.errors import OidcError
from bridge.web.access import Parts, language_of, parts_of, session_of, utc_now
from bridge.web.errors import NotSignedIn, TooManyAttempts, WebError
from bridge.web.i18n import load
from bridge.web.ohif import PATH as OHIF
from bridge.web.ohif import OhifFiles
from bridge.web.options import Options
from bridge.web.pages import STATIC, Pages, assets_digest, frame_of
from bridge.web.problem import Problem
from bridge.web.problems import PROBLEMS, ProblemOut, as_json, problem_of, retry_after
from bridge.web.routes import (
    dicomweb,
    drift,
    first_read,
    health,
    images,
    incidents,
    launch,
    models,
    monitoring,
    pages,
    passkeys,
    results,
    rights,
    session,
    sign_in,
    stops,
    viewers,
)
from bridge.web.security import READ_ONLY, Guard
from bridge.web.services import Desk
from bridge.web.throttle import Throttle
from guarantee.errors import Absent, GuaranteeError, PortError

__all__ = ["Options", "make_app"]

FIELDS_MAX: Final = 20
"""Names of wrong fields listed in an answer; a form has fewer."""

_ROUTERS = (
    session,
    results,
    first_read,
    passkeys,
    images,
    stops,
    models,
    health,
    monitoring,
    drift,
    rights,
    incidents,
    launch,
    sign_in,
    pages,
    dicomweb,
    viewers,
)
_HANDLED = (WebError, LinkError, OidcError, GuaranteeError, PortError, Absent, RequestValidationError, HTTPException)

_log = logging.getLogger("aval.desk")


def make_app(desk: Desk, options: Options, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the application.

    Args:
        desk: does everything; every method may raise what services.py says.
        now: the time, for waiting times and ages on screen; decisions take the desk's own clock.
    """
    app = FastAPI(
        title="Aval: the desk",
        summary="Nothing an algorithm finds leaves until a clinician has endorsed exactly that content.",
        version=options.ui_build or "0",
        openapi_url="/api/openapi.json",
        docs_url=None,  # they fetch scripts from elsewhere; the document itself is served
        redoc_url=None,
    )
    languages = load(options.languages, options.time_zone)
    assets = assets_digest()
    app.state.parts = Parts(
        desk=desk, options=options, languages=languages, throttle=Throttle(), now=now, assets=assets
    )
    app.state.pages = Pages(languages)
    for module in _ROUTERS:
        app.include_router(module.router)
    app.mount(f"/static/{assets}", StaticFiles(directory=STATIC))
    if options.ohif:
        app.mount(OHIF.rstrip("/"), OhifFiles(directory=options.ohif))
    for kind in _HANDLED:
        app.add_exception_handler(kind, _handle)
    app.add_middleware(Guard, options=options, refuse=_refuse)
    app.openapi = _documented(app)  # type: ignore[method-assign]
    return app


def _handle(request: Request, error: Exception) -> Response:
    problem = _problem(error)
    if problem.status >= 500:
        if problem.code == "internal":
            raise error  # the guard records it with a reference
        _log.warning("desk.problem code=%s kind=%s route=%s", problem.code, type(error).__name__, _route(request))
    if isinstance(error, UntrustedLink):
        _log.warning("launch.refused why=%s", error.why)
    return _answer(request, error, problem, "")


def _refuse(request: Request, error: Exception, reference: str) -> Response:
    return _answer(request, error, _problem(error), reference)


def _problem(error: Exception) -> Problem:
    if isinstance(error, RequestValidationError):
        in_path = any(entry["loc"][0] == "path" for entry in error.errors())
        return PROBLEMS["not-found" if in_path else "malformed"]
    if isinstance(error, HTTPException):
        return PROBLEMS[{404: "not-found", 405: "wrong-method"}.get(error.status_code, "malformed")]
    return problem_of(error)


def _answer(request: Request, error: Exception, problem: Problem, reference: str) -> Response:
    """Answer the API with problem details, and a person with a page."""
    wait_s = error.retry_after_s if isinstance(error, TooManyAttempts) else None
    path = request.url.path
    if path.startswith(("/api/", READ_ONLY)) or path in {"/healthz", "/readyz"}:
        return as_json(problem, language_of(request), fields=_fields(error), reference=reference, retry_after_s=wait_s)
    if path.startswith(("/static/", OHIF)):
        return Response(status_code=problem.status)
    if isinstance(error, NotSignedIn) and request.method == "GET":
        return pages.to_sign_in(request)
    return _page(request, problem, reference or _parameter(error), wait_s)


def _parameter(error: Exception) -> str:
    """Return what in a link is not understood, for whoever set up the button."""
    return error.parameter if isinstance(error, BadLink) else ""


def _page(request: Request, problem: Problem, reference: str, wait_s: int | None) -> Response:
    renderer: Pages = request.app.state.pages
    response = renderer.render(
        request, "error.html", status=problem.status, problem=problem, reference=reference, **_frame(request, problem)
    )
    response.headers.update(retry_after(problem, wait_s))
    return response


def _frame(request: Request, problem: Problem) -> dict[str, Any]:
    """Return the frame of an error page; a bare one when the fault may be in what the frame itself needs."""
    bare: dict[str, Any] = {"session": None, "stops": ()}
    if problem.status >= 500:
        return bare
    found = session_of(request, active=True)
    return frame_of(parts_of(request), found) if found else bare


def _fields(error: Exception) -> tuple[str, ...]:
    """Return where a request is wrong: names from our own schema, never what was sent."""
    if not isinstance(error, RequestValidationError):
        return ()
    return tuple(dict.fromkeys(_place(entry) for entry in error.errors()))[:FIELDS_MAX]


def _place(entry: dict[str, Any]) -> str:
    """Return where; of an unknown key only its parent, because its name came from outside."""
    known = entry["loc"][:-1] if entry["type"] == "extra_forbidden" else entry["loc"]
    return ".".join(str(part) for part in known)


def _route(request: Request) -> str:
    route = request.scope.get("route")
    return getattr(route, "path", "?")


def _documented(app: FastAPI) -> Callable[[], dict[str, Any]]:
    made = app.openapi

    def openapi() -> dict[str, Any]:
        """Return the document, with the one schema that only refusals use."""
        document = made()
        document["components"]["schemas"].setdefault("ProblemOut", ProblemOut.model_json_schema())
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None) if _is_default(operation) else None
        return document

    return openapi


def _is_default(operation: dict[str, Any]) -> bool:
    """Return whether FastAPI itself wrote the answer to an invalid request: its form is not ours."""
    content = operation["responses"].get("422", {}).get("content", {})
    return "application/json" in content
