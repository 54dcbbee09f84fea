"""The engineer's page, and the same figures as a table for other programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from bridge.web import monitoring
from bridge.web.access import Signed, Speaking, ThisDesk, signed_in
from bridge.web.pages import frame_of
from bridge.web.periods import Window, window_of
from bridge.web.routes.pages import ThesePages

router = APIRouter(include_in_schema=False)

Word = Annotated[str, Query(max_length=20)]
ModelName = Annotated[str, Query(max_length=200)]


def _asked(
    parts: ThisDesk,
    language: Speaking,
    begin: Annotated[str, Query(alias="from", max_length=20)] = "",
    end: Annotated[str, Query(alias="to", max_length=20)] = "",
    show: Word = "day",
    by: Word = "model",
    model: ModelName = "",
) -> Window:
    return window_of(show, begin, end, by, model, parts.now(), language)


Asked = Annotated[Window, Depends(_asked)]


@router.get("/monitoring")
def page(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed, asked: Asked) -> HTMLResponse:
    """Show where time went in a window, what is slow, what failed and what readers decided."""
    watched = parts.desk.watched(asked.since, asked.until)
    found = monitoring.page(watched, asked, parts.desk.cards(), parts.now())
    return pages.render(request, "monitoring.html", found=found, **frame_of(parts, session))


@router.get("/monitoring.csv", dependencies=[Depends(signed_in)])
def table(parts: ThisDesk, asked: Asked) -> Response:
    """Return one line a result."""
    body = monitoring.to_csv(parts.desk.watched(asked.since, asked.until), asked)
    name = f"aval-{asked.since:%Y%m%dT%H%M}-{asked.until:%Y%m%dT%H%M}.csv"
    return Response(
        body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
