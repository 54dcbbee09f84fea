"""The FHIR door: bytes and headers in, an answer out, the way FHIR says it. No web framework, no database.

What it promises a sender: 200 means that every byte is durable and every row committed. A refusal is an
OperationOutcome that says what is wrong, and its reason is recorded.
"""

import hmac
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from fhir_adapters import capability
from fhir_adapters.authority import Authority, BadForm
from fhir_adapters.bundle import Received, read_bundle, transaction_response
from fhir_adapters.capability import capability_statement
from fhir_adapters.consents import heard
from fhir_adapters.errors import BadRequest, TokenRefused
from fhir_adapters.inbound import arrivals
from fhir_adapters.notification import Subscription, read_notification
from fhir_adapters.outcome import operation_outcome, refusal
from fhir_adapters.wire import BODY_BYTES_MAX, parse_body, write_exact
from guarantee.errors import PortError
from guarantee.objections import Objection
from guarantee.ports import Vault
from guarantee.unit import Arrival, Fetch

TAKEN_BACK: Final = "the record says that a patient objects no more; a person lifts it: aval objections lift"

BODY_MAX: Final = BODY_BYTES_MAX
"""Largest body; whoever reads the network stops there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One record system that may push to us.

    Args:
        addresses: networks it may come from, e.g. "10.2.0.0/16"; empty for any.
        token: bearer token it must present; "" for none.
        is_registered: whether it has keys here, and gets its tokens from us.
        criteria: search to run when it only rings.
    """

    name: str
    addresses: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    is_registered: bool = False
    criteria: str = "Observation?_sort=-_lastUpdated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the door needs.

    Args:
        receive: commits arrivals together; returns when they are durable.
        note: commits what must be looked up.
        object_to: commits what patients object to, before what came with it.
        turn_away: records a refusal: sender, code, detail.
        objection_codes: "system|code" by which a Consent is an objection to AI.
        now: the time.
        authority: gives tokens to registered senders; None when there are none.
        heard: is told the sender's name and the event numbers of a notification, once they are committed.
    """

    vault: Vault
    receive: Callable[[Sequence[Arrival]], object]
    note: Callable[[Sequence[Fetch]], object]
    object_to: Callable[[Sequence[Objection]], object]
    turn_away: Callable[[str, str, str], object]
    senders: Sequence[Sender]
    site: str
    statement: capability.Options
    objection_codes: frozenset[str]
    now: Callable[[], datetime]
    authority: Authority | None = None
    heard: Callable[[str, tuple[int, ...]], object] = lambda _name, _numbers: None

    def metadata(self) -> Reply:
        """Answer GET metadata."""
        return Reply(status=200, body=write_exact(capability_statement(self.statement)))

    def smart_configuration(self) -> Reply:
        """Answer GET .well-known/smart-configuration."""
        if self.authority is None:
            return Reply(status=404, body=refusal(BadRequest(404, "not-found", "no tokens are given out here")))
        return Reply(status=200, body=json.dumps(self.authority.configuration()).encode())

    def token(self, form: bytes, address: str) -> Reply:
        """Answer a request for a token, the way OAuth says it (RFC 6749, 5); a refusal is recorded without its reason's
        values.

        Args:
            form: application/x-www-form-urlencoded.
        """
        if self.authority is None:
            return Reply(status=404, body=_oauth("invalid_request"))
        name = ""
        try:
            name, assertion = self.authority.client_of(form)
            self._require_place(name, address)
            return Reply(status=200, body=json.dumps(self.authority.given(name, assertion)).encode())
        except BadForm as error:
            return self._no_token(400, error.code, "", error.code)
        except TokenRefused as error:
            return self._no_token(401, "invalid_client", name, error.code)
        except PortError:
            return Reply(status=503, body=_oauth("temporarily_unavailable"))

    def _require_place(self, name: str, address: str) -> None:
        if not any(sender.name == name and _is_at(sender, address) for sender in self.senders):
            raise TokenRefused("place")

    def _no_token(self, status: int, error: str, name: str, why: str) -> Reply:
        try:
            self.turn_away(name, "token-refused", f"no token was given: {why}")
        except PortError:
            return Reply(status=503, body=_oauth("temporarily_unavailable"))
        return Reply(status=status, body=_oauth(error))

    def bundle(self, body: bytes, headers: Mapping[str, str], address: str) -> Reply:
        """Answer POST of a Bundle to the base.

        Args:
            headers: with lower-case names.
            address: where it came from.
        """

        def take(sender: Sender) -> bytes:
            received = read_bundle(parse_body(body, headers.get("content-type", "")))
            self._take(received, body, sender)
            return write_exact(transaction_response(received))

        return self._answer(take, headers, address)

    def notification(
        self, method: str, name: str, tail: str, body: bytes, headers: Mapping[str, str], address: str
    ) -> Reply:
        """Answer a rest-hook notification.

        Args:
            name: last part of the subscription's address: the sender's name.
            tail: what follows it, e.g. "Observation/17".
        """

        def take(sender: Sender) -> bytes:
            if sender.name != name:
                raise BadRequest(404, "not-found", "no subscription of yours has this address")
            subscription = Subscription(name=name, sender=name, site=self.site, criteria=sender.criteria)
            told = read_notification(method, tail, body, headers, subscription=subscription, at=self.now())
            if told.received is not None:
                self._take(told.received, body, sender)
            if told.fetches:
                self.note(told.fetches)
            self.heard(sender.name, told.numbers)
            return operation_outcome(severity="information", code="informational", diagnostics=f"{told.kind} taken")

        return self._answer(take, headers, address)

    def _take(self, received: Received, body: bytes, sender: Sender) -> None:
        now = self.now()
        said = heard(received, codes=self.objection_codes, sender=sender.name, now=now)
        digest = self.vault.put(body)
        found = arrivals(received, digest=digest, site=self.site, sender=sender.name, now=now)
        self.object_to(said.recorded)
        self.receive(found)
        if said.taken_back:
            self.turn_away(sender.name, "objection-taken-back", TAKEN_BACK)

    def _answer(self, take: Callable[[Sender], bytes], headers: Mapping[str, str], address: str) -> Reply:
        try:
            return self._take_from(self._who(headers, address), take)
        except PortError:  # the database or the vault: nothing is recorded because nothing can be
            said = operation_outcome(severity="error", code="transient", diagnostics="not now; send it again later")
            return Reply(status=503, body=said)

    def _take_from(self, sender: Sender | None, take: Callable[[Sender], bytes]) -> Reply:
        if sender is None:
            self.turn_away("", "sender-unknown", "no configured sender has this address and token")
            error = BadRequest(401, "login", "this sender is not known here: check its address and its token")
            return Reply(status=401, body=refusal(error))
        try:
            return Reply(status=200, body=take(sender))
        except BadRequest as error:
            self.turn_away(sender.name, error.code, error.diagnostics)
            return Reply(status=error.status, body=refusal(error))

    def _who(self, headers: Mapping[str, str], address: str) -> Sender | None:
        presented = headers.get("authorization", "").removeprefix("Bearer ")
        holder = self.authority.holder(presented) if self.authority and presented else ""
        for sender in self.senders:
            if not _is_at(sender, address) or (holder and holder != sender.name):
                continue
            if holder or _presents(sender, presented.encode()):
                return sender
        return None


def _presents(sender: Sender, presented: bytes) -> bool:
    """Return whether a sender is known without a token of ours: by its fixed one, or by its address alone."""
    if sender.is_registered and not sender.token:
        return False
    return hmac.compare_digest(presented if sender.token else b"", sender.token.encode())


def _is_at(sender: Sender, address: str) -> bool:
    return not sender.addresses or any(_within(address, network) for network in sender.addresses)


def _oauth(error: str) -> bytes:
    return json.dumps({"error": error}).encode()


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
