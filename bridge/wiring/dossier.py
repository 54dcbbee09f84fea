"""Everything that is kept of one patient, written into a folder for that patient.

    index.html      what it is, in plain French: read this first
    rows/           the rows of each table, as JSON
    objects/        what was received, proposed, decided and sent, by its SHA-256
    manifest.json   every file with its SHA-256; written last, so that a folder without it is not whole

Nothing is left out silently: what is not copied is named in the index, with the reason.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from bridge.config import ConfigError
from bridge.db.about_patients import Named
from bridge.wiring.authorities import names_of
from bridge.wiring.dossier_index import Dossier, page
from bridge.wiring.parts import Parts
from fhir_adapters.hl7v2.record import is_message
from guarantee.accesses import Access
from guarantee.canonical import parse_canonical
from guarantee.content import Content, Text
from guarantee.errors import BlobMissing, GuaranteeError
from guarantee.ids import Digest, digest
from guarantee.opinion import Reader

LINES_MAX: Final = 500_000
"""Most rows of one extract. They are held in memory; a patient of twenty years of imaging has a tenth of that."""

BYTES_MAX: Final = 200 * 1024**3
"""Most bytes of objects that are copied, 200 GiB: what does not fit is named in the index."""

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

LEFT_OUT: Final = {
    "held": Text(
        fr="dossier mis de côté : à qui sont ces images n’est pas établi",
        en="a held case: whose these images are is not established",
    ),
    "shared": Text(
        fr="message où une autre personne est aussi nommée : à extraire à la main",
        en="a message that names somebody else too: to be extracted by hand",
    ),
    "missing": Text(fr="plus conservé, ou abîmé", en="no longer kept, or damaged"),
    "too-much": Text(fr="au-delà de la limite de cet export", en="beyond the limit of this extract"),
}
"""Why an object is not in the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asked for.

    Args:
        issuer, value: the patient number, and who gave it.
        unissued: also cases that have the number and do not say who gave it; somebody looked.
        folder: a new one, or an empty one.
    """

    issuer: str
    value: str
    unissued: bool
    folder: Path
    by: Reader
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was written.

    Args:
        left_out: digests of objects that are not in the folder, with the reason.
        unissued: cases with this number that do not say who gave it, and are not in it.
    """

    access: Access
    lines: int
    objects: int
    left_out: Mapping[str, str]
    unissued: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Objects:
    """Digests to copy, each with its ending; and those that are left out."""

    wanted: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def take_out(asked: Asked, parts: Parts) -> Taken:
    """Write everything that is kept of a patient.

    Raises:
        ConfigError: nothing is kept under this number, too much is, or the folder is not empty.
        NotEntitled: not the data protection officer.
    """
    folder = _made(asked.folder)
    with parts.store("audit").reading() as unit:
        number = Named(issuer=asked.issuer, value=asked.value)
        scope = unit.dossiers.scope(number, partial(names_of, settings=parts.settings), unissued=asked.unissued)
        count = unit.dossiers.count(scope)
        if not 0 < count <= LINES_MAX:
            raise ConfigError(f"{count} rows are kept under this number; an extract has 1 to {LINES_MAX}")
        titles = unit.dossiers.titles()
        rows = {name: [*unit.dossiers.rows(name, scope)] for name in titles}
        shared = unit.dossiers.shared(scope)
        unissued = () if asked.unissued else unit.dossiers.unissued(scope)
    objects = _objects(rows, shared, parts)
    access = Access(
        issuer=asked.issuer,
        value=asked.value,
        by=asked.by,
        reason=asked.reason,
        lines=count,
        objects=len(objects.wanted),
        at=parts.clock.now(),
    )
    with parts.store("desk").transaction(f"patients:{asked.by.login}") as writing:
        writing.dossiers.note(access)
    _write_rows(folder, rows)
    _copy(folder, objects, parts)
    dossier = Dossier(access=access, scope=scope, titles=titles, rows=rows, left_out=_said(objects), unissued=unissued)
    _write(folder / "index.html", page(dossier).encode())
    _write(folder / "manifest.json", _manifest(folder))
    return Taken(access=access, lines=count, objects=len(objects.wanted), left_out=objects.left_out, unissued=unissued)


def _said(objects: _Objects) -> dict[str, Text]:
    return {name: LEFT_OUT[why] for name, why in sorted(objects.left_out.items())}


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: an extract is written into a folder of its own")
    folder.chmod(0o700)
    return folder


