"""Limits on what a peer may make us hold, and decode, while it is still talking.

pynetdicom joins what it receives without a limit (a PDU of 4 GiB, a command set that never ends, a data set as long as
the peer likes), and a command set that pydicom cannot decode ends its thread with a traceback. Each PDU is looked at
here first.
"""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any, Final

from pynetdicom.association import Association

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.structure import Encoding, walk
from guarantee.errors import PortError, Unavailable

PDU_BYTES_MAX: Final = 1024 * 1024
"""Longest PDU that is read, 1 MiB. We announce a smaller one for data (scp.Options); a request for an association with
128 contexts of 44 transfer syntaxes each is 250 kB."""

PDU_S: Final = 30.0
"""Longest reading of one PDU, in seconds. A PDU of 1 MiB needs 280 kbit/s; a request for an association has only
scp.Options.acse_timeout_s."""

COMMAND_BYTES_MAX: Final = 64 * 1024
"""Longest command set, 64 KiB. A C-STORE-RQ is about 200 bytes."""

NOTICE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest data set of any other message than C-STORE, 16 MiB: a list of 40,000 instances is some 6 MB."""

_AFFECTED_CLASS, _FIELD, _MESSAGE, _HAS_DATA, _AFFECTED_INSTANCE = 0x0002, 0x0100, 0x0110, 0x0800, 0x1000
_REQUESTED_CLASS, _REQUESTED_INSTANCE, _ANSWERED, _STATUS, _ACTION_TYPE = 0x0003, 0x1001, 0x0120, 0x0900, 0x1008
_STORE, _ECHO, _CREATE, _SET, _ACTION, _REPORTED = 0x0001, 0x0030, 0x0140, 0x0120, 0x0130, 0x8100
_NAMES: Final = {
    _STORE: (_AFFECTED_CLASS, _AFFECTED_INSTANCE),
    _ECHO: (_AFFECTED_CLASS,),
    _CREATE: (_AFFECTED_CLASS,),
    _SET: (_REQUESTED_CLASS, _REQUESTED_INSTANCE),
    _ACTION: (_REQUESTED_CLASS, _REQUESTED_INSTANCE),
    _REPORTED: (),
}
"""What each message that we take must name: requests, and the answer to an N-EVENT-REPORT of ours."""

_SHORTS: Final = {
    _ACTION: (_FIELD, _MESSAGE, _HAS_DATA, _ACTION_TYPE),
    _REPORTED: (_FIELD, _ANSWERED, _HAS_DATA, _STATUS),
}
_DATA: Final = {_STORE: {True}, _ECHO: {False}}
"""Whether a data set follows; the others may have one."""

_AWAITING_REQUEST: Final = "Sta2"
_PIECE_BYTES: Final = 64 * 1024
_NO_DATA_SET: Final = b"\x01\x01"


class Budget:
    """Bytes that all associations together may have received and not yet answered for, in memory or on the disk."""

    def __init__(self, bytes_max: int) -> None:
        self._left = bytes_max
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take ``size`` bytes and return True; or leave everything and return False."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Give ``size`` bytes back."""
        with self._lock:
            self._left += size


class Overflow(BytesIO):
    """Stands in for a data set that is too long, and forgets what is written: the peer can finish and hear why."""

    def __init__(self, refusal: PortError) -> None:
        super().__init__()
        self.refusal = refusal

    def write(self, data: Any, /) -> int:
        """Drop ``data``."""
        return len(data)


