"""A record that speaks HL7v2, from its lines in aval.toml to what is rendered, sent and shown."""

from pathlib import Path

import pytest

from bridge.config import ConfigError, Settings, load
from bridge.vault import FileVault
from bridge.wiring import outside, outward
from bridge.wiring.clock import SystemClock
from bridge.wiring.tls import certificates
from fhir_adapters.hl7v2.report import Hl7Renderer
from fhir_adapters.hl7v2.sending import MllpDestination
from guarantee.case import CaseKind
from guarantee.errors import Unavailable
from tests.bridge.test_config import write
from tests.hl7v2.receiver import Receiver
from tests.peers.base import free_port

DPI = """[destinations.hl7.dpi]
host = "127.0.0.1"
port = {port}
patient_authority = "CHU-X&1.2.250.1.999.1&ISO"
"""
MORE = """facility = "CHU-X"
receiving_application = "DPI"
charset = "8859/15"
transliterate = true
report = "both"
mdm = true
filler = "accession"
processing = "T"
zone = "Indian/Reunion"
authorities = { "https://chu.example/ipp" = "CHU-Y" }
"""


def settings(folder: Path, port: int = 2576, more: str = "") -> Settings:
    return load(write(folder, DPI.format(port=port) + more), {})


def test_it_is_rendered_as_it_asks_and_takes_studies_and_stays(tmp_path: Path) -> None:
    made = settings(tmp_path, more=MORE)
    for kind in CaseKind:
        renderer = outside.renderers(made, lambda _: b"")[kind]["dpi"]
        assert isinstance(renderer, Hl7Renderer)
        how = renderer._options
        assert (how.name, how.facility, how.receiving_application, how.charset) == ("dpi", "CHU-X", "DPI", "8859/15")
        assert (how.transliterate, how.report, how.mdm, how.filler) == (True, "both", True, "accession")
        assert (how.processing, how.time_zone) == ("T", "Indian/Reunion")
        assert how.authorities == (("https://chu.example/ipp", "CHU-Y"),)
    place = outside.destinations(made, FileVault(tmp_path / "vault"), SystemClock())["dpi"]
    assert isinstance(place, MllpDestination)
    place.close()


def test_it_is_shown_like_the_others_and_asked_whether_it_takes_a_connection(tmp_path: Path) -> None:
    receiver = Receiver().start()
    try:
        made = settings(tmp_path, receiver.port)
        assert [(p.name, p.kind, p.address) for p in outward.places(made)] == [
            ("dpi", "hl7", f"127.0.0.1:{receiver.port}")
        ]
        assert outward.reachable(made)["hl7 dpi"]().startswith("connected to 127.0.0.1")
        assert receiver.heard == []
    finally:
        receiver.stop()
    with pytest.raises(Unavailable):
        outward.looked_into(settings(tmp_path, free_port()), "dpi")


def test_its_certificate_is_watched(tmp_path: Path) -> None:
    tls = "[destinations.hl7.dpi.tls]\nauthorities = 'a.pem'\ncertificate = 'ours.pem'\nkey = 'ours.key'\n"
    assert list(certificates(settings(tmp_path, more=tls), SystemClock().now)) == ["certificate hl7 dpi"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[destinations.hl7.a]\nhost = 'h'\nport = 1\n", "patient_authority"),
        (DPI.format(port=0), "port"),
        (DPI.format(port=1).replace("CHU-X&1.2.250.1.999.1&ISO", "CHU|X"), "patient_authority"),
        (DPI.format(port=1).replace("&ISO", ""), "patient_authority"),
        (DPI.format(port=1) + "receiving_application = 'a|b'\n", "receiving_application"),
        (DPI.format(port=1) + "receiving_facility = 'a^1.2^ISO'\n", "receiving_facility"),
        (DPI.format(port=1) + "charset = 'ASCII'\n", "charset"),
        (DPI.format(port=1) + "version = '2.3'\n", "version"),
        (DPI.format(port=1) + "zone = 'Mars/Olympus'\n", "zone"),
        (DPI.format(port=1) + "answer_s = 100\n", "answer_s"),
        (DPI.format(port=1) + "tls = { certificate = 'a' }\n", "certificate and key come together"),
        (DPI.format(port=1) + "tls = { certificate = 'a', key = 'b' }\n", "needs authorities"),
        (DPI.format(port=1) + "[destinations.fhir.dpi]\nbase_url = 'http://x'\n", "dpi names two destinations"),
    ],
)
def test_what_cannot_work_stops_the_start(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(write(tmp_path, text), {})
