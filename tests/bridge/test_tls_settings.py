"""TLS in the settings: what becomes of it, and when a certificate must be replaced."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.config import ConfigError, Settings, load
from bridge.wiring import dicomweb, outside, tls
from dicom_adapters.listen.rates import Rate
from guarantee.errors import Malformed
from tests.peers.certificates import Authority


def settings(folder: Path, text: str) -> Settings:
    (folder / "aval.toml").write_text(f'[site]\nnamespace = "{uuid.UUID(int=1)}"\n{text}')
    return load(folder, {})


SCP = """
[scp.tls]
certificate = "scp.pem"
port = 2762
client_certificates = "optional"
[scp.senders.mr-2]
aet = "MR2"
certificates = ["mr2.example"]
site = "north"
instances_per_s = 50
[destinations.pacs.main]
aet = "PACS"
host = "pacs.example"
port = 2762
tls = { authorities = "pacs.pem", certificate = "out.pem", key = "out.key" }
[destinations.pacs.plain]
aet = "PLAIN"
host = "plain.example"
port = 104
"""


def test_settings_reach_the_listener_and_the_destinations(tmp_path: Path) -> None:
    given = settings(tmp_path, SCP)
    options = outside.scp_options(given)
    assert options.tls is not None
    assert (options.tls.port, options.tls.client_certificates, options.tls.only) == (2762, False, False)
    assert options.tls.identity.certificate == tmp_path.resolve() / "scp.pem"
    sender = options.senders["MR2"]
    assert (sender.certificates, sender.site, sender.rate.instances_per_s) == (("mr2.example",), "north", 50)

    main, plain = given.destinations.pacs["main"], given.destinations.pacs["plain"]
    call = tls.calling(given, main)
    assert call is not None
    assert tls.answered(given, main) == call.identity
    assert tls.calling(given, plain) is None


def test_what_a_sender_may_post_reaches_the_door(tmp_path: Path) -> None:
    text = '[stow.senders.viewer]\naddresses = ["10.0.0.0/8"]\ninstances_per_s = 5\nbytes_per_min = 600\n'
    (sender,) = dicomweb.stow_options(settings(tmp_path, text)).senders
    assert (sender.name, sender.networks, sender.rate) == (
        "viewer",
        ("10.0.0.0/8",),
        Rate(instances_per_s=5, bytes_per_min=600),
    )


def test_every_certificate_of_ours_is_asked_about(tmp_path: Path) -> None:
    source = SCP.replace("destinations.pacs", "sources")
    asked = tls.certificates(settings(tmp_path, SCP + source[source.index("[sources") :]), lambda: datetime.now(UTC))
    assert asked.keys() == {"certificate scp", "certificate pacs main", "certificate source main"}


def test_without_tls_there_is_none(tmp_path: Path) -> None:
    given = settings(tmp_path, "")
    assert outside.scp_options(given).tls is None
    assert tls.certificates(given, lambda: datetime.now(UTC)) == {}


def test_a_certificate_that_ends_soon_is_told_of(tmp_path: Path) -> None:
    pair = Authority(tmp_path).sign("scp", lasts=timedelta(days=90))
    given = settings(tmp_path, '[scp.tls]\ncertificate = "scp.pem"\n')
    today = datetime.now(UTC)

    def asked(after_days: int) -> Callable[[], str]:
        return tls.certificates(given, lambda: today + timedelta(days=after_days))["certificate scp"]

    assert asked(0)() in {"good for 89 days", "good for 90 days"}
    asked(59)()
    with pytest.raises(ConfigError, match=r"scp\.pem expires in (28|29) days: put a new certificate"):
        asked(61)()
    with pytest.raises(ConfigError, match=r"scp\.pem has expired"):
        asked(91)()
    pair.certificate.write_text("nothing")
    with pytest.raises(Malformed, match="no certificate can be read"):
        asked(0)()
