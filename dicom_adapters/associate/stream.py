"""The fast path: C-STORE from the connection to the disk, without a copy of the data set in memory (PS3.8, 9.3.5).

pynetdicom negotiates each association and serves everything that is not a plain C-STORE request: verification, release,
abort, command sets in fragments, whatever is wrong. While an association waits for a message its two threads are here:

    pynetdicom's upper layer (DUL)    parked: it does not look at the connection
    the association                   reads the connection; serves C-STORE requests one after another

What arrives and is not a plain C-STORE request stays in the buffer, and the upper layer is woken to read it from there.
It parks again when the next message can begin. So only one of them reads at any time, and each message is read by one.

Four things of an association are replaced on the object: `_is_transport_event` and `send_pdu` of its upper layer,
`recv` of its connection, and the checkpoint at which its thread begins each round.
"""

import logging
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from pynetdicom.association import Association

from dicom_adapters.associate.buffer import Input
from dicom_adapters.associate.command import COMMAND, LAST, StoreRequest, read_store_request, store_response
from dicom_adapters.associate.reception import PDU_BYTES_MAX, Pace, Violation
from dicom_adapters.associate.refusals import Answer

COMMAND_BYTES_MAX: Final = 16 * 1024
"""Longest command set that is read here. A C-STORE-RQ is about 200 bytes."""

PARKED_S: Final = 1.0
"""How often the parked upper layer looks up by itself; whoever wants something of it wakes it."""

TRANSFERRING: Final = "Sta6"
"""The one state of the upper layer in which data may be received (PS3.8, Table 9-4)."""

_P_DATA_TF: Final = 4
_PDU: Final = struct.Struct(">BxL")
_VALUE: Final = struct.Struct(">LBB")

_log = logging.getLogger(__name__)


class Store(Protocol):
    """One instance that is being received."""

    def write(self, piece: memoryview) -> None:
        """Take one piece of the data set; it is not valid afterwards."""

    def finish(self) -> Answer:
        """The data set is whole: return what to answer, once it is safe or refused."""

    def drop(self) -> None:
        """The data set will never be whole."""


class Service(Protocol):
    """Who takes instances."""

    def begin(self, association: Association, context: Any, request: StoreRequest) -> Store | None:
        """Begin to take one; None to leave the request to pynetdicom.

        Args:
            context: the accepted presentation context of the request.
        """

    def cut_off(self, association: Association, violation: Violation) -> None:
        """Abort the association, and record why."""


class _Interrupted(Exception):
    """Something else than data arrived in the middle of a message, such as an abort."""


