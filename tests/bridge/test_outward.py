"""From settings to the places outside: what each is, what a page may show of it, and whether it answers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.config import ConfigError, Settings, load
from bridge.db.destinations import Traffic
from bridge.vault import FileVault
from bridge.wiring import outside, outward
from bridge.wiring.clock import SystemClock
from dicom_adapters.deliver.echo import takes
from dicom_adapters.deliver.posting import StowDestination
from dicom_adapters.deliver.send import PacsDestination
from guarantee.breaker import Health, Phase
from guarantee.case import CaseKind
from guarantee.errors import Unavailable
from tests.bridge.test_config import write
from tests.peers.base import free_port
from tests.peers.fixtures import started
from tests.peers.orthanc import Orthanc

OLD = """[destinations.pacs.old]
aet = "OLD"
host = "127.0.0.1"
port = 104
charset = "ISO_IR 100"
transliterate = true
transfer_syntax = "implicit"
duplicate = "compare"
keep_association_s = 0
"""
WEB = """[destinations.pacs.web]
transport = "stow"
dicomweb_url = "{url}"
dicomweb_token = "s3cret"
"""
RECORD = """[destinations.fhir.record]
base_url = "{url}"
token = "s3cret"
"""
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def settings(
    folder: Path, *, web: str = "http://127.0.0.1:1/dicom-web", record: str = "http://127.0.0.1:1"
) -> Settings:
    return load(write(folder, OLD + WEB.format(url=web) + RECORD.format(url=record)), {})


def test_each_pacs_is_sent_to_as_it_asks(tmp_path: Path) -> None:
    made = settings(tmp_path)
    places = outside.destinations(made, FileVault(tmp_path / "vault"), SystemClock())
    assert isinstance(places["old"], PacsDestination)
    assert isinstance(places["web"], StowDestination)
    renderer = outside.renderers(made, lambda _: b"")[CaseKind.STUDY]["old"]
    how = renderer._options
    assert (how.charset, how.transliterate, how.transfer_syntax) == ("ISO_IR 100", True, "implicit")
    for place in places.values():
        place.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[destinations.pacs.a]\naet = 'A'\n", "give aet, host and port"),
        ("[destinations.pacs.a]\ntransport = 'stow'\n", "needs dicomweb_url"),
        ("[destinations.pacs.a]\ntransport = 'stow'\ndicomweb_url = 'http://x'\ncharset = 'ISO_IR 203'\n", "charset"),
    ],
)
def test_a_pacs_without_its_address_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(write(tmp_path, text), {})


def test_a_place_is_shown_without_its_credentials(tmp_path: Path) -> None:
    places = outward.places(settings(tmp_path))
    assert [(place.name, place.kind, place.address) for place in places] == [
        ("old", "pacs", "OLD 127.0.0.1:104"),
        ("web", "pacs", "http://127.0.0.1:1/dicom-web"),
        ("record", "record", "http://127.0.0.1:1"),
    ]
    assert "s3cret" not in repr(places)


def test_a_place_that_only_old_deliveries_name_is_listed_last(tmp_path: Path) -> None:
    gone = Traffic(health=Health(destination="gone"), pause=None, waiting=3)
    found = outward.standings(outward.places(settings(tmp_path)), {"gone": gone}, NOW)
    assert [(s.place.name, s.place.kind, s.waiting) for s in found][-1] == ("gone", "", 3)
    assert {s.breaker for s in found} == {Phase.CLOSED}
    with pytest.raises(ConfigError, match="old, record, web"):
        outward.require_known(settings(tmp_path), "gone")


def test_a_pacs_says_in_which_syntaxes_it_takes_our_objects(tmp_path: Path) -> None:
    for orthanc in started(Orthanc):
        told = takes(aet="AVAL", peer_aet=orthanc.aet, host="127.0.0.1", port=orthanc.port, timeout_s=20.0)
    assert "Segmentation Storage: explicit, implicit; Comprehensive 3D SR Storage: explicit, implicit" in told


def test_each_place_is_asked_in_its_own_way(tmp_path: Path) -> None:
    for orthanc in started(Orthanc):
        asked = outward.question(settings(tmp_path, web=orthanc.dicomweb_url), "web")
        assert asked() == f"DICOMweb answers at {orthanc.dicomweb_url}"
        wrong = outward.question(settings(tmp_path, record=orthanc.url), "record")
        with pytest.raises(Unavailable, match="no CapabilityStatement"):
            wrong()
    nobody = f"http://127.0.0.1:{free_port()}"
    for name in ("web", "record"):
        with pytest.raises(Unavailable):
            outward.question(settings(tmp_path, web=nobody, record=nobody), name)()
