"""A simulated record system (DPI): a small, strict FHIR R4 server for the demonstration and for tests.

It says of itself that it is simulated, on every answer. What it holds is made up, and stays on this machine.

    GET  /fhir/metadata                     POST /fhir                           a transaction
    GET  /fhir/{Type}?…                     POST /fhir/{Type}                    with If-None-Exist
    GET  /fhir/{Type}/{id}[/_history[/v]]   PUT  /fhir/{Type}/{id} or ?search    with If-Match
    GET  /arrivals                          what was written: time, type, id, version
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode

from bridge.demo.fhir_store import PAGE, FhirStore, Refusal
from fhir_adapters.errors import BadRequest
from fhir_adapters.outcome import outcome
from fhir_adapters.wire import Resource, parse_body, read_exact, write_exact

NAME: Final = "Aval simulated DPI - not a medical record"

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest request taken."""

_BASE: Final = "/fhir"
_POLL_S: Final = 0.05


class SimulatedDpi:
    """The server, started.

    Args:
        host, port: where it listens; port 0 is any free one.
        folder: for its journal; what it finds there it starts with.
    """

    def __init__(self, host: str, port: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = FhirStore(folder / "dpi.jsonl")
        self._server = _Server((host, port), self.store)
        self.url = f"http://{host}:{self._server.server_address[1]}{_BASE}"
        self._server.base = self.url
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="simulated-dpi", daemon=True
        )
        self._thread.start()

    def admit(self, bundle: bytes) -> None:
        """Take a transaction as if somebody had written it here: a record holds a stay before it tells of it.

        Raises:
            Refusal: it is not a valid transaction.
        """
        self.store.transact(read_exact(bundle))

    @property
    def writes(self) -> dict[str, int]:
        """How many versions were written under each identifier ("system|value"). More than 1 is a duplicate or edit."""
        with self.store.lock:
            return dict(self.store.writes)

    def stop(self) -> None:
        """Stop listening; what was committed stays on disk."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], store: FhirStore) -> None:
        super().__init__(address, _Handler)
        self.store = store
        self.base = ""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a caller that went away; anything else is a fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece: else each answer waits 40 ms for an acknowledgement
    server: _Server

    def do_GET(self) -> None:
        """Answer a read or a search."""
        if self.path.partition("?")[0] == "/arrivals":
            with self.server.store.lock:
                return self._send(200, write_exact([asdict(item) for item in self.server.store.arrivals]))
        return self._answer(self._get)

    def do_POST(self) -> None:
        """Answer a transaction or a create."""
        self._answer(self._post)

    def do_PUT(self) -> None:
        """Answer an update."""
        self._answer(self._put)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing: addresses of a record identify patients."""

    def _answer(self, act: Callable[[list[str], str], tuple[int, Resource]]) -> None:
        try:
            status, body = act(*self._path())
        except (Refusal, BadRequest) as refusal:
            status = refusal.status
            body = outcome(severity="error", code=refusal.code, diagnostics=refusal.diagnostics)
        self._send(status, write_exact(body), body)

    def _send(self, status: int, data: bytes, body: Resource | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Simulated", NAME)
        meta = (body or {}).get("meta")
        if isinstance(meta, dict) and "versionId" in meta:
            self.send_header("ETag", f'W/"{meta["versionId"]}"')
        self.end_headers()
        self.wfile.write(data)

    def _path(self) -> tuple[list[str], str]:
        path, _, query = self.path.partition("?")
        if path != _BASE and not path.startswith(f"{_BASE}/"):
            raise Refusal(404, "not-found", f"the FHIR base is {_BASE}")
        return [unquote(part) for part in path[len(_BASE) :].split("/") if part], query

    def _body(self) -> Resource:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            raise Refusal(413, "too-long", f"send a Content-Length of at most {BODY_BYTES_MAX}")
        return parse_body(self.rfile.read(int(length)), self.headers.get("Content-Type", ""))

    def _get(self, parts: list[str], query: str) -> tuple[int, Resource]:
        store = self.server.store
        with store.lock:
            match parts:
                case ["metadata"]:
                    return 200, _capability(self.server.base)
                case [kind]:
                    return 200, self._page(kind, query)
                case [kind, name]:
                    return 200, store.read(kind, name)
                case [kind, name, "_history"]:
                    return 200, _bundle("history", store.history(kind, name), self.server.base)
                case [kind, name, "_history", version]:
                    return 200, store.read(kind, name, version)
        raise Refusal(404, "not-found", "no such address")

    def _page(self, kind: str, query: str) -> Resource:
        found = self.server.store.search(kind, query)
        asked = dict(parse_qsl(query))
        size = min(_number(asked.get("_count"), PAGE), PAGE)
        start = _number(asked.get("_offset"), 0)
        page = _bundle("searchset", found[start : start + size], self.server.base) | {"total": len(found)}
        if start + size < len(found):
            more = urlencode({**asked, "_count": size, "_offset": start + size})
            page["link"] = [{"relation": "next", "url": f"{self.server.base}/{kind}?{more}"}]
        return page

    def _post(self, parts: list[str], _query: str) -> tuple[int, Resource]:
        body = self._body()
        if not parts:
            return 200, self.server.store.transact(body)
        if len(parts) > 1:
            raise Refusal(404, "not-found", "no such address")
        return self.server.store.create(parts[0], body, self.headers.get("If-None-Exist", ""))

    def _put(self, parts: list[str], query: str) -> tuple[int, Resource]:
        body = self._body()
        match parts:
            case [kind, name]:
                return self.server.store.update(kind, name, body, self.headers.get("If-Match", ""))
            case [kind] if query:
                return self.server.store.update(kind, f"?{query}", body, self.headers.get("If-Match", ""))
        raise Refusal(404, "not-found", "no such address")


def _bundle(kind: str, found: list[Resource], base: str) -> Resource:
    entries = [{"fullUrl": f"{base}/{item['resourceType']}/{item['id']}", "resource": item} for item in found]
    return {"resourceType": "Bundle", "type": kind} | ({"entry": entries} if entries else {})


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 7 else default


def _capability(base: str) -> Resource:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-21",
        "kind": "instance",
        "software": {"name": NAME},
        "implementation": {"description": NAME, "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{"mode": "server", "interaction": [{"code": "transaction"}]}],
    }
