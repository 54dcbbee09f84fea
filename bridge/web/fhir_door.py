"""The record's door over HTTP: reads requests within limits and hands them to whoever answers them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.logs import where

MEDIA_TYPE: Final = "application/fhir+json"

BODY_S: Final = 60.0
"""Longest reading of a body: 1 MiB needs 140 kbit/s."""

FORM_BYTES_MAX: Final = 16 * 1024
"""Largest request for a token: an assertion has some 700 characters."""

TOO_LARGE: Final = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"too-long",'
    b'"diagnostics":"the body is larger than this endpoint takes"}]}'
)
TOO_SLOW: Final = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"timeout",'
    b'"diagnostics":"the body did not come in time; send it again"}]}'
)
NOT_HERE: Final = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported",'
    b'"diagnostics":"POST a Bundle to the base, or a notification to notify/{name}; see metadata"}]}'
)


UNFORESEEN: Final = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"exception",'
    b'"diagnostics":"a fault of ours, which our log tells of; send it again later"}]}'
)

_log = logging.getLogger("aval.intake")


class Reply(Protocol):
    """What to answer."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def body(self) -> bytes:
        """A FHIR resource as JSON."""


class FhirDoor(Protocol):
    """Answers requests; see fhir_adapters.door.Door."""

    def metadata(self) -> Reply:
        """Answer GET metadata."""

    def smart_configuration(self) -> Reply:
        """Answer GET .well-known/smart-configuration, in JSON."""

    def token(self, form: bytes, address: str) -> Reply:
        """Answer a request for a token, in JSON."""

    def bundle(self, body: bytes, headers: Mapping[str, str], address: str) -> Reply:
        """Answer POST of a Bundle."""

    def notification(
        self, method: str, name: str, tail: str, body: bytes, headers: Mapping[str, str], address: str
    ) -> Reply:
        """Answer a notification."""


def make_fhir_app(door: FhirDoor, *, body_bytes_max: int, beside: Sequence[APIRouter] = ()) -> FastAPI:
    """Return the application of ``aval run intake``.

    Args:
        beside: routes of other doors on the same port.
    """
    app = FastAPI(title="Aval intake", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/fhir/metadata")
    async def metadata() -> Response:
        return _response(await run_in_threadpool(door.metadata))

    async def bundle(request: Request) -> Response:
        body = await _body(request, body_bytes_max)
        if isinstance(body, Response):
            return body
        return _response(await run_in_threadpool(door.bundle, body, _headers(request), _address(request)))

    async def notification(request: Request) -> Response:
        body = await _body(request, body_bytes_max)
        if isinstance(body, Response):
            return body
        name, tail = request.path_params["name"], request.path_params.get("tail", "")
        answer = await run_in_threadpool(
            door.notification, request.method, name, tail, body, _headers(request), _address(request)
        )
        return _response(answer)

    # Routes of Starlette: what FastAPI does for each request, to find out that there is nothing to convert, costs
    # as much as reading a notification.
    for path in ("/fhir", "/fhir/"):
        app.add_route(path, bundle, methods=["POST"])
    for path in ("/fhir/notify/{name}", "/fhir/notify/{name}/{tail:path}"):
        app.add_route(path, notification, methods=["POST", "PUT"])

    _give_tokens(app, door)

    @app.get("/healthz")
    async def health() -> Response:
        return Response("ok", media_type="text/plain")

    app.add_middleware(Boundary)
    for router in beside:
        app.include_router(router)

    @app.api_route("/{anything:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def elsewhere(anything: str) -> Response:  # noqa: ARG001 - the path is not repeated to whoever sent it
        return Response(NOT_HERE, 404, media_type=MEDIA_TYPE)

    return app


def _give_tokens(app: FastAPI, door: FhirDoor) -> None:
    """Add where senders get tokens (SMART Backend Services)."""

    @app.get("/fhir/.well-known/smart-configuration")
    async def smart_configuration() -> Response:
        reply = await run_in_threadpool(door.smart_configuration)
        return Response(reply.body, reply.status, media_type="application/json")

    @app.post("/fhir/auth/token")
    async def token(request: Request) -> Response:
        form = await _body(request, FORM_BYTES_MAX)
        if isinstance(form, Response):
            return form
        reply = await run_in_threadpool(door.token, form, _address(request))
        # RFC 6749, 5.1: nobody between us and the sender keeps it.
        return Response(reply.body, reply.status, media_type="application/json", headers={"Cache-Control": "no-store"})


class Boundary:
    """Answers what nobody foresaw, and records where it came from; the server would log its message, and so values."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception as error:  # noqa: BLE001 - boundary: a fault of ours becomes an OperationOutcome
            _log.error("intake.fault %s", where(error))
            if not begun:
                await Response(UNFORESEEN, 500, media_type=MEDIA_TYPE)(scope, receive, send)


async def _body(request: Request, most: int) -> bytes | Response:
    """Return the body; or an answer, when it is larger than ``most`` (it is never held whole) or does not come."""
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    return Response(TOO_LARGE, 413, media_type=MEDIA_TYPE)
                chunks.append(chunk)
    except (TimeoutError, ClientDisconnect):
        return Response(TOO_SLOW, 408, media_type=MEDIA_TYPE)
    return b"".join(chunks)


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=MEDIA_TYPE)
