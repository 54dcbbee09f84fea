"""A worklist server for tests, written from PS3.18, 11 and PS3.4, CC alone: no product stands behind it.

It keeps workitems in memory and refuses what the standard says an origin server refuses: a claim on what is claimed, a
change without the right Transaction UID, a final state without what it requires (PS3.4, Table CC.2.5-3).
"""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pydicom.datadict import tag_for_keyword

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"

_NEXT: Final = {SCHEDULED: {IN_PROGRESS}, IN_PROGRESS: {COMPLETED, CANCELED}, COMPLETED: set(), CANCELED: set()}
"""PS3.4, CC.1.1: what a performer may make of a state."""


def tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


def values(dataset: Mapping[str, Any], keyword: str) -> list[Any]:
    return list(dataset.get(tag(keyword), {}).get("Value", []))


def first(dataset: Mapping[str, Any], keyword: str) -> Any:
    return next(iter(values(dataset, keyword)), "")


class UpsServer:
    """Listens on a free port; ``url`` is the root of the service.

    Args:
        token: bearer token it wants; "" for none.
        requester: AE title it wants after "/state/", as dcm4chee does; "" for the form of the standard.
    """

    def __init__(self, token: str = "", requester: str = "") -> None:
        self.token = token
        self.requester = requester
        self.items: dict[str, dict[str, Any]] = {}
        self.transactions: dict[str, str] = {}
        self.history: list[tuple[str, str]] = []
        """(workitem, state) of each change that was accepted, in order."""
        self.received: list[tuple[str, bytes]] = []
        """(path, body) of every request that would change something."""
        self.lock = threading.Lock()
        self.ignores_keys = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def schedule(self, uid: str, *studies: str, station: str = "AVAL", code: str = "brain", **more: Any) -> str:
        """Put a workitem on the list."""
        inputs = [{tag("StudyInstanceUID"): {"vr": "UI", "Value": [study]}} for study in studies]
        self.items[uid] = {
            tag("SOPInstanceUID"): {"vr": "UI", "Value": [uid]},
            tag("ProcedureStepState"): {"vr": "CS", "Value": [SCHEDULED]},
            tag("ScheduledStationNameCodeSequence"): {"vr": "SQ", "Value": [coded(station)]},
            tag("ScheduledWorkitemCodeSequence"): {"vr": "SQ", "Value": [coded(code)]},
            tag("InputInformationSequence"): {"vr": "SQ", "Value": inputs},
            tag("ScheduledProcedureStepPriority"): {"vr": "CS", "Value": [more.get("priority", "MEDIUM")]},
        }
        return uid

    def state(self, uid: str) -> str:
        """Return the state of a workitem."""
        return str(first(self.items[uid], "ProcedureStepState"))

    def take_away(self, uid: str, transaction: str = "1.2.3") -> None:
        """Give a workitem to somebody else, as a supervisor would."""
        with self.lock:
            self.transactions[uid] = transaction
            self.items[uid][tag("ProcedureStepState")]["Value"] = [IN_PROGRESS]

    def performed(self, uid: str) -> Mapping[str, Any]:
        """Return what was performed."""
        return dict(first(self.items[uid], "UnifiedProcedureStepPerformedProcedureSequence") or {})

    def outputs(self, uid: str) -> list[str]:
        """Return the SOP Instance UIDs of what came of a workitem."""
        return [
            first(one, "ReferencedSOPInstanceUID")
            for output in values(self.performed(uid), "OutputInformationSequence")
            for one in values(output, "ReferencedSOPSequence")
        ]

    def said(self, uid: str, keyword: str) -> Any:
        """Return an attribute of the progress information."""
        return first(first(self.items[uid], "ProcedureStepProgressInformationSequence") or {}, keyword)

    # ----------------------------------------------------------------------------------------------------- answers

    def search(self, asked: list[tuple[str, str]]) -> list[dict[str, Any]]:
        keys = [(name, value) for name, value in asked if name not in {"includefield", "limit", "offset"}]
        found = [item for item in self.items.values() if all(matches(item, *key) for key in keys)]
        return list(self.items.values()) if self.ignores_keys else found

    def change(self, uid: str, said: Mapping[str, Any]) -> int:
        """Change UPS State (PS3.18, 11.7; PS3.4, CC.2.1)."""
        if uid not in self.items:
            return 404
        before, after = self.state(uid), first(said, "ProcedureStepState")
        transaction = first(said, "TransactionUID")
        if not transaction or after not in _NEXT:
            return 400
        if before == SCHEDULED and after == IN_PROGRESS:
            self.transactions[uid] = transaction
        elif self.transactions.get(uid) != transaction or not self.may_become(uid, before, after):
            return 409
        if after != before:
            self.history.append((uid, after))
        self.items[uid][tag("ProcedureStepState")]["Value"] = [after]
        return 200

    def may_become(self, uid: str, before: str, after: str) -> bool:
        """Return whether a performer may change a state so; asking for the state that is there changes nothing."""
        if after not in _NEXT[before] | {before}:
            return False
        return after not in {COMPLETED, CANCELED} or self.is_complete(uid, after)

    def is_complete(self, uid: str, state: str) -> bool:
        """Return whether a workitem has what a final state requires."""
        performed = self.performed(uid)
        always = ("PerformedStationNameCodeSequence", "PerformedProcedureStepStartDateTime")
        if (
            not all(first(performed, keyword) for keyword in always)
            or tag("OutputInformationSequence") not in performed
        ):
            return False
        if state == CANCELED:
            code = "ProcedureStepDiscontinuationReasonCodeSequence"
            return bool(self.said(uid, "ReasonForCancellation") and self.said(uid, code))
        return bool(first(performed, "PerformedProcedureStepEndDateTime"))

    def update(self, uid: str, transaction: str, said: Mapping[str, Any]) -> int:
        """Update Workitem (PS3.18, 11.6; PS3.4, CC.2.6)."""
        if uid not in self.items:
            return 404
        if self.state(uid) != IN_PROGRESS or self.transactions.get(uid) != transaction:
            return 409
        if tag("ProcedureStepState") in said or tag("SOPInstanceUID") in said:
            return 400
        self.items[uid].update(said)
        return 200