class _Checkpoint(threading.Event):
    """Where pynetdicom's reactor begins each round, and waits while it is paused."""

    def __init__(self, begin: Callable[[], None]) -> None:
        super().__init__()
        self._begin = begin
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, then begin the round."""
        may_go_on = super().wait(timeout)
        self._begin()
        return may_go_on


class Stream:
    """The fast path of one association. Attach it before the association is started.

    Args:
        connection: that the association is on.
    """

    def __init__(self, association: Association, connection: socket.socket, service: Service) -> None:
        self._association: Any = association
        self._connection = connection
        self._service = service
        self._input = Input(connection, Pace(association, connection))
        self._left = 0
        """Bytes of the present PDU that were not read yet."""
        self._lock = threading.Lock()
        self._parked = threading.Event()
        self._woken = threading.Event()
        self._is_owed = False
        """Whether pynetdicom has to read something before it parks again."""
        self._dul: Any = association.dul
        self._look, self._send = self._dul._is_transport_event, self._dul.send_pdu
        self._dul._is_transport_event, self._dul.send_pdu = self._look_or_park, self._send_at_once
        self._dul.socket.recv = self._input.read
        self._association._reactor_checkpoint = _Checkpoint(self._serve)

    # ------------------------------------------------------------------------------- on the thread of the upper layer

    def _look_or_park(self) -> bool:
        """Return whether something arrived; or wait while the association reads."""
        if self._park():
            return False
        if self._input.is_empty:
            found = bool(self._look())
        else:
            self._dul._read_pdu_data()
            found = True
        self._is_owed = self._is_owed and not found
        return found

    def _park(self) -> bool:
        with self._lock:
            may = self._is_transferring and not self._is_owed and self._is_between_messages
            (self._parked.set if may else self._parked.clear)()
        if may:
            self._woken.wait(PARKED_S)
            self._woken.clear()
        return may

    @property
    def _is_transferring(self) -> bool:
        return bool(self._dul.state_machine.current_state == TRANSFERRING)

    @property
    def _is_between_messages(self) -> bool:
        return self._dul.event_queue.empty() and self._association.dimse.message is None

    # --------------------------------------------------------------------------------- on the association's own thread

    def _send_at_once(self, primitive: Any) -> None:
        self._send(primitive)
        self._woken.set()

    def _serve(self) -> None:
        """Serve C-STORE requests until something else arrives, if pynetdicom has nothing to do."""
        if not self._parked.is_set() or self._association._kill:
            return
        if not self._association.dimse.msg_queue.empty() or not self._dul.to_user_queue.empty():
            return  # in this order: what the upper layer reads is in a queue before it parks
        try:
            while self._serve_one():
                self._dul._idle_timer.restart()
        except Violation as error:
            self._service.cut_off(self._association, error)
        except OSError as error:  # pynetdicom finds the same: a closed connection, or an idle timer that expired
            _log.debug("association.interrupted", extra={"error": type(error).__name__})
        finally:
            self._input.pace.end()
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            self._is_owed = True
            self._parked.clear()
        self._woken.set()

    def _serve_one(self) -> bool:
        """Serve one C-STORE; return False, and leave everything in the buffer, when the next message is another one."""
        kind, length = _PDU.unpack(self._input.peek(_PDU.size))
        self._dul._idle_timer.restart()
        self._input.pace.begin()
        if kind != _P_DATA_TF or not _VALUE.size < length <= PDU_BYTES_MAX:
            return False
        size, number, flags = _VALUE.unpack_from(self._input.peek(_PDU.size + _VALUE.size), _PDU.size)
        if flags & 3 != COMMAND | LAST or not 2 <= size <= min(length - 4, COMMAND_BYTES_MAX):
            return False
        end = _PDU.size + 4 + size
        request = read_store_request(bytes(self._input.peek(end)[_PDU.size + _VALUE.size :]), number)
        context = self._association._accepted_cx.get(number)
        store = self._service.begin(self._association, context, request) if context and request else None
        if request is None or store is None:
            return False
        self._input.take(end)
        self._left = length - 4 - size
        try:
            self._receive(store, number)
            self._input.pace.end()
            self._connection.sendall(store_response(request, store.finish()))
        except _Interrupted:
            return False
        finally:
            store.drop()
        return True

    def _receive(self, store: Store, context: int) -> None:
        """Pass on the data set, piece by piece, to the end of its last fragment."""
        is_last = False
        while not is_last:
            size, is_last = self._next_fragment(context)
            while size:
                piece = self._input.take_some(size)
                if not self._is_transferring:
                    raise _Interrupted  # we aborted meanwhile: pynetdicom reads too, and nothing is whole any more
                store.write(piece)
                size -= len(piece)
        if self._left:
            raise Violation("message-broken", "something follows the data set in its last PDU")

    def _next_fragment(self, context: int) -> tuple[int, bool]:
        """Step to the next fragment of the data set; return its size, and whether it is the last."""
        if self._left == 0:
            self._left = self._next_pdu()
        if self._left < _VALUE.size:
            raise Violation("message-broken", "a presentation data value without its header")
        size, its_context, flags = _VALUE.unpack(self._input.take(_VALUE.size))
        if flags & COMMAND or its_context != context:
            raise Violation("message-broken", "a command, or another context, in the middle of a data set")
        if not 2 <= size <= self._left - 4:
            raise Violation("message-broken", "a presentation data value that is longer than its PDU")
        self._left -= 4 + size
        return size - 2, bool(flags & LAST)

    def _next_pdu(self) -> int:
        """Step into the next PDU of the data set; return its length."""
        kind, length = _PDU.unpack(self._input.peek(_PDU.size))
        if kind != _P_DATA_TF:
            raise _Interrupted
        if length > PDU_BYTES_MAX:
            raise Violation("message-too-large", f"a PDU of {length} bytes")
        self._input.take(_PDU.size)
        self._input.pace.begin()
        return int(length)
