"""Four judges of DICOM objects that share no code with us: dicom3tools, DCMTK, pixelmed."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.peers.base import PeerMissing, program

_TOOL_S: Final = 240.0
"""Longest run of one tool. The pixelmed validator compiles its rules for each file: 8 s of one core, more on a busy
one."""

_ALLOWED: Final = (
    "Code (43468-8,LN,",  # XR unspecified body region: pixelmed's context group 100 is of 2022
    "Conditional content item present when condition not satisfied",  # its rule looks for 113001 among siblings
)
"""Errors of the pixelmed validator that are its own: reference/standards, 1.8."""


class Dicom3Tools:
    """dciodvfy judges one object against its IOD; dcentvfy judges objects of one study against each other."""

    def __init__(self) -> None:
        self._object = program("dciodvfy")
        self._entity = program("dcentvfy")

    def errors(self, path: Path) -> list[str]:
        """Return what is wrong with one object."""
        return _lines(_run(self._object, str(path)), "Error")

    def disagreements(self, paths: Sequence[Path]) -> list[str]:
        """Return where objects of one study differ in what they must share."""
        return _lines(_run(self._entity, *map(str, paths)), "Error")

    def stop(self) -> None:
        """Nothing runs."""


class Dcmtk:
    """dsrdump prints a structured report, or says why it is none; dcm2json reads any object."""

    def __init__(self) -> None:
        self._dump = program("dsrdump")

    def printed(self, path: Path) -> str:
        """Return the whole report as text; raise AssertionError when DCMTK cannot read it."""
        done = subprocess.run(
            [self._dump, "+Pl", "+Pc", "+U8", str(path)], capture_output=True, text=True, check=False, timeout=_TOOL_S
        )
        assert done.returncode == 0, done.stderr
        assert not [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))], done.stderr
        return done.stdout

    def stop(self) -> None:
        """Nothing runs."""


class SrValidator:
    """pixelmed's DicomSRValidator, whose errors decide at an IHE connectathon; its warnings do not."""

    def __init__(self) -> None:
        jars = Path("/usr/share/java")
        main = jars / "pixelmed.jar"
        if not main.exists():
            raise PeerMissing("libpixelmed-java is not installed; run `make peers`")
        names = ("commons-codec", "xalan2", "vecmath", "jmdns", "hsqldb", "javax.json")
        others = [jars / f"{name}.jar" for name in names]
        limits = ("xpathExprGrpLimit", "xpathExprOpLimit", "xpathTotalOpLimit")
        self._command = [
            program("java"),
            *("-Djava.awt.headless=true", "-Xss64m", "-Xmx2g"),
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),  # one short run: half the time
            *(f"-Djdk.xml.{limit}=0" for limit in limits),  # Java 17 caps XPath; the shipped rules exceed the cap
            *("-cp", ":".join(str(jar) for jar in (main, *others) if jar.exists())),
            "com.pixelmed.validate.DicomSRValidator",
        ]

    def verdict(self, path: Path) -> str:
        """Return everything the validator says of one report."""
        return _run(*self._command, str(path))

    def stop(self) -> None:
        """Nothing runs."""


def sr_errors(verdict: str) -> list[str]:
    """Return the validator's errors that are ours."""
    assert "validation complete" in verdict.lower(), verdict
    return [line for line in _lines(verdict, "Error") if not any(allowed in line for allowed in _ALLOWED)]


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=_TOOL_S)
    return done.stdout + done.stderr


def _lines(output: str, beginning: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(beginning)]
