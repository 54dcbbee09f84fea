"""A release that is ready to be sent, a destination to send it to, and the archives that tests send to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from bridge.demo.pacs import SimulatedPacs
from bridge.vault import FileVault
from dicom_adapters.deliver.held import data_set_start
from dicom_adapters.deliver.send import Options, PacsDestination
from dicom_adapters.render.renderer import DicomRenderer
from dicom_adapters.render.renderer import Options as RenderingOptions
from guarantee.errors import PortError
from guarantee.ports import Endorsed, Rendered
from guarantee.release import Package, Release
from tests.dicom import endorsements as e
from tests.peers.orthanc import Orthanc

NOW = datetime(2026, 11, 21, 9, 16, tzinfo=UTC)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Something that may be sent."""

    scene: e.Scene
    endorsed: Endorsed
    objects: Sequence[Rendered]
    package: Package
    release: Release
    vault: FileVault


def ready(folder: Path, *, study: str = "1", options: RenderingOptions = e.OPTIONS, **content: Any) -> Ready:
    """Return an endorsed, rendered, sealed and minted release; ``study`` keeps tests on one archive apart."""
    scene = e.scene(study=study)
    endorsed = e.endorse(scene, e.content(scene, **content))
    objects = DicomRenderer(options, scene.read).render(endorsed)
    package = e.package(scene, objects)
    vault = FileVault(folder / "vault")
    for data in (*scene.blobs.values(), package.to_bytes()):
        vault.put(data)
    release = e.release(endorsed, package)
    return Ready(scene=scene, endorsed=endorsed, objects=objects, package=package, release=release, vault=vault)


def withdrawal(given: Ready) -> Release:
    """Return the release of the rejection note of what was sent."""
    withdrawn = e.withdraw(given.scene, given.endorsed, given.objects)
    objects = DicomRenderer(e.OPTIONS, given.vault.get).render_withdrawal(withdrawn)
    package = e.package(given.scene, objects)
    for data in (*(o.data for o in objects), package.to_bytes()):
        given.vault.put(data)
    return e.release(given.endorsed, package, notice=withdrawn.notice)


@contextmanager
def destination(given: Ready, **options: Any) -> Iterator[PacsDestination]:
    made = PacsDestination(
        Options(
            **({"name": "pacs", "aet": "AVAL", "peer_host": "127.0.0.1", "commitment_host": "127.0.0.1"} | options)
        ),
        given.vault,
        Noon(),
    )
    try:
        yield made
    finally:
        made.close()


def to_orthanc(orthanc: Orthanc, **options: Any) -> dict[str, Any]:
    return {
        "peer_aet": orthanc.aet,
        "peer_port": orthanc.port,
        "commitment_port": orthanc.commitment_port,
        "dicomweb_url": orthanc.dicomweb_url,
    } | options


def to_simulated(pacs: SimulatedPacs, **options: Any) -> dict[str, Any]:
    return {"peer_aet": pacs.aet, "peer_port": pacs.port, "commitment_s": 4.0} | options


def data_set(data: bytes) -> bytes:
    return data[data_set_start(data) :]


def refused(kind: type[PortError], send: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        send()
    return caught.value.code


def store(aet: str, port: int, dataset: Dataset) -> int:
    """Store a data set as somebody else would."""
    ae = AE("OTHER")
    ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title=aet)
    assert association.is_established
    status = association.send_c_store(dataset).Status
    association.release()
    return int(status)
