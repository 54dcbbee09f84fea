"""DICOMweb storage on a free port of this machine, and what came through its doors."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from bridge.runner import HttpServer
from bridge.vault import FileVault
from bridge.web.stow_door import make_stow_routes
from dicom_adapters.listen.custody import Custody
from dicom_adapters.listen.rates import Rate
from dicom_adapters.listen.stow import Door, Doors, Options, Sender
from guarantee.unit import Arrival

TOKEN: Final = "t0ken"
MARK: Final = "a-boundary"
TYPE: Final = f'multipart/related; type="application/dicom"; boundary={MARK}'

REFERENCED, FAILED, OTHERS = "00081199", "00081198", "0008119A"


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def module(self) -> Any:
        return json.loads(self.body)

    def instances(self, sequence: str) -> list[str]:
        items = self.module.get(sequence, {}).get("Value", [])
        return [item["00081155"]["Value"][0] for item in items]

    def reasons(self, sequence: str = FAILED) -> list[int]:
        items = self.module.get(sequence, {}).get("Value", [])
        return [item["00081197"]["Value"][0] for item in items]


class StowSite:
    """A door with two senders: one known by its token, one by an address that nobody here has."""

    def __init__(
        self, folder: Path, *, instance_bytes_max: int = 64 * 1024**2, rate: Rate | None = None, **options: Any
    ) -> None:
        self.arrivals: list[Arrival] = []
        self.batches: list[int] = []
        self.ended: list[str] = []
        self.refused: list[tuple[str, str, str]] = []
        self.trouble: Exception | None = None
        self.vault = FileVault(folder / "vault")
        senders = [
            Sender(name="viewer", token=TOKEN, site="annexe", rate=rate or Rate()),
            Sender(name="elsewhere", networks=("10.0.0.0/8",)),
        ]
        self.door = Door(
            Options(senders=senders, **options),
            Custody(vault=self.vault, site="chu", instance_bytes_max=instance_bytes_max),
            Doors(receive=self._receive, hang_up=self.ended.append, turn_away=lambda *said: self.refused.append(said)),
        )
        app = FastAPI()
        app.include_router(make_stow_routes(self.door))
        self.server = HttpServer("stow", app, "127.0.0.1", 0)
        self.server.start()
        self.url = f"{self.server.url}/dicom-web"

    def _receive(self, arrivals: Sequence[Arrival]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.batches.append(len(arrivals))
        self.arrivals.extend(arrivals)

    @property
    def is_busy(self) -> bool:
        """Whether a request is open."""
        return self.door._open._value < self.door.options.requests_max

    def post(self, body: bytes, path: str = "/studies", **headers: str) -> Answer:
        known = {"Authorization": f"Bearer {TOKEN}", "Content-Type": TYPE}
        given = known | {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=given, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), 30)

    @property
    def codes(self) -> list[str]:
        return [code for _, code, _ in self.refused]


def body(*parts: bytes, kind: str = "application/dicom", end: bytes = b"--\r\n") -> bytes:
    """Return a multipart body."""
    head = f"--{MARK}\r\nContent-Type: {kind}\r\n\r\n".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + f"--{MARK}".encode() + end


def head_of(site: StowSite, length: str = "Transfer-Encoding: chunked", **more: str) -> bytes:
    """Return the head of a request, written by hand."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in more.items())
    return (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: {TYPE}\r\n{length}\r\n{extra}\r\n"
    ).encode()
