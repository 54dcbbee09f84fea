"""Who may open an association with us."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A system that may send.

    Args:
        name: for rows and messages, e.g. "pacs-autoroute".
        networks: where it may call from, e.g. ("10.2.0.0/16", "10.9.1.4"); () for anywhere.
    """

    name: str
    networks: tuple[str, ...] = ()

    def may_call_from(self, address: str) -> bool:
        """Return whether ``address`` is in one of the networks."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return not self.networks or any(ip in ipaddress.ip_network(each, strict=False) for each in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request for an association.

    Args:
        calling, called: AE titles.
        address: of the peer.
    """

    calling: str
    called: str
    address: str

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
class Admission:
    """The rule.

    Args:
        aet: our AE title.
        senders: by calling AE title.
        accept_unknown: whether a calling AE title outside ``senders`` is let in.
        require_called_aet: whether a peer must call us by our title.
    """

    aet: str
    senders: Mapping[str, Sender]
    accept_unknown: bool
    require_called_aet: bool
    associations_max: int

    def name_of(self, calling: str) -> str:
        """Return the name of whoever calls: that of the configuration, or "unknown:<AE title>"."""
        sender = self.senders.get(calling)
        return sender.name if sender else f"unknown:{calling}"

    def rejection(self, call: Call, *, admitted: int) -> Rejection | None:
        """Return why ``call`` is refused, or None when it is let in.

        Args:
            admitted: associations that are open now.
        """
        sender = self.senders.get(call.calling)
        if sender is None and not self.accept_unknown:
            return Rejection(code="calling-aet-unknown", detail=f"{call} is not configured", answer=(1, 1, 3))
        if sender is not None and not sender.may_call_from(call.address):
            return Rejection(code="address-unknown", detail=f"{call} is outside its networks", answer=(1, 1, 3))
        if self.require_called_aet and call.called != self.aet:
            return Rejection(code="called-aet-unknown", detail=f"{call} called {call.called!r}", answer=(1, 1, 7))
        if admitted >= self.associations_max:
            return Rejection(code="too-many-associations", detail=f"{call}: {admitted} are open", answer=(2, 3, 2))
        return None
