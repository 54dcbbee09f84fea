"""Which resources of a bundle belong together: one stay, or one patient outside any stay.

Nothing is looked up: a reference is followed inside the bundle or not at all. Two people in one stay's resources stop
the whole message: whoever mixed them up must say which is right.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from fhir_adapters.bundle import HEARD, Entry, Received
from fhir_adapters.errors import BadRequest
from fhir_adapters.patient import best_identifier, key, known_by, traits
from fhir_adapters.wire import Resource
from guarantee.case import Patient

STAYS_MAX: Final = 50
"""Most stays of one message. A push tells of one; a lifetime of history is a bulk load, not an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """The resources of one stay.

    Args:
        uid: "system|value" of the encounter's identifier, else "Encounter/<id>"; without an encounter, of the patient
            in the same way.
        encounter: the Encounter resource; None when only its name is known, or there is none.
        reference: "Encounter/<id>" at the sender; "" when unknown.
        entries: everything of the stay but the patient, in the order received.
    """

    uid: str
    patient: Patient
    encounter: Resource | None
    reference: str
    entries: tuple[Entry, ...]

    def of(self, kind: str) -> Iterator[Entry]:
        """Yield the entries of one resource type."""
        return (entry for entry in self.entries if entry.type == kind)


@dataclass(slots=True)
class _Group:
    """A stay in the making; ``people`` has None for somebody of whom only a reference is known."""

    encounter: Entry | None = None
    pointer: Resource = field(default_factory=dict)
    people: dict[str, Patient | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


_OUTSIDE: Final = "\0"
"""Begins the name of a group that is outside any stay; no identifier has this character (wire.py)."""


def stays(received: Received) -> tuple[Stay, ...]:
    """Return the stays that ``received`` tells of, sorted by uid. A bundle with patients only tells of none.

    Raises:
        BadRequest: two patients in one stay, no patient at all, or too many stays.
    """
    index = _Index(received.entries)
    groups: defaultdict[str, _Group] = defaultdict(_Group)
    loose: list[Entry] = []
    for entry in received.entries:
        if entry.type in {"Patient", *HEARD}:
            continue
        name = index.stay_of(entry)
        if name:
            _join(groups[name], entry, index)
        else:
            loose.append(entry)
    for entry in loose:
        _join(groups[_home(entry, groups, index)], entry, index)
    if len(groups) > STAYS_MAX:
        raise BadRequest(413, "too-costly", f"{len(groups)} stays in one message; at most {STAYS_MAX} are taken")
    return tuple(sorted((_stay(*item) for item in groups.items()), key=lambda stay: stay.uid))


def whose(entry: Entry, received: Received) -> Patient:
    """Return whom ``entry``, which is of no stay, is about.

    Raises:
        BadRequest: it does not say, or only by a reference that leads out of the message.
    """
    people = _Index(received.entries).people(entry)
    patient = next(iter(people.values()), None)
    if patient is None:
        raise BadRequest(
            422, "required", f"{entry.where}: whose it is cannot be told: send the Patient in the same Bundle"
        )
    return patient


def _home(entry: Entry, groups: dict[str, _Group], index: "_Index") -> str:
    """Return the patient's only stay in this message, else what is outside any stay."""
    people = set(index.people(entry))
    theirs = [name for name, group in groups.items() if name[0] != _OUTSIDE and people & group.people.keys()]
    return theirs[0] if len(theirs) == 1 else index.outside(entry)


def _join(group: _Group, entry: Entry, index: "_Index") -> None:
    if entry.type == "Encounter":
        group.encounter = entry
    group.pointer = group.pointer or entry.resource.get("encounter") or {}
    group.entries.append(entry)
    group.people.update(index.people(entry))
    if len(group.people) > 1:
        raise BadRequest(422, "business-rule", f"{entry.where}: two different patients in the data of one stay")


def _stay(name: str, group: _Group) -> Stay:
    where = group.entries[0].where
    patient = next(iter(group.people.values()), None)
    if patient is None:
        raise BadRequest(422, "required", f"{where}: whose it is cannot be told: send the Patient in the same Bundle")
    uid = name
    if name[0] == _OUTSIDE:
        uid = f"{patient.issuer}|{patient.identifier}" if patient.identifier else patient.reference
    if not uid:
        raise BadRequest(422, "required", f"{where}: neither the stay nor the patient has an identifier")
    return Stay(
        uid=uid,
        patient=patient,
        encounter=group.encounter.resource if group.encounter else None,
        reference=(group.encounter.reference if group.encounter else "") or _literal(group.pointer),
        entries=tuple(group.entries),
    )


class _Index:
    """Finds what a reference inside the bundle points at."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._found: dict[str, Entry] = {}
        self._aliases: dict[str, str] = {}
        for entry in entries:
            names = {entry.full_url, entry.reference}
            if entry.type in {"Patient", "Encounter"}:
                names |= {f"{entry.type} {key(item)}" for item in entry.resource.get("identifier", ()) if key(item)}
            for name in names - {""}:
                self._found.setdefault(name, entry)
        for pointer in filter(None, map(_subject, entries)):
            if _key(pointer) and _literal(pointer):
                self._aliases[_literal(pointer)] = _key(pointer)

    def stay_of(self, entry: Entry) -> str:
        """Return the name of the stay that ``entry`` says it belongs to; "" when it says nothing."""
        if entry.type == "Encounter":
            named = key(best_identifier(entry.resource.get("identifier", ()), preferred_type="VN"))
            return named or entry.reference or self.outside(entry)
        pointer = entry.resource.get("encounter")
        if not isinstance(pointer, dict):
            return ""
        found = self._find(pointer, "Encounter")
        return self.stay_of(found) if found else _key(pointer) or _literal(pointer)

    def outside(self, entry: Entry) -> str:
        """Return the name of what is known of this patient outside any stay."""
        return _OUTSIDE + "".join(sorted(self.people(entry)))

    def people(self, entry: Entry) -> dict[str, Patient | None]:
        """Return whom ``entry`` is about, under a name that is the same for the same person."""
        pointer = _subject(entry)
        if not pointer:
            return {}
        found = self._find(pointer, "Patient")
        if found:
            _require_same(found, pointer.get("identifier") or {}, entry)
            return {f"in {found.where}": traits(found.resource)}
        literal = _literal(pointer)
        name = _key(pointer) or self._aliases.get(literal, "") or str(pointer.get("reference", ""))
        known = known_by(pointer["identifier"], literal) if _key(pointer) else None
        return {name: known} if name else {}

    def _find(self, pointer: Resource, kind: str) -> Entry | None:
        reference = str(pointer.get("reference", "")).partition("/_history")[0]
        found = self._found.get(reference) or self._found.get(f"{kind} {_key(pointer) or self._aliases.get(reference)}")
        return found if found and found.type == kind else None


def _require_same(patient: Entry, identifier: Resource, entry: Entry) -> None:
    """Refuse a reference that leads to one person and is labelled with the number of another."""
    system = identifier.get("system")
    values = {item.get("value") for item in patient.resource.get("identifier", ()) if item.get("system") == system}
    if identifier.get("value") and values and identifier["value"] not in values:
        raise BadRequest(422, "business-rule", f"{entry.where}: its subject's reference and identifier are two people")


def _subject(entry: Entry) -> Resource:
    pointer = entry.resource.get("patient" if entry.type == "Consent" else "subject")
    return pointer if isinstance(pointer, dict) else {}


def _key(pointer: Resource) -> str:
    return key(pointer.get("identifier") or {})


def _literal(pointer: Resource) -> str:
    """Return a relative literal reference without its version, or ""."""
    reference = str(pointer.get("reference", "")).partition("/_history")[0]
    return "" if ":" in reference or "?" in reference or reference.startswith("#") else reference
