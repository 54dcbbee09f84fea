"""What a site says of one archive that it sends to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydicom.uid import (
    Comprehensive3DSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    SegmentationStorage,
)

from dicom_adapters.associate.tls import Calling, Identity
from guarantee.errors import Malformed

SYNTAXES: Final[Mapping[str, str]] = {
    "explicit": str(ExplicitVRLittleEndian),
    "implicit": str(ImplicitVRLittleEndian),
}
"""What our objects may be rendered in, as the setting ``transfer_syntax`` of a destination calls it."""


OURS: Final = (str(SegmentationStorage), str(Comprehensive3DSRStorage), str(KeyObjectSelectionDocumentStorage))
"""What a delivery may hold. All are proposed each time, so that one association serves whatever comes next."""


class Duplicate(StrEnum):
    """What it takes to believe an archive that says it holds our UID already (0x0111).

    BELIEVE: the proof that is asked for anyway. COMPARE: the instance itself, read back and compared.
    """

    BELIEVE = "believe"
    COMPARE = "compare"


class Confirm(StrEnum):
    """How an archive must prove that it holds what was sent."""

    AUTO = "auto"
    COMMITMENT = "commitment"
    DICOMWEB = "dicomweb"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One archive.

    Args:
        name: of the destination, as releases use it.
        aet: our AE title, which the archive must know.
        peer_aet, peer_host, peer_port: the archive; "" and 0 for one that is sent to by DICOMweb (posting.py).
        dicomweb_url: root of its DICOMweb service; "" when it has none.
        commitment_host, commitment_port: where we listen for the answers to storage commitment; "" is every address.
            With port 0 nothing is opened until ``listen`` is called: an archive cannot know a port that nobody chose,
            and some answer on the association that asked.
        tls: how the archive is called by TLS; None to call it without.
        answers_tls: who we are for an archive that answers by TLS, which must show a certificate; None without.
        duplicate: what it takes to believe that a UID it holds already is our object.
        web_token: bearer token of its DICOMweb service; "" for none.
        idle_s: how long an association is kept for the next delivery; 0 to hang up after each.
        connect_s, associate_s: to open a connection, to negotiate an association.
        answer_s: for the answer to one request.
        commitment_s: for the answer to storage commitment; a later one counts at the next attempt.
        dicomweb_s: for one whole DICOMweb request.
    """

    name: str
    aet: str
    peer_aet: str
    peer_host: str
    peer_port: int
    confirm: Confirm = Confirm.AUTO
    dicomweb_url: str = ""
    commitment_host: str = ""
    commitment_port: int = 0
    tls: Calling | None = None
    answers_tls: Identity | None = None
    duplicate: Duplicate = Duplicate.BELIEVE
    web_token: str = field(default="", repr=False)
    idle_s: float = 0.0
    connect_s: float = 10.0
    associate_s: float = 15.0
    answer_s: float = 30.0
    commitment_s: float = 10.0
    dicomweb_s: float = 20.0

    def __post_init__(self) -> None:
        if self.confirm is Confirm.DICOMWEB and not self.dicomweb_url:
            raise Malformed(f"destination {self.name}: proof by DICOMweb needs the archive's DICOMweb address")
        if self.peer_host and not all(0 < len(aet) <= 16 for aet in (self.aet, self.peer_aet)):
            raise Malformed(f"destination {self.name}: an AE title has between 1 and 16 characters")