class Violation(Exception):
    """The peer must be cut off.

    Args:
        code: "message-too-large" or "message-broken".
        detail: one sentence.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Reception:
    """What one association is sending.

    Args:
        instance_bytes_max: longest data set that is kept; twice as much is read before the peer is cut off.
    """

    def __init__(self, budget: Budget, instance_bytes_max: int) -> None:
        self._budget = budget
        self._instance_bytes_max = instance_bytes_max
        self._command = bytearray()
        self._expects_data = False
        self._bytes_max = instance_bytes_max
        self._size = 0
        self._refusal: PortError | None = None
        self._held = 0
        self._lock = threading.Lock()

    def inspect(self, values: Sequence[bytes], message: Any) -> None:
        """Look at one PDU before pynetdicom does.

        Args:
            values: presentation data values, each with its message control header (PS3.8, E.2).
            message: pynetdicom's DIMSEMessage so far, None between two. Its data set is replaced by an Overflow when it
                has become too long.

        Raises:
            Violation: the association must be aborted, and the PDU not be decoded.
        """
        for value in values:
            if not value:
                raise Violation("message-broken", "a presentation data value without its header")
            if value[0] & 1:
                self._add_command(value)
            else:
                self._add_data(value)
        if self._refusal is not None and message is not None:
            message.data_set = Overflow(self._refusal)
            self.release()

    def release(self) -> None:
        """Give back what the finished message held."""
        with self._lock:
            self._budget.give(self._held)
            self._held = 0

    def _add_command(self, value: bytes) -> None:
        if self._expects_data:
            raise Violation("message-broken", "a command in the middle of a data set")
        self._command += value[1:]
        if len(self._command) > COMMAND_BYTES_MAX:
            raise Violation("message-too-large", f"a command set of more than {COMMAND_BYTES_MAX} bytes")
        if value[0] & 2:
            self._expects_data, self._bytes_max = _data_set(bytes(self._command), self._instance_bytes_max)
            self._command.clear()
            self.begin()

    def _add_data(self, value: bytes) -> None:
        if not self._expects_data:
            raise Violation("message-broken", "a data set without a command")
        self._expects_data = not value[0] & 2
        self.add(len(value))

    def begin(self) -> None:
        """A data set begins."""
        self._size, self._refusal = 0, None

    def add(self, size: int) -> PortError | None:
        """Count ``size`` more bytes of the data set; return why it is refused, once it is.

        Raises:
            Violation: it has no end.
        """
        self._size += size
        if self._size > 2 * self._bytes_max:
            raise Violation("message-too-large", f"a data set of more than {self._size} bytes")
        if self._refusal is not None:
            return self._refusal
        if self._size > self._bytes_max:
            detail = f"more than {self._bytes_max} bytes"
            self._refusal = MalformedInstance("instance-too-large", detail)
        elif not self._budget.take(size):
            self._refusal = Unavailable("listener-full", "too much is being received at once; send again later")
        else:
            with self._lock:
                self._held += size
        return self._refusal


def _data_set(command: bytes, instance_bytes_max: int) -> tuple[bool, int]:
    """Return whether a data set follows ``command``, which must be a message that is served here, and how long at most.

    Source: PS3.7, 9.3.1.1, 9.3.5.1, 10.3.1.2, 10.3.3.1, 10.3.4.1, 10.3.5.1, E.1.
    """
    shorts = {_FIELD, _MESSAGE, _HAS_DATA, _ANSWERED, _STATUS, _ACTION_TYPE}
    names = {_AFFECTED_CLASS, _AFFECTED_INSTANCE, _REQUESTED_CLASS, _REQUESTED_INSTANCE}
    try:
        found = walk(command, 0, Encoding(implicit=True), frozenset(shorts | names), only_group=0x0000)
    except MalformedInstance as error:
        raise Violation("message-broken", f"the command set cannot be read: {error.code}") from error
    values = {tag: element.value.rstrip(b"\0 ") for tag, element in found.items()}
    field = int.from_bytes(found[_FIELD].value, "little") if _FIELD in found else 0
    wanted = _SHORTS.get(field, (_FIELD, _MESSAGE, _HAS_DATA))
    lengths = {len(found[tag].value) if tag in found else 0 for tag in wanted}
    if lengths != {2} or not all(values.get(name) for name in _NAMES.get(field, (_AFFECTED_CLASS,))):
        raise Violation("message-broken", "the command set lacks what a request has")
    follows = found[_HAS_DATA].value != _NO_DATA_SET
    if field not in _NAMES or follows not in _DATA.get(field, {True, False}):
        raise Violation("message-broken", f"command {field:04X} is not served here")
    return follows, instance_bytes_max if field == _STORE else min(NOTICE_BYTES_MAX, instance_bytes_max)


def limit_pdus(association: Association) -> None:
    """Make ``association`` close its connection at a PDU that is longer than PDU_BYTES_MAX, or takes longer than PDU_S.

    pynetdicom has no setting for either; its reader asks the socket wrapper for the header, then for the announced
    rest, and counts only the silence between two pieces: a peer that sends a byte a minute would keep its thread.
    """
    wrapper = association.dul.socket
    wrapper.recv = partial(_receive, association, wrapper)


class Pace:
    """How long the rest of a PDU may still take, on the connection that it comes by.

    Args:
        connection: its own timeout is the longest silence.
    """

    def __init__(self, association: Association, connection: socket.socket) -> None:
        self._association: Any = association
        self._connection = connection
        self._silence_s = connection.gettimeout()
        self._ends: float | None = None

    def begin(self) -> None:
        """A PDU has begun."""
        is_asking = self._association.dul.state_machine.current_state == _AWAITING_REQUEST
        self._ends = time.monotonic() + (self._association.acse_timeout if is_asking else PDU_S)

    def end(self) -> None:
        """It is whole: until the next one begins, only silence counts."""
        if self._ends is not None:
            self._ends = None
            with suppress(OSError):  # it may be closed by now
                self._connection.settimeout(self._silence_s)

    def require(self) -> None:
        """Let the next reading of the connection end when the time of this PDU does.

        Raises:
            TimeoutError: it is over.
        """
        if self._ends is None:
            return
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("a PDU took too long")
        self._connection.settimeout(left_s if self._silence_s is None else min(left_s, self._silence_s))


def _receive(association: Association, wrapper: Any, size: int) -> bytearray:
    if size > PDU_BYTES_MAX:
        raise OSError(f"a PDU of {size} bytes is longer than the {PDU_BYTES_MAX} that are read")
    pace, received = Pace(association, wrapper.socket), bytearray()
    pace.begin()
    try:
        while len(received) < size:
            pace.require()
            part = wrapper.socket.recv(min(size - len(received), _PIECE_BYTES))
            if not part:
                break  # an incomplete PDU is a closed connection
            received += part
    finally:
        pace.end()
    return received
