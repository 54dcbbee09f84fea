"""DICOMweb, read-only: what it asks of the rest, and which instances one caller is shown.

The images that were received are served like those of the desk. What a model drafted joins them only through
`Imaging.draft`, behind which the one decision stands (bridge/flows/viewing.py); a listing leaves out what it refuses,
and says in a header that something was left out and why. What a listing leaves out does not exist in its counts either.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from guarantee.errors import Absent, GuaranteeError, PortError
from guarantee.opinion import Reader

Attributes = Mapping[str, Mapping[str, Any]]
"""DICOM JSON (PS3.18, F.2), by tag of eight hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which studies are looked for; what is empty is not asked.

    Args:
        studies: Study Instance UIDs.
        name: of the patient, with ``*`` and ``?``; upper and lower case are alike.
        first_day, last_day: of the study, YYYY-MM-DD, both included.
        offset, limit: which of those that fit, newest exam first.
    """

    studies: tuple[str, ...] = ()
    patient: str = ""
    name: str = ""
    accession: str = ""
    first_day: str = ""
    last_day: str = ""
    modality: str = ""
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One object of a study.

    Args:
        kind: SOP Class UID.
        digest: of its bytes.
        draft: identifier of the result that it is a draft of; "" for what was received.
        data: the bytes of a draft, which are kept nowhere; b"" for what was received.
    """

    study: str
    series: str
    uid: str
    kind: str
    digest: str
    draft: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A draft that waits for a reader, and the series that it would be shown as."""

    result: str
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """How the pixels of an instance are kept.

    Args:
        syntax: Transfer Syntax UID.
        media_type: of one frame as it is kept; application/octet-stream when it is not compressed.
    """

    syntax: str
    media_type: str
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks, by which way.

    Args:
        study: the one study that a bearer token opens; "" for a session, which opens all.
    """

    reader: Reader
    study: str = ""

    def require(self, study: str) -> None:
        """Return when this caller may ask for ``study``.

        Raises:
            Absent: their token is for another one; whether that is here is not said.
        """
        if self.study and self.study != study:
            raise Absent("another study than the token is for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What another viewer is given, once.

    Args:
        token: what it sends as a bearer; it is kept here as a digest alone.
        opens_within_s: seconds in which it must ask for the first time.
    """

    study: str
    token: str
    opens_within_s: int


class Imaging(Protocol):
    """What DICOMweb is made of. Methods raise guarantee errors, which problems.py turns into answers."""

    def admit(self, result: str, session: str) -> Admission:
        """Let another viewer look at the study of a result, for who holds the session with this token.

        Raises:
            Absent: there is no such result, or it is about no study.
            TooManyAttempts: this session has given too many.
        """

    def admitted(self, token: str) -> Viewer | None:
        """Return for whom, and for which study, a bearer token stands; None when it stands for nothing any more."""

    def search(self, wanted: Search) -> Sequence[Attributes]:
        """Return the studies that fit, with everything that may be asked of one; images are counted, drafts are not."""

    def images(self, study: str) -> Sequence[Instance]:
        """Return what was received of a study, and is in use.

        Raises:
            Absent: it is not here, or nobody has said yet whose it is.
        """

    def waiting(self, study: str) -> Sequence[Waiting]:
        """Return the drafts of care that wait. It says nothing of what they say."""

    def draft(self, result: str, reader: Reader) -> Sequence[Instance]:
        """Return the objects of a draft, when ``reader`` may see it.

        Raises:
            Absent, FirstReadDue, NotOpened, NotAllowed, NotEntitled, NotHabilitated, Held, WorldChanged.
        """

    def attributes(self, instance: Instance) -> Attributes:
        """Return the attributes of an instance, its pixels left out."""

    def pixels(self, instance: Instance) -> Pixels:
        """Return how its pixels are kept."""

    def pieces(self, instance: Instance) -> Iterator[bytes]:
        """Yield the bytes of an instance exactly as they were received, or as the draft was rendered."""

    def frame(self, instance: Instance, number: int, *, decoded: bool) -> bytes:
        """Return one frame, from 1: decoded, or as it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one caller is shown of a study.

    Args:
        withheld: why drafts were left out, by the name of the refusal.
    """

    instances: Sequence[Instance]
    withheld: tuple[str, ...] = ()


def may_see_draft(waiting: Waiting, viewer: Viewer, imaging: Imaging) -> Sequence[Instance]:
    """Return the objects of a draft, for whoever may see it: every answer that bears one comes by here.

    Raises:
        As `Imaging.draft`.
    """
    return imaging.draft(waiting.result, viewer.reader)


def shown(study: str, viewer: Viewer, imaging: Imaging) -> Shown:
    """Return everything of a study that ``viewer`` may see now.

    Raises:
        Absent: the study is not here, or not theirs to ask for.
    """
    viewer.require(study)
    instances, withheld = list(imaging.images(study)), []
    for waiting in imaging.waiting(study):
        try:
            instances += may_see_draft(waiting, viewer, imaging)
        except (GuaranteeError, PortError, Absent) as refusal:
            withheld.append(type(refusal).__name__)
    return Shown(instances=instances, withheld=tuple(sorted(set(withheld))))


def series_of(study: str, series: str, viewer: Viewer, imaging: Imaging) -> Sequence[Instance]:
    """Return the instances of one series.

    Raises:
        Absent: there is no such series.
        As `Imaging.draft`, for one that a draft is shown as.
    """
    viewer.require(study)
    found = [image for image in imaging.images(study) if image.series == series]
    for waiting in imaging.waiting(study):
        if series in waiting.series:
            found += [one for one in may_see_draft(waiting, viewer, imaging) if one.series == series]
    if not found:
        raise Absent("no such series")
    return found


def instance_of(study: str, series: str, uid: str, viewer: Viewer, imaging: Imaging) -> Instance:
    """Return one instance.

    Raises:
        As `series_of`.
    """
    for one in series_of(study, series, viewer, imaging):
        if one.uid == uid:
            return one
    raise Absent("no such instance")