# ----------------------------------------------------------------------------------------------------- which objects


def _objects(rows: Rows, shared: frozenset[str], parts: Parts) -> _Objects:
    found = _Objects()
    held = _held(rows["cases"])
    for row in rows["inputs"]:
        why = "held" if (row["kind"], row["case_uid"]) in held else "shared" if row["digest"] in shared else ""
        _take(found, row["digest"], ".dcm" if row["kind"] == "study" else "", why)
    for table, column in (("orders", "message"), ("mentions", "message")):
        for row in rows[table]:
            _take(found, row[column], "", "shared" if row[column] in shared else "")
    for name, ending in _made_here(rows, parts):
        _take(found, name, ending, "")
    for name in [name for name in found.wanted if not parts.vault.has(Digest(name))]:
        del found.wanted[name]
        found.left_out[name] = "missing"
    return found


def _take(found: _Objects, name: str, ending: str, why: str) -> None:
    if why:
        found.left_out[name] = why
        found.wanted.pop(name, None)
    elif name not in found.left_out:
        found.wanted[name] = found.wanted.get(name) or ending


def _held(cases: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return the exams whose newest revision is held: whose they are, nobody has said."""
    newest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for case in sorted(cases, key=lambda one: int(one["revision"])):
        newest[case["kind"], case["uid"]] = case
    return {name for name, case in newest.items() if case["state"] == "quarantined"}


def _made_here(rows: Rows, parts: Parts) -> Iterator[tuple[str, str]]:
    """Yield what was made of the inputs: manifests, drafts, what was decided, masks, documents."""
    for case in rows["cases"]:
        if case["manifest"]:
            yield case["manifest"], ".json"
    for row in rows["expectations"]:
        if row["listed"]:
            yield row["listed"], ".json"
    contents = {row["draft"] for row in rows["results"]} | {row["content"] for row in rows["opinions"]}
    for name in sorted(contents - {None}):
        yield name, ".json"
        yield from _masks(Digest(name), parts)
    for row in rows["renderings"]:
        yield row["package"], ".json"
        yield from _documents(Digest(row["package"]), parts)


def _masks(name: Digest, parts: Parts) -> Iterator[tuple[str, str]]:
    try:
        content = Content.from_bytes(parts.vault.get(name))
    except (BlobMissing, GuaranteeError):
        return  # named as missing, or copied as it is
    yield from ((segment.mask, ".bin") for segment in content.segments)


def _documents(name: Digest, parts: Parts) -> Iterator[tuple[str, str]]:
    try:
        package: Any = parse_canonical(parts.vault.get(name))  # a release needs more rights than to list its parts
    except (BlobMissing, GuaranteeError):
        return  # named as missing, or copied as it is
    yield from ((part["digest"], _ending(part["media_type"])) for part in package["parts"])


def _ending(media_type: str) -> str:
    known = {"application/dicom": ".dcm", "application/pdf": ".pdf", "x-application/hl7-v2+er7": ".hl7"}
    return known.get(media_type, ".json" if "json" in media_type else ".bin")


# ------------------------------------------------------------------------------------------------------------ files


def _write_rows(folder: Path, rows: Rows) -> None:
    (folder / "rows").mkdir(mode=0o700)
    for name, found in rows.items():
        if found:
            text = json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True)
            _write(folder / "rows" / f"{name}.json", text.encode())


def _copy(folder: Path, objects: _Objects, parts: Parts) -> None:
    (folder / "objects").mkdir(mode=0o700)
    room = BYTES_MAX
    for name, ending in [*objects.wanted.items()]:
        try:
            data = parts.vault.get(Digest(name))
        except BlobMissing:
            why = "missing"
        else:
            why = "" if len(data) <= room else "too-much"
        if why:
            del objects.wanted[name]
            objects.left_out[name] = why
            continue
        room -= len(data)
        _write(folder / "objects" / f"{name}{ending or _guessed(data)}", data)


def _guessed(data: bytes) -> str:
    return ".hl7" if is_message(data) else ".json" if data.lstrip()[:1] == b"{" else ".bin"


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def _manifest(folder: Path) -> bytes:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [
        {"file": str(path.relative_to(folder)), "bytes": path.stat().st_size, "sha256": digest(path.read_bytes())}
        for path in files
    ]
    return json.dumps({"files": listed}, indent=1).encode()
