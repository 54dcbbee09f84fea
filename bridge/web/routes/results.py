"""Results: list, look, ask, answer, take back, follow."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, status

from bridge.web.access import Reviewing, Signed, ThisDesk
from bridge.web.first_read import AfterReveal
from bridge.web.first_read import ResultPath as ResultPath  # noqa: PLC0414 - others find it here
from bridge.web.preparing import Showing
from bridge.web.problems import documented
from bridge.web.schemas.opinions import SignedOpinionIn, WithdrawalIn
from bridge.web.schemas.results import HappenedOut, LinesOut, OpenedOut, ViewOut
from bridge.web.security import session_cookie
from bridge.web.views import line_out, opened_out, view_out
from bridge.web.worklist import ROWS_MAX
from guarantee.states import ResultState

router = APIRouter(prefix="/api/results", tags=["results"])


@router.get("", summary="List results by state", responses=documented("malformed"))
def list_results(
    parts: ThisDesk,
    session: Signed,
    state: Annotated[list[ResultState], Query(description="repeatable")] = [ResultState.AWAITING_REVIEW],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = ROWS_MAX,
) -> LinesOut:
    """Return worklist rows: stat before routine, then oldest first. They say nothing of what the model found."""
    lines = parts.desk.lines([str(one) for one in state], limit=limit + 1)
    return LinesOut(lines=tuple(line_out(line, session) for line in lines[:limit]), more=len(lines) > limit)


@router.get(
    "/{result}",
    summary="Look at a result",
    dependencies=[AfterReveal],
    responses=documented("not-found", "first-read-due"),
)
def read_result(parts: ThisDesk, session: Signed, result: ResultPath) -> ViewOut:
    """Return a result as far as the caller may see it; a draft that awaits review is left out."""
    return view_out(parts.desk.view(result, session.reader), session)


@router.post(
    "/{result}/question",
    status_code=status.HTTP_201_CREATED,
    summary="Open the draft: record the exposure and ask the one-time question",
    responses=documented(
        *(
            "not-found",
            "role-refused",
            "not-entitled",
            "not-habilitated",
            "first-read-due",
            "not-allowed",
            "held",
            "objected",
        ),
        "world-changed",
        unsafe=True,
    ),
)
def ask(parts: ThisDesk, session: Showing, result: ResultPath) -> OpenedOut:
    """Show the draft to the caller and record that it was shown. Each call asks a new question."""
    return opened_out(parts.desk.open(result, session.reader), session)


@router.post(
    "/{result}/opinions",
    status_code=status.HTTP_201_CREATED,
    summary="Sign an opinion",
    dependencies=[AfterReveal],
    responses=documented(
        *(
            "not-found",
            "role-refused",
            "not-entitled",
            "not-habilitated",
            "draft-changed",
            "nonce-refused",
            "world-changed",
            "held",
            "objected",
        ),
        *("not-allowed", "refused", "policy-unmet", "malformed", "bytes-missing", "forged", "first-read-due"),
        *("gesture-missing", "gesture-refused"),
        unsafe=True,
    ),
)
def answer(
    request: Request, parts: ThisDesk, session: Showing, result: ResultPath, opinion: SignedOpinionIn
) -> ViewOut:
    """Take an opinion on exactly the draft that was shown; release in the same step when it completes a decision."""
    if opinion.gesture is None:
        return view_out(parts.desk.answer(result, session, opinion.to_answer()), session)
    token = request.cookies.get(session_cookie(parts.options), "")
    signed = (opinion.to_answer(), opinion.gesture.to_gesture())
    parts.desk.signing.answer(result, session.reader, session.auth, token, signed)
    return view_out(parts.desk.view(result, session.reader), session)


@router.post(
    "/{result}/withdrawal",
    status_code=status.HTTP_201_CREATED,
    summary="Take a released result back everywhere",
    dependencies=[AfterReveal],
    responses=documented(
        *("first-read-due", "not-found", "role-refused"),
        "not-entitled",
        "not-allowed",
        "refused",
        "malformed",
        unsafe=True,
    ),
)
def withdraw(parts: ThisDesk, session: Reviewing, result: ResultPath, asked: WithdrawalIn) -> ViewOut:
    """Sign a withdrawal; every destination that may hold a copy gets word of it."""
    return view_out(parts.desk.withdraw(result, session, asked.reason, asked.comment.strip()), session)


@router.get(
    "/{result}/timeline",
    summary="What happened to a result",
    dependencies=[AfterReveal],
    responses=documented("not-found", "first-read-due"),
)
def read_timeline(parts: ThisDesk, _session: Signed, result: ResultPath) -> list[HappenedOut]:
    """Return everything the journal says of a result and of its case: identifiers and digests, no patient data."""
    return [HappenedOut.model_validate(line) for line in parts.desk.timeline(result)]
