"""For whoever watches the process: is it alive, can it work."""

from fastapi import APIRouter, Response, status

from bridge.web.access import ThisDesk
from bridge.web.problems import documented
from bridge.web.schemas.systems import ReadyOut

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive", responses=documented(signed_in=False))
def healthz() -> dict[str, str]:
    """Answer, and look at nothing else: a database that is down is no reason to restart this process."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can the process work", responses=documented(signed_in=False))
def readyz(parts: ThisDesk, response: Response) -> ReadyOut:
    """Answer 503 with what is missing while something is."""
    missing = tuple(parts.desk.ready())
    if missing:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return ReadyOut(ready=not missing, waiting_for=missing)
