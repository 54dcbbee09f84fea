"""Storage commitment, asked of us: do we hold these instances, for good?

We commit to an instance only when its row is committed and the vault holds its bytes, under exactly this name and
class. A question is on the disk before it is accepted. The answer (N-EVENT-REPORT) goes out on the association that
asked while it is open, otherwise on one of our own to where the configuration says that the sender listens: later too,
and by another process when this one was killed. One that reaches nobody is recorded.

Source: PS3.4, Annex J. Failure reasons: PS3.3, C.14-1.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydicom.dataset import Dataset
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_adapters.associate.refusals import where
from dicom_adapters.associate.upper_layer import Requestor, answers_kept
from dicom_adapters.errors import RequestRefused
from dicom_adapters.listen.services import (
    NO_SUCH_ACTION,
    SUCCESS,
    Caller,
    Reply,
    Serve,
    read_dataset,
)
from dicom_adapters.read.nested import INVALID_VALUE, REFERENCES_MAX, items, uid
from guarantee.errors import PortError
from guarantee.ids import Digest
from guarantee.judging import Commitment, Held
from guarantee.ports import Vault

ANSWERING: Final = 8
"""Senders that are answered at once, each one question after the other: one that is down holds up its own answers, and
not those of the others."""

REPORT_S: Final = 10.0
"""Longest wait for a sender that is told the answer."""

FIRST_S: Final = 0.25
"""How long the first answer waits: the answer to the question itself (N-ACTION-RSP) must have gone out before, for many
senders read one message at a time."""

NO_SUCH_OBJECT: Final = 0x0112
CLASS_CONFLICT: Final = 0x0119
PROCESSING_FAILURE: Final = 0x0110
"""Failure Reason (0008,1197)."""

_ALL_COMMITTED: Final = 1
_SOME_FAILED: Final = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sender listens for answers."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How answers go out.

    Args:
        our_aet: our title when we call.
        places: by AE title of the sender; one without a place hears the answer only where it asked.
    """

    our_aet: str
    places: Mapping[str, Place]


class Book(Protocol):
    """Where questions wait until their sender has heard the answer (bridge.flows.commitments)."""

    def ask(self, sender: str, aet: str, transaction: str, listed: Digest) -> Commitment:
        """Note a question and return it, taken by this process.

        Raises:
            Unavailable: not now.
        """

    def due(self) -> Sequence[Commitment]:
        """Take what must be answered now."""

    def is_heard(self, asked: Commitment) -> None:
        """Note that the sender has the answer."""

    def is_unheard(self, asked: Commitment, *, may_try_again: bool) -> None:
        """Note that it has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A question of this process.

    Args:
        association: on which it was asked; None when that was before.
    """

    asked: Commitment
    association: Association | None


