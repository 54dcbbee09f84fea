"""The Destination port for a PACS: C-STORE of the stored bytes, then proof that the archive holds them.

The bytes that were sealed are the bytes on the wire: they go out in the transfer syntax of the file, and a file that
would be encoded otherwise is not sent. Sending again is harmless, because UIDs and bytes are those of the release.

Proof, in the order of "auto": storage commitment; the instance retrieved by DICOMweb and compared; a C-FIND that lists
it. Where DICOMweb is configured, "auto" compares after a commitment too: an archive commits to an instance by its UID,
whatever it holds under it.

Source: PS3.4, B.2.3 (C-STORE statuses), Annex J (storage commitment), C.4.1 (C-FIND); PS3.7, Annex C.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any, Final, TypeVar

from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StudyRootQueryRetrieveInformationModelFind

from dicom_adapters.archive import DicomWeb, changes, finds
from dicom_adapters.commitment import Answer, CommitmentDesk
from dicom_adapters.held import Held, load, rejected_by
from dicom_adapters.tls import Calling, Identity
from dicom_adapters.upper_layer import keep_answers
from guarantee.errors import BlobMissing, Declined, Malformed, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Clock, Vault
from guarantee.release import Package, Receipt, Release

T = TypeVar("T")

STORED: Final = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Success, and the warnings that mean "stored": coercion, elements discarded, data set does not match the class."""

DUPLICATE: Final = 0x0111
"""Duplicate SOP Instance: what a second attempt may be told. Proof decides whether it is ours."""

AGAIN: Final = frozenset({0x0110, 0x0210, 0x0213})
"""Processing failure, duplicate invocation, resource limitation: not now. 0xA7xx, out of resources, likewise."""

UNCOMMITTED_AGAIN: Final = frozenset({0x0110, 0x0112, 0x0213})
"""Failure Reason (0008,1197): processing failure, no such object instance, resource limitation."""

