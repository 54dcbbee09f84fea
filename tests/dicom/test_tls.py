"""The listener in TLS: who gets through a handshake, who is who afterwards, and who cannot keep others out."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dicom_adapters.associate.tls import GREETING_MAX, Identity, Listening, client_context, server_context
from dicom_adapters.listen.admission import Sender
from guarantee.errors import Unavailable
from tests.dicom import samples
from tests.dicom.post import Post, dcmtk, instance
from tests.dicom.raw_peer import REJECTED, Peer
from tests.peers.base import wait_until
from tests.peers.certificates import Authority, Pair

PostOf = Callable[..., Post]
SUCCESS = 0x0000


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An authority, our certificate and that of one sender; and another house's authority with its own sender."""

    ours: Identity
    authority: Path
    scanner: Pair
    other: Pair
    stranger: Pair


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    authority, foreign = Authority(folder / "ours"), Authority(folder / "theirs", "Another authority")
    listener = authority.sign("aval")
    return House(
        ours=Identity(certificate=listener.certificate, key=listener.key, authorities=authority.file),
        authority=authority.file,
        scanner=authority.sign("scanner-2", dns="mr2.example"),
        other=authority.sign("scanner-3", dns="mr3.example"),
        stranger=foreign.sign("scanner-2", dns="mr2.example"),
    )


def speaking(house: House, **changes: Any) -> Listening:
    return Listening(**({"identity": house.ours} | changes))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ct.dcm"
    path.write_bytes(samples.to_file(samples.series("CT", slices=1)[0]))
    return path