class CommitmentService:
    """Answers storage commitment requests.

    Args:
        held: what is held under some names; raises Unavailable when the database does not answer.
    """

    def __init__(
        self, options: Options, vault: Vault, held: Callable[[Collection[str]], Sequence[Held]], book: Book
    ) -> None:
        self._options = options
        self._vault = vault
        self._held = held
        self._book = book
        self._stopped = threading.Event()
        self._answering = ThreadPoolExecutor(ANSWERING, "commitment")
        self._asked: dict[str, deque[_Question]] = {}
        """What waits to be answered, by sender; a sender is in it while somebody answers it."""
        self._lock = threading.Lock()

    @property
    def contexts(self) -> Sequence[PresentationContext]:
        """The push model."""
        return [build_context(StorageCommitmentPushModel)]

    @property
    def handlers(self) -> Mapping[Any, Serve]:
        """N-ACTION."""
        return {evt.EVT_N_ACTION: self._act}

    def stop(self) -> None:
        """Leave the answers that wait to whoever looks for them next."""
        self._stopped.set()
        self._answering.shutdown(cancel_futures=True)

    def _act(self, event: Any, caller: Caller) -> Reply:
        if event.request.ActionTypeID != 1:
            raise RequestRefused(NO_SUCH_ACTION, "no-such-action", "storage commitment has one action")
        said = read_dataset(event.request, event.context, "ActionInformation")
        references = [
            (uid(item, "ReferencedSOPClassUID"), uid(item, "ReferencedSOPInstanceUID"))
            for item in items(said, "ReferencedSOPSequence")
        ]
        if not 0 < len(references) <= REFERENCES_MAX:
            raise RequestRefused(INVALID_VALUE, "references", f"{len(references)} instances; 1 to {REFERENCES_MAX}")
        listed = self._vault.put("\n".join(f"{kind} {instance}" for kind, instance in references).encode())
        asked = self._book.ask(caller.name, caller.aet, uid(said, "TransactionUID"), listed)
        self._take_up(_Question(asked=asked, association=event.assoc))
        return SUCCESS, None

    def catch_up(self) -> None:
        """Answer what is due and nobody answers: what was not heard before, and what a process that ended has left.

        Raises:
            Unavailable: the database does not answer.
        """
        for asked in () if self._stopped.is_set() else self._book.due():
            self._take_up(_Question(asked=asked, association=None))

    def _take_up(self, question: _Question) -> None:
        sender = question.asked.sender
        with self._lock:
            is_answered = sender in self._asked
            self._asked.setdefault(sender, deque()).append(question)
            if not is_answered and not self._stopped.is_set():
                self._answering.submit(self._answer, sender)

    # ------------------------------------------------------------------------------------------------- the answer

    def _answer(self, sender: str) -> None:
        """Answer everything that ``sender`` has asked and asks meanwhile."""
        while (question := self._next(sender)) is not None:
            try:
                self._settle(question)
            except Exception as error:  # noqa: BLE001 - boundary of a thread: recorded, and the next one is answered
                _log.error("commitment.failed", extra={"sender": sender, "error": where(error)})

    def _next(self, sender: str) -> _Question | None:
        with self._lock:
            if self._asked[sender]:
                return self._asked[sender].popleft()
            del self._asked[sender]
            return None

    def _settle(self, question: _Question) -> None:
        if self._stopped.wait(FIRST_S if question.association else 0):
            return
        asked = question.asked
        is_told = False
        try:
            answer = self._information(asked)
            is_told = _told_there(question.association, *answer) or self._told_at_home(asked.aet, *answer)
        except PortError as error:
            _log.warning("commitment.unreadable", extra={"sender": asked.sender, "code": error.code})
        if is_told:
            self._book.is_heard(asked)
        else:
            self._book.is_unheard(asked, may_try_again=asked.aet in self._options.places)

    def _information(self, asked: Commitment) -> tuple[int, Dataset]:
        lines = self._vault.get(asked.listed).decode().splitlines()
        references = [(kind, instance) for kind, _, instance in (line.partition(" ") for line in lines)]
        failures = self._failures(references)
        information = Dataset()
        information.TransactionUID = asked.transaction
        committed = [_reference(*one) for one in references if one not in failures]
        if committed:
            information.ReferencedSOPSequence = committed
        if failures:
            information.FailedSOPSequence = [_reference(*one, reason=why) for one, why in failures.items()]
        return (_SOME_FAILED if failures else _ALL_COMMITTED), information

    def _failures(self, references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Return the failure reason of each (class, instance) that we do not answer for."""
        try:
            found = self._held({instance for _, instance in references})
            durable = [one for one in found if self._vault.has(one.digest)]
        except PortError as error:
            _log.warning("commitment.unknown", extra={"code": error.code})
            return dict.fromkeys(references, PROCESSING_FAILURE)
        known = {one.uid for one in durable}
        exactly = {(one.kind, one.uid) for one in durable}
        return {
            (kind, instance): CLASS_CONFLICT if instance in known else NO_SUCH_OBJECT
            for kind, instance in references
            if (kind, instance) not in exactly
        }

    def _told_at_home(self, aet: str, event_type: int, information: Dataset) -> bool:
        """Reply on an association of our own, in the role of the provider (PS3.4, J.3.3)."""
        place = self._options.places.get(aet)
        if place is None:
            return False
        entity = Requestor(self._options.our_aet)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = REPORT_S
        entity.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        association = entity.associate(place.host, place.port, ae_title=aet, ext_neg=[role])
        if not association.is_established:
            return False
        try:
            return _report(association, event_type, information)
        finally:
            association.release()


def _told_there(association: Association | None, event_type: int, information: Dataset) -> bool:
    """Reply on the association that asked, when it is still open."""
    if association is None or not association.is_established:
        return False
    with answers_kept(association):
        return _report(association, event_type, information)


def _report(association: Association, event_type: int, information: Dataset) -> bool:
    """Send an N-EVENT-REPORT and return whether it was heard."""
    try:
        status, _ = association.send_n_event_report(
            information, event_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
    except (RuntimeError, ValueError):  # the association ended meanwhile, or the context was not accepted
        return False
    return bool(status.get("Status") == SUCCESS)


def _reference(sop_class_uid: str, sop_instance_uid: str, *, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    if reason is not None:
        item.FailureReason = reason
    return item
