"""Both places outside, simulated, and the account of what they were given: lost, once, or more than once."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from sqlalchemy import select

from bridge.db import tables
from bridge.demo.dpi import SimulatedDpi
from bridge.demo.pacs import SimulatedPacs
from guarantee.case import CaseKind
from guarantee.decision import decision_id
from guarantee.errors import BlobMissing
from guarantee.ids import ResultId
from guarantee.journal import verify
from guarantee.release import release_id
from tests.e2e.inputs import Study
from tests.e2e.outside import data_set
from tests.installation import Installation

PACS, RECORD = "pacs-1", "dpi-1"

OBJECTS: Final = Counter({"SR": 1, "SEG": 1})
"""What one endorsed study is at the archive."""


class Outside:
    """A simulated archive and a simulated record that never go down; both count."""

    def __init__(self, folder: Path) -> None:
        self.arrivals = folder / "pacs" / "arrivals.jsonl"
        self.pacs = SimulatedPacs("PACS", "127.0.0.1", 0, folder / "pacs")
        self.pacs.start()
        self.dpi = SimulatedDpi("127.0.0.1", 0, folder / "dpi")

    def settings(self) -> dict[str, Any]:
        """Return them as destinations."""
        pacs = {"aet": "PACS", "host": "127.0.0.1", "port": self.pacs.port, "commitment_port": 0}
        return {"destinations": {"pacs": {PACS: pacs}, "fhir": {RECORD: {"base_url": self.dpi.url}}}}

    def stop(self) -> None:
        """Close both."""
        self.pacs.stop()
        self.dpi.stop()


@dataclass(slots=True)
class Account:
    """What went wrong, in words; and how often harmless things happened.

    Args:
        resent: objects that the archive was sent again, byte for byte.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    resent: int = 0

    def require_exactly_once(self) -> None:
        """Fail unless everything arrived once, and nothing else did."""
        faults = {"lost": self.lost, "doubled": self.doubled, "unasked": self.unasked}
        assert not any(faults.values()), {name: found for name, found in faults.items() if found}


def account(outside: Outside, endorsed: Mapping[str, str]) -> Account:
    """Compare what both places hold with what must be there.

    Args:
        endorsed: the study of each result that a person signed.
    """
    found = Account()
    _archive(found, outside, Counter(endorsed.values()))
    _record(found, outside, {release_id(decision_id(ResultId(result))) for result in endorsed})
    return found


def _archive(found: Account, outside: Outside, studies: Counter[str]) -> None:
    held = outside.pacs.everything()
    for study in {*studies, *(one.study_uid for one in held)}:
        kinds = Counter(one.modality for one in held if one.study_uid == study)
        wanted = Counter({kind: many * studies[study] for kind, many in OBJECTS.items()})
        found.lost += [f"{kind} of {study}" for kind in wanted - kinds]
        (found.doubled if studies[study] else found.unasked).extend(f"{kind} of {study}" for kind in kinds - wanted)
    found.resent = sum(outside.pacs.times_stored(one.sop_instance_uid) - 1 for one in held)
    lines = outside.arrivals.read_text().splitlines() if outside.arrivals.exists() else []
    found.doubled += [f"other bytes under a known UID at {PACS}" for line in lines if '"conflict"' in line]


def _record(found: Account, outside: Outside, releases: Collection[str]) -> None:
    writes = outside.dpi.writes
    found.doubled += [f"{identifier} at {RECORD}, {many} times" for identifier, many in writes.items() if many != 1]
    reports = Counter(
        identifier.rpartition("|")[2].partition(".")[0] for identifier in writes if "/sid/result|" in identifier
    )
    found.lost += [f"report of release {name} at {RECORD}" for name in releases if not reports[name]]
    found.unasked += [f"report of release {name} at {RECORD}" for name in reports if name not in releases]


# ------------------------------------------------------------------------------------------------ what was promised


def missing_of(installation: Installation, study: Study, acknowledged: set[str]) -> list[str]:
    """Return what is not kept of the images of ``study`` that we said we had taken; the installation may be dead."""
    with installation.reading() as unit:
        inputs = tables.inputs
        query = select(inputs.c.uid, inputs.c.digest).where(
            inputs.c.kind == str(CaseKind.STUDY), inputs.c.case_uid == study.uid
        )
        kept = {row.uid: row.digest for row in unit.connection.execute(query)}
    sent = {uid_of(path.read_bytes()): path.read_bytes() for path in study.files}
    vault = installation.vault
    missing = []
    for uid in sorted(acknowledged):
        try:
            data = vault.get(kept[uid])
        except (KeyError, BlobMissing):
            missing.append(uid)
            continue
        if data_set(data) != data_set(sent[uid]):
            missing.append(f"{uid}: other bytes")
    return missing


def uid_of(file: bytes) -> str:
    """Return the SOP Instance UID of a DICOM file."""
    return str(dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID)


def require_chain(installation: Installation) -> int:
    """Fail unless every link of the journal follows from the one before; return how many there are."""
    with installation.reading() as unit:
        seq, _ = verify(unit.journal.links())
    return seq


def figures(name: str, **numbers: object) -> str:
    """Return one line for the report of a run."""
    return json.dumps({"suite": name, **numbers}, default=str)
