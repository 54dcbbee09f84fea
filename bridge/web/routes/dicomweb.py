"""DICOMweb, read-only: QIDO-RS and WADO-RS for reviewers, over what was received and what waits as a draft.

Source: PS3.18, 10.4 (retrieve) and 10.6 (search).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from bridge.web.access import REVIEWERS, parts_of, session_of
from bridge.web.dicomweb import Attributes, Imaging, Instance, Shown, Viewer, instance_of, series_of, shown
from bridge.web.errors import CrossSite, NotSignedIn, RoleRefused, TooMuch
from bridge.web.media import DICOM, JSON, MULTIPART, OCTETS, Offer, Part, boundary, chosen, multipart
from bridge.web.qido import Query, answered, fits, read_query, search_of
from guarantee.errors import Absent

router = APIRouter(prefix="/dicom-web", include_in_schema=False)

METADATA_INSTANCES_MAX: Final = 5_000
"""Most instances described in one answer: 5,000 CT headers are about 50 MB of JSON."""

RETRIEVE_INSTANCES_MAX: Final = 20_000
"""Most instances in one body. They are streamed: what counts is how long a connection may last."""

FRAMES_MAX: Final = 100
"""Most frames of one request: OHIF asks for one, Weasis for none."""

PRIVATE_AGE_S: Final = 600
"""How long a browser may keep what was received, in seconds, as at the desk. Of a draft it keeps nothing."""

TOKEN_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 bits in base64url."""

EXPLICIT: Final = "1.2.840.10008.1.2.1"

_JSON_OFFERS: Final = (Offer(media_type=JSON), Offer(media_type="application/json"))

UidPath = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]
FramesPath = Annotated[str, Path(pattern=r"^[0-9]{1,6}(,[0-9]{1,6}){0,99}$")]


