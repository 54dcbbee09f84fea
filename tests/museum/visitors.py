"""Senders and a look at the listener's process, for everything that is sent to it over the network."""

import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dicom_adapters.read.headers import read_header
from dicom_adapters.read.part10 import file_head
from tests.dicom import samples
from tests.dicom.raw_peer import ACCEPTED, CT, Peer
from tests.installation import Installation
from tests.peers import fixtures

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shipment:
    """One instance as it goes over the network."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set: bytes

    @classmethod
    def of(cls, file: bytes, *, honest: bool) -> "Shipment | None":
        """Return what a sender makes of ``file``; None when it cannot even find the data set.

        Args:
            honest: whether its own names are announced; else those of a CT image.
        """
        start = 144 + int.from_bytes(file[140:144], "little")
        if file[128:132] != b"DICM" or start > len(file):
            return None
        at = file.index(b"\x02\0\x10\0UI", 132, start)
        syntax = file[at + 8 : at + 8 + file[at + 6]].rstrip(b"\0").decode()
        names = (CT, "1.2.3.41")
        if honest:
            header = read_header(bytes(128) + file[128:])
            names = header.sop_class_uid, header.sop_instance_uid
        return cls(*names, syntax, file[start:])

    @property
    def kept(self) -> bytes:
        """The file that the vault must hold: the bytes as sent, under file meta information of ours."""
        head = file_head(
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            transfer_syntax_uid=self.transfer_syntax_uid,
        )
        return head + self.data_set

    def send(self, port: int) -> int | None:
        """Return the status of C-STORE, or minus the type of what came instead; None without a context."""
        contexts = ((self.sop_class_uid, (self.transfer_syntax_uid,)),)
        with Peer(port, contexts=contexts) as peer:
            kind, body = peer.associate()
            assert kind == ACCEPTED
            if not accepts_first_context(body):
                return None
            status = peer.store(self.data_set, self.sop_instance_uid, sop_class_uid=self.sop_class_uid)
            if status >= 0:
                peer.release()
            return status


def accepts_first_context(body: bytes) -> bool:
    """Return whether the answer to a request accepts presentation context 1 (PS3.8, 9.3.3.2)."""
    at = body.index(b"\x21\0", 68)
    return body[at + 4] == 1 and body[at + 6] == 0


def image(number: int, size_bytes: int = 2_000) -> Shipment:
    """Return an honest instance of a study of its own."""
    dataset = samples.series("CT", slices=1, rows=16, columns=size_bytes // 32, study=f"honest-{number}")[0]
    shipment = Shipment.of(samples.to_file(dataset), honest=True)
    assert shipment is not None
    return shipment


def tool(name: str, *arguments: str, timeout_s: float = 120.0) -> "subprocess.CompletedProcess[bytes]":
    """Run one of DCMTK's tools as sender MR2."""
    return subprocess.run(
        [fixtures.tool(name), "-aet", "MR2", "-aec", "AVAL", *arguments],
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )


def echoes(house: Installation) -> bool:
    """Return whether a real echo is answered."""
    return tool("echoscu", "-to", "30", "127.0.0.1", str(house.scp)).returncode == 0


def refusals(house: Installation) -> list[str]:
    """Return the code of everything that the listener turned away, oldest first."""
    return [row[0] for row in _rows(house, "SELECT code FROM turned_away ORDER BY at, rowid")]


def arrived(house: Installation) -> set[str]:
    """Return the names of the instances that were committed."""
    return {row[0] for row in _rows(house, "SELECT uid FROM inputs")}


def _rows(house: Installation, query: str) -> Sequence[tuple[str, ...]]:
    with closing(sqlite3.connect(f"file:{house.folder / 'aval.db'}?mode=ro", uri=True, timeout=60)) as connection:
        return connection.execute(query).fetchall()


@dataclass(frozen=True, slots=True)
class Weight:
    """What the listener's process holds."""

    memory_bytes: int
    threads: int
    files: int

    @classmethod
    def of(cls, house: Installation) -> "Weight":
        """Weigh it now."""
        (process,) = house.running.values()
        proc = Path(f"/proc/{process.pid}")
        fields = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        return cls(
            memory_bytes=int(fields["VmRSS"].split()[0]) * 1024,
            threads=int(fields["Threads"]),
            files=len(list((proc / "fd").iterdir())),
        )


def half_written(house: Installation) -> list[Path]:
    """Return what a vault that is interrupted leaves."""
    return list((house.folder / "vault" / "incoming").glob("*"))
