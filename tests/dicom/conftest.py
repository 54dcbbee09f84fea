"""Fixtures of the DICOM tests."""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.demo.pacs import SimulatedPacs
from bridge.vault import FileVault
from tests.dicom.post import OPTIONS, Post
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools, SrValidator
from tests.peers.fixtures import started
from tests.peers.orthanc import Orthanc

# ------------------------------------------------------------------------------------------------------- the listener


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def post_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Post]]:
    """Start a listener with some options changed, on both paths; stopped after the test, with nothing left open."""
    posts: list[Post] = []

    def start(**changes: Any) -> Post:
        posts.append(Post(replace(OPTIONS, fast=request.param, **changes), FileVault(tmp_path / f"vault-{len(posts)}")))
        return posts[-1]

    yield start
    for post in posts:
        post.listener.stop()


@pytest.fixture
def post(post_of: Callable[..., Post]) -> Post:
    """A listener with the usual options."""
    return post_of()


# ------------------------------------------------------------------------------------------------- judges of objects


@pytest.fixture(scope="session")
def dicom3tools() -> Iterator[Dicom3Tools]:
    yield from started(Dicom3Tools)


@pytest.fixture(scope="session")
def dcmtk() -> Iterator[Dcmtk]:
    yield from started(Dcmtk)


@pytest.fixture(scope="session")
def sr_validator() -> Iterator[SrValidator]:
    yield from started(SrValidator)


# ------------------------------------------------------------------------------------------------------- real images

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dicom"
"""Real images beside the checkout, read in place: never copied, never committed."""


@pytest.fixture(scope="session")
def real_files() -> Callable[[str, str], list[bytes]]:
    """Return the files of an archive of real images whose name begins with a prefix."""

    def read(archive: str, prefix: str) -> list[bytes]:
        path = SHARED / archive
        if not path.exists():
            pytest.skip(f"the real images of {archive} are not beside this checkout")
        with tarfile.open(path) as tar:
            members = [m for m in tar if m.isfile() and Path(m.name).name.startswith(prefix)]
            return [file.read() for file in map(tar.extractfile, members) if file is not None]

    return read


# -------------------------------------------------------------------------------------------------------- archives


@pytest.fixture(scope="module")
def orthanc() -> Iterator[Orthanc]:
    """A real PACS that answers storage commitment to AVAL."""
    yield from started(Orthanc)


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedPacs]:
    """The demonstration's PACS."""
    pacs = SimulatedPacs("SIMPACS", "127.0.0.1", 0, tmp_path / "pacs")
    pacs.start()
    yield pacs
    pacs.stop()
