"""Is what arrived what was endorsed, and is it right by tools that share no code with us?"""

import base64
import re
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from guarantee.mask import Mask
from tests.e2e.outside import PACS, Outside, data_set, parsed, sent_objects
from tests.installation import ROOT, Installation
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools
from tests.peers.fhir_validators import Medplum, PyFhirCheck


class Judges:
    """Everybody who looks at what arrived.

    Args:
        folder: for files that the tools read.
    """

    def __init__(
        self, dicom3tools: Dicom3Tools, dcmtk: Dcmtk, pyfhircheck: PyFhirCheck, medplum: Medplum, folder: Path
    ) -> None:
        self._dicom3tools = dicom3tools
        self._dcmtk = dcmtk
        self._validators = (pyfhircheck, medplum)
        self._folder = folder

    # --------------------------------------------------------------------------------------------------------- DICOM

    def pacs_holds(
        self, outside: Outside, installation: Installation, study: str, result: str, content: Mapping[str, Any]
    ) -> None:
        """Fail unless the archive holds exactly the sealed objects, without an error, saying what was endorsed."""
        held = outside.objects(study)
        assert held.keys() == {"SR", "SEG"}
        sealed = sent_objects(installation, result, PACS)
        assert {data_set(file) for file in held.values()} == {data_set(file) for file in sealed}
        printed = self._dcmtk.printed(self.valid(held["SR"], "sr"))
        for flag, value in (("Preliminary", "PRELIMINARY"), ("Completion", "COMPLETE"), ("Verification", "VERIFIED")):
            assert re.search(rf"^{flag} Flag *: {value}$", printed, re.MULTILINE), printed
        report = _words(str(content["report"]))
        assert report in _words(printed), printed
        for finding in content["findings"]:
            for quantity in finding["quantities"]:
                assert f'"{quantity["value"]}"' in printed, printed
        self.valid(held["SEG"], "seg")
        _require_mask(parsed(held["SEG"]), installation, content)

    def pacs_rejects(self, outside: Outside, study: str) -> None:
        """Fail unless the archive holds a rejection note that lists the report and the segmentation, and both still."""
        held = outside.objects(study)
        assert held.keys() == {"SR", "SEG", "KO"}
        note = parsed(held["KO"])
        self._dcmtk.printed(self.valid(held["KO"], "ko"))
        assert note.SOPClassUID == KeyObjectSelectionDocumentStorage
        listed = {
            item.ReferencedSOPInstanceUID
            for evidence in note.CurrentRequestedProcedureEvidenceSequence
            for series in evidence.ReferencedSeriesSequence
            for item in series.ReferencedSOPSequence
        }
        assert listed == {parsed(held[modality]).SOPInstanceUID for modality in ("SR", "SEG")}

    def valid(self, file: bytes, name: str) -> Path:
        """Return the file on disk, after dciodvfy found no error in it."""
        path = self._folder / f"{name}.dcm"
        path.write_bytes(file)
        assert self._dicom3tools.errors(path) == []
        return path

    # ---------------------------------------------------------------------------------------------------------- FHIR

    def record_holds(
        self,
        outside: Outside,
        installation: Installation,
        result: str,
        content: Mapping[str, Any],
        *,
        informed: bool = True,
    ) -> list[dict[str, Any]]:
        """Fail unless the record holds the endorsed report and findings, without an error; return the resources.

        Args:
            informed: what the reader said of the patient: it was done, or is still to do.
        """
        found = outside.resources(installation, result)
        self.valid_resources(found)
        (report,) = (resource for resource in found if resource["resourceType"] == "DiagnosticReport")
        text = f"{content['report'].rstrip()}\n\n{content['mention']}"
        assert (report["status"], report["conclusion"]) == ("preliminary", text)
        assert base64.b64decode(report["presentedForm"][0]["data"]).decode() == text
        said = {_key(one): _numbers(one) for one in found if one["resourceType"] == "Observation"}
        assert said == {
            finding["key"]: [
                (q["concept"]["code"], Decimal(q["value"]), q["unit"]["code"]) for q in finding["quantities"]
            ]
            for finding in content["findings"]
        }
        kinds = [resource["resourceType"] for resource in found]
        assert kinds.count("Provenance") == 2
        assert (kinds.count("Communication"), kinds.count("Flag")) == ((1, 0) if informed else (0, 1))
        return found

    def record_withdrew(self, outside: Outside, installation: Installation, result: str) -> None:
        """Fail unless what was said of the patient is entered in error, and says nothing any more."""
        found = outside.resources(installation, result)
        self.valid_resources(found)
        for resource in found:
            if resource["resourceType"] in {"DiagnosticReport", "Observation", "Communication", "Flag"}:
                assert resource["status"] == "entered-in-error", resource["resourceType"]
                assert not {"presentedForm", "component", "valueCodeableConcept", "payload"} & resource.keys()

    def valid_resources(self, resources: list[dict[str, Any]]) -> None:
        """Fail when one of two validators finds an error."""
        for validator in self._validators:
            faults = {resource["resourceType"]: validator.errors(resource) for resource in resources}
            assert not any(faults.values()), faults


