"""What an archive holds, asked in its own ways: DICOMweb retrieval and search, C-FIND.

A success status of C-STORE does not prove that our object arrived: an archive that already knows the UID may answer
0x0000 and keep what it had. So what is retrieved is compared with what was sent, byte by byte; what an archive may
rightly change, the identity that it coerces to its own, is told apart from everything else.

Source: PS3.18, 10.4 (retrieve) and 10.6 (search); PS3.4, C.4.1 (C-FIND) and B.2.3 (coercion of identity).
"""

from io import BytesIO
from typing import Any, Final

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset

from dicom_adapters.ask.cfind import matches
from dicom_adapters.ask.dicomweb import Web, parse
from dicom_adapters.ask.qido import JSON_MEDIA, place
from dicom_adapters.deliver.held import Held, data_set_start
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import read_header
from dicom_adapters.read.multipart import BrokenBody, Data, End, Parts, content_type
from dicom_adapters.read.values import CONVERSION_ERRORS
from dicom_adapters.render.source import PATIENT_AND_STUDY
from guarantee.errors import Declined, Unavailable

ANSWER_SLACK_BYTES: Final = 4 * 1024 * 1024
"""How much larger than our object an answer may be: multipart headers, identity that the archive adds."""

SEARCH_BYTES_MAX: Final = 1024 * 1024
"""Most of a search answer that is read. One instance is about 2 kB of JSON."""

_COERCED: Final = frozenset(tag_for_keyword(keyword) for keyword in PATIENT_AND_STUDY) | frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        *("SpecificCharacterSet", "RetrieveAETitle", "InstanceAvailability", "OriginalAttributesSequence"),
        *("PatientComments", "EthnicGroup", "StudyStatusID", "StudyPriorityID", "PhysiciansOfRecord"),
    )
) - {tag_for_keyword("StudyInstanceUID")}
"""What an archive may change in an object it keeps: whose it is, never what it says."""


class DicomWeb:
    """An archive's DICOMweb service.

    Args:
        url: root of the service, http or https, e.g. "https://pacs.example/dicom-web".
        timeout_s: for one whole request.
        token: bearer token; "" for none.

    Raises:
        Declined: the address is not http or https.
    """

    def __init__(self, url: str, timeout_s: float, token: str = "") -> None:
        self._web = Web(url, timeout_s, token)

    def retrieve(self, held: Held) -> bytes | None:
        """Return the instance as the archive stores it, or None when it has none.

        Raises:
            Unavailable: no answer, or one that is not an instance.
        """
        path = place(held.study_uid, held.series_uid, held.sop_instance_uid)
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        answer = self._web.get(path, accept, len(held.data) + ANSWER_SLACK_BYTES)
        return None if answer is None else _first_part(*answer)

    def lists(self, held: Held) -> bool:
        """Return whether a search finds the instance.

        Raises:
            Unavailable: no answer, or one that is not a search result.
        """
        path = f"{place(held.study_uid, held.series_uid)}/instances?SOPInstanceUID={held.sop_instance_uid}"
        answer = self._web.get(path, JSON_MEDIA, SEARCH_BYTES_MAX)
        if answer is None or not answer[1]:
            return False
        found = parse(answer[1])
        return isinstance(found, list) and bool(found)


def _first_part(kind: str, body: bytes) -> bytes:
    """Return the first part of a multipart/related body (RFC 2387), or the whole of a plain one."""
    said, part = content_type(kind), bytearray()
    if not said.media.startswith("multipart/") or not said.boundary:
        return body
    try:
        for event in Parts(said.boundary).feed(body):
            match event:
                case Data(piece):
                    part += piece
                case End():
                    return bytes(part)
    except BrokenBody as error:
        raise Unavailable("unreadable-answer", f"the archive answered with a broken body: {error}") from error
    raise Unavailable("unreadable-answer", "the archive answered with no whole part")


# ------------------------------------------------------------------------------------------------------- comparison


def changes(held: Held, stored: bytes) -> tuple[str, ...]:
    """Return the keywords of the identity that the archive changed; () when it keeps our bytes as they are.

    Raises:
        Declined: it holds another object under our UID.
        Unavailable: what it sent cannot be read.
    """
    start = data_set_start(stored)
    if stored[start:] == held.data[held.start :]:
        return ()
    try:
        header = read_header(stored)
    except MalformedInstance as error:
        raise Unavailable("unreadable-answer", f"the archive sent no readable instance: {error.code}") from error
    identity = (header.sop_class_uid, header.sop_instance_uid, header.series_instance_uid, header.study_instance_uid)
    if identity != (held.sop_class_uid, held.sop_instance_uid, held.series_uid, held.study_uid):
        raise _other(held)
    ours, theirs = dcmread(BytesIO(held.data)), dcmread(BytesIO(stored))
    try:
        different = [tag for tag in sorted(ours.keys() | theirs.keys()) if not _same(ours, theirs, tag)]
    except CONVERSION_ERRORS as error:
        words = f"the archive sent an instance with a value that cannot be read: {type(error).__name__}"
        raise Unavailable("unreadable-answer", words) from error
    if not _COERCED.issuperset(different):
        raise _other(held)
    return tuple(keyword_for_tag(tag) for tag in different)


def _same(ours: Dataset, theirs: Dataset, tag: Any) -> bool:
    """Return whether one element says the same; its bytes first, so that identities are not decoded (and warned of)."""
    if tag not in ours or tag not in theirs:
        return False
    mine, other = ours.get_item(tag), theirs.get_item(tag)
    if (mine.value or b"") == (other.value or b"") and other.VR in {mine.VR, None}:  # None: sent in implicit VR
        return True
    return tag not in _COERCED and bool(ours[tag] == theirs[tag])


def _other(held: Held) -> Declined:
    return Declined(
        "other-object-under-our-uid",
        f"the archive holds another object under the UID of {held.name}; it was not replaced. "
        "Two installations may share a site namespace",
    )


# ------------------------------------------------------------------------------------------------------------- C-FIND


def finds(association: Any, held: Held, whole_s: float) -> bool:
    """Return whether a C-FIND at IMAGE level lists the instance, under its class.

    Args:
        association: established, with the Study Root context.
        whole_s: longest answer.

    Raises:
        Unavailable: no answer, a failure, or an answer without an end.
        Declined: it is listed under another class.
    """
    where = {
        "StudyInstanceUID": held.study_uid,
        "SeriesInstanceUID": held.series_uid,
        "SOPInstanceUID": held.sop_instance_uid,
    }
    found = matches(association, "IMAGE", where, ("SOPInstanceUID", "SOPClassUID"), whole_s=whole_s)
    classes = {each["SOPClassUID"] for each in found if each["SOPInstanceUID"] == held.sop_instance_uid}
    if not classes <= {"", held.sop_class_uid}:
        raise _other(held)
    return bool(classes)
