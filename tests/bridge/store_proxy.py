"""A proxy that does to requests of an object store what networks and busy stores do. Signatures pass unchanged."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to the next request of one kind.

    Args:
        method: of the request.
        forward: whether the store gets it.
        status: what the client hears instead of the store's answer; 0 for the store's own.
        damage: changes the body that the store gets.
        answer_bytes: how much of the body of the answer is sent before the line is cut; -1 for all of it.
        request_bytes: how much of the body of the request is read before the line is cut; -1 for all of it.
        edit: changes the body of the answer.
        lost: whether the line is cut instead of an answer.
        silent: whether nothing is answered, while the proxy lives.
        condition: whether it strikes only a request with If-None-Match.
    """

    method: str
    forward: bool = True
    status: int = 0
    body: bytes = SLOW_DOWN
    damage: bool = False
    answer_bytes: int = -1
    request_bytes: int = -1
    edit: Callable[[bytes], bytes] | None = None
    lost: bool = False
    silent: bool = False
    condition: bool = False


class StoreProxy:
    """Listens in front of ``port`` on loopback and applies one fault to each request of its kind, then none."""

    def __init__(self, port: int) -> None:
        self.faults: list[Fault] = []
        self.seen: list[str] = []
        self.target = port
        self.quiet = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.quiet.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def next_fault(self, method: str, *, conditional: bool) -> Fault | None:
        with self._lock:
            self.seen.append(method)
            for fault in self.faults:
                if fault.method == method and (conditional or not fault.condition):
                    self.faults.remove(fault)
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece: else each answer waits 40 ms for an acknowledgement
    proxy: StoreProxy

    def handle_any(self) -> None:
        fault = self.proxy.next_fault(self.command, conditional="If-None-Match" in self.headers)
        fault = fault or Fault(method=self.command)
        size = int(self.headers.get("Content-Length", "0"))
        if fault.request_bytes >= 0:
            self.rfile.read(min(size, fault.request_bytes))
            return self._cut()
        body = self.rfile.read(size)
        if fault.damage:
            body = body[:-1] + bytes([body[-1] ^ 1])
        status, headers, answer = self._forward(body) if fault.forward else (503, [], b"")
        if fault.silent:
            self.proxy.quiet.wait(60)
        if fault.silent or fault.lost:
            return self._cut()
        if fault.status:
            status, headers, answer = fault.status, [], fault.body
        return self._send(status, headers, answer, fault)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names of http.server

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        asked = HTTPConnection("127.0.0.1", self.proxy.target, timeout=30)
        try:
            asked.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                asked.putheader(name, value)
            asked.endheaders(body)
            answer = asked.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            asked.close()

    def _send(self, status: int, headers: list[tuple[str, str]], data: bytes, fault: Fault) -> None:
        data = fault.edit(data) if fault.edit else data
        self.send_response_only(status)
        size = str(len(data))
        for name, value in headers:
            if name.lower() == "content-length":
                size = size if self.command != "HEAD" else value
            elif name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data if fault.answer_bytes < 0 else data[: fault.answer_bytes])
        self.wfile.flush()
        if fault.answer_bytes >= 0:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