_PLAIN: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


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
        dicomweb_url: root of its DICOMweb service; "" when it has none.
        commitment_host, commitment_port: where we listen for the answers to storage commitment; "" is every address.
            With port 0 nothing is opened until ``listen`` is called: an archive cannot know a port that nobody chose,
            and some answer on the association that asked.
        tls: how the archive is called by TLS; None to call it without.
        answers_tls: who we are for an archive that answers by TLS, which must show a certificate; None without.
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
    connect_s: float = 10.0
    associate_s: float = 15.0
    answer_s: float = 30.0
    commitment_s: float = 10.0
    dicomweb_s: float = 20.0

    def __post_init__(self) -> None:
        if self.confirm is Confirm.DICOMWEB and not self.dicomweb_url:
            raise Malformed(f"destination {self.name}: proof by DICOMweb needs the archive's DICOMweb address")
        if not all(0 < len(aet) <= 16 for aet in (self.aet, self.peer_aet)):
            raise Malformed(f"destination {self.name}: an AE title has between 1 and 16 characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """How the archive proved it.

    Args:
        coerced: keywords of the identity that the archive changed; None when nothing was compared.
    """

    method: str
    coerced: tuple[str, ...] | None = None


class _NotOffered(Exception):
    """The archive does not accept the service on an association."""


class PacsDestination:
    """Implements guarantee.ports.Destination. Safe to use from several threads at once."""

    def __init__(self, options: Options, vault: Vault, clock: Clock) -> None:
        self._options = options
        self._vault = vault
        self._clock = clock
        self._web = DicomWeb(options.dicomweb_url, options.dicomweb_s) if options.dicomweb_url else None
        self._desk = CommitmentDesk(
            options.aet, options.commitment_host, options.commitment_port, tls=options.answers_tls
        )
        # pynetdicom logs identifiers and status texts, and those name patients.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

    @property
    def name(self) -> str:
        """The name that releases use."""
        return self._options.name

    def close(self) -> None:
        """Stop listening for answers to storage commitment."""
        self._desk.close()

    def listen(self) -> int:
        """Start listening for answers to storage commitment; return the port.

        ``send`` does it when a port is configured. With port 0, any free one is taken.

        Raises:
            Unavailable: the port is taken.
        """
        try:
            self._desk.start()
        except OSError as error:
            raise Unavailable(
                "commitment-port", f"cannot listen on port {self._options.commitment_port}: {error.strerror}"
            ) from error
        return self._desk.port

    def send(self, release: Release) -> Receipt:
        """Send the package that ``release`` names for this archive, and return once the archive is known to hold it.

        Raises:
            Unavailable: no answer, or not now; sending again is harmless.
            Declined: the archive refused, or holds something else under our UID; trying again would not help.
        """
        package = release.package_for(self.name)
        objects = self._load(package)
        statuses = self._store(objects)
        proof = self._prove(objects)
        listed = [{"name": o.name, "uid": o.sop_instance_uid, "status": f"{s:04X}"} for o, s in statuses]
        reference: dict[str, object] = {"objects": listed, "coerced": proof.coerced}
        rejected = [item for held in objects for item in rejected_by(held)]
        if rejected:
            reference["still_listed"] = self._still_listed(rejected)
        return Receipt(
            destination=self.name,
            package=package,
            method=proof.method,
            reference=json.dumps(reference, sort_keys=True),
            at=self._clock.now(),
        )

    # ------------------------------------------------------------------------------------------------------- storing

    def _load(self, package: Digest) -> tuple[Held, ...]:
        try:
            parts = Package.from_bytes(self._vault.get(package)).parts
            return tuple(load(part, self._vault.get(part.digest)) for part in parts)
        except BlobMissing as error:
            raise Declined(error.code, f"what was released cannot be sent: {error.detail}") from error

    def _store(self, objects: Sequence[Held]) -> tuple[tuple[Held, int], ...]:
        """Return the status of each object, in the order of the package."""
        try:
            with self._association([(held.sop_class_uid, (held.syntax,)) for held in objects]) as association:
                accepted = {(cx.abstract_syntax, cx.transfer_syntax[0]) for cx in association.accepted_contexts}
                missing = {o.sop_class_uid for o in objects if (o.sop_class_uid, o.syntax) not in accepted}
                if not missing:
                    return tuple((held, _status(association, held)) for held in objects)
        except _NotOffered:
            missing = {held.sop_class_uid for held in objects}
        names = ", ".join(sorted(UID(uid).name for uid in missing))
        raise Declined("class-not-accepted", f"{self.name} does not accept {names}; nothing was sent")

    @contextmanager
    def _association(
        self, contexts: Iterable[tuple[str, Sequence[str]]], *, takes_answers: bool = False
    ) -> Iterator[Any]:
        """Yield an established association, released afterwards.

        Raises:
            Unavailable: no connection, rejected or aborted.
            _NotOffered: the archive accepts none of ``contexts``.
        """
        options, ae = self._options, AE(self._options.aet)
        ae.connection_timeout, ae.acse_timeout = options.connect_s, options.associate_s
        ae.dimse_timeout = ae.network_timeout = options.answer_s
        for abstract, syntaxes in contexts:
            ae.add_requested_context(abstract, list(syntaxes))
        opened = threading.Event()
        handlers = [(evt.EVT_CONN_OPEN, lambda _: opened.set()), *(self._desk.handlers if takes_answers else ())]
        association = keep_answers(
            ae.associate(
                options.peer_host,
                options.peer_port,
                ae_title=options.peer_aet,
                evt_handlers=handlers,
                tls_args=options.tls.arguments(options.peer_host) if options.tls else None,
            )
        )
        if not association.is_established:
            raise self._unestablished(association) if opened.is_set() else self._unreached()
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def _unestablished(self, association: Any) -> Exception | type[Exception]:
        if association.is_rejected:
            words = f"{self._where} rejected the association; does it know {self._options.aet}?"
            return Unavailable("association-rejected", words)
        if association.rejected_contexts and not association.accepted_contexts:
            return _NotOffered
        return Unavailable("association-aborted", f"{self._where} ended the association while it was being opened")

    def _unreached(self) -> Exception:
        or_tls = ", or no TLS could be agreed on with it" if self._options.tls else ""
        return Unavailable("no-connection", f"{self._where} cannot be reached{or_tls}")

    @property
    def _where(self) -> str:
        return f"{self.name} ({self._options.peer_aet} at {self._options.peer_host}:{self._options.peer_port})"

    # --------------------------------------------------------------------------------------------------------- proof

    def _prove(self, objects: Sequence[Held]) -> _Proof:
        """Return how the archive proved that it holds ``objects``.

        Raises:
            Unavailable: it did not, yet.
            Declined: it holds something else, or never will.
        """
        wanted = self._options.confirm
        committed = wanted in {Confirm.AUTO, Confirm.COMMITMENT} and self._is_committed(objects)
        coerced = self._compared(objects) if wanted in {Confirm.AUTO, Confirm.DICOMWEB} else None
        if committed:
            return _Proof(method="storage-commitment", coerced=coerced)
        if coerced is not None:
            return _Proof(method="read-back", coerced=coerced)
        if wanted in {Confirm.AUTO, Confirm.QUERY} and self._is_found(objects):
            return _Proof(method="query")
        raise Unavailable(
            "not-confirmed", f"{self.name} took the objects, but has not proved ({wanted}) that it holds them"
        )

    def _is_committed(self, objects: Sequence[Held]) -> bool:
        """Return whether the archive answers for all ``objects``; False when it does not offer that, or not yet."""
        uids = frozenset(held.sop_instance_uid for held in objects)
        half_s = self._options.commitment_s / 2
        if self._options.commitment_port:
            self.listen()
        try:
            with self._association([(StorageCommitmentPushModel, _PLAIN)], takes_answers=True) as association:
                instances = [(held.sop_class_uid, held.sop_instance_uid) for held in objects]
                transaction = _while_associated(self._desk.ask, association, instances)
                if transaction is None:
                    return False
                answer = self._desk.wait(transaction, half_s)
        except _NotOffered:
            return False
        # Some archives answer only once we have hung up.
        answer = answer or self._desk.wait(transaction, half_s)
        if answer is None:
            return self._desk.has_committed(uids)
        return self._judge(answer, uids)

    def _judge(self, answer: Answer, uids: frozenset[str]) -> bool:
        if uids <= answer.committed:
            return True
        lasting = sorted(f"0x{reason:04X}" for reason in answer.failed.values() if reason not in UNCOMMITTED_AGAIN)
        if lasting:
            raise Declined("commitment-refused", f"{self.name} refuses to commit, with reason {', '.join(lasting)}")
        missing = len(uids - answer.committed)
        raise Unavailable("not-committed", f"{self.name} does not yet answer for {missing} of {len(uids)} objects")

    def _compared(self, objects: Sequence[Held]) -> tuple[str, ...] | None:
        """Return the identity keywords the archive changed; None when there is nothing to compare, or not yet.

        With "auto", a DICOMweb service that does not answer costs the comparison, not the delivery: see the receipt.
        """
        if self._web is None:
            return None
        try:
            found = [(held, self._web.retrieve(held)) for held in objects]
            if any(stored is None for _, stored in found):
                return None
            return tuple(sorted({word for held, stored in found if stored for word in changes(held, stored)}))
        except Unavailable:
            if self._options.confirm is Confirm.DICOMWEB:
                raise
            return None

    def _is_found(self, objects: Sequence[Held]) -> bool:
        try:
            with self._association([(StudyRootQueryRetrieveInformationModelFind, _PLAIN)]) as association:
                return all(_while_associated(finds, association, held) for held in objects)
        except _NotOffered:
            return False

    def _still_listed(self, rejected: Sequence[Held]) -> list[str] | None:
        """Return which rejected instances the archive still lists; None when it cannot be asked."""
        try:
            if self._web is not None:
                return [held.sop_instance_uid for held in rejected if self._web.lists(held)]
            with self._association([(StudyRootQueryRetrieveInformationModelFind, _PLAIN)]) as association:
                return [h.sop_instance_uid for h in rejected if _while_associated(finds, association, h)]
        except (_NotOffered, Unavailable, Declined):
            return None


def _status(association: Any, held: Held) -> int:
    """Send one object; return its status when it counts as stored.

    Raises:
        Unavailable: no answer, or a status that means "not now".
        Declined: any other status.
    """
    answer = _while_associated(association.send_c_store, dcmread(BytesIO(held.data)))
    if "Status" not in answer:
        raise Unavailable("no-answer", f"no answer to the storage of {held.name}")
    status = int(answer.Status)
    if status in STORED or status == DUPLICATE:
        return status
    if status in AGAIN or status & 0xFF00 == 0xA700:
        raise Unavailable("not-now", f"storage of {held.name} ended with status 0x{status:04X}")
    raise Declined("refused", f"storage of {held.name} was refused with status 0x{status:04X}")


def _while_associated(request: Callable[..., T], *arguments: Any) -> T:
    """Return what ``request`` answers. pynetdicom raises RuntimeError when the peer has gone in the meantime."""
    try:
        return request(*arguments)
    except RuntimeError as error:
        raise Unavailable("association-lost", "the archive ended the association") from error
