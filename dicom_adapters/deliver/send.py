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
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pydicom import dcmread
from pydicom.uid import UID
from pynetdicom.sop_class import StorageCommitmentPushModel, StudyRootQueryRetrieveInformationModelFind

from dicom_adapters.deliver.archive import DicomWeb, changes, finds
from dicom_adapters.deliver.commitment import Answer, CommitmentDesk
from dicom_adapters.deliver.held import DUPLICATE, Held, load_all, reference, rejected_by, require_stored
from dicom_adapters.deliver.lines import Contexts, Lines, NotOffered, Peer, while_associated
from dicom_adapters.destination import OURS, SYNTAXES, Confirm, Duplicate, Options
from guarantee.errors import Declined, NotProved, Unavailable
from guarantee.ports import Clock, Vault
from guarantee.release import Receipt, Release

__all__ = ["OURS", "Confirm", "Duplicate", "Options", "PacsDestination"]

UNCOMMITTED_AGAIN: Final = frozenset({0x0110, 0x0112, 0x0213})
"""Failure Reason (0008,1197): processing failure, no such object instance, resource limitation."""

_SERVICES: Final[Contexts] = tuple(
    (str(service), syntax)
    for service in (StorageCommitmentPushModel, StudyRootQueryRetrieveInformationModelFind)
    for syntax in SYNTAXES.values()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """How the archive proved it.

    Args:
        coerced: keywords of the identity that the archive changed; None when nothing was compared.
    """

    method: str
    coerced: tuple[str, ...] | None = None


class PacsDestination:
    """Implements guarantee.ports.Destination. Safe to use from several threads at once."""

    def __init__(self, options: Options, vault: Vault, clock: Clock) -> None:
        self._options = options
        self._vault = vault
        self._clock = clock
        web = (options.dicomweb_url, options.dicomweb_s, options.web_token)
        self._web = DicomWeb(*web) if options.dicomweb_url else None
        self._desk = CommitmentDesk(
            options.aet, options.commitment_host, options.commitment_port, tls=options.answers_tls
        )
        self._lines = Lines(
            Peer(
                name=options.name,
                aet=options.aet,
                peer_aet=options.peer_aet,
                host=options.peer_host,
                port=options.peer_port,
                tls=options.tls,
                connect_s=options.connect_s,
                associate_s=options.associate_s,
                answer_s=options.answer_s,
                idle_s=options.idle_s,
            ),
            handlers=self._desk.handlers,
        )
        # pynetdicom logs identifiers and status texts, and those name patients.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

    @property
    def name(self) -> str:
        """The name that releases use."""
        return self._options.name

    def close(self) -> None:
        """Hang up, and stop listening for answers to storage commitment."""
        self._lines.close()
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
        objects = load_all(package, self._vault)
        statuses = self._store(objects)
        proof = self._prove(objects)
        self._require_ours([held for held, status in statuses if status == DUPLICATE], proof)
        said = reference(statuses, proof.coerced)
        rejected = [item for held in objects for item in rejected_by(held)]
        if rejected:
            said["still_listed"] = self._still_listed(rejected)
        return Receipt(
            destination=self.name,
            package=package,
            method=proof.method,
            reference=json.dumps(said, sort_keys=True),
            at=self._clock.now(),
        )

    # ------------------------------------------------------------------------------------------------------- storing

    def _store(self, objects: Sequence[Held]) -> tuple[tuple[Held, int], ...]:
        """Return the status of each object, in the order of the package."""
        classes = sorted({*OURS, *(held.sop_class_uid for held in objects)})
        # The other syntax is proposed to know what the archive takes instead; nothing is ever sent in it.
        contexts = tuple((sop_class, syntax) for sop_class in classes for syntax in SYNTAXES.values())

        def store(association: Any) -> tuple[tuple[Held, int], ...]:
            self._require_accepted(objects, {(c.abstract_syntax, c.transfer_syntax[0]) for c in _accepted(association)})
            return tuple((held, _status(association, held)) for held in objects)

        try:
            return self._lines.over(contexts, store)
        except NotOffered:
            self._require_accepted(objects, set())
            raise

    def _require_accepted(self, objects: Sequence[Held], accepted: set[tuple[str, str]]) -> None:
        """Return when everything may go as it was sealed.

        Raises:
            Declined: the archive does not take a class, or not in the transfer syntax of the sealed bytes.
        """
        missing = [o for o in objects if (o.sop_class_uid, o.syntax) not in accepted]
        if not missing:
            return
        names = ", ".join(sorted({UID(held.sop_class_uid).name for held in missing}))
        others = [
            name
            for name, syntax in SYNTAXES.items()
            if all((held.sop_class_uid, syntax) in accepted for held in missing)
        ]
        if others:
            raise Declined(
                "syntax-not-accepted",
                f'{self.name} takes {names} as {others[0]} VR alone: set transfer_syntax = "{others[0]}" for it. What '
                "is sealed already is not encoded anew; nothing was sent",
            )
        raise Declined("class-not-accepted", f"{self.name} does not accept {names}; nothing was sent")

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
        raise NotProved(
            "not-confirmed", f"{self.name} took the objects, but has not proved ({wanted}) that it holds them"
        )

    def _is_committed(self, objects: Sequence[Held]) -> bool:
        """Return whether the archive answers for all ``objects``; False when it does not offer that, or not yet."""
        uids = frozenset(held.sop_instance_uid for held in objects)
        half_s = self._options.commitment_s / 2
        if self._options.commitment_port:
            self.listen()
        instances = [(held.sop_class_uid, held.sop_instance_uid) for held in objects]

        def ask(association: Any) -> tuple[str, Answer | None] | None:
            if not _offers(association, StorageCommitmentPushModel):
                return None
            transaction = while_associated(self._desk.ask, association, instances)
            answer = self._desk.wait(transaction, half_s) if transaction is not None else None
            if transaction is not None and answer is None:
                association.release()  # some archives answer only once we have hung up
            return None if transaction is None else (transaction, answer)

        try:
            asked = self._lines.over(_SERVICES, ask)
        except NotOffered:
            return False
        if asked is None:
            return False
        transaction, answer = asked
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
        raise NotProved("not-committed", f"{self.name} does not yet answer for {missing} of {len(uids)} objects")

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

    def _require_ours(self, duplicates: Sequence[Held], proof: _Proof) -> None:
        """Return when what the archive held already may be believed to be ours.

        Raises:
            NotProved: it cannot be compared now.
            Declined: it can never be compared, and the site asks for that.
        """
        if not duplicates or self._options.duplicate is Duplicate.BELIEVE or proof.coerced is not None:
            return
        names = ", ".join(held.name for held in duplicates)
        if self._web is not None:
            raise NotProved("duplicate-not-compared", f"{self.name} held the UID of {names} already; not compared yet")
        raise Declined(
            "duplicate-not-compared",
            f"{self.name} held the UID of {names} already and cannot show what it holds: compare by hand",
        )

    def _is_found(self, objects: Sequence[Held]) -> bool:
        return len(self._listed(objects) or ()) == len(objects)

    def _listed(self, objects: Sequence[Held]) -> list[Held] | None:
        """Return which of ``objects`` a C-FIND lists; None when the archive offers none."""

        def find(association: Any) -> list[Held] | None:
            if not _offers(association, StudyRootQueryRetrieveInformationModelFind):
                return None
            return [held for held in objects if finds(association, held, self._options.answer_s)]

        try:
            return self._lines.over(_SERVICES, find)
        except NotOffered:
            return None

    def _still_listed(self, rejected: Sequence[Held]) -> list[str] | None:
        """Return which rejected instances the archive still lists; None when it cannot be asked."""
        try:
            if self._web is not None:
                return [held.sop_instance_uid for held in rejected if self._web.lists(held)]
            listed = self._listed(rejected)
            return None if listed is None else [held.sop_instance_uid for held in listed]
        except (Unavailable, Declined):
            return None


def _status(association: Any, held: Held) -> int:
    """Send one object; return its status when it counts as stored.

    Raises:
        Unavailable: no answer, or a status that means "not now".
        Declined: any other status.
    """
    answer = while_associated(association.send_c_store, dcmread(BytesIO(held.data)))
    if "Status" not in answer:
        raise Unavailable("no-answer", f"no answer to the storage of {held.name}")
    status = int(answer.Status)
    require_stored(held, status)
    return status


def _accepted(association: Any) -> Sequence[Any]:
    return tuple(association.accepted_contexts)


def _offers(association: Any, service: UID) -> bool:
    return any(context.abstract_syntax == service for context in _accepted(association))
