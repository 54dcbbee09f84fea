"""The two places outside, both real: Orthanc as PACS, sekmet-fhir as record; and somebody who never stops looking."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import httpx2
from pydicom import dcmread
from pydicom.dataset import Dataset

from guarantee.ids import digest
from guarantee.release import Kind, Package
from tests.installation import Installation, eventually
from tests.peers.base import Daemon, program, wait_until
from tests.peers.orthanc import Orthanc
from tests.peers.sekmet import Sekmet

LOOK_EVERY_S: Final = 0.2

LOOKS_MIN: Final = 3
"""Fewest looks that prove anything. One takes half a second once the record holds what many tests left there."""

PACS, RECORD = "pacs-1", "dpi-1"
"""What the installations call them."""


class RestartedOrthanc(Orthanc):
    """Orthanc that can be taken down and brought up again on what it holds."""

    def down(self) -> None:
        """Stop it; what it holds stays."""
        self.daemon.stop()

    def up(self) -> None:
        """Start it again."""
        self.daemon = Daemon("orthanc", [program("Orthanc"), str(self.home / "orthanc.json")], self.home)
        wait_until(self._answers, "Orthanc", self.daemon.process)


@dataclass(frozen=True, slots=True)
class Look:
    """What was there at one moment.

    Args:
        began, ended: when we looked, on this machine's monotonic clock.
        pacs: instances that Orthanc holds; None when it does not answer.
        record: versions that sekmet ever wrote, of any resource.
    """

    began: float
    ended: float
    pacs: int | None
    record: int


@dataclass(slots=True)
class Watch:
    """Every look since it began."""

    looks: list[Look] = field(default_factory=list)

    def now(self) -> float:
        """Return this moment, waited for until there were looks enough before it to prove something."""
        eventually(lambda: len(self.looks) >= LOOKS_MIN, "both places to be looked at")
        return time.monotonic()

    def require_nothing_before(self, moment: float) -> None:
        """Fail unless both places were looked at again and again, and held until ``moment`` what they held at first."""
        before = [look for look in self.looks if look.ended <= moment]
        assert len(before) >= LOOKS_MIN, f"only {len(before)} looks before the decision: nothing was proved"
        arrived = [look for look in before if (look.pacs, look.record) != (before[0].pacs, before[0].record)]
        assert not arrived, f"{len(arrived)} of {len(before)} looks found something before the decision: {arrived[0]}"

    def require_nothing(self) -> None:
        """Fail unless nothing arrived at all."""
        self.require_nothing_before(float("inf"))


class Outside:
    """Orthanc and sekmet."""

    def __init__(self, orthanc: RestartedOrthanc, sekmet: Sekmet) -> None:
        self.orthanc = orthanc
        self.sekmet = sekmet
        self._web = httpx2.Client(trust_env=False, timeout=20)

    def settings(self, *, commitment: bool) -> dict[str, Any]:
        """Return destinations; Orthanc proves by storage commitment to AVAL-OUT, or by DICOMweb."""
        pacs: dict[str, Any] = {"aet": self.orthanc.aet, "host": "127.0.0.1", "port": self.orthanc.port}
        if commitment:
            pacs |= {"confirm": "commitment", "commitment_host": "127.0.0.1"}
            pacs |= {"commitment_port": self.orthanc.commitment_port}
        else:
            pacs |= {"confirm": "dicomweb", "dicomweb_url": self.orthanc.dicomweb_url, "commitment_port": 0}
        return {
            "destinations": {"pacs": {PACS: pacs}, "fhir": {RECORD: {"base_url": self.sekmet.url}}},
            "intake": {"senders": {"dpi": {"base_url": self.sekmet.url}}},
        }

    # ------------------------------------------------------------------------------------------------------ watching

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """Look at both places until the block ends."""
        watch, stopping = Watch(), threading.Event()

        def look_on() -> None:
            with httpx2.Client(trust_env=False, timeout=20) as web:
                while not stopping.is_set():
                    watch.looks.append(self._look(web))
                    stopping.wait(LOOK_EVERY_S)

        thread = threading.Thread(target=look_on, name="watch")
        thread.start()
        try:
            yield watch
        finally:
            stopping.set()
            thread.join()

    def _look(self, web: httpx2.Client) -> Look:
        began = time.monotonic()
        try:
            pacs = len(web.get(f"{self.orthanc.url}/instances").json())
        except httpx2.HTTPError:
            pacs = None
        record = int(web.get(f"{self.sekmet.url}/_history?_count=1").json()["total"])
        return Look(began, time.monotonic(), pacs, record)

    # ---------------------------------------------------------------------------------------------- what they hold

    def objects(self, study: str) -> dict[str, bytes]:
        """Return the files that Orthanc holds of a study, by modality; there must be one of each."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study}}
        request = urllib.request.Request(
            f"{self.orthanc.url}/tools/find", data=json.dumps(query).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            names = json.load(answer)
        files = [self._web.get(f"{self.orthanc.url}/instances/{name}/file").content for name in names]
        found = {str(parsed(file).Modality): file for file in files}
        assert len(found) == len(files), f"{len(files)} objects of modalities {sorted(found)}"
        return found

    def resources(self, installation: Installation, result: str, kind: Kind = Kind.RESULT) -> list[dict[str, Any]]:
        """Return what the record holds now where the receipt of a delivery says that it does, in the order sent."""
        places = json.loads(receipt(installation, result, RECORD, kind)["reference"])
        found = []
        for place in places.values():
            answer = self._web.get(f"{self.sekmet.url}/{place.partition('/_history')[0]}")
            assert answer.status_code == 200, (place, answer.text)
            found.append(answer.json())
        return found

    def admit(self, bundle: bytes) -> None:
        """Let the record hold a stay before it tells of it."""
        headers = {"Content-Type": "application/fhir+json"}
        answer = self._web.post(self.sekmet.url, content=bundle, headers=headers)
        assert answer.status_code == 200, answer.text

    def encounter(self, stay: str) -> bytes:
        """Return the encounter of a stay, "system|value", as the record would send it in a notification."""
        answer = self._web.get(f"{self.sekmet.url}/Encounter", params={"identifier": stay})
        (entry,) = answer.json()["entry"]
        return json.dumps(entry["resource"]).encode()

    def close(self) -> None:
        """Close the connections."""
        self._web.close()


def parsed(file: bytes) -> Dataset:
    """Return a DICOM file as pydicom reads it."""
    return dcmread(BytesIO(file))


def data_set(file: bytes) -> bytes:
    """Return a DICOM file without its file meta information, which an archive writes anew (PS3.10, 7.1)."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def receipt(installation: Installation, result: str, destination: str, kind: Kind = Kind.RESULT) -> dict[str, str]:
    """Return how a destination proved that it holds a result."""
    with installation.reading() as unit:
        sent = [
            (row.delivery, row.method)
            for row in unit.views.sent(result)
            if row.delivery.destination == destination and row.delivery.kind is kind
        ]
    ((delivery, method),) = sent
    return {"method": method, "reference": delivery.reference, "package": delivery.package}


def sent_objects(installation: Installation, result: str, destination: str, kind: Kind = Kind.RESULT) -> list[bytes]:
    """Return the bytes that were sealed for a destination, from the vault."""
    vault = installation.vault
    package = Package.from_bytes(vault.get(receipt(installation, result, destination, kind)["package"]))
    data = [vault.get(part.digest) for part in package.parts]
    assert [digest(each) for each in data] == [part.digest for part in package.parts]
    return data
