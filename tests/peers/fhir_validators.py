"""Two validators that share no code with us or each other: pyfhircheck (Python) and medplum (JavaScript).

Each runs as one child that reads a resource a line: starting takes seconds, a check milliseconds.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.peers.base import PeerMissing, folder, program

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".peers"
WORKERS = ROOT / "tests" / "fhir" / "validators"

PYFHIRCHECK_IGNORED: Mapping[str, str] = {
    r"terminology\.code-system .*'AIAST'": "AIAST came into v3-ObservationValue after R4 4.0.1 (THO has it)",
    r"cardinality\.min Communication\.payload\[\d+\]\.content\[x\]": "it does not see contentString as content[x]",
    r"cardinality\.max CapabilityStatement\.rest\.interaction\.code": "it counts all interactions together",
}
"""Errors of pyfhircheck 0.2.0 that are its own, as regular expressions, each with the reason."""


class _Worker:
    def __init__(self, command: list[str]) -> None:
        self.home = folder("validator")
        self._errors = (self.home / "stderr").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=self.home
        )
        if self._line() != "ready\n":
            self.stop()
            raise PeerMissing(f"{command[0]} did not start")

    def errors(self, resource: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with ``resource``; [] when nothing."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(resource, default=float) + "\n")
        self._process.stdin.flush()
        line = self._line()
        assert line, (self.home / "stderr").read_text()[-2000:]
        found: list[str] = json.loads(line)
        return found

    def stop(self) -> None:
        """End it."""
        self._process.communicate()
        self._errors.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class PyFhirCheck(_Worker):
    """Bindings, invariants, slices, narrative."""

    def __init__(self) -> None:
        python = PEERS / "pyfhircheck" / "bin" / "python"
        package = PEERS / "fhir" / "hl7.fhir.r4.core-4.0.1.tgz"
        if not python.exists() or not package.exists():
            raise PeerMissing("pyfhircheck is not installed; run `make peers`")
        super().__init__([str(python), str(WORKERS / "pyfhircheck_worker.py"), str(package), "evidence"])

    def errors(self, resource: Mapping[str, Any]) -> list[str]:
        """Return what is wrong, without what pyfhircheck itself gets wrong."""
        found = super().errors(resource)
        return [error for error in found if not any(re.search(ignored, error) for ignored in PYFHIRCHECK_IGNORED)]


class Medplum(_Worker):
    """Structure, FHIRPath invariants; the worker adds required bindings."""

    def __init__(self) -> None:
        modules = PEERS / "npm" / "node_modules"
        if not (modules / "@medplum" / "core").exists():
            raise PeerMissing("medplum is not installed; run `make peers`")
        super().__init__([program("node"), str(WORKERS / "medplum_worker.mjs"), str(modules)])
