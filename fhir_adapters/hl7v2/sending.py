"""The Destination port for a record that speaks HL7v2: stored bytes go out by MLLP, and one answer comes back for each.

    AA, CA      it has it: the receipt
    AE, CE      not now: the same message later
    AR, CR      never, as it is: for a person
    nothing     it may have it, or not; HL7v2 has no way to ask. The same message goes again under the same control
                number (MSH-10), and a receiver that knows the number answers without keeping it twice.

One connection for each delivery: what comes back on it can only be about what was sent on it.
"""

import json
import re
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fhir_adapters.hl7v2.er7 import Message, read
from fhir_adapters.hl7v2.errors import BadMessage
from fhir_adapters.hl7v2.frames import END, START
from fhir_adapters.hl7v2.header import read_header
from guarantee.errors import Declined, Unavailable
from guarantee.ports import Clock, Vault
from guarantee.release import Package, Receipt, Release

METHOD: Final = "hl7-ack"

SEND_S: Final = 150.0
"""Longest send in all, in seconds. Another deliverer may begin after 180 (bridge/flows/deliver.py)."""

ANSWER_BYTES_MAX: Final = 64 * 1024
"""Longest answer that is read: an acknowledgement with a hundred errors is some 20 kB."""

_READ_BYTES: Final = 8192
_PLACE: Final = re.compile(r"[A-Z][A-Z0-9]{2}(\^\d{1,3}){0,2}")
_CONDITION: Final = re.compile(r"\d{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One HL7v2 receiver.

    Args:
        name: as releases call it.
        connect_s: longest time to connect, TLS included.
        answer_s: longest time from a message to its answer.
        tls: None for none.
        server_name: that its certificate must have.
    """

    name: str
    host: str
    port: int
    connect_s: float = 10.0
    answer_s: float = 60.0
    tls: ssl.SSLContext | None = None
    server_name: str = ""


class MllpDestination:
    """The Destination port for a record that speaks HL7v2.

    Args:
        vault: where the released bytes are.
        clock: for the receipt.
    """

    def __init__(self, options: Options, vault: Vault, clock: Clock) -> None:
        self._options = options
        self._vault = vault
        self._clock = clock

    @property
    def name(self) -> str:
        """The name that releases use."""
        return self._options.name

    def send(self, release: Release) -> Receipt:
        """Send the stored messages, and return once each was acknowledged under its own control number.

        Raises:
            Unavailable: no answer, one that cannot be read, or "not now".
            Declined: the receiver refused.
        """
        package = release.package_for(self.name)
        parts = Package.from_bytes(self._vault.get(package)).parts
        answers = self._exchanged([_message(self._vault.get(part.digest)) for part in parts])
        told = [
            {"part": part.name, "control": part.uid, "answer": answer}
            for part, answer in zip(parts, answers, strict=True)
        ]
        return Receipt(
            destination=self.name,
            package=package,
            method=METHOD,
            reference=json.dumps(told, sort_keys=True),
            at=self._clock.now(),
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _exchanged(self, messages: Sequence[tuple[str, bytes]]) -> list[str]:
        deadline = time.monotonic() + SEND_S
        with connected(self._options) as line:
            return [self._acknowledged(line, control, data, deadline) for control, data in messages]

    def _acknowledged(self, line: socket.socket, control: str, data: bytes, deadline: float) -> str:
        until = min(deadline, time.monotonic() + self._options.answer_s)
        try:
            line.settimeout(max(0.0, until - time.monotonic()) or 0.001)
            line.sendall(START + data + END)
            answer = _answer(line, until)
        except OSError as error:  # a timeout is one, and so is what TLS says
            says = "no answer came: whether it has the message is not known. It goes again under the same number"
            raise Unavailable("no-answer", says) from error
        return _meant(answer, control)


def _message(data: bytes) -> tuple[str, bytes]:
    """Return the control number of released bytes, and the bytes.

    Raises:
        Declined: they are no message.
    """
    try:
        return read_header(data).control, data
    except BadMessage as error:
        raise Declined("not-a-message", "the released bytes are no HL7v2 message of ours") from error


def connected(options: Options) -> socket.socket:
    """Return a connection to a receiver, in TLS where it speaks that.

    Raises:
        Unavailable: nobody answers there, or not who should.
    """
    place = f"{options.host}:{options.port}"
    try:
        plain = socket.create_connection((options.host, options.port), options.connect_s)
    except OSError as error:
        raise Unavailable("no-connection", f"nobody answers at {place} ({type(error).__name__})") from error
    if options.tls is None:
        return plain
    try:
        return options.tls.wrap_socket(plain, server_hostname=options.server_name or options.host)
    except OSError as error:  # ssl.SSLError is one
        plain.close()
        raise Unavailable("tls", f"{place} does not speak TLS as configured ({type(error).__name__})") from error


def _answer(line: socket.socket, until: float) -> bytes:
    """Return the message of one frame.

    Raises:
        OSError: none came in time, or the connection ended.
        Unavailable: what came is no frame.
    """
    data = b""
    while END not in data:
        line.settimeout(max(0.0, until - time.monotonic()) or 0.001)
        more = line.recv(_READ_BYTES)
        if not more:
            raise ConnectionResetError("the connection ended")
        data += more
        if not data.lstrip(b"\r\n").startswith(START) or len(data) > ANSWER_BYTES_MAX:
            raise Unavailable("bad-answer", f"what it answered is no MLLP frame of at most {ANSWER_BYTES_MAX} bytes")
    return data.lstrip(b"\r\n")[len(START) :].partition(END)[0]


def _meant(answer: bytes, control: str) -> str:
    """Return the code of an answer that says that the message is held.

    Raises:
        Unavailable: not now, or an answer about another message.
        Declined: never.
    """
    try:
        # Codes and numbers are ASCII whatever the character set; nothing else of it is read.
        message = read(answer.decode("latin-1"))
    except BadMessage as error:
        raise Unavailable("bad-answer", f"its answer cannot be read: {error.code}") from error
    said = message.first("MSA")
    if said is None or said.text(2) != control:
        raise Unavailable("other-answer", "its answer is not about the message that was sent (MSA-2)")
    match said.text(1):
        case "AA" | "CA" as code:
            return str(code)
        case "AR" | "CR" as code:
            raise Declined(f"hl7-{code.lower()}", f"the receiver refused the message: {code}{_why(message)}")
        case "AE" | "CE" as code:
            raise Unavailable(f"hl7-{code.lower()}", f"the receiver could not take it now: {code}{_why(message)}")
    raise Unavailable("bad-answer", "its answer has no code of HL7 table 0008 (MSA-1)")


def _why(message: Message) -> str:
    """Return what ERR says in codes and places; its free text may quote the patient."""
    error = message.first("ERR")
    if error is None:
        return ""
    place, condition = error.first(2).value, error.text(3)
    shown = [place.replace("^", "-")] if _PLACE.fullmatch(place) else []
    shown += [f"condition {condition} of table 0357"] if _CONDITION.fullmatch(condition) else []
    return f" ({', '.join(shown)})" if shown else ""
