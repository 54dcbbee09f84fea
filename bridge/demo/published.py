"""Demonstration data from packages that others published: fetched once by name, checked by digest, kept in a folder."""

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guarantee.errors import Unavailable

FETCH_S: Final = 600
"""Longest download. The larger package is 20 MB."""

_STUB: Final = '''"""Answers pip, which asks a source package for its name before it hands it over."""
import pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory) / "{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder.name
'''
"""A build backend (PEP 517). pip would otherwise fetch the package's own, unpinned, and run it, for two lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One file of one release.

    Args:
        backend: module that builds the package from source; "" for a wheel.
    """

    name: str
    version: str
    file: str
    sha256: str
    backend: str = ""


def obtain(wanted: Published, cache: Path) -> Path:
    """Return the file, from ``cache`` when it is there, else through pip and into ``cache``.

    Raises:
        Unavailable: it is not there and cannot be fetched; the message says what to put where.
    """
    cache = cache.absolute()
    kept = cache / wanted.file
    if not _is_right(kept, wanted):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _fetch(wanted, Path(folder))
            fetched = Path(folder) / wanted.file
            if not _is_right(fetched, wanted):
                raise _unavailable(wanted, cache, "what came is another file")
            fetched.replace(kept)
    return kept


def _is_right(path: Path, wanted: Published) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted.sha256


def _fetch(wanted: Published, folder: Path) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wanted.name}=={wanted.version} --hash=sha256:{wanted.sha256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--dest", str(folder), "--requirement", str(requirements)]
    environment = None
    if wanted.backend:
        command += ["--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
        environment = {**os.environ, "PYTHONPATH": str(_backend(wanted, folder))}
    else:
        command += ["--only-binary", ":all:"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, arguments from this file
            command, env=environment, capture_output=True, text=True, timeout=FETCH_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise _unavailable(wanted, folder.parent, f"pip took longer than {FETCH_S} s") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise _unavailable(wanted, folder.parent, f"pip ended with status {done.returncode} and said: {said[:200]}")


def _backend(wanted: Published, folder: Path) -> Path:
    path = folder / "backend"
    module = path.joinpath(*wanted.backend.split(".")).with_suffix(".py")
    module.parent.mkdir(parents=True)
    (module.parent / "__init__.py").touch()  # else an installed package of this name would be found first
    module.write_text(_STUB.format(name=wanted.name, version=wanted.version), encoding="utf-8")
    return path


def _unavailable(wanted: Published, cache: Path, why: str) -> Unavailable:
    return Unavailable(
        "demo-data",
        f"{wanted.name} {wanted.version} could not be fetched ({why}). Without a network, put {wanted.file} "
        f"(SHA-256 {wanted.sha256}) into {cache}",
    )
