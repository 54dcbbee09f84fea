"""Storage commitment, asked of us: do we hold these instances, for good?

We commit to an instance only when its row is committed and the vault holds its bytes, under exactly this name and
class. The answer (N-EVENT-REPORT) goes out on the association that asked while it is open, otherwise on one of our own
to where the configuration says that the sender listens. One that reaches nobody is recorded; the sender asks again.

Source: PS3.4, Annex J. Failure reasons: PS3.3, C.14-1.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

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
    RESOURCES,
    SUCCESS,
    Caller,
    Reply,
    Serve,
    read_dataset,
)
from dicom_adapters.read.nested import INVALID_VALUE, REFERENCES_MAX, items, uid
from guarantee.errors import PortError
from guarantee.judging import Held
from guarantee.ports import Vault

REPORTS_MAX: Final = 1_000
"""Most answers waiting to go out. More questions than that at once are refused; the sender asks again."""

ANSWERING: Final = 8
"""Senders that are answered at once, each one question after the other: one that is down holds up its own answers, and
not those of the others."""

REPORT_S: Final = 10.0
"""Longest wait for a sender that is told the answer."""

TRIES: Final = (0.25, 10.0, 60.0)
"""When an answer is sent, in seconds after the try before; a sender may be restarting. The first waits a little: the
answer to the question itself (N-ACTION-RSP) must have gone out before, for many senders read one message at a time."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    transaction: str
    references: Sequence[tuple[str, str]]
    association: Association
    caller: Caller


class CommitmentService:
    """Answers storage commitment requests.

    Args:
        held: what is held under some names; raises Unavailable when the database does not answer.
        turn_away: (sender, code, detail) of an answer that reached nobody.
    """

    def __init__(
        self,
        options: Options,
        vault: Vault,
        held: Callable[[Collection[str]], Sequence[Held]],
        turn_away: Callable[[str, str, str], object],
    ) -> None:
        self._options = options
        self._vault = vault
        self._held = held
        self._turn_away = turn_away
        self._stopped = threading.Event()
        self._waiting = threading.BoundedSemaphore(REPORTS_MAX)
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
        """Give up the answers that wait; their senders ask again."""
        self._stopped.set()
        self._answering.shutdown(cancel_futures=True)

    def _act(self, event: Any, caller: Caller) -> Reply:
        if event.request.ActionTypeID != 1:
            raise RequestRefused(NO_SUCH_ACTION, "no-such-action", "storage commitment has one action")
        asked = read_dataset(event.request, event.context, "ActionInformation")
        references = [
            (uid(item, "ReferencedSOPClassUID"), uid(item, "ReferencedSOPInstanceUID"))
            for item in items(asked, "ReferencedSOPSequence")
        ]
        if not 0 < len(references) <= REFERENCES_MAX:
            raise RequestRefused(INVALID_VALUE, "references", f"{len(references)} instances; 1 to {REFERENCES_MAX}")
        question = _Question(
            transaction=uid(asked, "TransactionUID"), references=references, association=event.assoc, caller=caller
        )
        if self._stopped.is_set() or not self._waiting.acquire(blocking=False):
            raise RequestRefused(RESOURCES, "too-many-questions", "too many answers wait to go out; ask later")
        with self._lock:
            is_answered = caller.name in self._asked
            self._asked.setdefault(caller.name, deque()).append(question)
        if not is_answered:
            self._answering.submit(self._answer, caller.name)
        return SUCCESS, None

    # ------------------------------------------------------------------------------------------------- the answer

    def _answer(self, sender: str) -> None:
        """Answer everything that ``sender`` has asked and asks meanwhile."""
        while (question := self._next(sender)) is not None:
            try:
                self._settle(question)
            except Exception as error:  # noqa: BLE001 - boundary of a thread: recorded, and the next one is answered
                _log.error("commitment.failed", extra={"sender": sender, "error": where(error)})
            finally:
                self._waiting.release()

    def _next(self, sender: str) -> _Question | None:
        with self._lock:
            if self._asked[sender]:
                return self._asked[sender].popleft()
            del self._asked[sender]
            return None

    def _settle(self, question: _Question) -> None:
        answer = self._information(question)
        for wait_s in TRIES:
            if self._stopped.wait(wait_s):
                return
            if _told_there(question, *answer) or self._told_at_home(question, *answer):
                return
            if question.caller.aet not in self._options.places:
                break
        _log.warning("commitment.unheard", extra={"sender": question.caller.name})
        try:
            self._turn_away(
                question.caller.name, "commitment-unheard", "the answer to a storage commitment reached nobody"
            )
        except PortError as error:
            _log.warning("commitment.unheard-not-recorded", extra={"code": error.code})

    def _information(self, question: _Question) -> tuple[int, Dataset]:
        failures = self._failures(question.references)
        information = Dataset()
        information.TransactionUID = question.transaction
        committed = [_reference(*one) for one in question.references if one not in failures]
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

    def _told_at_home(self, question: _Question, event_type: int, information: Dataset) -> bool:
        """Reply on an association of our own, in the role of the provider (PS3.4, J.3.3)."""
        place = self._options.places.get(question.caller.aet)
        if place is None:
            return False
        entity = Requestor(self._options.our_aet)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = REPORT_S
        entity.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        association = entity.associate(place.host, place.port, ae_title=question.caller.aet, ext_neg=[role])
        if not association.is_established:
            return False
        try:
            return _report(association, event_type, information)
        finally:
            association.release()


def _told_there(question: _Question, event_type: int, information: Dataset) -> bool:
    """Reply on the association that asked, when it is still open."""
    if not question.association.is_established:
        return False
    with answers_kept(question.association):
        return _report(question.association, event_type, information)


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
