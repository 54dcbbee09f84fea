"""A collector of traces: a real HTTP server that reads OTLP with the official package, and may be out of order."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

IDENTIFIERS = ("traceId", "spanId", "parentSpanId")


def decoded(body: bytes) -> ExportTraceServiceRequest:
    """Read a request strictly: an unknown key or a wrong type is an error.

    OTLP writes identifiers in hexadecimal digits where protobuf's own JSON has base64.
    """

    def mended(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDENTIFIERS else mended(item)
                for key, item in value.items()
            }
        return [mended(item) for item in value] if isinstance(value, list) else value

    return json_format.ParseDict(mended(json.loads(body)), ExportTraceServiceRequest())


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


class Collector:
    """Keeps what it is told.

    Args:
        status: of its answers; 503 while it is out of order.
    """

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.status == 200 and self.path == "/v1/traces":
                    collector.headers.append(dict(self.headers))
                    collector.bodies.append(body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                """Say nothing here."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="collector", daemon=True)
        self._thread.start()

    @property
    def spans(self) -> list[Span]:
        """Every span it was told, in order."""
        return [span for body in list(self.bodies) for span in spans_of(decoded(body))]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
