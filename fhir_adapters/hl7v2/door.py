"""The HL7v2 door: the frames of one connection in, the bytes of their answers out. No socket, no database.

What it promises a sender: AA or CA means that every byte is durable and every row committed. AE or CE: nothing of it is
kept, send it again. AR or CR: it will never be taken as it is, and its reason is recorded.
"""

import ipaddress
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby
from typing import TypeAlias

from fhir_adapters.hl7v2.acknowledgement import NOT_NOW, USUAL, Answer, answers
from fhir_adapters.hl7v2.er7 import read
from fhir_adapters.hl7v2.errors import SEQUENCE, UNKNOWN_KEY, BadMessage
from fhir_adapters.hl7v2.header import Header, decode, read_header, require_ours
from fhir_adapters.hl7v2.inbound import About, Meaning, Use, meaning, require_single, use_of
from fhir_adapters.hl7v2.people import Naming
from guarantee.errors import GuaranteeError, PortError
from guarantee.ids import digest

_log = logging.getLogger("aval.hl7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One system that may send to us.

    Args:
        addresses: networks it may come from; never empty.
        application, facility: MSH-3 and MSH-4 that its messages must have; "" for any. They tell apart the systems
            behind one interface engine.
        connections_max: most connections at a time.
        exams_of: sites whose exams its orders may be about; empty for all.
    """

    name: str
    addresses: tuple[str, ...]
    application: str = ""
    facility: str = ""
    naming: Naming = field(default_factory=Naming)
    connections_max: int = 8
    exams_of: frozenset[str] = frozenset()

    def is_at(self, address: str) -> bool:
        """Return whether it may come from ``address``."""
        try:
            came_from = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(came_from in ipaddress.ip_network(network, strict=False) for network in self.addresses)

    def signs(self, header: Header) -> bool:
        """Return whether a message of this header is one of its own."""
        return self.application in {"", header.application} and self.facility in {"", header.facility}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message as the door hands it on: whose, under which number, what it says."""

    sender: str
    control: str
    data: bytes
    meaning: Meaning


_Read: TypeAlias = Heard | BadMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the door needs.

    Args:
        keep: keeps the bytes of messages; returns when all are durable.
        take: commits messages in their order and returns how many it kept, the first ones; raises PortError for none.
        turn_away: records a refusal: sender, code, detail.
        zone: of times that come without one.
        charset: of messages that name none.
        processing: values of MSH-11 that are taken.
    """

    keep: Callable[[Sequence[bytes]], object]
    take: Callable[[Sequence[Heard]], int]
    turn_away: Callable[[str, str, str], object]
    senders: Sequence[Sender]
    site: str
    zone: tzinfo
    charset: str
    processing: frozenset[str]
    now: Callable[[], datetime]

    def senders_at(self, address: str) -> tuple[Sender, ...]:
        """Return who may send from ``address``."""
        return tuple(sender for sender in self.senders if sender.is_at(address))

    def answer(self, senders: Sequence[Sender], frames: Sequence[bytes]) -> list[bytes]:
        """Answer the messages of one connection, strictly in order.

        After a message that cannot be kept now none is: its sender sends it again, and those after it, in the same
        order.

        Args:
            senders: who may send from where the connection comes from.
        """
        replies: list[bytes] = []
        is_down = False
        opened = [(data, _header(data)) for data in frames]
        items = [(header, self._read(data, header, senders)) for data, header in opened]
        for is_bad, run in groupby(items, key=lambda item: isinstance(item[1], BadMessage)):
            some = list(run)
            kept = 0 if is_down else self._refuse(some, senders) if is_bad else self._keep(some)
            is_down = is_down or kept < len(some)
            for number, (header, one) in enumerate(some):
                why = NOT_NOW if number >= kept else one if isinstance(one, BadMessage) else None
                replies += self._said(header, why)
        return replies

    def refuse(self, senders: Sequence[Sender], beginning: bytes, code: str, says: str) -> list[bytes]:
        """Answer a message that has only begun and whose end is not waited for."""
        header = _header(beginning)
        error = BadMessage(code, SEQUENCE, "", says)
        kept = self._refuse([(header, error)], senders)
        return self._said(header, error if kept else NOT_NOW)

    def _said(self, header: Header | BadMessage, why: BadMessage | None) -> list[bytes]:
        known = USUAL if isinstance(header, BadMessage) else header
        answer = Answer.ACCEPTED if why is None else Answer.ERROR if why is NOT_NOW else Answer.REJECTED
        return answers(known, answer, why=why, at=self.now(), number=uuid.uuid4().hex[:18])

    def _read(self, data: bytes, header: Header | BadMessage, senders: Sequence[Sender]) -> _Read:
        try:
            require_single(data)
            if isinstance(header, BadMessage):
                return header
            return self._understood(data, header, senders)
        except BadMessage as error:
            return error

    def _understood(self, data: bytes, header: Header, senders: Sequence[Sender]) -> Heard:
        require_ours(header, self.processing)
        sender = next((one for one in senders if one.signs(header)), None)
        if sender is None:
            says = "no configured sender has this address, MSH-3 and MSH-4"
            raise BadMessage("sender-unknown", UNKNOWN_KEY, "MSH-3", says)
        about = About(
            sender=sender.name,
            site=self.site,
            naming=sender.naming,
            zone=self.zone,
            digest=digest(data),
            exams_of=sender.exams_of,
            now=self.now(),
        )
        if use_of(header) is Use.NONE:
            said = Meaning(kind="^".join(header.kind), use=Use.NONE)
        else:
            said = meaning(read(decode(data, header, self.charset)), header, about)
        return Heard(sender=sender.name, control=header.control, data=data, meaning=said)

    def _keep(self, run: Sequence[tuple[Header | BadMessage, _Read]]) -> int:
        """Keep messages, bytes first; return how many of them, the first ones, are durable."""
        heard = [one for _, one in run if isinstance(one, Heard)]
        try:
            self.keep([one.data for one in heard if one.meaning.use is not Use.NONE])
            return self.take(heard)
        except PortError as error:
            _log.warning("hl7.not-now code=%s", error.code)
        except GuaranteeError as error:  # a wall said no, which no message should bring about
            _log.error("hl7.refused kind=%s", type(error).__name__)
        return 0

    def _refuse(self, run: Sequence[tuple[Header | BadMessage, _Read]], senders: Sequence[Sender]) -> int:
        """Record refusals; return how many of them, the first ones, are recorded."""
        done = 0
        try:
            for header, error in run:
                if isinstance(error, BadMessage):
                    self.turn_away(_name(header, senders), error.code, f"{error.place} {error.says}".strip())
                done += 1
        except PortError as error:
            _log.warning("hl7.not-now code=%s", error.code)
        return done


def _header(data: bytes) -> Header | BadMessage:
    try:
        return read_header(data)
    except BadMessage as error:
        return error


def _name(header: Header | BadMessage, senders: Sequence[Sender]) -> str:
    """Return whose a refused message is; "" when that cannot be told."""
    if len(senders) == 1:
        return senders[0].name
    if isinstance(header, BadMessage):
        return ""
    return next((one.name for one in senders if one.signs(header)), "")
