"""Another viewer opens a study for who is signed in here: the button beside a draft."""

from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request, status

from bridge.web.access import Reviewing, ThisDesk
from bridge.web.first_read import AfterReveal, ResultPath
from bridge.web.problems import documented
from bridge.web.schemas.viewers import AdmissionOut
from bridge.web.security import session_cookie

router = APIRouter(prefix="/api/results/{result}", tags=["results"])

ROOT: Final = "/dicom-web"


@router.post(
    "/viewer",
    status_code=status.HTTP_201_CREATED,
    summary="Let another viewer show the study, with the draft that the caller has opened",
    dependencies=[AfterReveal],
    responses=documented("not-found", "role-refused", "first-read-due", "too-many-attempts", unsafe=True),
)
def admit(request: Request, parts: ThisDesk, _session: Reviewing, result: ResultPath) -> AdmissionOut:
    """Return a bearer token for this one study, and the link that opens Weasis with it.

    A viewer must ask by it within ten minutes; it counts for an hour at most, and no longer than the caller's session.
    """
    session = request.cookies.get(session_cookie(parts.options), "")
    given = parts.desk.imaging.admit(result, session)
    url = f"{parts.options.public_url.rstrip('/')}{ROOT}"
    return AdmissionOut(
        url=url,
        study=given.study,
        token=given.token,
        opens_within_s=given.opens_within_s,
        weasis=weasis_link(url, given.study, given.token),
    )


def weasis_link(url: str, study: str, token: str) -> str:
    """Return the address that starts Weasis 3.5 or later, where its installer was used.

    Args:
        url: of our DICOMweb.

    Source: weasis.org, Weasis Web Protocol; Commands, dicom:rs.
    """
    command = f'$dicom:rs --url "{url}" -r "studyUID={study}" -H "Authorization: Bearer {token}"'
    return f"weasis://{quote(command, safe='')}"
