"""One of our objects on its way to an archive: checked once, then sent and compared as the bytes that it is; and how
what an archive says of one is judged.

Source: PS3.4, B.2.3 (C-STORE statuses); PS3.3, C.12.3 (Failure Reason, with the same codes).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, KeyObjectSelectionDocumentStorage
from pynetdicom.dsutils import encode

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import read_header
from guarantee.errors import BlobMissing, Declined, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Vault
from guarantee.release import Package, Part

STORED: Final = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Success, and the warnings that mean "stored": coercion, elements discarded, data set does not match the class."""

DUPLICATE: Final = 0x0111
"""Duplicate SOP Instance: what a second attempt may be told. Proof decides whether it is ours."""

AGAIN: Final = frozenset({0x0110, 0x0210, 0x0213})
"""Processing failure, duplicate invocation, resource limitation: not now. 0xA7xx, out of resources, likewise."""

_SYNTAXES: Final = frozenset({ExplicitVRLittleEndian, ImplicitVRLittleEndian})


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One of our objects, as it was sent.

    Args:
        start: where the data set begins in ``data``.
    """

    name: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    syntax: str
    data: bytes
    start: int


def load_all(package: Digest, vault: Vault) -> tuple[Held, ...]:
    """Return the objects of a package, in its order.

    Raises:
        Declined: the vault no longer holds what was released, or one would not go out as it is.
    """
    try:
        parts = Package.from_bytes(vault.get(package)).parts
        return tuple(load(part, vault.get(part.digest)) for part in parts)
    except BlobMissing as error:
        raise Declined(error.code, f"what was released cannot be sent: {error.detail}") from error


def load(part: Part, data: bytes) -> Held:
    """Return one object of a package, after making sure that it goes out as it is."""
    try:
        header = read_header(data)
    except MalformedInstance as error:
        raise Declined("not-dicom", f"part {part.name} of the package is not a DICOM object: {error.code}") from error
    if header.sop_instance_uid != part.uid or header.transfer_syntax_uid not in _SYNTAXES:
        raise Declined("wrong-object", f"part {part.name} of the package is not what the package says")
    start = data_set_start(data)
    implicit = header.transfer_syntax_uid == ImplicitVRLittleEndian
    if encode(dcmread(BytesIO(data)), implicit, is_little_endian=True) != data[start:]:
        raise Declined("not-sendable-unchanged", f"part {part.name} would change on its way; it is not sent")
    return Held(
        name=part.name,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        series_uid=header.series_instance_uid,
        study_uid=header.study_instance_uid,
        syntax=header.transfer_syntax_uid,
        data=data,
        start=start,
    )


def require_stored(held: Held, status: int) -> None:
    """Return when ``status`` says that the archive took the object, or holds something under its UID already.

    Raises:
        Unavailable: a status that means "not now".
        Declined: any other status.
    """
    if status in STORED or status == DUPLICATE:
        return
    if status in AGAIN or status & 0xFF00 == 0xA700:
        raise Unavailable("not-now", f"storage of {held.name} ended with status 0x{status:04X}")
    raise Declined("refused", f"storage of {held.name} was refused with status 0x{status:04X}")


def reference(statuses: Sequence[tuple[Held, int]], coerced: Sequence[str] | None) -> dict[str, object]:
    """Return what a receipt says of each object, and of the identity that the archive changed (None: not compared)."""
    listed = [{"name": held.name, "uid": held.sop_instance_uid, "status": f"{status:04X}"} for held, status in statuses]
    return {"objects": listed, "coerced": coerced}


def rejected_by(held: Held) -> Iterator[Held]:
    """Yield what a rejection note takes back: whatever its evidence lists. Other objects take nothing back."""
    if held.sop_class_uid != KeyObjectSelectionDocumentStorage:
        return
    note = dcmread(BytesIO(held.data))
    for study in note.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            for item in series.ReferencedSOPSequence:
                yield Held(
                    name="rejected",
                    sop_class_uid=item.ReferencedSOPClassUID,
                    sop_instance_uid=item.ReferencedSOPInstanceUID,
                    series_uid=series.SeriesInstanceUID,
                    study_uid=study.StudyInstanceUID,
                    syntax="",
                    data=b"",
                    start=0,
                )


def data_set_start(data: bytes) -> int:
    """Return where the data set of a DICOM file begins (PS3.10, 7.1: group length of the file meta information)."""
    return 144 + int.from_bytes(data[140:144], "little")