def require_journal_holds(installation: Installation, folder: Path) -> None:
    """Fail unless the journal holds online, and its export in the hands of somebody who has only one file of ours."""
    verified = installation.aval("journal", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    export = folder / "journal.jsonl"
    written = installation.aval("journal", "export", "--out", str(export))
    assert written.returncode == 0, written.stderr
    keys = [str(installation.folder / "keys" / f"{name}.pub") for name in ("desk", "journal")]
    command = [sys.executable, "-I", str(ROOT / "deploy" / "verify_journal.py"), str(export)]
    done = subprocess.run(
        [*command, *(word for key in keys for word in ("--key", key))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("HOLDS: "), done.stdout


def _words(text: str) -> str:
    """Return text in one line: dsrdump folds and indents."""
    return " ".join(text.replace("\\r\\n", " ").split())


def _require_mask(segmentation: Dataset, installation: Installation, content: Mapping[str, Any]) -> None:
    """Fail unless every voxel of every frame is the endorsed mask's; decoded here, by pydicom alone."""
    (segment,) = content["segments"]
    mask = Mask.from_bytes(installation.vault.get(segment["mask"]))
    rows, columns = mask.grid.rows, mask.grid.columns
    packed = np.frombuffer(mask.bits, np.uint8).reshape(len(mask.grid.frames), -1)
    bits = np.unpackbits(packed, axis=1, count=rows * columns, bitorder="little").reshape(-1, rows, columns)
    wanted = {name: frame for name, frame in zip(mask.grid.frames, bits, strict=True) if frame.any()}
    frames = np.atleast_3d(segmentation.pixel_array).reshape(-1, rows, columns)
    held = {
        _source_of(group): frame
        for group, frame in zip(segmentation.PerFrameFunctionalGroupsSequence, frames, strict=True)
        if frame.any()
    }
    assert held.keys() == wanted.keys()
    assert all((held[name] == wanted[name]).all() for name in wanted)


def _source_of(group: Dataset) -> str:
    """Return what a mask calls the image that a frame was derived from."""
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    number = source.get("ReferencedFrameNumber")
    return f"{source.ReferencedSOPInstanceUID}#{number}" if number else str(source.ReferencedSOPInstanceUID)


def _key(observation: Mapping[str, Any]) -> str:
    """Return which finding an Observation is about: the end of our own identifier."""
    (value,) = (item["value"] for item in observation["identifier"] if item["system"].endswith("/sid/finding"))
    return str(value).partition(".")[2]


def _numbers(observation: Mapping[str, Any]) -> list[tuple[str, Decimal, str]]:
    """Return the measures of an Observation: its components with a quantity that is no figure of the model."""
    return [
        (item["code"]["coding"][0]["code"], Decimal(str(item["valueQuantity"]["value"])), item["valueQuantity"]["code"])
        for item in observation.get("component", [])
        if "valueQuantity" in item and not item["code"]["coding"][0]["system"].endswith("/CodeSystem/ai-metric")
    ]
