"""Sending by MLLP to a receiver of another project: what it answers, what it does not, what the second time costs."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.config import ConfigError, load
from bridge.vault import FileVault
from bridge.wiring.hl7_out import hl7_options
from fhir_adapters.hl7v2.sending import ANSWER_BYTES_MAX, MllpDestination, Options
from fhir_adapters.report import FhirRenderer
from guarantee.case import CaseKind
from guarantee.errors import Declined, PortError, Unavailable
from guarantee.release import Package
from tests.fhir.releases import released as fhir_release
from tests.fhir.samples import AMENDED, StoppedClock, endorsed
from tests.fhir.samples import OPTIONS as FHIR
from tests.hl7v2.outgoing import released
from tests.hl7v2.receiver import PATIENCE_S, Receiver
from tests.peers.base import free_port
from tests.peers.certificates import Authority

ORIGINAL = endorsed(edits=AMENDED)

SETTINGS = """[site]
namespace = "00000000-0000-0000-0000-000000000001"
[destinations.hl7.dpi]
host = "127.0.0.1"
port = 1
patient_authority = "CHU-X"
[destinations.hl7.dpi.tls]
{tls}"""


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    return FileVault(tmp_path / "vault")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver().start()
    yield made
    made.stop()


def destination(port: int, vault: FileVault, **changes: Any) -> MllpDestination:
    options = Options(name="dpi", host="127.0.0.1", port=port, answer_s=PATIENCE_S)
    return MllpDestination(replace(options, **changes), vault, StoppedClock())


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("code", ["AA", "CA"])
def test_what_is_acknowledged_is_held_and_proved(
    kind: CaseKind, code: str, receiver: Receiver, vault: FileVault
) -> None:
    receiver.script = [code, code]
    release = released(endorsed(kind), vault)
    receipt = destination(receiver.port, vault).send(release)
    assert [str(one.segment("MSH")(9)) for one in receiver.heard] == ["ORU^R01^ORU_R01", "MDM^T02^MDM_T02"]
    told = json.loads(receipt.reference)
    assert [one["answer"] for one in told] == [code, code]
    assert {one["control"] for one in told} == set(receiver.kept)
    assert (receipt.method, receipt.destination) == ("hl7-ack", "dpi")


def test_the_stored_bytes_go_and_nothing_else(vault: FileVault) -> None:
    release = released(ORIGINAL, vault, mdm=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = bytearray()
        listening = threading.Thread(target=_swallow, args=(server, heard))
        listening.start()
        with pytest.raises(Unavailable, match="no-answer"):
            destination(server.getsockname()[1], vault).send(release)
        listening.join(PATIENCE_S)
    (part,) = Package.from_bytes(vault.get(release.package_for("dpi"))).parts
    assert bytes(heard) == b"\x0b" + vault.get(part.digest) + b"\x1c\r"


def _swallow(server: socket.socket, heard: bytearray) -> None:
    line, _ = server.accept()
    with line:
        while not heard.endswith(b"\x1c\r"):
            heard += line.recv(65536)


@pytest.mark.parametrize(
    ("script", "error", "code"),
    [
        ("AE", Unavailable, "hl7-ae"),
        ("CE", Unavailable, "hl7-ce"),
        ("AR", Declined, "hl7-ar"),
        ("CR", Declined, "hl7-cr"),
        ("cut", Unavailable, "no-answer"),
        ("silent", Unavailable, "no-answer"),
        ("other", Unavailable, "other-answer"),
        ("noise", Unavailable, "bad-answer"),
        ("nonsense", Unavailable, "bad-answer"),
        ("XX", Unavailable, "bad-answer"),
    ],
)
def test_every_other_answer_has_its_meaning(
    script: str, error: type[PortError], code: str, receiver: Receiver, vault: FileVault
) -> None:
    receiver.script = [script]
    with pytest.raises(error) as caught:
        destination(receiver.port, vault).send(released(ORIGINAL, vault, mdm=False))
    assert type(caught.value) is error
    assert caught.value.code == code


def test_a_refusal_says_where_and_never_what(receiver: Receiver, vault: FileVault) -> None:
    receiver.script = ["AR"]
    with pytest.raises(Declined) as caught:
        destination(receiver.port, vault).send(released(ORIGINAL, vault))
    assert "PID-1-3, condition 204 of table 0357" in caught.value.detail
    assert "IPP00012345" not in str(caught.value)
    assert len(receiver.heard) == 1, "what follows a refusal is not sent"


def test_one_that_never_answers_is_left_after_its_time(receiver: Receiver, vault: FileVault) -> None:
    receiver.script = ["hang"]
    with pytest.raises(Unavailable, match="same number"):
        destination(receiver.port, vault, answer_s=0.2).send(released(ORIGINAL, vault))


@pytest.mark.parametrize("trouble", ["AE", "hang", "cut", "other", "noise"])
def test_the_second_time_is_the_same_message_and_is_kept_once(
    trouble: str, receiver: Receiver, vault: FileVault
) -> None:
    receiver.script = [trouble]
    release = released(ORIGINAL, vault, mdm=False)
    patience = 0.5 if trouble == "hang" else PATIENCE_S
    with pytest.raises(Unavailable):
        destination(receiver.port, vault, answer_s=patience).send(release)
    receiver.wait_for(1)  # whoever gave up early must not be overtaken
    destination(receiver.port, vault).send(release)
    first, second = (str(one) for one in receiver.heard)
    assert first == second
    assert len(receiver.kept) == 1


def test_after_half_a_package_all_of_it_goes_again_and_is_kept_once(receiver: Receiver, vault: FileVault) -> None:
    receiver.script = ["AA", "cut"]
    release = released(ORIGINAL, vault)
    with pytest.raises(Unavailable, match="no-answer"):
        destination(receiver.port, vault).send(release)
    destination(receiver.port, vault).send(release)
    assert len(receiver.heard) == 4
    assert len(receiver.kept) == 2


def test_bytes_that_are_no_message_are_not_sent(receiver: Receiver, vault: FileVault) -> None:
    (bundle,) = FhirRenderer(FHIR, lambda _: b"").render(ORIGINAL)
    with pytest.raises(Declined, match="not-a-message"):
        destination(receiver.port, vault).send(fhir_release(ORIGINAL, bundle, vault))
    assert receiver.heard == []


def test_nobody_at_the_address(vault: FileVault) -> None:
    with pytest.raises(Unavailable, match="nobody answers"):
        destination(free_port(), vault).send(released(ORIGINAL, vault))


@pytest.mark.parametrize("answer", [b"\x0b" + b"x" * (ANSWER_BYTES_MAX + 1), b"\x0bMSH|^~\\&|\x1c\r", b"\r\nMSH"])
def test_an_answer_beyond_limits_ends_the_attempt(answer: bytes, vault: FileVault) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer, args=(server, answer))
        answering.start()
        with pytest.raises(Unavailable, match=r"bad-answer|other-answer"):
            destination(server.getsockname()[1], vault).send(released(ORIGINAL, vault))
        answering.join(PATIENCE_S)


def _answer(server: socket.socket, answer: bytes) -> None:
    heard = bytearray()
    line, _ = server.accept()
    with line:
        while not heard.endswith(b"\x1c\r"):
            heard += line.recv(65536)
        line.sendall(answer)
        line.settimeout(PATIENCE_S)
        try:
            line.recv(1)
        except ConnectionError:
            return


# ------------------------------------------------------------------------------------------------------------- TLS


def asked(folder: Path, tls: str) -> Options:
    """Return how ``aval.toml`` has one receiver sent to."""
    (folder / "aval.toml").write_text(SETTINGS.format(tls=tls))
    made = load(folder, {})
    return hl7_options("dpi", made.destinations.hl7["dpi"], made)


def test_tls_goes_only_to_who_shows_the_right_certificate(tmp_path: Path, vault: FileVault) -> None:
    house, stranger = Authority(tmp_path / "house"), Authority(tmp_path / "stranger")
    theirs, ours = house.sign("dpi"), house.sign("aval")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(house.file)
    context.verify_mode = ssl.CERT_REQUIRED
    release = released(ORIGINAL, vault)
    mine = f"certificate = '{ours.certificate}'\nkey = '{ours.key}'\n"
    receiver = Receiver(tls=context).start()
    try:
        good = asked(tmp_path, f"authorities = '{house.file}'\n{mine}")
        MllpDestination(replace(good, port=receiver.port), vault, StoppedClock()).send(release)
        assert len(receiver.kept) == 2
        for tls in (
            f"authorities = '{stranger.file}'\n{mine}",
            f"authorities = '{house.file}'\n{mine}server_name = 'other.example'\n",
        ):
            bad = asked(tmp_path, tls)
            with pytest.raises(Unavailable, match="tls"):
                MllpDestination(replace(bad, port=receiver.port), vault, StoppedClock()).send(release)
        without = asked(tmp_path, f"authorities = '{house.file}'\n")
        with pytest.raises(Unavailable):  # TLS 1.3 tells a client that shows nothing with the first answer
            MllpDestination(replace(without, port=receiver.port), vault, StoppedClock()).send(release)
        assert len(receiver.heard) == 2
    finally:
        receiver.stop()


def test_a_certificate_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"destinations\.hl7\.dpi\.tls"):
        asked(tmp_path, "authorities = 'nowhere.pem'\n")
