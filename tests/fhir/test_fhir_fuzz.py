"""Mutated messages: whatever comes in, only our own errors come out, and quickly."""

import random
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2

from bridge.demo.fhir_store import FhirStore, Refusal
from bridge.vault import FileVault
from fhir_adapters import client, rest
from fhir_adapters.errors import BadRequest
from fhir_adapters.inbound import arrivals, parse_body, read_bundle, refusal
from fhir_adapters.notification import Subscription, read_notification
from fhir_adapters.read import ReadClient, read_record
from fhir_adapters.read_back import read_back
from fhir_adapters.report import FhirRenderer
from fhir_adapters.wire import read_exact, write_exact
from guarantee.errors import Malformed, NotEligible, PortError
from guarantee.ids import digest
from tests.fhir.releases import released
from tests.fhir.samples import OPTIONS, PATIENT, StoppedClock, endorsed
from tests.fhir.stays import NOW, bundle, observation, person, stay
from tests.fhir.test_fhir_notification import history, parameters, status_of

SEED = 20261121
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    Decimal("0.1"),
    "",
    " ",
    "x",
    "Patient/9",
    "file:///etc/passwd",
    "2026-02-30",
    "2026-11-21T25:61:61Z",
    "²",
    "\u202e",
    "é" * 300,
    [],
    {},
    [[]],
    [None],
    ["x"],
    {"x": 1},
    [{}],
    {"resourceType": "Patient"},
    {"reference": "Encounter/7"},
    {"coding": None},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside ``value``."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        found += places(item, (*path, name))
    return found


