"""Sending to the record: the stored transaction as it is, and proof that the record holds what it says.

One send, in order:

    1  does this server take transactions at all (CapabilityStatement)
    2  is it there already (by identifier): an earlier attempt may have succeeded without our hearing of it
    3  is the patient under our reference the one with our number
    4  POST the stored bytes
    5  whatever the answer, look again before giving up: a lost answer is not a refusal
    6  read every resource back and compare; only then there is a receipt, with the id and version of each

Nothing is ever overwritten that somebody else wrote: creations are conditional, updates carry If-Match.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn
from urllib.parse import quote, unquote

import httpx2

from fhir_adapters import rest
from fhir_adapters.comparison import carries, difference, findings, identifiers, version
from fhir_adapters.errors import BadRequest
from fhir_adapters.rest import Answer, Server
from fhir_adapters.wire import Resource, objects_in, read_exact
from guarantee.errors import Declined, NotProved, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Clock, Vault
from guarantee.release import Package, Receipt, Release

METHOD: Final = "version-id"

SEND_S: Final = 150.0
"""Longest send in all, in seconds. Another deliverer may begin after 180 (bridge/flows/deliver.py)."""

_LATER: Final = frozenset({401, 403, 408, 425, 429})
"""Answers that say "not now". 401 and 403 are among them: an expired token is mended, and then this must go out."""

_DIGITS_MAX: Final = 9
"""Longest number of seconds read from Retry-After; what is longer is no time that anybody means."""

_PLACE: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?")
_ISSUE_CODES: Final = (
    "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
    "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
    "business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational"
)
_ELEMENT: Final = re.compile(r"[A-Z][A-Za-z]+(\.[A-Za-z]+|\[\d{1,4}\])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One FHIR record.

    Args:
        name: as releases call it.
        server: address, token, patience.
    """

    name: str
    server: rest.Options = field(repr=False)


