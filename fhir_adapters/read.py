"""Fetching a stay from the record's FHIR server. This client can GET and nothing else.

It never leaves the configured server: no redirect, no address found in a resource, no page of another host. What it
returns is a Bundle of resources as the server wrote them, numbers digit by digit, in a fixed order: the same record
gives the same bytes, hence the same digest.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import httpx2

from fhir_adapters.bundle import ROUTED
from fhir_adapters.record import newest_time, read_record
from fhir_adapters.rest import Answer, Options, Server, is_path
from fhir_adapters.wire import Resource, objects_in, write_exact
from guarantee.errors import Declined, Unavailable

__all__ = ["Options", "ReadClient", "newest_time", "read_record"]

PAGE: Final = 200
"""Resources asked for at a time."""

PAGES_MAX: Final = 50
"""Most pages of one search: 10,000 Observations is a month of intensive care."""

STAYS_MAX: Final = 50
"""Most stays that one search may lead to, as of one message (stays.py); more is no event."""

_REFERENCE: Final = re.compile(rf"({'|'.join(ROUTED)})/([A-Za-z0-9\-.]{{1,64}})")
_SEARCH: Final = re.compile(rf"({'|'.join(ROUTED)})\?[A-Za-z0-9=&:|,._~%/\-+]{{1,1000}}")


class ReadClient:
    """Reads stays from one server.

    Args:
        options: address, token, patience.
        transport: for tests that need no socket; None for the network.
    """

    def __init__(self, options: Options, transport: httpx2.BaseTransport | None = None) -> None:
        self._server = Server(options, transport)

    def fetch(self, what: str) -> bytes:
        """Return what the record says of every stay that ``what`` leads to: patient, encounter, its observations.

        Args:
            what: "Observation/17", or a search, "Observation?status=final&_lastUpdated=ge2026-11-21T10:00:00.000Z".

        Returns:
            A Bundle of type collection; without entries when there is nothing.

        Raises:
            Unavailable: no answer, or not now.
            Declined: gone, forbidden, too much, or not something that is ever fetched.
        """
        seeds = self._seeds(what)
        homes = {home: None for seed in seeds if (home := self._home(seed))}
        if len(homes) > STAYS_MAX:
            raise Declined("too-many-stays", f"a search led to {len(homes)} stays; at most {STAYS_MAX} are fetched")
        found = {_name(seed): seed for seed in seeds}
        for home in homes:
            found |= self._stay(home)
        return self._bundle(found)

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _seeds(self, what: str) -> list[Resource]:
        if _REFERENCE.fullmatch(what):
            return [self._read(what)]
        if _SEARCH.fullmatch(what):
            return self._search(what)
        raise Declined("not-fetched", "only a relative reference or a search of a known resource type is fetched")

    def _home(self, resource: Resource) -> str:
        """Return the reference of the stay that ``resource`` belongs to, else of its patient."""
        if resource["resourceType"] in {"Encounter", "Patient"}:
            return _name(resource)
        return self._local(resource.get("encounter")) or self._local(resource.get("subject"))

    def _stay(self, home: str) -> dict[str, Resource]:
        top = self._read(home)
        if home.startswith("Encounter/"):
            person = self._local(top.get("subject"))
            if not person:
                raise Declined("no-patient", "the record's encounter names no patient on this server")
            inside = self._search(f"Observation?encounter={quote(home, safe='/')}")
            everything = [top, self._read(person), *inside]
        else:
            all_of = self._search(f"Observation?subject={quote(home, safe='/')}")
            everything = [top, *(item for item in all_of if not item.get("encounter"))]
        return {_name(resource): resource for resource in everything}

    def _read(self, reference: str) -> Resource:
        answer = self._server.get(reference)
        kind, _, name = reference.partition("/")
        _require_ok(answer, f"read {kind}")
        if (answer.type, answer.body.get("id")) != (kind, name):
            raise Declined("other-resource", f"the FHIR server answered a read of {kind} with something else")
        return answer.body

    def _search(self, search: str) -> list[Resource]:
        kind = search.partition("?")[0]
        path, found = f"{search}&_count={PAGE}", []
        for _ in range(PAGES_MAX):
            answer = self._server.get(path)
            _require_ok(answer, f"search {kind}")
            if answer.type != "Bundle":
                raise Declined("other-resource", f"the FHIR server answered a search of {kind} with something else")
            found += [item for item in _matches(answer.body) if item.get("resourceType") == kind]
            path = self._next(answer.body)
            if not path:
                return found
        raise Declined("too-many-pages", f"a search of {kind} has more than {PAGES_MAX} pages of {PAGE}")

    def _next(self, page: Resource) -> str:
        links = [link.get("url", "") for link in objects_in(page.get("link")) if link.get("relation") == "next"]
        if not links:
            return ""
        path = self._below(str(links[0]))
        if not path or not is_path(path):
            raise Declined("next-page-elsewhere", "the next page of a search is on another server; it is not followed")
        return path

    def _below(self, address: str) -> str:
        """Return ``address`` relative to the base, or "" when it is not below it."""
        if address.startswith(f"{self._server.base_url}/"):
            return address[len(self._server.base_url) + 1 :]
        if address.startswith(f"{self._server.base_url}?"):
            return address[len(self._server.base_url) :]
        return "" if ":" in address.partition("?")[0] or address.startswith("/") else address

    def _local(self, pointer: object) -> str:
        reference = pointer.get("reference") if isinstance(pointer, dict) else None
        local = self._below(reference.partition("/_history")[0]) if isinstance(reference, str) else ""
        return local if _REFERENCE.fullmatch(local) else ""

    def _bundle(self, found: dict[str, Resource]) -> bytes:
        names = sorted(found, key=lambda name: (ROUTED.index(name.partition("/")[0]), name))
        entries = [{"fullUrl": f"{self._server.base_url}/{name}", "resource": found[name]} for name in names]
        collection: Resource = {"resourceType": "Bundle", "type": "collection"}
        return write_exact(collection | ({"entry": entries} if entries else {}))


def _require_ok(answer: Answer, what: str) -> None:
    if answer.status == 200:
        return
    if answer.status in {401, 403, 408, 425, 429} or answer.status >= 500:
        raise Unavailable(f"http-{answer.status}", f"the FHIR server answered {answer.status} to {what}")
    raise Declined(f"http-{answer.status}", f"the FHIR server answered {answer.status} to {what}")


def _matches(page: Resource) -> Iterable[Resource]:
    for entry in objects_in(page.get("entry")):
        search, resource = entry.get("search"), entry.get("resource")
        mode = search.get("mode") if isinstance(search, dict) else "match"
        if mode in {"match", None} and isinstance(resource, dict) and isinstance(resource.get("id"), str):
            yield resource


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
