"""Discordances: reported from a result, followed on a page, and printed as a fiche d'événement indésirable."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Path, Request, status
from fastapi.responses import HTMLResponse

from bridge.web import incident_words
from bridge.web.access import Signed, ThisDesk
from bridge.web.errors import RoleRefused
from bridge.web.first_read import AfterReveal, ResultPath
from bridge.web.pages import frame_of
from bridge.web.problems import documented
from bridge.web.routes.pages import ThesePages
from bridge.web.schemas.incidents import ActionIn, AnswersIn, DeclaredIn, DoneIn, ReportedOut, ReportIn
from guarantee.errors import NotEntitled
from guarantee.ids import ResultId
from guarantee.incident import OVERSEERS

router = APIRouter()

LISTED_MAX: Final = 200
"""Most incidents on the page; the command line lists more."""

IncidentPath = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$")]
Said = Annotated[AnswersIn | DeclaredIn | ActionIn | DoneIn, Body(discriminator="kind")]


@router.post(
    "/api/results/{result}/incidents",
    tags=["incidents"],
    status_code=status.HTTP_201_CREATED,
    summary="Report a discordance on a result",
    dependencies=[AfterReveal],
    responses=documented("not-found", "role-refused", "first-read-due", "malformed", unsafe=True),
)
def report(parts: ThisDesk, session: Signed, result: ResultPath, said: ReportIn) -> ReportedOut:
    """Open an incident; a D4 stops the version and freezes the evidence in the same step."""
    try:
        made = parts.desk.reporting.report(ResultId(result), said.grade, said.reason.strip(), session.reader)
    except NotEntitled as error:
        raise RoleRefused(str(error)) from None
    return ReportedOut(incident=made)


@router.post(
    "/api/incidents/{incident}/lines",
    tags=["incidents"],
    status_code=status.HTTP_201_CREATED,
    summary="Say something of an incident",
    responses=documented("not-found", "role-refused", "not-allowed", "malformed", unsafe=True),
)
def add(parts: ThisDesk, session: Signed, incident: IncidentPath, said: Said) -> ReportedOut:
    """Append a line: answers, a declaration, a corrective action, or that it was done."""
    desk, reader = parts.desk.reporting, session.reader
    try:
        match said:
            case AnswersIn():
                desk.answer(incident, said.answers, reader)
            case DeclaredIn(kind="declared"):
                desk.declare(incident, said.duty, said.note.strip(), reader)
            case DeclaredIn():
                desk.set_aside(incident, said.duty, said.note.strip(), reader)
            case ActionIn():
                desk.act(incident, said.note.strip(), said.due, reader)
            case DoneIn():
                desk.done(incident, said.number, said.note.strip(), reader)
    except NotEntitled as error:
        raise RoleRefused(str(error)) from None
    return ReportedOut(incident=incident)


@router.get("/incidents", include_in_schema=False)
def page(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed) -> HTMLResponse:
    """Show incidents with their clocks: every one to who oversees them, one's own to the others."""
    listed = parts.desk.reporting.listed(limit=LISTED_MAX)
    found = incident_words.shown(listed, session.reader, parts.now())
    everybody = session.reader.role in incident_words.SEE_ALL
    oversees = session.reader.role in OVERSEERS
    frame = frame_of(parts, session)
    return pages.render(request, "incidents.html", shown=found, everybody=everybody, oversees=oversees, **frame)


@router.get("/incidents/{incident}/fei", include_in_schema=False)
def sheet(
    request: Request, parts: ThisDesk, pages: ThesePages, session: Signed, incident: IncidentPath
) -> HTMLResponse:
    """Show the filled-in form, to be printed."""
    filled = parts.desk.reporting.sheet(incident, session.reader)
    return pages.render(request, "fei.html", sheet=filled, **frame_of(parts, session))