class _Writer(Server):
    """A server that can also be written to. Made here only."""

    def transact(self, data: bytes, *, within_s: float) -> Answer:
        """POST the transaction ``data`` to the base address."""
        headers = {"Content-Type": rest.MEDIA_TYPE, "Prefer": "return=minimal"}
        return self._call("POST", "", within_s=within_s, content=data, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry of the stored transaction.

    Args:
        updates: whether it changes what is there, rather than creating what is not.
        condition: search that finds the resource; "" when ``place`` names it.
        place: "Type/id"; "" when only a search finds it.
    """

    url: str
    resource: Resource
    updates: bool
    condition: str
    place: str

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def token(self) -> tuple[str, str]:
        name, _, value = self.condition.partition("=")
        return name, unquote(value)


class DpiDestination:
    """The Destination port for a FHIR R4 record (DPI).

    Args:
        options: name and server.
        vault: where the released bytes are.
        clock: for the receipt.
        transport: for tests that need no socket; None for the network.
    """

    def __init__(
        self, options: Options, vault: Vault, clock: Clock, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._name = options.name
        self._vault = vault
        self._clock = clock
        self._server = _Writer(options.server, transport)
        self._transacts = False

    @property
    def name(self) -> str:
        """The name that releases use."""
        return self._name

    def send(self, release: Release) -> Receipt:
        """Send the stored bundle, and return once every resource was read back as it was sent.

        Raises:
            Unavailable: no answer, or not now.
            Declined: the record refused, holds something else under our identifiers, or was edited since.
        """
        package = release.package_for(self._name)
        data = self._bundle(package)
        sending = _Sending(server=self._server, entries=_entries(data), deadline=time.monotonic() + SEND_S)
        if not self._transacts:
            sending.require_transactions()
            self._transacts = True
        places = sending.found()
        if places is None:
            sending.require_patient()
            places = sending.sent(data)
        return Receipt(
            destination=self._name,
            package=package,
            method=METHOD,
            reference=json.dumps(places, sort_keys=True),
            at=self._clock.now(),
        )

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _bundle(self, package: Digest) -> bytes:
        parts = Package.from_bytes(self._vault.get(package)).parts
        if len(parts) != 1:
            raise Declined("not-a-bundle", f"a package for {self._name} is one bundle, not {len(parts)} objects")
        return self._vault.get(parts[0].digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """One attempt to bring one transaction to the server, within one deadline."""

    server: _Writer
    entries: tuple[_Entry, ...]
    deadline: float

    def require_transactions(self) -> None:
        """Return when the server says that it takes transactions."""
        answer = self._get("metadata")
        _require_now(answer, "its CapabilityStatement")
        systems = objects_in(answer.body.get("rest"))
        codes = {str(item.get("code")) for system in systems for item in objects_in(system.get("interaction"))}
        if "transaction" not in codes:
            raise Declined("no-transaction", "the FHIR server does not say that it takes transactions; it must")

    def require_patient(self) -> None:
        """Return when the record's patient, under the reference we write to, has the number that was endorsed.

        "Patient/17" names somebody else at another server, or after two files were merged; the number does not.
        """
        subject = self._marker.resource.get("subject") or {}
        number = subject.get("identifier")
        if not number or "reference" not in subject:
            return
        patient = self._read(subject["reference"])
        if patient is None:
            raise Declined("patient-unknown", "the record has no patient under the reference that was endorsed")
        if f"{number.get('system')}|{number.get('value')}" not in identifiers(patient):
            raise Declined("other-patient", "the record's patient under this reference has another number: check both")

    def found(self) -> dict[str, str] | None:
        """Return where everything is held already, or None when it is not, or not all of it, there.

        The report is looked at first: a transaction is all or nothing, so where there is no report there is nothing.
        """
        held = self._held(self._marker)
        if held is None or (self._marker.updates and difference(self._marker.resource, held)):
            return None
        everything = {entry.url: self._held(entry) for entry in self.entries}
        return None if None in everything.values() else self._compared(everything)

    def sent(self, data: bytes) -> dict[str, str]:
        """POST ``data`` and return where everything is held afterwards."""
        try:
            answer = self._post(data)
        except Unavailable:
            # It may have been taken: a timeout or a cut says nothing about the other side.
            places = self.found()
            if places is None:
                raise
            return places
        held = self._answered(answer)
        places = self._compared(held) if held else self.found()
        if places is None:
            _refuse_transaction(answer)
        return places

    @property
    def _marker(self) -> _Entry:
        return next((entry for entry in self.entries if entry.type == "DiagnosticReport"), self.entries[0])

    def _answered(self, answer: Answer) -> dict[str, Resource | None] | None:
        """Read back what the answer says was written, entry by entry; None when it does not say that for each."""
        if answer.status not in {200, 201} or answer.body.get("type") != "transaction-response":
            return None
        told = [item.get("response") for item in objects_in(answer.body.get("entry"))]
        responses = [item for item in told if isinstance(item, dict) and str(item.get("status", "")).startswith("2")]
        if len(responses) != len(self.entries):
            return None
        return {
            entry.url: self._located(entry, str(response.get("location", "")))
            for entry, response in zip(self.entries, responses, strict=True)
        }

    def _located(self, entry: _Entry, location: str) -> Resource | None:
        place = _PLACE.fullmatch(location)
        return self._read(f"{place[1]}/{place[2]}") if place and place[1] == entry.type else self._held(entry)

    def _held(self, entry: _Entry) -> Resource | None:
        """Return what the server holds for ``entry``; None when nothing."""
        if entry.place:
            return self._read(entry.place)
        name, value = entry.token
        answer = self._get(f"{entry.type}?{name}={quote(value, safe='')}")
        _require_now(answer, f"a search of {entry.type}")
        matches = [
            item["resource"]
            for item in objects_in(answer.body.get("entry"))
            if isinstance(item.get("resource"), dict) and _fits(entry, item["resource"])
        ]
        if len(matches) > 1:
            raise Declined(
                "two-matches", f"the record holds {len(matches)} resources of type {entry.type} with our identifier"
            )
        return matches[0] if matches else None

    def _read(self, place: str) -> Resource | None:
        answer = self._get(place)
        if answer.status in {404, 410}:
            return None
        _require_now(answer, f"a read of {place.partition('/')[0]}")
        return answer.body

    def _compared(self, held: Mapping[str, Resource | None]) -> dict[str, str]:
        """Return where each resource is, once all of them say what was sent."""
        places = {}
        for entry in self.entries:
            resource = held[entry.url]
            if resource is None:
                raise NotProved("not-held", f"the record does not show the {entry.type} that it took")
            what = difference(entry.resource, resource)
            if what:
                raise Declined("not-as-sent", f"the record's {entry.type} differs from what was sent: {what}")
            places[entry.url] = _place(entry, resource)
        sent, kept = findings([e.resource for e in self.entries]), findings([h for h in held.values() if h])
        if sent != kept:
            raise Declined("not-as-sent", "the record's findings or numbers differ from what was sent")
        return places

    def _get(self, path: str) -> Answer:
        return self.server.get(path, within_s=self._left_s())

    def _post(self, data: bytes) -> Answer:
        return self.server.transact(data, within_s=self._left_s())

    def _left_s(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("timeout", f"the record took more than {SEND_S:.0f} s in all")
        return left


def _entries(data: bytes) -> tuple[_Entry, ...]:
    try:
        return tuple(_entry(item) for item in read_exact(data)["entry"])
    except (BadRequest, KeyError, TypeError, ValueError) as error:
        raise Declined("not-a-bundle", "the released bytes are not a transaction of ours") from error


def _entry(item: Resource) -> _Entry:
    request = item["request"]
    target, _, condition = request["url"].partition("?")
    return _Entry(
        url=item["fullUrl"],
        resource=item["resource"],
        updates=request["method"] == "PUT",
        condition=condition or request.get("ifNoneExist", ""),
        place=target if "/" in target else "",
    )


def _fits(entry: _Entry, resource: Resource) -> bool:
    return resource.get("resourceType") == entry.type and carries(resource, *entry.token)


def _place(entry: _Entry, resource: Resource) -> str:
    written = version(resource)
    return f"{entry.type}/{resource.get('id', '')}" + (f"/_history/{written}" if written else "")


def _require_now(answer: Answer, what: str) -> None:
    if answer.status != 200:
        _refuse(answer, f"the record answered {answer.status} to {what}")


def _refuse_transaction(answer: Answer) -> NoReturn:
    """Raise what an answer other than a transaction-response means."""
    if answer.status in {200, 201}:
        raise Declined("no-response", f"the record answered {answer.status} without saying what it wrote{_why(answer)}")
    if answer.status == 409:
        raise Unavailable("conflict", "the record reports a conflict with something that happens at the same time")
    if answer.status == 412:
        raise Declined("edited-at-record", f"somebody changed it at the record, or it is there twice{_why(answer)}")
    _refuse(answer, f"the record answered {answer.status} to the transaction{_why(answer)}")


def _refuse(answer: Answer, detail: str) -> NoReturn:
    if answer.status in _LATER or answer.status >= 500:
        raise Unavailable(f"http-{answer.status}", detail, asked_s=_asked_s(answer))
    raise Declined(f"http-{answer.status}", detail)


def _asked_s(answer: Answer) -> float:
    """Return how long the record asks to be left alone (Retry-After in seconds, RFC 9110, 10.2.3); 0 otherwise."""
    given = answer.headers.get("retry-after", "").strip()
    return float(given) if given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX else 0.0


def _why(answer: Answer) -> str:
    """Return what an OperationOutcome says in codes and element names; its free text may quote the patient."""
    reasons = [reason for issue in objects_in(answer.body.get("issue"))[:3] for reason in _reasons(issue)]
    return f" ({', '.join(reasons)})" if reasons else ""


def _reasons(issue: Resource) -> Iterator[str]:
    if issue.get("code") in _ISSUE_CODES.split():
        yield str(issue["code"])
    expressions = issue.get("expression")
    for text in expressions[:1] if isinstance(expressions, list) else ():
        if isinstance(text, str) and _ELEMENT.fullmatch(text) and len(text) <= 120:
            yield text
