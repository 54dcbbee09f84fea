"""Storage commitment: the archive answers for what it was sent.

We ask on one association (N-ACTION); the archive answers (N-EVENT-REPORT) on the same one or, as most do, on an
association of its own to our listener, seconds or hours later. Answers that come after the wait are remembered, so that
the next attempt of a delivery finds them.

Anybody may connect to the listener. An answer counts only when it names a transaction that we asked, and only for the
instances that we asked about; transaction UIDs are drawn at random, so nobody else can name one.

Source: PS3.4, Annex J.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_adapters.associate.tls import Greeter, Identity, Refusal, server_context
from dicom_adapters.associate.upper_layer import Handler, Server
from dicom_adapters.read.values import CONVERSION_ERRORS

TRANSACTIONS_MAX: Final = 1_000
"""Most questions remembered. An archive that answers a day late still finds its question at 40 deliveries an hour."""

ITEMS_MAX: Final = 10_000
"""Most instances read from one answer. We ask about a handful."""

ASSOCIATIONS_MAX: Final = 10
"""Most archives, or impostors, talking to the listener at once."""

SILENCE_S: Final = 60.0
"""Longest silence of one of them."""

_ACTION: Final = 1
_SUCCESS: Final = 0x0000
_NO_SUCH_EVENT: Final = 0x0113
_INVALID_ARGUMENT: Final = 0x0115
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the archive said.

    Args:
        committed: SOP Instance UIDs it answers for.
        failed: Failure Reason (0008,1197) of the others, e.g. 0x0112 for "no such object instance".
    """

    committed: frozenset[str]
    failed: Mapping[str, int]


class CommitmentDesk:
    """Remembers what was asked, and takes the answers.

    Args:
        aet: our AE title, which the archive must know together with host and port.
        host: address to listen on; "" for all.
        port: 0 for any free one, which only an archive that answers on the same association can use.
        tls: who we are for an archive that answers by TLS; then nobody else is heard.
    """

    def __init__(self, aet: str, host: str, port: int, tls: Identity | None = None) -> None:
        self._aet = aet
        self._address = (host, port)
        self._tls = tls
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._answers: dict[str, Answer] = {}
        self._server: Any = None

    def start(self) -> None:
        """Listen. Calling it again changes nothing.

        Raises:
            OSError: the port is taken.
            Unavailable: a file of our TLS identity cannot be used.
        """
        with self._lock:
            if self._server is None:
                ae = AE(self._aet)
                ae.require_called_aet = True
                ae.maximum_associations = ASSOCIATIONS_MAX
                ae.network_timeout = SILENCE_S
                # The archive requests the association but stays the provider: it proposes the SCP role (PS3.4, J.3.3).
                ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
                ae.add_supported_context("1.2.840.10008.1.1")
                self._server = self._serve(ae)

    def _serve(self, ae: AE) -> Server:
        context = server_context(self._tls, client_certificates=True) if self._tls else None
        server: Server = ae.make_server(
            self._address,
            evt_handlers=self.handlers,
            server_class=Server,
            request_handler=partial(Handler, partial(_converse, Greeter(context, only=True))),
        )
        threading.Thread(target=server.serve_forever, args=(0.1,), name="commitment-listener", daemon=True).start()
        return server

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before ``start``."""
        return 0 if self._server is None else int(self._server.server_address[1])

    @property
    def handlers(self) -> list[tuple[Any, Any]]:
        """What an association needs to take an answer."""
        return [(evt.EVT_N_EVENT_REPORT, self._take)]

    def close(self) -> None:
        """Stop listening; what was remembered is forgotten."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.stop_accepting()

    def ask(self, association: Any, instances: Iterable[tuple[str, str]]) -> str | None:
        """Ask the archive to commit to ``instances``; return the transaction, or None when it will not answer.

        Args:
            association: established, with the storage commitment context.
            instances: (SOP class, SOP instance) of each.
        """
        listed = list(instances)
        transaction = f"2.25.{uuid.uuid4().int}"
        request = Dataset()
        request.TransactionUID = transaction
        request.ReferencedSOPSequence = [_reference(*instance) for instance in listed]
        self._remember(transaction, frozenset(uid for _, uid in listed))
        status, _ = association.send_n_action(
            request, _ACTION, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        return transaction if status.get("Status") == _SUCCESS else None

    def wait(self, transaction: str, timeout_s: float) -> Answer | None:
        """Return the answer, or None when there is none after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                answer = self._answers.get(transaction)
            if answer is not None or time.monotonic() >= deadline:
                return answer
            time.sleep(_POLL_S)

    def has_committed(self, uids: frozenset[str]) -> bool:
        """Return whether the archive has answered for all of ``uids``, whenever it was asked."""
        with self._lock:
            committed = [answer.committed for answer in self._answers.values()]
        return uids <= frozenset().union(*committed)

    def _remember(self, transaction: str, uids: frozenset[str]) -> None:
        with self._lock:
            self._asked[transaction] = uids
            while len(self._asked) > TRANSACTIONS_MAX:
                forgotten, _ = self._asked.popitem(last=False)
                self._answers.pop(forgotten, None)

    def _take(self, event: Any) -> tuple[int, Dataset | None]:
        """Handle N-EVENT-REPORT. What cannot be read is refused with a status, never believed."""
        if event.event_type not in {1, 2}:
            return _NO_SUCH_EVENT, None
        try:
            information = event.event_information
            transaction = str(information.TransactionUID)
            committed = [str(i.ReferencedSOPInstanceUID) for i in information.get("ReferencedSOPSequence") or []]
            failed = {
                str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason") or 0x0110)
                for item in information.get("FailedSOPSequence") or []
            }
        except CONVERSION_ERRORS:
            return _INVALID_ARGUMENT, None
        with self._lock:
            asked = self._asked.get(transaction)
            if asked is None or len(committed) + len(failed) > ITEMS_MAX:
                return _INVALID_ARGUMENT, None
            self._answers[transaction] = Answer(
                committed=asked & frozenset(committed) - failed.keys(),
                failed={uid: reason for uid, reason in failed.items() if uid in asked},
            )
        return _SUCCESS, None


def _converse(greeter: Greeter, handler: Handler) -> None:
    """Hear one connection out, on the thread that accepted it."""
    try:
        handler.greet(greeter, SILENCE_S)
        association = handler.make_association(None)
        association.start()
        association.join()
    except Refusal:
        return  # it speaks no TLS
    finally:
        handler.hang_up()


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item
