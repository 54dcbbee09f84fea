"""DICOMweb storage over HTTP (STOW-RS): the body is handed on as it comes. See dicom_adapters.listen.stow.

The body is read in this thread while the piece before it is being kept in another; both wait for the slower one, so
that a fast sender fills no memory.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final, Protocol, runtime_checkable

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

PIECE_BYTES: Final = 1024 * 1024
"""How much of a body is handed on at once: two CT images."""

SILENCE_S: Final = 60.0
"""Longest silence of a sender in the middle of a body, as at the listener."""

REQUEST_S: Final = 3600.0
"""Longest request: 10 GiB at 3 MB/s. A sender that drips its body is cut off then."""


class Reply(Protocol):
    """What to answer."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def body(self) -> bytes:
        """Its body."""

    @property
    def headers(self) -> dict[str, str]:
        """Its headers."""


@runtime_checkable
class Session(Protocol):
    """One request; see dicom_adapters.listen.stow.Session."""

    def feed(self, data: bytes) -> bool:
        """Take a piece of the body; return whether more is wanted."""

    def finish(self) -> Reply:
        """Return the answer."""

    def cut(self, code: str, detail: str) -> Reply:
        """Return the answer to a body that came no further."""

    def close(self) -> None:
        """Let go."""


class StowDoor(Protocol):
    """Opens sessions; see dicom_adapters.listen.stow.Door."""

    def open(self, study_uid: str, headers: Mapping[str, str], address: str) -> Session | Reply:
        """Return a session, or an answer to a request that need not be read."""


def make_stow_routes(door: StowDoor) -> APIRouter:
    """Return the routes of DICOMweb storage, for the application of ``aval run intake``."""
    router = APIRouter(prefix="/dicom-web")

    @router.post("/studies")
    @router.post("/studies/{study_uid}")
    async def store(request: Request, study_uid: str = "") -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        address = request.client.host if request.client else ""
        session = await run_in_threadpool(door.open, study_uid, headers, address)
        return _response(await _converse(session, request) if isinstance(session, Session) else session)

    @router.api_route("/{anything:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def elsewhere(anything: str) -> Response:  # noqa: ARG001 - the path is not repeated to whoever sent it
        said = "POST instances to studies or studies/{study}; nothing else of DICOMweb is served here"
        return Response(said, 404, media_type="text/plain")

    return router


async def _converse(session: Session, request: Request) -> Reply:
    try:
        try:
            async with asyncio.timeout(REQUEST_S):
                await _read(session, request)
        except TimeoutError:
            return await run_in_threadpool(session.cut, "timeout", "the body came too slowly")
        except ClientDisconnect:
            return await run_in_threadpool(session.cut, "cut-off", "the connection ended in the middle of the body")
        return await run_in_threadpool(session.finish)
    finally:
        await run_in_threadpool(session.close)


async def _read(session: Session, request: Request) -> None:
    """Feed the body until it ends or the session wants no more; one piece is kept while the next one comes."""
    keeping: asyncio.Future[bool] | None = None
    try:
        async for piece in _pieces(request):
            if keeping is not None and not await asyncio.shield(keeping):  # a thread cannot be cancelled
                return
            keeping = asyncio.ensure_future(run_in_threadpool(session.feed, piece))
    finally:
        if keeping is not None:
            await asyncio.shield(keeping)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces.

    Raises:
        TimeoutError: the sender was silent for SILENCE_S.
        ClientDisconnect: the connection ended.
    """
    gathered: list[bytes] = []
    size, is_more, loop = 0, True, asyncio.get_running_loop()
    while is_more:
        async with asyncio.timeout(SILENCE_S) as silence:
            while is_more and size < PIECE_BYTES:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                gathered.append(message.get("body", b""))
                size, is_more = size + len(gathered[-1]), message.get("more_body", False)
                silence.reschedule(loop.time() + SILENCE_S)
        if size:
            yield b"".join(gathered)
        gathered, size = [], 0


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, headers=reply.headers)
