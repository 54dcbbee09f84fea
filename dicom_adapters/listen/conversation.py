"""One connection to the listener: who speaks, what it is sending, and what an instance that it brought is for us."""

import logging
from dataclasses import dataclass

from dicom_adapters.associate.reception import Reception
from dicom_adapters.associate.tls import Certificate
from dicom_adapters.listen.admission import Call, Caller
from dicom_adapters.read.headers import Header, to_arrival
from guarantee.ids import Digest
from guarantee.unit import Arrival

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Conversation:
    """One connection.

    Args:
        id: for as long as it lasts.
        address: of the peer.
        is_encrypted: whether it speaks TLS.
        certificate: that it proved to have, if any.
        caller: None until its association is admitted.
        is_aborted: whether we have cut it off.
    """

    id: str
    address: str
    reception: Reception
    is_encrypted: bool
    certificate: Certificate | None
    caller: Caller | None = None
    is_aborted: bool = False

    def admit(self, caller: Caller) -> None:
        """Let ``caller`` speak from now on; one that nobody knows is said in the log."""
        self.caller = caller
        if caller.doubt:
            _log.warning("sender.unknown", extra={"sender": caller.name, "doubt": caller.doubt})

    @property
    def sender(self) -> str:
        """Name of who speaks; "" until its association is admitted."""
        return self.caller.name if self.caller else ""

    def call(self, calling: str, called: str) -> Call:
        """Return the request for an association that it makes."""
        return Call(
            calling=calling,
            called=called,
            address=self.address,
            is_encrypted=self.is_encrypted,
            certificate=self.certificate,
        )

    def arrival(self, header: Header, digest: Digest, site: str) -> Arrival:
        """Return the arrival of an instance that it brought, whose bytes the vault keeps as ``digest``.

        Args:
            site: of a sender that has none of its own.
        """
        caller = self.caller
        return to_arrival(
            header,
            digest=digest,
            site=(caller.sender.site if caller else "") or site,
            sender=self.sender,
            conversation=self.id,
            doubt=caller.doubt if caller else "",
        )
