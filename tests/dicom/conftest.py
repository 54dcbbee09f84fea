"""Fixtures of the DICOM tests."""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.vault import FileVault
from dicom_adapters.admission import Sender
from dicom_adapters.scp import Doors, Listener, Options
from guarantee.unit import Arrival
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools, SrValidator
from tests.peers.fixtures import started

# ------------------------------------------------------------------------------------------------------- the listener


class Post:
    """A listener on a free port of this machine, its vault, and what came through its doors, in order."""

    def __init__(self, options: Options, vault: FileVault) -> None:
        self.arrivals: list[Arrival] = []
        self.ended: list[str] = []
        self.refused: list[tuple[str, str, str]] = []
        self.on_receive: Callable[[Arrival], object] = lambda arrival: None
        self.vault = vault
        doors = Doors(receive=self.receive, hang_up=self.hang_up, turn_away=self.turn_away)
        self.listener = Listener(options, vault, doors)
        self.listener.start()

    @property
    def port(self) -> int:
        return self.listener.port

    def receive(self, arrival: Arrival) -> None:
        self.on_receive(arrival)
        self.arrivals.append(arrival)

    def hang_up(self, conversation: str) -> None:
        self.ended.append(conversation)

    def turn_away(self, sender: str, code: str, detail: str) -> None:
        self.refused.append((sender, code, detail))


OPTIONS = Options(
    aet="AVAL",
    host="127.0.0.1",
    port=0,
    site="chu",
    senders={"MR2": Sender(name="mr-2"), "PACS": Sender(name="pacs", networks=("127.0.0.0/8",))},
    grace_s=10.0,
)


@pytest.fixture
def post_of(tmp_path: Path) -> Iterator[Callable[..., Post]]:
    """Start a listener with some options changed; stopped after the test, with nothing left open."""
    posts: list[Post] = []

    def start(**changes: Any) -> Post:
        posts.append(Post(replace(OPTIONS, **changes), FileVault(tmp_path / f"vault-{len(posts)}")))
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
