"""A listener of our own, and what came through its doors."""

import subprocess
from collections.abc import Callable, Sequence

from bridge.vault import KeptVault
from dicom_adapters.listen.admission import Sender
from dicom_adapters.listen.scp import Doors, Listener, Options
from dicom_adapters.listen.services import Service
from guarantee.errors import Unavailable
from guarantee.unit import Arrival
from tests.dicom import samples
from tests.peers.base import wait_until
from tests.peers.fixtures import tool

OPTIONS = Options(
    aet="AVAL",
    host="127.0.0.1",
    port=0,
    site="chu",
    senders={"MR2": Sender(name="mr-2"), "PACS": Sender(name="pacs", networks=("127.0.0.0/8",))},
    grace_s=10.0,
)
"""The usual options; port 0 is any free one."""


class Post:
    """A listener on a free port of this machine, its vault, and what came through its doors, in order."""

    def __init__(self, options: Options, vault: KeptVault, services: Sequence[Service] = ()) -> None:
        self.arrivals: list[Arrival] = []
        self.ended: list[str] = []
        self.broken: list[str] = []
        self.refused: list[tuple[str, str, str]] = []
        self.unheard: list[tuple[str, str, str]] = []
        self.on_receive: Callable[[Arrival], object] = lambda arrival: None
        self.is_deaf = False
        self.vault = vault
        doors = Doors(receive=self.receive, hang_up=self.hang_up, turn_away=self.turn_away)
        self.listener = Listener(options, vault, doors, services)
        self.listener.start()

    @property
    def port(self) -> int:
        return self.listener.port

    def receive(self, arrival: Arrival) -> None:
        self.on_receive(arrival)
        self.arrivals.append(arrival)

    def hang_up(self, conversation: str, broken_off: bool) -> None:
        self._listen()
        self.ended.append(conversation)
        if broken_off:
            self.broken.append(conversation)

    def turn_away(self, sender: str, code: str, detail: str) -> None:
        self._listen()
        self.refused.append((sender, code, detail))

    def _listen(self) -> None:
        if self.is_deaf:
            raise Unavailable("database", "the database does not answer")


def dcmtk(name: str, *arguments: str) -> int:
    """Run one of DCMTK's tools as sender MR2 and return its status."""
    return subprocess.run([tool(name), *arguments], capture_output=True, timeout=60, check=False).returncode


def instance(n: int = 0, **changes: object) -> tuple[bytes, str]:
    """Return the data set and the name of one CT image."""
    dataset = samples.series("CT", slices=n + 1)[n]
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return samples.data_set_of(samples.to_file(dataset)), str(dataset.SOPInstanceUID)


def quiet(post: Post, conversations: int) -> None:
    """Wait until so many conversations have ended."""
    wait_until(lambda: len(post.ended) >= conversations, "the end of a conversation")
