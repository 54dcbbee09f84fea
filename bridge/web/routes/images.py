"""Images of a result's case, and the masks of its draft."""

import gzip
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from bridge.web.access import ThisDesk
from bridge.web.errors import NotHere
from bridge.web.first_read import AfterReveal
from bridge.web.preparing import showing
from bridge.web.problems import documented
from bridge.web.routes.results import ResultPath
from bridge.web.schemas.images import SeriesOut
from guarantee.ids import digest

router = APIRouter(prefix="/api/results/{result}", tags=["images"], dependencies=[Depends(showing)])

PRIVATE_AGE_S: Final = 600
"""How long a browser may keep an image, in seconds: one reading. Signing out clears it at once (security.py)."""

GZIP_LEVEL: Final = 1
"""A CT slice shrinks from 524 to 298 kB in about 10 ms; level 6 takes four times as long for 5 % more."""

_BYTES: Mapping[int | str, dict[str, object]] = {200: {"content": {"application/octet-stream": {}}}}

SeriesPath = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$", description="Series Instance UID")]


@router.get("/series", summary="The series of a result's case", responses=documented("not-found", "role-refused"))
def list_series(parts: ThisDesk, result: ResultPath) -> list[SeriesOut]:
    """Return each series with everything a viewer needs but the pixels."""
    return [SeriesOut.model_validate(series) for series in parts.desk.series(result)]


@router.get(
    "/series/{series}/frames/{index}",
    summary="One frame",
    response_class=Response,
    responses={**documented("not-found", "role-refused", "image-unreadable", "bytes-missing"), **_BYTES},
)
def read_frame(
    request: Request,
    parts: ThisDesk,
    result: ResultPath,
    series: SeriesPath,
    index: Annotated[int, Path(ge=0, lt=100_000, description="place in the series' list of instances, from 0")],
) -> Response:
    """Return stored values, 16-bit little-endian, or RGB bytes, as the series says."""
    return _octets(request, parts.desk.frame(result, series, index))


@router.get(
    "/segments/{number}",
    summary="The mask of one segment",
    response_class=Response,
    dependencies=[AfterReveal],
    responses={**documented("not-found", "role-refused", "first-read-due", "malformed", "bytes-missing"), **_BYTES},
)
def read_mask(
    request: Request,
    parts: ThisDesk,
    result: ResultPath,
    number: Annotated[int, Path(ge=0, lt=100_000)],
    mask: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$", description="digest of the mask, as the content says it")],
) -> Response:
    """Return the mask bytes whose digest is ``mask``.

    The digest is in the draft and nowhere else: only a reader whom the draft was shown can name it, and a mask that was
    replaced since is not found.
    """
    data = parts.desk.mask(result, number)
    if digest(data) != mask:
        raise NotHere("no such mask in this result")
    return _octets(request, data)


def _octets(request: Request, data: bytes) -> Response:
    headers = {"Cache-Control": f"private, max-age={PRIVATE_AGE_S}", "Vary": "Accept-Encoding, Cookie"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        data = gzip.compress(data, compresslevel=GZIP_LEVEL, mtime=0)
    return Response(data, media_type="application/octet-stream", headers=headers)
