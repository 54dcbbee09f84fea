"""Instances as they come while we fetch: in parts of an answer, or as C-STORE sub-operations of a C-GET (PS3.4, C.4.3).

pynetdicom would gather each instance of a C-GET in memory before anybody sees it. It shows every PDU before it looks
itself: there each piece goes to the vault, and what pynetdicom gathers is empty. So two threads meet here:

    pynetdicom's upper layer          reads the connection; every piece is in the vault before the next PDU is read
    whoever asks                      is told that a request is whole; judges it, keeps it, answers
"""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from dicom_adapters.associate.command import COMMAND, LAST, StoreRequest, read_store_request
from dicom_adapters.associate.reception import COMMAND_BYTES_MAX
from dicom_adapters.associate.refusals import RETRY_LATER, SUCCESS
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.listen.custody import Custody, Taking
from guarantee.errors import PortError, Unavailable

Take: TypeAlias = Callable[[str, Callable[[], Taking]], None]
"""Takes one instance: its name, and what returns it whole or raises why it is none."""

AHEAD_MAX: Final = 8
"""Most instances that an archive may send before we have answered the first of them. We negotiate one at a time, which
is what everybody does (PS3.7, D.3.3.3); each of the others would be on the disk, and waited for by nobody."""

_REFUSED: Final = 0xA900

_Key: TypeAlias = tuple[int, str]
"""Message ID (0000,0110) and SOP Instance UID of a request."""


class Part:
    """One instance as it comes; what is wrong with it is raised by whoever takes it."""

    def __init__(self, taking: Taking) -> None:
        self.taking = taking
        self._error: MalformedInstance | None = None

    @property
    def name(self) -> str:
        """What it says it is called."""
        return self.taking.meta.sop_instance_uid if self.taking.meta else "(without a name)"

    def write(self, data: bytes | memoryview) -> None:
        """Take the next piece.

        Raises:
            Unavailable: the vault takes nothing now.
        """
        if self._error is not None:
            return
        self._error = MalformedInstance("broken", "a piece of it was lost on its way to the vault")
        try:
            self.taking.write(data)
        except MalformedInstance as error:
            self.taking.discard()
            self._error = error
        else:
            self._error = None

    def whole(self) -> Taking:
        """Return it, whose last piece has come.

        Raises:
            MalformedInstance: what was wrong with it.
        """
        if self._error is not None:
            raise self._error
        return self.taking


class Receiver:
    """What comes on the association of a C-GET. pynetdicom calls it; nothing may be raised."""

    def __init__(self, custody: Custody, take: Take) -> None:
        self._custody = custody
        self._take = take
        self._lock = threading.Lock()
        self._command = bytearray()
        self._parts: dict[_Key, Part] = {}
        """Those that come, and those that came and were not asked for yet."""
        self._part: Part | None = None
        self._expects_data = False
        self._size = 0
        self._is_closed = False
        self.error: PortError | None = None
        """Why the fetch must end, once it must."""

    def close(self) -> None:
        """Forget what came and was not taken."""
        with self._lock:
            self._is_closed = True
            for part in self._parts.values():
                part.taking.discard()

    # ------------------------------------------------------------------------------- on the thread of the upper layer

    def read(self, event: Any) -> None:
        """Take the data of one PDU, and leave pynetdicom its commands."""
        for item in getattr(event.pdu, "presentation_data_value_items", None) or ():
            value = item.presentation_data_value
            item.presentation_data_value = value if value and value[0] & COMMAND else bytes((value or b"\0")[:1])
            with self._lock:
                if self.error is None and not self._is_closed:
                    self._attempt(event.assoc, item.presentation_context_id, value)

    def _attempt(self, association: Any, context: int, value: bytes) -> None:
        try:
            if not value:
                raise Unavailable("unreadable-answer", "the archive sends a piece without its header")
            if value[0] & COMMAND:
                self._read_command(association, context, value)
            else:
                self._read_data(value)
        except PortError as error:
            self.error = error
            if error.code in {"unreadable-answer", "answer-too-large"}:
                association.abort(block=False)
                association.dimse.msg_queue.put((None, None))  # whoever waits for an answer need not wait its time

    def _read_command(self, association: Any, context: int, value: bytes) -> None:
        if self._expects_data:
            raise Unavailable("unreadable-answer", "the archive sends a command in the middle of an instance")
        self._command += value[1:]
        if len(self._command) > COMMAND_BYTES_MAX:
            raise Unavailable("answer-too-large", "the archive sends a command that has no end")
        if value[0] & LAST:
            request = read_store_request(bytes(self._command), context)
            self._command.clear()
            self._size = 0
            self._part = self._begin(association, request) if request else None
            self._expects_data = request is not None

    def _begin(self, association: Any, request: StoreRequest) -> Part | None:
        """Begin to take an instance; None for one that pynetdicom refuses: of another class than its context."""
        context = association._accepted_cx.get(request.context)  # noqa: SLF001 - as stream.py: it has no public name
        if context is None or context.abstract_syntax != request.sop_class_uid or not context.as_scp:
            return None
        key = int.from_bytes(request.message, "little"), request.sop_instance_uid
        if len(self._parts) == AHEAD_MAX or key in self._parts:
            raise Unavailable("answer-too-large", "the archive sends instances without waiting for our answers")
        part = Part(
            self._custody.data_set(
                sop_class_uid=request.sop_class_uid,
                sop_instance_uid=request.sop_instance_uid,
                transfer_syntax_uid=str(context.transfer_syntax[0]),
            )
        )
        self._parts[key] = part
        return part

    def _read_data(self, value: bytes) -> None:
        self._size += len(value)
        if self._size > 2 * self._custody.instance_bytes_max:  # until then it is refused, and the next one comes
            raise Unavailable("answer-too-large", "the archive sends an instance that has no end")
        if self._part is not None:
            self._part.write(memoryview(value)[1:])
        if value[0] & LAST:
            self._part, self._expects_data = None, False

    # ------------------------------------------------------------------------------------ on the thread of who asked

    def store(self, event: Any) -> int:
        """Answer a C-STORE request, whose data set has come."""
        if self.error is not None:
            return RETRY_LATER
        request = event.request
        with self._lock:
            part = self._parts.pop((int(request.MessageID), str(request.AffectedSOPInstanceUID)), None)
        if part is None:
            return _REFUSED  # it has no name that is one
        try:
            self._take(part.name, part.whole)
        except MalformedInstance:
            return _REFUSED
        except PortError as error:
            self.error = error
            return RETRY_LATER
        finally:
            part.taking.discard()
        return SUCCESS.status
