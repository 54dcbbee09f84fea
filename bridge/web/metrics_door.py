"""The door for whoever scrapes: GET /metrics, and nothing else. It reads; nothing is sent to it."""

import hmac
import logging
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.exposition import MEDIA_TYPE
from bridge.logs import where

HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_log = logging.getLogger("aval.metrics")


def make_metrics_app(text: Callable[[], str], token: str) -> FastAPI:
    """Return the application.

    Args:
        text: what a scrape reads.
        token: bearer token that must be presented; "" for none, on loopback alone.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("latin-1")
        if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return Response(status_code=401, headers={**HEADERS, "WWW-Authenticate": 'Bearer realm="metrics"'})
        return Response(text(), media_type=MEDIA_TYPE, headers=HEADERS)

    @app.get("/healthz")
    async def health() -> Response:
        return Response("ok", media_type="text/plain", headers=HEADERS)

    @app.api_route("/{anything:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def elsewhere(anything: str) -> Response:  # noqa: ARG001 - the path is not repeated to whoever sent it
        return Response(status_code=404, headers=HEADERS)

    app.add_middleware(_Boundary)
    return app


class _Boundary:
    """Answers what nobody foresaw, and records where it came from; the server would log its message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - boundary: a fault of ours is recorded by its place, and no scrape
            _log.error("metrics.fault %s", where(error))
            await Response(status_code=500, headers=HEADERS)(scope, receive, send)
