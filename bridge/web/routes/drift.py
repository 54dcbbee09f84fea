"""The page on drift of inputs and outputs, and the same as a table for other programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from bridge.web.access import Signed, Speaking, ThisDesk, signed_in
from bridge.web.drift import Form, form_of, to_csv
from bridge.web.pages import frame_of
from bridge.web.routes.monitoring import ModelName, Word
from bridge.web.routes.pages import ThesePages
from guarantee.errors import Absent

router = APIRouter(include_in_schema=False)


def _asked(
    request: Request,
    parts: ThisDesk,
    language: Speaking,
    model: ModelName = "",
    mode: Word = "",
    by: Word = "",
    count: Annotated[str, Query(max_length=5)] = "",
) -> Form:
    """Return what is asked for; without a model, the version that answered last."""
    versions = parts.desk.compared()
    known = next((one for one in versions if model in {"", one.model} and mode in {"", one.mode}), None)
    times = {
        f"{period}_{end}": request.query_params.get(f"{period}_{end}", "")[:20]
        for period in ("reference", "recent")
        for end in ("from", "to")
    }
    said = {"mode": known.mode if known else "care", "by": by, "count": count, **times}
    return form_of(said, known.model if known else "", language)


Asking = Annotated[Form, Depends(_asked)]


@router.get("/monitoring/drift")
def page(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed, form: Asking) -> HTMLResponse:
    """Show which features of a model version changed between two periods."""
    found = parts.desk.drift(form.asked) if form.asked else None
    versions = parts.desk.compared()
    frame = frame_of(parts, session)
    return pages.render(request, "drift.html", form=form, found=found, versions=versions, **frame)


@router.get("/monitoring/drift.csv", dependencies=[Depends(signed_in)])
def table(parts: ThisDesk, form: Asking) -> Response:
    """Return one line a bin."""
    if form.asked is None:
        raise Absent("nothing to compare")
    name = f"aval-drift-{parts.now():%Y%m%dT%H%M}.csv"
    return Response(
        to_csv(parts.desk.drift(form.asked)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
