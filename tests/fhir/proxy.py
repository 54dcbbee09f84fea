"""A proxy that does to a transaction what networks and servers do. Reads pass, unless they are told not to."""

import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

OUTCOME = b'{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}'
REFUSAL = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invariant",'
    b'"diagnostics":"LEFEVRE Helene is dead","expression":["Bundle.entry[3].resource"]}]}'
)


@dataclass
class Fault:
    """What happens to the next POST.

    Args:
        forward: whether the server behind gets it.
        status: what the sender hears instead of the server's answer; 0 to cut the line without an answer.
    """

    forward: bool
    status: int
    body: bytes = OUTCOME
    headers: dict[str, str] = field(default_factory=dict)
    silent_s: float = 0.0


class Proxy:
    """Listens in front of ``target`` (".../fhir") and applies one fault to each POST, then none."""

    def __init__(self, target: str) -> None:
        self.faults: list[Fault] = []
        self.posts = 0
        self.gets: list[str] = []
        self.cut_gets = 0
        self.answers: dict[str, bytes] = {}
        self.edit: Any = None
        self.client = httpx2.Client(timeout=20, trust_env=False, verify=False)
        self.target = target.rstrip("/")
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.quiet = threading.Event()

    def stop(self) -> None:
        self.quiet.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        self.client.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece: else each answer waits 40 ms for an acknowledgement
    proxy: Proxy

    def do_GET(self) -> None:
        self.proxy.gets.append(self.path)
        if self.proxy.cut_gets:
            self.proxy.cut_gets -= 1
            return self._cut()
        for start, body in self.proxy.answers.items():
            if self.path.startswith(start):
                return self._send(200, body)
        answer = self._forward(b"")
        data = self.proxy.edit(self.path, answer.content) if self.proxy.edit else answer.content
        return self._send(answer.status_code, data)

    def do_POST(self) -> None:
        self.proxy.posts += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.proxy.faults.pop(0) if self.proxy.faults else None
        if fault is None:
            answer = self._forward(body)
            return self._send(answer.status_code, answer.content)
        if fault.forward:
            self._forward(body)
        if fault.silent_s:
            self.proxy.quiet.wait(fault.silent_s)
        if fault.status == 0:
            return self._cut()
        return self._send(fault.status, fault.body, fault.headers)

    def _forward(self, body: bytes) -> httpx2.Response:
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept", "Prefer") if name in self.headers}
        return self.proxy.client.request(
            self.command, self.proxy.target + self.path.removeprefix("/fhir"), content=body, headers=headers
        )

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
