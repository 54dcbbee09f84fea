"""Read first: open the images, say what you think. The reveal is the question (results.py), as for everybody."""

from fastapi import APIRouter, status

from bridge.web.access import ThisDesk
from bridge.web.first_read import ResultPath
from bridge.web.preparing import Showing
from bridge.web.problems import documented
from bridge.web.schemas.first_reads import FirstReadOut, ImpressionIn

router = APIRouter(prefix="/api/results/{result}", tags=["results"])

_REFUSED = ("not-found", "role-refused", "not-entitled", "not-allowed", "held", "objected", "world-changed", "refused")


@router.post(
    "/first-read",
    status_code=status.HTTP_201_CREATED,
    summary="Begin a first read: the images, and nothing of AI",
    responses=documented(*_REFUSED, unsafe=True),
)
def begin(parts: ThisDesk, session: Showing, result: ResultPath) -> FirstReadOut:
    """Note when the caller opened the images; a second time changes nothing."""
    return FirstReadOut.of(parts.desk.begin_first_read(result, session.reader))


@router.post(
    "/impression",
    status_code=status.HTTP_201_CREATED,
    summary="Say what you think before the draft is revealed",
    responses=documented(*_REFUSED, "malformed", unsafe=True),
)
def say(parts: ThisDesk, session: Showing, result: ResultPath, given: ImpressionIn) -> FirstReadOut:
    """Keep the caller's first impression: once, before anything of AI was shown to them."""
    return FirstReadOut.of(parts.desk.give_impression(result, session.reader, given.word, given.note.strip()))