def viewing(request: Request) -> Viewer:
    """Return who looks: a viewer with a bearer token, or a page of this desk with its cookie.

    A session's cookie goes wherever the browser goes, so a page of another site must not be able to fetch by it. A
    token is no sign of life: another program at work must not keep the desk from locking.

    Raises:
        NotSignedIn, RoleRefused: nobody we know; a role that is shown no image.
        CrossSite: a browser says that no page of the desk asks, or does not say who does.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return _bearer(token.strip() if scheme.lower() == "bearer" else "", request)
    session = session_of(request, active=True)
    if session is None:
        raise NotSignedIn("no session, or it ended")
    if request.headers.get("sec-fetch-site") != "same-origin":
        raise CrossSite("images are fetched by a page of the desk")
    if session.reader.role not in REVIEWERS:
        raise RoleRefused(f"a {session.reader.role} sees lists and states only")
    return Viewer(reader=session.reader)


def _bearer(token: str, request: Request) -> Viewer:
    found = parts_of(request).desk.imaging.admitted(token) if TOKEN_FORM.fullmatch(token) else None
    if found is None:
        raise NotSignedIn("a token that stands for nothing, or no longer")
    if found.reader.role not in REVIEWERS:
        raise RoleRefused(f"a {found.reader.role} sees lists and states only")
    return found


Viewing = Annotated[Viewer, Depends(viewing)]


def imaging_of(request: Request) -> Imaging:
    """Return where studies come from."""
    return parts_of(request).desk.imaging


TheseImages = Annotated[Imaging, Depends(imaging_of)]


# ------------------------------------------------------------------------------------------------------------- search


@router.get("/studies")
def search_studies(request: Request, imaging: TheseImages, viewer: Viewing) -> Response:
    """Return the studies that fit. They say nothing of any draft."""
    query = read_query("study", request.query_params.multi_items())
    found = imaging.search(search_of(query, viewer.study))
    return _json(request, [_linked(answered(one, query), "studies", _uid(one, "0020000D"), request) for one in found])


@router.get("/studies/{study}/series")
def search_series(request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath) -> Response:
    """Return the series of a study, with those of drafts that the caller may see."""
    query = read_query("series", request.query_params.multi_items())
    seen = shown(study, viewer, imaging)
    groups: dict[str, list[Instance]] = {}
    for one in seen.instances:
        groups.setdefault(one.series, []).append(one)
    found = [{**imaging.attributes(group[0]), **_counted(group)} for group in groups.values()]
    path = f"studies/{study}/series"
    made = [_linked(answered(one, query), path, _uid(one, "0020000E"), request) for one in _page(found, query)]
    return _json(request, made, seen)


@router.get("/studies/{study}/series/{series}/instances")
def search_instances(
    request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath, series: UidPath
) -> Response:
    """Return the instances of a series."""
    query = read_query("instance", request.query_params.multi_items())
    instances = _few(series_of(study, series, viewer, imaging), METADATA_INSTANCES_MAX)
    found = [imaging.attributes(one) for one in instances]
    path = f"studies/{study}/series/{series}/instances"
    made = [_linked(answered(one, query), path, _uid(one, "00080018"), request) for one in _page(found, query)]
    return _json(request, made)


def _page(found: Iterable[Attributes], query: Query) -> Sequence[Attributes]:
    return [one for one in found if fits(one, query)][query.offset :][: query.limit if query.is_limited else None]


def _counted(group: Sequence[Instance]) -> Attributes:
    return {"00201209": {"vr": "IS", "Value": [len(group)]}}


def _uid(attributes: Attributes, tag: str) -> str:
    return str(attributes[tag]["Value"][0])


def _linked(found: dict[str, Any], path: str, uid: str, request: Request) -> dict[str, Any]:
    """Add where it is retrieved, in full, and that it is at hand."""
    root = parts_of(request).options.public_url.rstrip("/")
    found["00080056"] = {"vr": "CS", "Value": ["ONLINE"]}
    found["00081190"] = {"vr": "UR", "Value": [f"{root}/dicom-web/{path}/{uid}"]}
    return dict(sorted(found.items()))


# ----------------------------------------------------------------------------------------------------------- metadata


@router.get("/studies/{study}/metadata")
def study_metadata(request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath) -> Response:
    """Return the attributes of every instance of a study."""
    seen = shown(study, viewer, imaging)
    return _described(request, seen, imaging)


@router.get("/studies/{study}/series/{series}/metadata")
def series_metadata(
    request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath, series: UidPath
) -> Response:
    """Return the attributes of every instance of a series."""
    return _described(request, Shown(instances=series_of(study, series, viewer, imaging)), imaging)


@router.get("/studies/{study}/series/{series}/instances/{uid}/metadata")
def instance_metadata(
    request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath, series: UidPath, uid: UidPath
) -> Response:
    """Return the attributes of an instance."""
    return _described(request, Shown(instances=[instance_of(study, series, uid, viewer, imaging)]), imaging)


def _described(request: Request, seen: Shown, imaging: Imaging) -> Response:
    instances = _few(seen.instances, METADATA_INSTANCES_MAX)
    return _json(request, [imaging.attributes(one) for one in instances], seen)


# ----------------------------------------------------------------------------------------------------------- retrieve


@router.get("/studies/{study}")
def retrieve_study(request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath) -> Response:
    """Return every instance of a study, as it is kept."""
    return _whole(request, shown(study, viewer, imaging), imaging)


@router.get("/studies/{study}/series/{series}")
def retrieve_series(
    request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath, series: UidPath
) -> Response:
    """Return every instance of a series, as it is kept."""
    return _whole(request, Shown(instances=series_of(study, series, viewer, imaging)), imaging)


@router.get("/studies/{study}/series/{series}/instances/{uid}")
def retrieve_instance(
    request: Request, imaging: TheseImages, viewer: Viewing, study: UidPath, series: UidPath, uid: UidPath
) -> Response:
    """Return an instance, as it is kept."""
    return _whole(request, Shown(instances=[instance_of(study, series, uid, viewer, imaging)]), imaging)


@router.get("/studies/{study}/series/{series}/instances/{uid}/frames/{frames}")
def retrieve_frames(
    request: Request,
    imaging: TheseImages,
    viewer: Viewing,
    study: UidPath,
    series: UidPath,
    uid: UidPath,
    frames: FramesPath,
) -> Response:
    """Return frames, numbered from 1: decoded, or compressed as they are kept."""
    instance = instance_of(study, series, uid, viewer, imaging)
    kept = imaging.pixels(instance)
    numbers = [int(number) for number in frames.split(",")]
    if not all(1 <= number <= kept.frames for number in numbers):
        raise Absent("no such frame")
    offers = [Offer(media_type=OCTETS, syntax=EXPLICIT, parts=True)]
    if kept.media_type != OCTETS:
        offers.append(Offer(media_type=kept.media_type, syntax=kept.syntax, parts=True))
    offers += [Offer(media_type=one.media_type, syntax=one.syntax) for one in offers if len(numbers) == 1]
    offer = chosen(request.headers.get("accept", ""), offers)
    made = [imaging.frame(instance, number, decoded=offer.media_type == OCTETS) for number in numbers]
    parts = [Part(media_type=offer.media_type, syntax=offer.syntax, pieces=[one]) for one in made]
    return _body(offer, parts, [instance])


def _whole(request: Request, seen: Shown, imaging: Imaging) -> Response:
    """Return instances byte for byte; one instance also without the form of several parts."""
    instances = _few(seen.instances, RETRIEVE_INSTANCES_MAX)
    accept = request.headers.get("accept", "")
    syntax = imaging.pixels(instances[0]).syntax
    if "transfer-syntax" in accept and any(imaging.pixels(one).syntax != syntax for one in instances):
        syntax = "mixed"  # what they are kept in is given, and no one syntax names it
    offers = [Offer(media_type=DICOM, syntax=syntax, parts=True)]
    offers += [Offer(media_type=DICOM, syntax=syntax)] if len(instances) == 1 else []
    offer = chosen(accept, offers)
    parts = (Part(media_type=DICOM, syntax=imaging.pixels(one).syntax, pieces=imaging.pieces(one)) for one in instances)
    return _body(offer, parts, instances, seen)


def _body(offer: Offer, parts: Iterable[Part], instances: Sequence[Instance], seen: Shown | None = None) -> Response:
    headers = _headers(instances, seen)
    if not offer.parts:
        (part,) = parts
        return StreamingResponse(iter(part.pieces), media_type=_typed(part), headers=headers)
    between = boundary()
    media_type = f'{MULTIPART}; type="{offer.media_type}"; boundary={between}'
    return StreamingResponse(multipart(parts, between), media_type=media_type, headers=headers)


def _typed(part: Part) -> str:
    return f"{part.media_type}; transfer-syntax={part.syntax}" if part.syntax else part.media_type


def _headers(instances: Sequence[Instance], seen: Shown | None) -> dict[str, str]:
    headers = {"Vary": "Accept, Authorization, Cookie, Sec-Fetch-Site"}
    if not any(one.draft for one in instances) and not (seen and seen.withheld):
        headers["Cache-Control"] = f"private, max-age={PRIVATE_AGE_S}"
    return headers | _warned(seen)


def _warned(seen: Shown | None) -> dict[str, str]:
    """Return the header that says that drafts were left out (RFC 7234, 5.5): none reads as if AI had found nothing."""
    if seen is None or not seen.withheld:
        return {}
    return {"Warning": f'299 aval "drafts withheld: {", ".join(seen.withheld)}"'}


def _few(instances: Sequence[Instance], most: int) -> Sequence[Instance]:
    if len(instances) > most:
        raise TooMuch(f"{len(instances)} instances; at most {most} are answered at once")
    return instances


def _json(request: Request, found: Sequence[Mapping[str, Any]], seen: Shown | None = None) -> Response:
    offer = chosen(request.headers.get("accept", ""), _JSON_OFFERS)
    data = json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    headers = {"Vary": "Accept, Authorization, Cookie, Sec-Fetch-Site", **_warned(seen)}
    return Response(data, media_type=offer.media_type, headers=headers)
