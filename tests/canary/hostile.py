"""Places outside that answer badly, and say whom it was about while they do."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt

from tests.canary import patient
from tests.peers.base import free_port


class GossipingRecord:
    """A FHIR server that refuses everything, and repeats what it was sent."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Gossip)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gossip", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Gossip(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._refuse()

    def do_POST(self) -> None:
        self._refuse()

    def do_PUT(self) -> None:
        self._refuse()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing here."""

    def _refuse(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        words = f"{patient.NAME} {patient.IDENTIFIER} {sent[:2000]}".replace("\\", "/").replace('"', "'")
        words = words.replace("\n", " ")
        issue = f'{{"severity":"error","code":"invalid","diagnostics":"{words}","details":{{"text":"{words}"}}}}'
        body = f'{{"resourceType":"OperationOutcome","issue":[{issue}]}}'.encode()
        self.send_response(422, "no")
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class GossipingArchive:
    """A PACS that refuses every instance, with the patient's name in its comment."""

    def __init__(self) -> None:
        ae = AE("GOSSIP")
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax)
        self.port = free_port()
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_C_STORE, _refuse)])

    def stop(self) -> None:
        self._server.shutdown()


def _refuse(_event: Any) -> Dataset:
    status = Dataset()
    status.Status = 0xA900
    status.ErrorComment = f"{patient.FAMILY} {patient.IDENTIFIER}"
    return status
