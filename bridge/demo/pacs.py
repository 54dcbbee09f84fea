"""A simulated PACS, for the demonstration and for crash tests. It is labelled as such and is not an archive.

It takes C-ECHO, C-STORE, C-FIND and storage commitment, keeps each data set as received under its digest, and writes
one line for each arrival (time, SOP class, digest, outcome; nothing that names a patient or a study). It counts how
often each SOP Instance UID was stored, so that a test can tell "delivered once" from "delivered again". A rejection
note hides what it lists, as IHE IOCM asks of an archive.

Like a real one it never replaces an instance: other bytes under a known UID are turned away with 0x0111.
"""

import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from dicom_adapters.associate.upper_layer import Requestor
from guarantee.ids import Digest, digest

LABEL: Final = "Simulated PACS (demonstration)"

ASSOCIATIONS_MAX: Final = 50
"""Most peers at once. The demonstration has two."""

MATCHES_MAX: Final = 1_000
"""Most answers to one C-FIND."""

REJECTION_TITLES: Final = frozenset({"113001", "113037", "113038", "113039"})
"""CID 7011: titles of key object selections that take instances back."""

_SUCCESS: Final = 0x0000
_PENDING: Final = 0xFF00
_DUPLICATE: Final = 0x0111
_NO_SUCH_INSTANCE: Final = 0x0112
_INVALID_ARGUMENT: Final = 0x0115
_OUT_OF_RESOURCES: Final = 0xA700
_NOT_UNDERSTOOD: Final = 0xC000

_REPORT_S: Final = 5
"""Longest step of an answer to storage commitment."""

_LEVELS: Final = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One instance, without what identifies the patient.

    Args:
        digest: of the data set as received; a file header of our own is not part of it.
        file: holds both.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    modality: str
    digest: Digest
    file: Path


