"""A PACS in TLS: it is sent to, proves what it holds, and sends to us; and both know each other by certificate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dicom_adapters.ask.query import Options, Source
from dicom_adapters.associate.tls import Calling, Identity, Listening
from dicom_adapters.deliver.echo import echo
from dicom_adapters.deliver.send import Confirm
from dicom_adapters.listen.admission import Sender
from guarantee.errors import Unavailable
from tests.dicom import samples
from tests.dicom.post import Post
from tests.dicom.sending import destination, ready
from tests.peers.base import free_port
from tests.peers.certificates import Authority, Pair
from tests.peers.fixtures import started
from tests.peers.orthanc import Orthanc


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Who signs, who we are, who the PACS is; and who we are for a foreign authority."""

    ours: Identity
    foreign: Identity
    pacs: Pair


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    authority, foreign = Authority(folder / "ours"), Authority(folder / "theirs", "Another authority")
    aval, stranger = authority.sign("aval"), foreign.sign("aval")
    return House(
        ours=Identity(certificate=aval.certificate, key=aval.key, authorities=authority.file),
        foreign=Identity(certificate=stranger.certificate, key=stranger.key, authorities=foreign.file),
        pacs=authority.sign("orthanc"),
    )


@pytest.fixture(scope="module")
def orthanc(house: House) -> Iterator[Orthanc]:
    """A PACS that speaks TLS alone, and calls us on one port for everything."""
    yield from started(lambda: Orthanc(tls=(house.pacs, house.ours.authorities)))


def to(orthanc: Orthanc, house: House, **options: Any) -> dict[str, Any]:
    return {
        "peer_aet": orthanc.aet,
        "peer_port": orthanc.port,
        "commitment_port": orthanc.commitment_port,
        "tls": Calling(identity=house.ours),
        "answers_tls": house.ours,
    } | options


def test_a_release_is_stored_and_committed_to_in_tls(orthanc: Orthanc, house: House, tmp_path: Path) -> None:
    given = ready(tmp_path, study="tls-1")
    with destination(given, **to(orthanc, house, confirm=Confirm.COMMITMENT)) as pacs:
        receipt = pacs.send(given.release)

    assert receipt.method == "storage-commitment"
    assert len(orthanc.instances()) == len(given.package.parts)


def test_a_pacs_of_another_authority_gets_nothing(orthanc: Orthanc, house: House, tmp_path: Path) -> None:
    given, before = ready(tmp_path, study="tls-2"), len(orthanc.instances())
    unbelieving = Calling(identity=Identity(certificate=None, key=None, authorities=house.foreign.authorities))
    with (
        destination(given, **to(orthanc, house, tls=unbelieving)) as pacs,
        pytest.raises(Unavailable, match="no TLS could be agreed on"),
    ):
        pacs.send(given.release)

    assert len(orthanc.instances()) == before


def test_the_pacs_must_be_the_host_that_is_called(orthanc: Orthanc, house: House) -> None:
    place: dict[str, Any] = {"aet": "AVAL", "peer_aet": orthanc.aet, "host": "127.0.0.1", "port": orthanc.port}
    echo(**place, timeout_s=20, tls=Calling(identity=house.ours))
    echo(**place, timeout_s=20, tls=Calling(identity=house.ours, server_name="localhost"))
    echo(**place, timeout_s=20, tls=Calling(identity=house.ours, server_name="elsewhere", check_name=False))
    with pytest.raises(Unavailable, match="echo-failed"):
        echo(**place, timeout_s=20, tls=Calling(identity=house.ours, server_name="elsewhere"))


def test_a_pacs_in_tls_says_what_it_holds(orthanc: Orthanc, house: House) -> None:
    first, *_ = datasets = samples.series(slices=2, study="tls-asked")
    for dataset in datasets:
        orthanc.store(samples.to_file(dataset))
    place: dict[str, Any] = {"name": "pacs", "aet": orthanc.aet, "host": "127.0.0.1", "port": orthanc.port}
    source = Source(Options(**place, tls=Calling(identity=house.ours)))
    assert source.count_instances(first.StudyInstanceUID) == {first.SeriesInstanceUID: 2}


def test_a_pacs_in_tls_sends_to_us(house: House, tmp_path: Path, post_of: Callable[..., Post]) -> None:
    sender = Sender(name="pacs", certificates=(house.pacs.fingerprint,), required_tls=True, site="north")
    post = post_of(
        tls=Listening(identity=house.ours, only=True),
        senders={"ORTHANC": sender},
        require_called_aet=False,
    )
    given = ready(tmp_path, study="tls-3")
    for archive in started(lambda: Orthanc(commitment_port=post.port, tls=(house.pacs, house.ours.authorities))):
        with destination(
            given, **to(archive, house, confirm=Confirm.QUERY, commitment_port=free_port(), answers_tls=None)
        ) as pacs:
            pacs.send(given.release)
        for identifier in archive.instances():
            archive.send(identifier)

    assert {(a.sender, a.site) for a in post.arrivals} == {("pacs", "north")}
    assert len(post.arrivals) == len(given.package.parts)
