"""The rules of a small FHIR R4 server: versions, conditional writes, transactions, a few searches. No network here.

It is strict where a real record is strict: invalid resources, unresolved references, lost updates and ambiguous
conditions are refused, and a transaction happens whole or not at all.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any, Final
from urllib.parse import parse_qsl

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from fhir_adapters.errors import BadRequest
from fhir_adapters.wire import Resource, read_exact, write_exact

ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
PAGE: Final = 100
_VERSION: Final = re.compile(r'(?:W/)?"(\d+)"')
_URN: Final = "urn:uuid:"


class Refusal(Exception):
    """A request that is answered with an OperationOutcome.

    Args:
        status: HTTP status.
        code: R4 issue type.
    """

    def __init__(self, status: int, code: str, diagnostics: str) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.code = code
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One version that was written."""

    at: str
    type: str
    id: str
    version: int


@dataclass(slots=True)
class _Draft:
    """Changes that are not committed yet: newest version of each resource."""

    changed: dict[tuple[str, str], Resource] = field(default_factory=dict)
    names: int = 0


class FhirStore:
    """Resources in memory, and on disk as one line of JSON for each commit.

    Args:
        journal: file to append to and to start from.
    """

    def __init__(self, journal: Path) -> None:
        self.lock = RLock()
        self.arrivals: list[Arrived] = []
        self.writes: Counter[str] = Counter()
        self._versions: dict[tuple[str, str], list[Resource]] = {}
        self._journal = journal
        self._names = 0
        for line in journal.read_bytes().splitlines() if journal.exists() else ():
            self._replay(line)

    # ------------------------------------------------------------------------------------------------------ reading

    def read(self, kind: str, name: str, version: str = "") -> Resource:
        """Return a resource, in its newest or the given version."""
        versions = self._versions.get((kind, name), [])
        wanted = [item for item in versions if version in {"", item["meta"]["versionId"]}]
        if not wanted:
            raise Refusal(404, "not-found", f"there is no such {kind}")
        return wanted[-1]

    def history(self, kind: str, name: str) -> list[Resource]:
        """Return every version, newest first."""
        self.read(kind, name)
        return list(reversed(self._versions[kind, name]))

    def search(self, kind: str, query: str) -> list[Resource]:
        """Return the newest versions that match every parameter of ``query``."""
        return self._search(kind, query, _Draft())

    # ------------------------------------------------------------------------------------------------------ writing

    def create(self, kind: str, resource: Resource, condition: str = "") -> tuple[int, Resource]:
        """Return (status, resource): 201 when created, 200 when ``condition`` found it."""
        with self.lock:
            draft = _Draft()
            answer = self._create(kind, resource, condition, draft)
            self._commit(draft)
            return answer

    def update(self, kind: str, target: str, resource: Resource, match: str = "") -> tuple[int, Resource]:
        """Return (status, resource) after a PUT to ``target``: an id, or "?" and a search."""
        with self.lock:
            draft = _Draft()
            answer = self._update(kind, target, resource, match, draft)
            self._commit(draft)
            return answer

    def transact(self, bundle: Resource) -> Resource:
        """Return the transaction-response, after everything happened or nothing did."""
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
            raise Refusal(400, "invalid", "a Bundle of type transaction was expected")
        entries = [_Entry.read(n, item) for n, item in enumerate(bundle.get("entry", ()))]
        with self.lock:
            draft = _Draft()
            places = self._places(entries, draft)
            answers: dict[int, Resource] = {}
            for n in sorted(range(len(entries)), key=lambda n: entries[n].method):  # POST before PUT (R4 3.1.0.11.2)
                answers[n] = self._do(entries[n], places, draft)
            self._commit(draft)
        response = [answers[n] for n in range(len(entries))]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": response}

    def _do(self, entry: "_Entry", places: Mapping[str, str], draft: _Draft) -> Resource:
        resource = _resolved(entry.resource, places)
        _validate(entry.kind, resource)
        own = places.get(entry.full_url, "").partition("/")[2]
        if entry.method == "POST":
            status, done = self._create(entry.kind, resource, entry.condition, draft, own)
        else:
            status, done = self._update(entry.kind, entry.target, resource, entry.match, draft, own)
        place = f"{entry.kind}/{done['id']}/_history/{done['meta']['versionId']}"
        told = {"status": f"{status} {'Created' if status == 201 else 'OK'}", "location": place, "etag": _etag(done)}
        return {"response": told | {"lastModified": done["meta"]["lastUpdated"]}}

    def _places(self, entries: Sequence["_Entry"], draft: _Draft) -> dict[str, str]:
        """Return what each fullUrl will be called, before anything is written."""
        places: dict[str, str] = {}
        for entry in entries:
            found = self._one(entry.kind, entry.condition, draft) if entry.condition else None
            if found is None and entry.method == "PUT" and entry.target[:1] not in {"", "?"}:
                name = entry.target
            else:
                name = found["id"] if found else self._new_name(draft)
            if entry.full_url in places:
                raise Refusal(400, "invalid", "two entries have the same fullUrl")
            places[entry.full_url] = f"{entry.kind}/{name}"
        return places

    def _create(
        self, kind: str, resource: Resource, condition: str, draft: _Draft, name: str = ""
    ) -> tuple[int, Resource]:
        _validate(kind, resource)
        found = self._one(kind, condition, draft) if condition else None
        if found:
            return 200, found
        return 201, self._write(kind, name or self._new_name(draft), resource, draft)

    def _update(
        self, kind: str, target: str, resource: Resource, match: str, draft: _Draft, name: str = ""
    ) -> tuple[int, Resource]:
        _validate(kind, resource)
        if target.startswith("?"):
            found = self._one(kind, target[1:], draft)
            name = found["id"] if found else name or self._new_name(draft)
        else:
            found = self._newest(kind, target, draft)
            name = target
            if resource.get("id") != target:
                raise Refusal(400, "invalid", "the resource's id is not the one in the address")
        if match and (found is None or _version(match) != found["meta"]["versionId"]):
            raise Refusal(412, "conflict", f"the {kind} is not in the version that was expected")
        return (200 if found else 201), self._write(kind, name, resource, draft)

    def _write(self, kind: str, name: str, resource: Resource, draft: _Draft) -> Resource:
        before = self._newest(kind, name, draft)
        meta = {name: value for name, value in resource.get("meta", {}).items() if name != "versionId"}
        meta |= {
            "versionId": str(int(before["meta"]["versionId"]) + 1 if before else 1),
            "lastUpdated": _now(),
        }
        written = {"resourceType": kind, "id": name, "meta": meta} | {
            key: value for key, value in resource.items() if key not in {"resourceType", "id", "meta"}
        }
        draft.changed[kind, name] = written
        return written

    def _commit(self, draft: _Draft) -> None:
        if not draft.changed:
            return
        line = write_exact({"changes": list(draft.changed.values())})
        with self._journal.open("ab") as file:
            file.write(line + b"\n")
        self._apply(list(draft.changed.values()))

    def _replay(self, line: bytes) -> None:
        try:
            changes = read_exact(line)["changes"]
        except (BadRequest, KeyError):
            return  # the last line of a process that was killed while writing: its sender never had an answer
        self._apply(changes)

    def _apply(self, changes: Sequence[Resource]) -> None:
        for resource in changes:
            kind, name = resource["resourceType"], resource["id"]
            self._versions.setdefault((kind, name), []).append(resource)
            self._names = max(self._names, int(name) if name.isdecimal() and len(name) < 10 else 0)
            meta = resource["meta"]
            self.arrivals.append(Arrived(at=meta["lastUpdated"], type=kind, id=name, version=int(meta["versionId"])))
            for item in resource.get("identifier", ()) if isinstance(resource.get("identifier"), list) else ():
                self.writes[f"{item.get('system', '')}|{item.get('value', '')}"] += 1

    # ---------------------------------------------------------------------------------------------------- searching

    def _one(self, kind: str, query: str, draft: _Draft) -> Resource | None:
        found = self._search(kind, query, draft)
        if len(found) > 1:
            raise Refusal(412, "multiple-matches", f"{len(found)} resources of type {kind} match the condition")
        return found[0] if found else None

    def _search(self, kind: str, query: str, draft: _Draft) -> list[Resource]:
        wanted = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in _IGNORED]
        unknown = {name for name, _ in wanted} - _TESTS.keys()
        if unknown:
            raise Refusal(400, "not-supported", f"this server cannot search by {', '.join(sorted(unknown))[:80]}")
        tests = [(_TESTS[name], value) for name, value in wanted]
        return [item for item in self._all(kind, draft) if all(test(item, value) for test, value in tests)]

    def _all(self, kind: str, draft: _Draft) -> Iterator[Resource]:
        names = [key for key in self._versions if key[0] == kind]
        for key in names:
            yield draft.changed.get(key) or self._versions[key][-1]
        yield from (item for key, item in draft.changed.items() if key[0] == kind and key not in self._versions)

    def _newest(self, kind: str, name: str, draft: _Draft) -> Resource | None:
        return draft.changed.get((kind, name)) or next(iter(self._versions.get((kind, name), [])[-1:]), None)

    def _new_name(self, draft: _Draft) -> str:
        draft.names += 1
        return str(self._names + draft.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry of a transaction.

    Args:
        target: what follows the type in the address: "", an id, or "?" and a search.
    """

    method: str
    kind: str
    target: str
    condition: str
    match: str
    full_url: str
    resource: Resource

    @classmethod
    def read(cls, n: int, item: Any) -> "_Entry":
        request, resource = (item.get("request"), item.get("resource")) if isinstance(item, dict) else (None, None)
        if not isinstance(request, dict) or not isinstance(resource, dict):
            raise Refusal(400, "structure", f"entry {n} has a request and a resource")
        path, mark, query = str(request.get("url", "")).partition("?")
        kind, _, name = path.partition("/")
        if request.get("method") not in {"POST", "PUT"} or kind != resource.get("resourceType"):
            raise Refusal(400, "invalid", f"entry {n} is neither a POST nor a PUT of its own resource type")
        post = request["method"] == "POST"
        return cls(
            method=request["method"],
            kind=kind,
            target="" if post else name + mark + query,
            condition=str(request.get("ifNoneExist", "")) if post else query,
            match=str(request.get("ifMatch", "")),
            full_url=str(item.get("fullUrl") or f"{_URN}entry-{n}"),
            resource=resource,
        )


def _identified(resource: Resource, value: str) -> bool:
    found = resource.get("identifier", ())
    return any(_token(item.get("system"), item.get("value"), value) for item in found if isinstance(item, dict))


def _tagged(resource: Resource, value: str) -> bool:
    return any(_token(tag.get("system"), tag.get("code"), value) for tag in resource["meta"].get("tag", ()))


def _token(system: object, code: object, wanted: str) -> bool:
    left, mark, right = wanted.rpartition("|")
    return code == right and (not mark or (system or "") == left)


def _coded(resource: Resource, value: str) -> bool:
    found = (resource.get("code") or {}).get("coding", ())
    return any(_token(item.get("system"), item.get("code"), value) for item in found)


def _points(name: str) -> "_Test":
    def test(resource: Resource, value: str) -> bool:
        reference = str((resource.get(name) or {}).get("reference", ""))
        return value in {reference, reference.rpartition("/")[2]}

    return test


def _updated(resource: Resource, value: str) -> bool:
    if not value.startswith("ge"):
        raise Refusal(400, "not-supported", "_lastUpdated is searched with ge")
    return bool(datetime.fromisoformat(resource["meta"]["lastUpdated"]) >= datetime.fromisoformat(value[2:]))


_Test = Callable[[Resource, str], bool]
_TESTS: Final[dict[str, _Test]] = {
    "_id": lambda resource, value: bool(resource["id"] == value),
    "_lastUpdated": _updated,
    "_tag": _tagged,
    "code": _coded,
    "encounter": _points("encounter"),
    "identifier": _identified,
    "patient": _points("subject"),
    "status": lambda resource, value: resource.get("status") in value.split(","),
    "subject": _points("subject"),
}
_IGNORED: Final = frozenset({"_count", "_sort", "_offset"})


def _resolved(value: Any, places: Mapping[str, str]) -> Any:
    """Return ``value`` with references inside the transaction replaced by the names they get."""
    if isinstance(value, list):
        return [_resolved(item, places) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _resolved(item, places) for name, item in value.items()}
    reference = found.get("reference")
    if isinstance(reference, str) and reference.startswith(_URN):
        if reference not in places:
            raise Refusal(400, "value", "a reference inside the transaction leads nowhere")
        found["reference"] = places[reference]
    return found


def _validate(kind: str, resource: Resource) -> None:
    if resource.get("resourceType") != kind:
        raise Refusal(400, "invalid", "the resource is not of the type in the address")
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except (ValidationError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise Refusal(400, "structure", f"not a valid {kind}: {type(error).__name__}") from None
    if not ID.fullmatch(str(resource.get("id", "x"))):
        raise Refusal(400, "value", "an id has 1 to 64 letters, digits, hyphens and dots")


def _version(match: str) -> str:
    found = _VERSION.fullmatch(match)
    if not found:
        raise Refusal(400, "value", 'If-Match is W/"version"')
    return found[1]


def _etag(resource: Resource) -> str:
    return f'W/"{resource["meta"]["versionId"]}"'


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