class SimulatedPacs:
    """One simulated archive. What it holds survives a restart on the same folder.

    Args:
        port: 0 for any free one.
        folder: made when absent; objects lie in ``objects/<digest>.dcm``, arrivals in ``arrivals.jsonl``.
        on_arrival: called with each newly stored instance, on the thread of its association.
        peers: where answers to storage commitment go, by AE title; another peer is answered on the same association.
        commitment_delay_s: how long an answer waits; it must not overtake the answer to the request.
    """

    def __init__(
        self,
        aet: str,
        host: str,
        port: int,
        folder: Path,
        on_arrival: Callable[[Stored], None] | None = None,
        *,
        peers: Mapping[str, tuple[str, int]] | None = None,
        commitment_delay_s: float = 0.2,
    ) -> None:
        self.aet = aet
        self._address = (host, port)
        self._folder = folder
        self._on_arrival = on_arrival
        self._peers = dict(peers or {})
        self._commitment_delay_s = commitment_delay_s
        self._lock = threading.Lock()
        self._held: dict[str, Stored] = {}
        self._hidden: set[str] = set()
        self._times: Counter[str] = Counter()
        self._commitments: list[threading.Thread] = []
        self._server: Any = None
        (folder / "objects").mkdir(parents=True, exist_ok=True)
        self._arrivals = folder / "arrivals.jsonl"
        self._reload()

    # ---------------------------------------------------------------------------------------------------- its life

    def start(self) -> None:
        """Listen."""
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # it logs identifiers of studies
        ae = AE(self.aet)
        ae.maximum_associations = ASSOCIATIONS_MAX
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax)
        for abstract in (Verification, StorageCommitmentPushModel, StudyRootQueryRetrieveInformationModelFind):
            ae.add_supported_context(abstract)
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_N_ACTION, self._commit),
        ]
        self._server = ae.start_server(self._address, block=False, evt_handlers=handlers)

    def stop(self) -> None:
        """Stop listening; commitments under way are finished."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
        for thread in self._commitments:
            thread.join(timeout=10)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before ``start``."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def peer(self, aet: str, host: str, port: int) -> None:
        """Say where the answers to storage commitment of ``aet`` go from now on."""
        self._peers[aet] = (host, port)

    # ------------------------------------------------------------------------------------------------ what it holds

    def held(self) -> tuple[Stored, ...]:
        """Return every instance that is not rejected, in the order of arrival."""
        with self._lock:
            return tuple(stored for uid, stored in self._held.items() if uid not in self._hidden)

    def everything(self) -> tuple[Stored, ...]:
        """Return every instance, rejected ones included, in the order of arrival."""
        with self._lock:
            return tuple(self._held.values())

    def times_stored(self, sop_instance_uid: str) -> int:
        """Return how often an instance was sent, the first time included."""
        with self._lock:
            return self._times[sop_instance_uid]

    def is_rejected(self, sop_instance_uid: str) -> bool:
        """Return whether a rejection note took the instance back."""
        with self._lock:
            return sop_instance_uid in self._hidden

    def _reload(self) -> None:
        for path in sorted((self._folder / "objects").glob("*.dcm"), key=lambda path: path.stat().st_mtime_ns):
            header = dcmread(path, stop_before_pixels=True)
            self._add(_described(header, path), _taken_back(header))
        by_digest = {stored.digest: uid for uid, stored in self._held.items()}
        lines = self._arrivals.read_text().splitlines() if self._arrivals.exists() else []
        for line in map(json.loads, lines):
            if line["object"] in by_digest:
                self._times[by_digest[line["object"]]] += 1

    def _add(self, stored: Stored, taken_back: set[str]) -> None:
        self._held[stored.sop_instance_uid] = stored
        self._hidden.update(taken_back)

    # ---------------------------------------------------------------------------------------------------- services

    def _store(self, event: Any) -> int:
        """Answer C-STORE, once the bytes would survive a power cut."""
        try:
            with self._lock:
                outcome, stored = self._keep(event)
        except OSError:
            return _OUT_OF_RESOURCES
        except (AttributeError, ValueError):
            return _NOT_UNDERSTOOD
        if outcome == "conflict":
            return _DUPLICATE
        if outcome == "new" and self._on_arrival is not None:
            self._on_arrival(stored)
        return _SUCCESS

    def _keep(self, event: Any) -> tuple[str, Stored]:
        """Return "new", "again" or "conflict", and what is held under the UID."""
        uid = str(event.request.AffectedSOPInstanceUID)
        name = digest(event.encoded_dataset(include_meta=False))
        known = self._held.get(uid)
        if known is None:
            file = self._folder / "objects" / f"{name}.dcm"
            data = event.encoded_dataset()
            header = dcmread(BytesIO(data), stop_before_pixels=True)
            known, outcome, taken_back = _described(header, file), "new", _taken_back(header)
            _write_durably(file, data)
            self._add(known, taken_back)
        else:
            outcome = "again" if known.digest == name else "conflict"
        self._times[uid] += 1
        line = {"at": datetime.now(UTC).isoformat(), "sop_class": known.sop_class_uid, "object": name}
        with self._arrivals.open("a") as file_of_arrivals:
            file_of_arrivals.write(json.dumps(line | {"outcome": outcome}) + "\n")
        return outcome, known

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        """Answer C-FIND by unique keys at STUDY, SERIES or IMAGE level; rejected instances are not found."""
        query = event.identifier
        level = _LEVELS.get(str(query.get("QueryRetrieveLevel", "")))
        if level is None:
            yield 0xA900, None
            return
        found: dict[str, Dataset] = {}
        for stored in self.held():
            answer = _answer(stored, query)
            if all(_matches(answer, query, keyword) for keyword in _LEVELS.values()):
                found.setdefault(str(answer[level].value), answer)
        for answer in list(found.values())[:MATCHES_MAX]:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield _PENDING, _only_asked(answer, query)

    def _commit(self, event: Any) -> tuple[int, Dataset | None]:
        """Take a storage commitment request; the answer follows on its own thread, as archives do it."""
        try:
            request = event.action_information
            transaction = str(request.TransactionUID)
            asked = [(i.ReferencedSOPClassUID, i.ReferencedSOPInstanceUID) for i in request.ReferencedSOPSequence]
        except (AttributeError, ValueError):
            return _INVALID_ARGUMENT, None
        caller = event.assoc.requestor.ae_title.strip()
        thread = threading.Thread(
            target=self._report, args=(event.assoc, caller, transaction, asked), name="simulated-commitment"
        )
        self._commitments = [t for t in self._commitments if t.is_alive()] + [thread]
        thread.start()
        return _SUCCESS, None

    def _report(self, association: Any, caller: str, transaction: str, asked: list[tuple[str, str]]) -> None:
        """Send N-EVENT-REPORT: to the peer's own port when it is known, else on the association that asked."""
        time.sleep(self._commitment_delay_s)
        report = self._commitment(transaction, asked)
        kind = 2 if report.get("FailedSOPSequence") else 1
        arguments = (report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
        try:
            if caller not in self._peers:
                association.send_n_event_report(*arguments)
                return
            ae = Requestor(self.aet)
            ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = _REPORT_S
            ae.add_requested_context(StorageCommitmentPushModel)
            role = build_role(
                StorageCommitmentPushModel, scp_role=True
            )  # we call, and stay the provider (PS3.4, J.3.3)
            back = ae.associate(*self._peers[caller], ae_title=caller, ext_neg=[role])
            if back.is_established:
                back.send_n_event_report(*arguments)
                back.release()
        except (RuntimeError, ValueError):
            return  # the peer has gone, or wants no answer; it asks again

    def _commitment(self, transaction: str, asked: list[tuple[str, str]]) -> Dataset:
        report = Dataset()
        report.TransactionUID = transaction
        with self._lock:
            known = {uid: stored.sop_class_uid for uid, stored in self._held.items()}
        held = [(kind, uid) for kind, uid in asked if known.get(uid) == kind]
        missing = [(kind, uid) for kind, uid in asked if known.get(uid) != kind]
        report.ReferencedSOPSequence = [_reference(kind, uid) for kind, uid in held]
        if missing:
            report.FailedSOPSequence = [_reference(kind, uid) for kind, uid in missing]
            for item in report.FailedSOPSequence:
                item.FailureReason = _NO_SUCH_INSTANCE
        return report


def _described(header: Dataset, file: Path) -> Stored:
    return Stored(
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid=str(header.SOPInstanceUID),
        series_uid=str(header.SeriesInstanceUID),
        study_uid=str(header.StudyInstanceUID),
        modality=str(header.get("Modality", "")),
        digest=Digest(file.stem),
        file=file,
    )


def _taken_back(note: Dataset) -> set[str]:
    """Return what a rejection note lists; nothing when it is another object, or has another title (PS3.3, C.17.6)."""
    if note.SOPClassUID != KeyObjectSelectionDocumentStorage:
        return set()
    title = note.ConceptNameCodeSequence[0]
    if title.CodingSchemeDesignator != "DCM" or title.CodeValue not in REJECTION_TITLES:
        return set()
    return {
        str(item.ReferencedSOPInstanceUID)
        for study in note.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def _answer(stored: Stored, query: Dataset) -> Dataset:
    """Return what the instance says of everything that was asked, and its unique keys."""
    wanted = [*(element.tag for element in query), *_LEVELS.values(), "SOPClassUID"]
    return dcmread(stored.file, stop_before_pixels=True, specific_tags=wanted)


def _matches(answer: Dataset, query: Dataset, keyword: str) -> bool:
    """Return whether a unique key fits: universal, single value or list of UIDs (PS3.4, C.2.2.2)."""
    asked = query.get(keyword)
    if not asked:
        return True
    values = [asked] if isinstance(asked, str) else list(asked)
    return answer.get(keyword) in values


def _only_asked(answer: Dataset, query: Dataset) -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = query.QueryRetrieveLevel
    for tag in (*(element.tag for element in query), tag_for_keyword("SpecificCharacterSet")):
        if tag in answer:
            found.add(answer[tag])
    return found


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def _write_durably(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
