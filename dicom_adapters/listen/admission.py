"""Who may open an association with us: a sender is its AE title, its addresses and its TLS certificates."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dicom_adapters.associate.tls import Certificate
from dicom_adapters.listen.rates import Rate

UNKNOWN_SENDER: Final = "sender-unknown"
"""Why a case is held whose images come from nobody that we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A system that may send.

    Args:
        name: for rows and messages, e.g. "pacs-autoroute".
        networks: where it may call from, e.g. ("10.2.0.0/16", "10.9.1.4"); () for anywhere.
        certificates: one of these it must show: fingerprints (SHA-256), or names under an authority that the listener
            believes; () for any, or none.
        required_tls: whether it must speak TLS even without a certificate of its own.
        site: where its images are made, for routing and stops; "" for the installation's.
        rate: how much it may bring.
        associations_max: open ones at once; 0 for no limit of its own.
    """

    name: str
    networks: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    required_tls: bool = False
    site: str = ""
    rate: Rate = field(default_factory=Rate)
    associations_max: int = 0

    def may_call_from(self, address: str) -> bool:
        """Return whether ``address`` is in one of the networks."""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:  # what a proxy says may be anything
            return not self.networks
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return not self.networks or any(ip in ipaddress.ip_network(each, strict=False) for each in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request for an association.

    Args:
        calling, called: AE titles.
        address: of the peer.
        is_encrypted: whether it speaks TLS.
        certificate: that it proved to have, if any.
    """

    calling: str
    called: str
    address: str
    is_encrypted: bool = False
    certificate: Certificate | None = None

    def __str__(self) -> str:
        return f"{self.calling!r} from {self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why an association is refused.

    Args:
        answer: result, source and diagnostic of the A-ASSOCIATE-RJ (PS3.8, 9.3.4).
    """

    code: str
    detail: str
    answer: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who speaks on an admitted association.

    Args:
        sender: what the configuration says of it, or made up for one that is unknown: "unknown:<AE title>".
        doubt: why everything that it brings must be held; "" when it need not be.
    """

    sender: Sender
    doubt: str = ""

    @property
    def name(self) -> str:
        """For rows and messages."""
        return self.sender.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The rule.

    Args:
        aet: our AE title.
        senders: by calling AE title.
        accept_unknown: whether a calling AE title outside ``senders`` is let in.
        quarantine_unknown: whether it is let in, and what it brings is held until a person admits it.
        require_called_aet: whether a peer must call us by our title.
        associations_max: open ones at once, of all senders.
    """

    aet: str
    senders: Mapping[str, Sender]
    accept_unknown: bool
    require_called_aet: bool
    associations_max: int
    quarantine_unknown: bool = False

    def caller(self, calling: str) -> Caller:
        """Return who calls, whether or not it is let in."""
        sender = self.senders.get(calling)
        if sender is not None:
            return Caller(sender=sender)
        doubt = "" if self.accept_unknown else UNKNOWN_SENDER
        return Caller(sender=Sender(name=f"unknown:{calling}"), doubt=doubt)

    def rejection(self, call: Call, *, admitted: int, of_sender: int = 0) -> Rejection | None:
        """Return why ``call`` is refused, or None when it is let in.

        Args:
            admitted: associations that are open now.
            of_sender: how many of them are of the sender that calls.
        """
        sender = self.senders.get(call.calling)
        if sender is None and not (self.accept_unknown or self.quarantine_unknown):
            return _permanent("calling-aet-unknown", f"{call} is not configured", 3)
        if sender is not None and (stranger := _is_not(sender, call)) is not None:
            return stranger
        if self.require_called_aet and call.called != self.aet:
            return _permanent("called-aet-unknown", f"{call} called {call.called!r}", 7)
        if admitted >= self.associations_max:
            return _transient("too-many-associations", f"{call}: {admitted} are open")
        if sender is not None and 0 < sender.associations_max <= of_sender:
            return _transient("too-many-associations", f"{call}: {of_sender} of this sender are open")
        return None


def _is_not(sender: Sender, call: Call) -> Rejection | None:
    """Return why ``call`` is not of ``sender``, whose AE title it gives; None when it is."""
    if not sender.may_call_from(call.address):
        return _permanent("address-unknown", f"{call} is outside its networks", 3)
    if (sender.required_tls or sender.certificates) and not call.is_encrypted:
        return _permanent("tls-required", f"{call} must speak TLS", 3)
    if sender.certificates and (call.certificate is None or not call.certificate.is_one_of(sender.certificates)):
        return _permanent("certificate-unknown", f"{call} showed none of its certificates", 3)
    return None


def _permanent(code: str, detail: str, diagnostic: int) -> Rejection:
    """Rejected by the service user: calling (3) or called (7) AE title not recognised."""
    return Rejection(code=code, detail=detail, answer=(1, 1, diagnostic))


def _transient(code: str, detail: str) -> Rejection:
    """Rejected for now: local limit exceeded."""
    return Rejection(code=code, detail=detail, answer=(2, 3, 2))


def broken_request(request: Any, call: Call) -> Rejection | None:
    """Return why a request for an association cannot be negotiated, or None when it can (PS3.8, 9.3.2.2).

    Args:
        request: pynetdicom's A-ASSOCIATE primitive; its negotiation ends with a traceback at what is missing here.
    """
    contexts = request.presentation_context_definition_list
    if contexts and all(each.abstract_syntax and each.transfer_syntax for each in contexts):
        return None
    detail = f"{call} asks for a presentation context without its syntaxes, or for none"
    return Rejection(code="request-broken", detail=detail, answer=(1, 1, 1))