def mutated(value: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return ``value`` with one to three places changed, removed, doubled, moved or renamed."""
    changed = deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(places(changed) or [("resourceType",)])
        holder: Any = changed
        for name in path[:-1]:
            holder = holder[name]
        name = path[-1]
        match chance.randrange(5):
            case 0 | 1:
                holder[name] = deepcopy(chance.choice(ODD))
            case 2:
                del holder[name]
            case 3:
                holder[name] = [holder[name], deepcopy(holder[name])]
            case 4 if isinstance(holder, dict):
                holder[str(chance.choice(("id", "status", "x", "value", "identifier")))] = holder.pop(name)
    return changed


def scrambled(data: bytes, chance: random.Random) -> bytes:
    """Return ``data`` with a few bytes changed, cut or repeated."""
    at, length = chance.randrange(len(data)), chance.randrange(1, 30)
    noise = bytes(chance.randrange(256) for _ in range(chance.randrange(4)))
    return data[:at] + noise + data[at + chance.choice((0, length)) :]


def survive(act: Callable[[bytes], object], data: bytes, *allowed: type[Exception]) -> bool:
    """Return whether ``data`` was taken; anything but ``allowed`` escapes and fails the test."""
    try:
        act(data)
    except BadRequest as error:
        refusal(error)
        return False
    except allowed:
        return False
    return True


def door(data: bytes) -> None:
    received = read_bundle(parse_body(data, "application/fhir+json"))
    arrivals(received, digest=digest(data), site="chu", sender="dpi", now=NOW)


def hook(data: bytes) -> None:
    subscription = Subscription(name="dpi", sender="dpi", site="chu", criteria="Observation")
    read_notification("POST", "", data, {"content-type": "application/json"}, subscription=subscription, at=AT)


def model(data: bytes) -> None:
    read_record([data], at=AT)


def rounds(seeds: list[dict[str, Any]], act: Callable[[bytes], object], count: int, *allowed: type[Exception]) -> int:
    chance = random.Random(SEED)
    taken = 0
    for n in range(count):
        data = write_exact(mutated(seeds[n % len(seeds)], chance))
        taken += survive(act, scrambled(data, chance) if n % 4 == 0 else data, *allowed)
    return taken


BUNDLES = [
    bundle(kind="transaction"),
    bundle(person(), stay(), observation(component=[{"code": {"text": "x"}, "valueQuantity": {"value": 1}}])),
    bundle(
        person("10"),
        stay("8", "10", identifier=[{"system": "urn:x", "value": "1"}]),
        observation(
            meta={"versionId": "1", "lastUpdated": "2026-11-21T09:00:00Z"}, subject={"reference": "Patient/10"}
        ),
        observation("18", subject={"identifier": {"system": "urn:x", "value": "2"}}),
    ),
]


def test_the_door_lets_no_other_error_escape() -> None:
    assert 0 < rounds(BUNDLES, door, 3_000) < 3_000


def test_the_notifications_let_no_other_error_escape() -> None:
    event = parameters("event-notification", ("8", "Observation/17"))
    whole = parameters("event-notification", ("8", "Observation/17"))
    whole["entry"] += [{"resource": item} for item in (person(), stay(), observation())]
    seeds = [
        event,
        whole,
        status_of("event-notification", ("8", "Observation/17")),
        history(observation()),
        observation(),
    ]
    assert 0 < rounds(seeds, hook, 1_000) < 1_000


def test_the_readings_let_no_other_error_escape() -> None:
    assert 0 < rounds(BUNDLES, model, 1_000, NotEligible) < 1_000


def test_reading_a_report_back_lets_no_other_error_escape() -> None:
    (sent,) = FhirRenderer(OPTIONS, lambda _: b"").render(endorsed())
    seed = parse_body(sent.data, "application/json")
    assert 0 < rounds([seed], read_back, 300, Malformed) < 300


# -------------------------------------------------------------------------------------------------- a server gone mad


class Mad:
    """A record system in this process that answers truly, then with a mutation."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        folder.mkdir(exist_ok=True)
        self.store = FhirStore(folder / "mad.jsonl")
        self.chance = chance
        self.calm = True

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode().removeprefix("/fhir").strip("/")
        try:
            status, body = 200, self._answer(request, path)
        except Refusal as refusal:
            status, body = refusal.status, {"resourceType": "OperationOutcome", "issue": [{"code": refusal.code}]}
        if not self.calm and self.chance.random() < 0.3:
            body = mutated(body, self.chance)
        return httpx2.Response(status, content=write_exact(body))

    def _answer(self, request: httpx2.Request, path: str) -> dict[str, Any]:
        kind, _, name = path.partition("/")
        if request.method == "POST":
            return self.store.transact(read_exact(request.read()))
        if path == "metadata":
            return {"resourceType": "CapabilityStatement", "rest": [{"interaction": [{"code": "transaction"}]}]}
        if name and "?" not in kind:
            return self.store.read(kind, name)
        kind, _, query = path.partition("?")
        found = self.store.search(kind, query)
        return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": item} for item in found]}


def test_a_record_that_answers_anything_never_makes_the_sender_crash_or_write_twice(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    vault = FileVault(tmp_path / "vault")
    renderer = FhirRenderer(OPTIONS, vault.get)
    outcomes = {True: 0, False: 0}
    for number in range(40):
        server = Mad(tmp_path / str(number), chance)
        server.store.transact(parse_body(write_exact(admission()), "application/json"))
        options = client.Options(name="dpi", server=rest.Options(base_url="http://dpi.example/fhir"))
        destination = client.DpiDestination(options, vault, StoppedClock(), httpx2.MockTransport(server))
        original = endorsed(case_changes={"number": number}, informed="not-possible")
        (sent,) = renderer.render(original)
        release = released(original, sent, vault)
        server.calm = False
        for _ in range(5):
            try:
                destination.send(release)
            except PortError:
                outcomes[False] += 1
            else:
                outcomes[True] += 1
        server.calm = True
        destination.send(release)
        destination.close()
        assert set(server.store.writes.values()) == {1}
    assert min(outcomes.values()) > 0


def test_a_record_that_answers_anything_never_makes_the_reader_crash(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    server = Mad(tmp_path, chance)
    server.store.transact(bundle(kind="transaction"))
    reader = ReadClient(rest.Options(base_url="http://dpi.example/fhir"), httpx2.MockTransport(server))
    server.calm = False
    outcomes = {True: 0, False: 0}
    for _ in range(400):
        try:
            reader.fetch("Observation/17")
        except PortError:
            outcomes[False] += 1
        else:
            outcomes[True] += 1
    reader.close()
    assert min(outcomes.values()) > 0


def admission() -> dict[str, Any]:
    number = {"system": PATIENT.issuer, "value": PATIENT.identifier}
    return bundle({"resourceType": "Patient", "id": "123456", "identifier": [number]}, kind="transaction")