def coded(value: str, scheme: str = "99TEST") -> dict[str, Any]:
    return {
        tag("CodeValue"): {"vr": "SH", "Value": [value]},
        tag("CodingSchemeDesignator"): {"vr": "SH", "Value": [scheme]},
        tag("CodeMeaning"): {"vr": "LO", "Value": [value]},
    }


def matches(dataset: Mapping[str, Any], name: str, value: str) -> bool:
    """Return whether a dataset matches a key; "tag.tag" looks into a sequence (PS3.18, 8.3.4.1)."""
    outer, _, inner = name.partition(".")
    found = dataset.get(outer, {}).get("Value", [])
    return any(matches(item, inner, value) for item in found) if inner else value in found


def _handler(server: UpsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with server.lock:
                asked = urlsplit(self.path)
                found = server.search(parse_qsl(asked.query)) if asked.path == "/workitems" else []
                self._answer((200 if found else 204) if self._may() else 401, json.dumps(found).encode())

        def do_PUT(self) -> None:
            said, path = self._body(), urlsplit(self.path).path.strip("/").split("/")
            wanted = ["workitems", path[1], "state", *([server.requester] if server.requester else [])]
            with server.lock:
                self._answer(server.change(unquote(path[1]), said) if self._may() and path == wanted else 404)

        def do_POST(self) -> None:
            said, asked = self._body(), urlsplit(self.path)
            with server.lock:
                status = server.update(unquote(asked.path.split("/")[2]), asked.query, said) if self._may() else 401
                self._answer(status)

        def _may(self) -> bool:
            return not server.token or self.headers.get("Authorization") == f"Bearer {server.token}"

        def _body(self) -> dict[str, Any]:
            assert self.headers["Content-Type"] == "application/dicom+json"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((self.path, body))
            said = json.loads(body)
            return dict(said[0] if isinstance(said, list) else said)

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler
