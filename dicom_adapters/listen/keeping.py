"""One instance from its first byte to its row: what both ways of receiving have in common."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

from dicom_adapters.associate.refusals import Answer
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.listen.admission import Sender
from dicom_adapters.listen.conversation import Conversation
from dicom_adapters.listen.levels import Levels
from dicom_adapters.listen.rates import Rate, Rates
from dicom_adapters.read.headers import read_header
from dicom_adapters.read.notes import to_note
from dicom_adapters.read.part10 import file_head
from guarantee.ids import Digest
from guarantee.ports import Incoming, Vault
from guarantee.unit import Arrival

NOT_YET: Final = Digest("0" * 64)
"""The digest of bytes that have none yet: it is what ``keep`` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What a request says of the instance that follows.

    Args:
        context_class_uid, transfer_syntax_uid: of its presentation context.
    """

    sop_class_uid: str
    sop_instance_uid: str
    context_class_uid: str
    transfer_syntax_uid: str


class Terms(Protocol):
    """How instances are kept."""

    @property
    def site(self) -> str:
        """Of a sender that has none of its own."""

    @property
    def allow_deflated(self) -> bool:
        """Whether to take data sets that were deflated."""

    @property
    def notes(self) -> bool:
        """Whether arrivals are noted beside the bytes."""


class Keeper:
    """Makes instances safe.

    Args:
        vault: must be durable when ``keep`` returns.
        receive: returns when the arrival is committed.
        rates: of every sender.
    """

    def __init__(self, vault: Vault, receive: Callable[[Arrival], object], rates: Rates, terms: Terms) -> None:
        self._vault = vault
        self._receive = receive
        self._rates = rates
        self._terms = terms

    def begin(self, announced: Announced) -> Incoming:
        """Begin a file that the data set can be written to.

        Raises:
            MalformedInstance: the instance is not of the class of its presentation context.
            Unavailable: the vault takes nothing now.
        """
        if announced.sop_class_uid != announced.context_class_uid:
            raise MalformedInstance("class-mismatch", "the SOP class is not that of the presentation context")
        incoming = self._vault.begin()
        incoming.write(_head(announced))
        return incoming

    def keep(self, incoming: Incoming, announced: Announced, conversation: Conversation) -> None:
        """Read the header of a file that is whole, make the file durable with a note of its row, then commit the row.

        Raises:
            MalformedInstance: these bytes are not an instance that we may keep.
            Unavailable: not now.
        """
        with incoming.view() as data:
            if conversation.caller is not None:
                self._rates.take(conversation.sender, conversation.caller.sender.rate, len(data))
            header = read_header(
                data,
                sop_class_uid=announced.sop_class_uid,
                sop_instance_uid=announced.sop_instance_uid,
                allow_deflated=self._terms.allow_deflated,
                written=(announced.transfer_syntax_uid, len(_head(announced))),
            )
        arrival = conversation.arrival(header, NOT_YET, self._terms.site)
        digest = incoming.keep(to_note(arrival) if self._terms.notes else b"")
        source = replace(arrival.source, digest=digest)
        self._receive(replace(arrival, source=source, is_noted=incoming.is_noted))


@lru_cache(maxsize=256)
def _head(announced: Announced) -> bytes:
    """Return what stands before the data set; asked for when an instance begins, and when it is whole."""
    return file_head(
        sop_class_uid=announced.sop_class_uid,
        sop_instance_uid=announced.sop_instance_uid,
        transfer_syntax_uid=announced.transfer_syntax_uid,
    )


def rates_of(senders: Iterable[Sender], shared: Path | None) -> Rates:
    """Return what counts how much each of ``senders`` brings.

    Args:
        shared: file in which several processes count together; None to count in this one alone.

    Raises:
        Unavailable: the file cannot be made.
    """
    limited = [sender.name for sender in senders if sender.rate != Rate()]
    return Rates(levels=Levels(shared, limited) if shared and limited else None)


class Storing:
    """One C-STORE request whose data set comes in pieces: each is in the file, and in the digest, before the next.

    What is refused is still read to its end, and then answered: a peer in the middle of a data set hears nothing.

    Args:
        answer: says what to answer, and records a refusal.
    """

    def __init__(
        self,
        keeper: Keeper,
        announced: Announced,
        conversation: Conversation,
        answer: Callable[[Exception | None], Answer],
    ) -> None:
        self._keeper = keeper
        self._announced = announced
        self._conversation = conversation
        self._answer = answer
        self._incoming: Incoming | None = None
        self._error: Exception | None = None
        conversation.reception.begin()
        self._attempt(self._begin)

    def write(self, piece: memoryview) -> None:
        """Take one piece of the data set.

        Raises:
            Violation: there is no end to it.
        """
        refusal = self._conversation.reception.add(len(piece))
        if self._error is None:
            self._attempt(lambda: self._take(piece, refusal))

    def finish(self) -> Answer:
        """The data set is whole: make it safe, and say what to answer."""
        if self._error is None:
            self._attempt(self._keep)
        self.drop()
        return self._answer(self._error)

    def drop(self) -> None:
        """Forget what was received and not kept."""
        self._conversation.reception.release()
        if self._incoming is not None:
            self._incoming.discard()

    def _begin(self) -> None:
        self._incoming = self._keeper.begin(self._announced)

    def _take(self, piece: memoryview, refusal: Exception | None) -> None:
        if refusal is not None:
            raise refusal
        if self._incoming is not None:
            self._incoming.write(piece)

    def _keep(self) -> None:
        if self._incoming is not None:
            self._keeper.keep(self._incoming, self._announced, self._conversation)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the boundary to the connection: never success, never a crash
            self._error = error
            self.drop()
