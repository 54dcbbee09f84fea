"""Stored bundles to the Record that a model is given: valid readings, exactly as the record wrote them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from fhir_adapters.bundle import STORED_KINDS, Entry, read_bundle
from fhir_adapters.errors import BadRequest
from fhir_adapters.inbound import DAYS_PER_YEAR, VALID
from fhir_adapters.patient import best_identifier, key
from fhir_adapters.stays import Stay, stays
from fhir_adapters.times import read_date, read_time, taken_at
from fhir_adapters.wire import Resource, read_exact
from guarantee.errors import NotEligible
from guarantee.inputs import Coded, Reading, Record

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"

AGE_STEP: Final = Decimal("0.0001")
"""Ages are given to 4 decimals of a year: less than an hour, finer than a birth date."""

_LATER: Final = {"registered": 0, "preliminary": 1, "final": 2, "amended": 3, "corrected": 3}
"""How far an Observation is in its life; what takes it back (entered-in-error, cancelled) is last."""


def read_record(bundles: Sequence[bytes], *, at: datetime, uid: str = "") -> Record:
    """Return what the stored inputs of one case say.

    Readings are those of the newest version of each Observation, when that version is final, amended or corrected: a
    quantity with a UCUM code, of the Observation or of a component, once for each LOINC code it is given. Left out:
    values with a comparator (a bound is not a value), without a unit code or a time, and two different versions of
    which nothing says which is newer.

    Args:
        bundles: as stored, in any order.
        at: the moment the inputs were gathered; the age is taken on its date, in its own zone, in years of 365.25
            days, to 4 decimals.
        uid: of the case; "" when the bundles tell of one stay only.

    Raises:
        NotEligible: the bundles are unreadable, tell of no such stay, or of several without ``uid``.
    """
    chosen = _of_case(bundles, uid)
    readings = [reading for entry in _newest(chosen) for reading in _readings(entry)]
    patients = [stay.patient for stay in chosen]
    return Record(
        readings=tuple(sorted(readings, key=lambda r: (r.code.code, r.taken_at, r.source))),
        age_years=next((age for p in patients if (age := age_years(p.birth_date, at)) is not None), None),
        sex=next((p.sex for p in patients if p.sex), ""),
        at=at,
    )


def newest_time(bundles: Sequence[bytes], *, uid: str = "") -> datetime | None:
    """Return when the newest valid reading of the case was taken, in the zone it was sent with; None without one.

    Raises:
        NotEligible: as :func:`read_record`.
    """
    found = [r.taken_at for entry in _newest(_of_case(bundles, uid)) for r in _readings(entry)]
    return max(found, default=None)


def _of_case(bundles: Sequence[bytes], uid: str) -> list[Stay]:
    try:
        found = [stay for data in bundles for stay in stays(read_bundle(read_exact(data), kinds=STORED_KINDS))]
    except BadRequest as error:
        raise NotEligible("record-unreadable", f"a stored bundle cannot be read: {error.diagnostics}") from error
    if not uid and len({stay.uid for stay in found}) > 1:
        raise NotEligible("several-stays", "the inputs tell of several stays, and none was named")
    chosen = [stay for stay in found if uid in {"", stay.uid}]
    if not chosen:
        raise NotEligible("no-stay", "the inputs say nothing of this stay")
    return chosen


@dataclass(frozen=True, slots=True)
class _Version:
    """Where one version of an Observation stands among the others."""

    updated: datetime | None
    number: int
    rank: int
    entry: Entry


def _newest(chosen: Sequence[Stay]) -> Iterator[Entry]:
    """Yield the newest version of each Observation."""
    versions: dict[str, list[_Version]] = {}
    for n, stay in enumerate(chosen):
        for entry in stay.of("Observation"):
            name = _identity(entry) or f"{n} {entry.where}"
            versions.setdefault(name, []).append(_version(entry))
    for known in versions.values():
        last = _last(known)
        if last is not None:
            yield last.entry


def _identity(entry: Entry) -> str:
    identifier = best_identifier(entry.resource.get("identifier", ()), preferred_type="FILL")
    return entry.reference or key(identifier) or (entry.full_url if entry.full_url.startswith("urn:uuid:") else "")


def _version(entry: Entry) -> _Version:
    meta = entry.resource.get("meta") or {}
    number = str(meta.get("versionId", ""))
    return _Version(
        updated=read_time(meta.get("lastUpdated")) or read_time(entry.resource.get("issued")),
        number=int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else -1,
        rank=_LATER.get(entry.resource["status"], 9),
        entry=entry,
    )


def _last(known: Sequence[_Version]) -> _Version | None:
    """Return the version that stands, or None when two that differ cannot be told apart in time.

    By when the server last updated them, else by version number, else by status: an Observation goes from preliminary
    to final to corrected or entered in error, never back (R4 Observation.status).
    """
    dated = all(version.updated for version in known)
    numbered = all(version.number >= 0 for version in known)

    def order(version: _Version) -> tuple[float, int, int]:
        moment = version.updated.timestamp() if dated and version.updated else 0.0
        return (moment, version.number if numbered else 0, version.rank)

    last = max(known, key=order)
    rivals = [version for version in known if order(version) == order(last)]
    same = all(_said(rival.entry) == _said(last.entry) for rival in rivals)
    return last if same else None


def _said(entry: Entry) -> Resource:
    return {name: value for name, value in entry.resource.items() if name not in {"meta", "text"}}


def _readings(entry: Entry) -> Iterator[Reading]:
    observation = entry.resource
    moment = taken_at(observation)
    if observation["status"] not in VALID or moment is None:
        return
    source = entry.reference or entry.full_url
    for holder in (observation, *observation.get("component", ())):
        quantity = holder.get("valueQuantity") or {}
        if quantity.get("system") != UCUM or not quantity.get("code") or "value" not in quantity:
            continue
        if quantity.get("comparator"):
            continue
        for code in _loinc(holder["code"]):
            yield Reading(
                code=code, value=Decimal(quantity["value"]), unit=quantity["code"], taken_at=moment, source=source
            )


def _loinc(concept: Resource) -> Iterator[Coded]:
    seen: set[str] = set()
    for coding in concept.get("coding", ()):
        code = coding.get("code")
        if coding.get("system") == LOINC and code and code not in seen:
            seen.add(code)
            yield Coded(code=code, scheme="LN", meaning=coding.get("display") or concept.get("text") or code)


def age_years(birth_date: str, at: datetime) -> Decimal | None:
    """Return the age at ``at`` in years of 365.25 days, to 4 decimals; None when it cannot be told."""
    born = read_date(birth_date)
    if born is None or at.date() < born:
        return None
    return (Decimal((at.date() - born).days) / DAYS_PER_YEAR).quantize(AGE_STEP)
