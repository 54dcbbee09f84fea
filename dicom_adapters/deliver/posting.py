"""The Destination port for a PACS that is sent to by DICOMweb: STOW-RS of the stored bytes, then each read back.

The files that were sealed are the parts of the request, byte for byte. What the archive answers is not proof: an
instance counts once it was retrieved and compared, as after C-STORE (send.py).

Source: PS3.18, 10.5 (store transaction); PS3.3, C.12.3 (Failed SOP Sequence, Failure Reason).
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from dicom_adapters.ask.dicomweb import CONFLICT, Web, parse
from dicom_adapters.deliver.archive import DicomWeb, changes
from dicom_adapters.deliver.held import Held, load_all, reference, rejected_by, require_stored
from dicom_adapters.destination import Options
from guarantee.errors import Declined, NotProved, PortError, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Clock, Vault
from guarantee.release import Receipt, Release

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""Most of an answer that is read. One instance is about 500 bytes of JSON."""

_FAILED_SEQUENCE: Final = "00081198"
_INSTANCE: Final = "00081155"
_REASON: Final = "00081197"


class StowDestination:
    """Implements guarantee.ports.Destination. Safe to use from several threads at once.

    Args:
        options: of the archive; its DICOMweb address and token, nothing of DIMSE.
    """

    def __init__(self, options: Options, vault: Vault, clock: Clock) -> None:
        self._name = options.name
        self._vault = vault
        self._clock = clock
        where = (options.dicomweb_url, options.dicomweb_s, options.web_token)
        self._web, self._archive = Web(*where), DicomWeb(*where)

    @property
    def name(self) -> str:
        """The name that releases use."""
        return self._name

    def close(self) -> None:
        """Nothing is kept open."""

    def send(self, release: Release) -> Receipt:
        """Post the package that ``release`` names for this archive, and return once all of it was read back.

        Raises:
            Unavailable: no answer, or not now; sending again is harmless.
            Declined: the archive refused, or holds something else under our UID; trying again would not help.
        """
        package = release.package_for(self._name)
        objects = load_all(package, self._vault)
        statuses = self._store(objects, package)
        coerced = self._compared(objects)
        said = reference([(held, statuses.get(held.sop_instance_uid, 0)) for held in objects], coerced)
        rejected = [item for held in objects for item in rejected_by(held)]
        if rejected:
            said["still_listed"] = self._still_listed(rejected)
        return Receipt(
            destination=self._name,
            package=package,
            method="read-back",
            reference=json.dumps(said, sort_keys=True),
            at=self._clock.now(),
        )

    def _store(self, objects: Sequence[Held], package: Digest) -> dict[str, int]:
        """Return the Failure Reason of each instance that was not stored because it was there already."""
        content_type, body = _multipart(objects, package)
        status, answer = self._web.post("/studies", content_type, body, answer_bytes_max=ANSWER_BYTES_MAX)
        failed = dict(_failures(answer))
        for held in objects:
            require_stored(held, failed.get(held.sop_instance_uid, 0))
        if status == CONFLICT and not failed:
            raise Declined("refused", f"{self._name} stored nothing (HTTP status 409) and does not say why")
        return failed

    def _compared(self, objects: Sequence[Held]) -> list[str]:
        found = [(held, self._archive.retrieve(held)) for held in objects]
        missing = [held.name for held, stored in found if stored is None]
        if missing:
            raise NotProved("not-confirmed", f"{self._name} took {', '.join(missing)}, and does not show it yet")
        return sorted({word for held, stored in found if stored for word in changes(held, stored)})

    def _still_listed(self, rejected: Sequence[Held]) -> list[str] | None:
        try:
            return [held.sop_instance_uid for held in rejected if self._archive.lists(held)]
        except PortError:
            return None


def _multipart(objects: Sequence[Held], package: Digest) -> tuple[str, bytes]:
    """Return (content type, body): each file as it was sealed. The boundary follows from the package's digest."""
    boundary = f"aval-{package}"
    parts = [
        f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + held.data + b"\r\n" for held in objects
    ]
    content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
    return content_type, b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _failures(answer: bytes) -> Iterator[tuple[str, int]]:
    """Yield (SOP Instance UID, Failure Reason) of what was not stored; nothing of an answer that cannot be read."""
    try:
        said = parse(answer)
    except Unavailable:  # an archive that answers in XML, or with nothing: the read-back decides
        return
    for item in _values(said, _FAILED_SEQUENCE):
        uid, reason = _values(item, _INSTANCE), _values(item, _REASON)
        if uid and reason and isinstance(reason[0], int):
            yield str(uid[0]), reason[0]


def _values(element: Any, tag: str) -> list[Any]:
    found = element.get(tag) if isinstance(element, dict) else None
    values = found.get("Value") if isinstance(found, dict) else None
    return values if isinstance(values, list) else []