def send(tool: str, post: Post, house: House, *how: str, file: Path | None = None) -> int:
    """Run a DCMTK tool as MR2 against the TLS port."""
    files = [str(file)] if file else []
    place = ["-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.listener.tls_port), *files]
    return dcmtk(tool, *how, "+cf", str(house.authority), *place)


def as_(pair: Pair) -> tuple[str, ...]:
    return ("+tls", str(pair.key), str(pair.certificate))


# ------------------------------------------------------------------------------------------------------- who is who


def test_a_sender_is_known_by_its_certificate(post_of: PostOf, house: House, file: Path) -> None:
    for shown in (house.scanner.fingerprint, "MR2.example", "Scanner-2"):
        post = post_of(tls=speaking(house), senders={"MR2": Sender(name="mr-2", certificates=(shown,), site="north")})
        assert send("storescu", post, house, *as_(house.scanner), file=file) == SUCCESS
        assert [(a.sender, a.site) for a in post.arrivals] == [("mr-2", "north")]


def test_the_certificate_of_another_sender_of_the_house_is_not_enough(
    post_of: PostOf, house: House, file: Path
) -> None:
    senders = {"MR2": Sender(name="mr-2", certificates=(house.scanner.fingerprint.upper(), "mr2.example"))}
    post = post_of(tls=speaking(house), senders=senders)

    assert send("storescu", post, house, *as_(house.other), file=file) != SUCCESS

    assert post.arrivals == []
    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert post.refused[0][:2] == ("mr-2", "certificate-unknown")


def test_a_certificate_of_another_authority_gets_no_further_than_the_handshake(
    post_of: PostOf, house: House, file: Path
) -> None:
    post = post_of(tls=speaking(house, client_certificates=False))

    assert send("storescu", post, house, *as_(house.stranger), file=file) != SUCCESS

    wait_until(lambda: bool(post.refused), "the record of a failed handshake")
    assert post.refused[0][:2] == ("unknown", "tls-failed")
    assert "127.0.0.1" in post.refused[0][2]


def test_a_client_certificate_is_required_unless_it_is_optional(post_of: PostOf, house: House, file: Path) -> None:
    strict, lenient = post_of(tls=speaking(house)), post_of(tls=speaking(house, client_certificates=False))

    assert send("storescu", strict, house, "+tla", file=file) != SUCCESS
    assert send("storescu", lenient, house, "+tla", file=file) == SUCCESS

    assert strict.arrivals == []
    assert len(lenient.arrivals) == 1


def test_a_sender_that_must_show_a_certificate_cannot_do_without(post_of: PostOf, house: House, file: Path) -> None:
    senders = {"MR2": Sender(name="mr-2", certificates=("mr2.example",))}
    post = post_of(tls=speaking(house, client_certificates=False), senders=senders)

    assert send("storescu", post, house, "+tla", file=file) != SUCCESS
    with Peer(post.port) as peer:
        assert peer.associate() == (REJECTED, b"\0\1\1\3")

    wait_until(lambda: len(post.refused) == 2, "the record of two rejections")
    assert [refused[1] for refused in post.refused] == ["certificate-unknown", "tls-required"]


# ------------------------------------------------------------------------------------------------- ports and versions


def test_one_port_takes_both_each_as_it_begins(post_of: PostOf, house: House, file: Path) -> None:
    post = post_of(tls=speaking(house))
    assert post.port == post.listener.tls_port

    assert send("echoscu", post, house, *as_(house.scanner)) == SUCCESS
    assert dcmtk("storescu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port), str(file)) == SUCCESS


def test_a_second_port_takes_tls_alone(post_of: PostOf, house: House) -> None:
    post = post_of(tls=speaking(house, port=0))
    assert post.port != post.listener.tls_port

    assert send("echoscu", post, house, *as_(house.scanner)) == SUCCESS
    assert dcmtk("echoscu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port)) == SUCCESS
    assert dcmtk("echoscu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.listener.tls_port)) != SUCCESS
    wait_until(lambda: bool(post.refused), "the record of a connection without TLS")
    assert post.refused[0][:2] == ("unknown", "tls-required")


def test_the_only_port_may_be_for_tls_alone(post_of: PostOf, house: House) -> None:
    post = post_of(tls=speaking(house, only=True))

    assert dcmtk("echoscu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port)) != SUCCESS
    assert send("echoscu", post, house, *as_(house.scanner)) == SUCCESS


@pytest.mark.parametrize(
    ("version", "suites", "spoken"),
    [
        (ssl.TLSVersion.TLSv1_3, "DEFAULT", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256", False),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305", False),
        (ssl.TLSVersion.TLSv1_1, "DEFAULT:@SECLEVEL=0", False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_nothing_weaker_than_the_profile_is_spoken(
    post_of: PostOf, house: House, version: ssl.TLSVersion, suites: str, *, spoken: bool
) -> None:
    post = post_of(tls=speaking(house))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(house.authority)
    context.load_cert_chain(house.scanner.certificate, house.scanner.key)
    context.set_ciphers(suites)
    context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
    context.maximum_version = version

    with socket.create_connection(("127.0.0.1", post.port), 10) as plain:
        if spoken:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                assert secured.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="localhost")


def test_files_that_cannot_be_used_stop_the_start_and_are_named(house: House, tmp_path: Path) -> None:
    missing = Identity(certificate=tmp_path / "none.pem", key=house.ours.key, authorities=house.authority)
    with pytest.raises(Unavailable, match=r"tls-files: one of .*none\.pem"):
        server_context(missing, client_certificates=True)

    other_key = Identity(certificate=house.ours.certificate, key=house.scanner.key, authorities=house.authority)
    with pytest.raises(Unavailable, match="tls-files"):
        client_context(other_key)


# -------------------------------------------------------------------------------------------- who keeps nobody out


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Connections that are closed after the test."""
    with ExitStack() as stack:
        yield stack


def connect(crowd: ExitStack, post: Post) -> socket.socket:
    return crowd.enter_context(socket.create_connection(("127.0.0.1", post.port), 10))


def test_sixty_silent_connections_keep_no_echo_from_succeeding(post_of: PostOf, house: House, crowd: ExitStack) -> None:
    post = post_of(tls=speaking(house, handshake_s=60.0))
    for n in range(60):
        silent = connect(crowd, post)
        if n % 3:
            silent.sendall(b"\x16\x03\x01\x02\x00"[: n % 3 * 2])  # a handshake that never goes on

    assert send("echoscu", post, house, *as_(house.scanner)) == SUCCESS
    assert dcmtk("echoscu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port)) == SUCCESS


def test_slow_senders_keep_no_echo_from_succeeding(post_of: PostOf, house: House, crowd: ExitStack) -> None:
    post = post_of(tls=speaking(house, client_certificates=False))
    context = client_context(Identity(certificate=None, key=None, authorities=house.authority), check_name=False)
    body, name = instance()
    slow = []
    for _ in range(20):
        peer = Peer(post.port)
        peer.socket = crowd.enter_context(context.wrap_socket(peer.socket))
        peer.associated().socket.sendall(b"\x04\x00\x00\x01\x00")  # half a header of a PDU
        slow.append(peer)

    assert send("echoscu", post, house, *as_(house.scanner)) == SUCCESS
    quick = Peer(post.port)
    quick.socket = crowd.enter_context(context.wrap_socket(quick.socket))
    assert quick.associated().store(body, name) == SUCCESS
    for peer in slow:
        peer.abort()


def test_a_handshake_that_dribbles_is_cut_off(post_of: PostOf, house: House, crowd: ExitStack) -> None:
    post = post_of(tls=speaking(house, handshake_s=0.5))
    slow = connect(crowd, post)
    record = b"\x16\x03\x01\x02\x00" + bytes(512)

    def is_cut() -> bool:
        try:
            slow.sendall(record[:1])
        except OSError:
            return True
        time.sleep(0.1)  # each byte well within the time that one read may take
        return False

    wait_until(is_cut, "the end of a handshake that dribbles")
    wait_until(lambda: bool(post.refused), "the record of a failed handshake")
    assert post.refused[0][1] == "tls-failed"


def test_too_many_that_say_nothing_are_closed_at_once(
    post_of: PostOf, house: House, crowd: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_adapters.associate.tls.GREETING_MAX", 1)
    assert GREETING_MAX > 60
    post = post_of(tls=speaking(house, handshake_s=60.0))
    connect(crowd, post)
    wait_until(lambda: _is_closed_at_once(post), "the one place to be taken")
    wait_until(lambda: bool(post.refused), "the record of a closed connection")
    assert post.refused[0][:2] == ("unknown", "too-many-connections")


def _is_closed_at_once(post: Post) -> bool:
    with socket.create_connection(("127.0.0.1", post.port), 10) as late:
        late.settimeout(2)
        try:
            return late.recv(1) == b""
        except TimeoutError:
            return False


def test_a_peer_that_stops_in_the_middle_of_a_pdu_is_left(post_of: PostOf, house: House) -> None:
    """In TLS and without: pynetdicom would wait for the rest for ever."""
    for tls in (None, speaking(house)):
        post = post_of(network_timeout_s=0.5, tls=tls)
        with Peer(post.port).associated() as peer:
            peer.socket.sendall(b"\x04\x00\x00\x00")
            assert peer.receive()[0] in {0, 7}
        wait_until(lambda post=post: len(post.ended) == 1, "the end of a conversation")  # type: ignore[misc]
