"""Taking reviewed cases out under a pseudonym, joined to the parts of an installation."""

import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from bridge.config import ConfigError
from bridge.flows.export import Exporting, Reviewed, record, reviewed
from bridge.wiring.outside import dicom_options
from bridge.wiring.parts import Parts
from dicom_adapters.errors import NotExportable
from dicom_adapters.export.confidentiality import Profile
from dicom_adapters.export.deidentify import Deidentifier
from dicom_adapters.export.pseudonyms import Pseudonyms
from dicom_adapters.export.rewrite import Allowed, Exported, export
from dicom_adapters.render.renderer import DicomRenderer
from guarantee.ids import ResultId

SECRET_BYTES_MAX: Final = 4096
"""Largest file that is read as a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody asked for.

    Args:
        folder: one folder for each result is made in it.
        by, reason: for the journal.
    """

    folder: Path
    profile: Profile
    pseudonyms: Pseudonyms
    allowed: Allowed
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one result.

    Args:
        left_out: how many objects were refused, by code.
    """

    result: str
    folder: Path
    files: tuple[Exported, ...]
    left_out: dict[str, int]


def read_secret(path: Path) -> bytes:
    """Return the secret in a file.

    Raises:
        ConfigError: others than its owner may read it.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(
            f"{path} can be read by others: chmod 600 {path}, and keep it as you keep the patients' names"
        )
    with path.open("rb") as file:
        return file.read(SECRET_BYTES_MAX)


def take_out(results: Sequence[str], order: Order, parts: Parts) -> Iterator[Taken]:
    """Take each result out in turn, and yield what became of it.

    Raises:
        NotAllowed, Forged, Refused: as flows.export.
    """
    tools = Exporting(
        store=parts.store("desk"),
        vault=parts.vault,
        clock=parts.clock,
        catalogue=parts.catalogue,
        render=DicomRenderer(dicom_options(parts.settings), parts.vault.get).render,
        verify=lambda opinion: parts.checking_ring.verify(opinion.statement.to_bytes(), opinion.seal),
    )
    for result in results:
        case = reviewed(ResultId(result), tools)
        record(case, by=order.by, reason=order.reason, profile=order.profile.name, tools=tools)
        yield _write(case, order, parts)


def _write(case: Reviewed, order: Order, parts: Parts) -> Taken:
    patient = case.case.patient
    words = [case.decision.content or "", case.case.order, *case.case.patient.name.replace("^", " ").split()]
    deidentifier = Deidentifier(
        order.profile,
        order.pseudonyms,
        issuer=patient.issuer,
        identifier=patient.identifier,
        words=[word for word in words if len(word) > 2],
    )
    folder = order.folder / deidentifier.patient / order.pseudonyms.uid(case.case.uid)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Exported] = []
    left_out: dict[str, int] = {}
    # A path is asked for when its turn comes: a vault may keep local copies for a minute only.
    images: Iterator[Path | bytes] = (parts.vault.path(image) for image in case.images)
    for source in chain(images, (one.data for one in case.objects)):
        try:
            files.append(export(source, folder, deidentifier, order.allowed))
        except NotExportable as error:
            left_out[error.code] = left_out.get(error.code, 0) + 1
    _describe(folder, case, order, files, left_out)
    return Taken(result=case.result.id, folder=folder, files=tuple(files), left_out=left_out)


def _describe(folder: Path, case: Reviewed, order: Order, files: Sequence[Exported], left_out: dict[str, int]) -> None:
    """Write what the folder holds; nothing in it leads back to the patient or to our own records."""
    said: dict[str, Any] = {
        "profile": order.profile.name,
        "model": case.result.model.id,
        "verdict": str(case.decision.verdict),
        "left_out": left_out,
        "files": [{"name": f.name, "class": f.sop_class_uid, "sha256": f.sha256} for f in files],
    }
    path = folder / f"{case.result.model.name}.json"
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
