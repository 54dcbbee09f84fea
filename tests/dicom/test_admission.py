"""Who may open an association."""

from collections.abc import Callable

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from dicom_adapters.listen.admission import Sender
from tests.dicom.post import Post, instance, quiet
from tests.dicom.raw_peer import (
    REJECTED,
    RELEASED,
    Peer,
)
from tests.peers.base import wait_until

SUCCESS = 0x0000
RETRY_LATER = 0xA700
UNEXPECTED = 0xC210

PostOf = Callable[..., Post]


# ------------------------------------------------------------------------------------------------------ who may call


@pytest.mark.parametrize(
    ("calling", "called", "answer", "code"),
    [
        ("STRANGER", "AVAL", b"\1\1\3", "calling-aet-unknown"),
        ("mr2", "AVAL", b"\1\1\3", "calling-aet-unknown"),
        ("MR2", "OTHER", b"\1\1\7", "called-aet-unknown"),
    ],
)
def test_a_stranger_is_rejected_and_recorded(post: Post, calling: str, called: str, answer: bytes, code: str) -> None:
    with Peer(post.port, calling=calling, called=called) as peer:
        assert peer.associate() == (REJECTED, b"\0" + answer)

    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert [refused[1] for refused in post.refused] == [code]
    assert "127.0.0.1" in post.refused[0][2]


def test_a_sender_is_rejected_from_another_network(post_of: PostOf) -> None:
    post = post_of(senders={"MR2": Sender(name="mr-2", networks=("10.2.0.0/16", "192.0.2.4"))})
    with Peer(post.port) as peer:
        assert peer.associate() == (REJECTED, b"\0\1\1\3")

    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert post.refused[0][:2] == ("mr-2", "address-unknown")


def test_a_network_that_is_written_wrong_lets_nobody_in(post_of: PostOf) -> None:
    post = post_of(senders={"MR2": Sender(name="mr-2", networks=("10.2.0.0/99",))})
    with Peer(post.port) as peer:
        assert peer.associate() == (REJECTED, b"\0\1\1\1")

    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert post.refused[0][1] == "unexpected"


def test_a_stranger_is_let_in_under_its_own_name_where_that_is_wanted(post_of: PostOf) -> None:
    post = post_of(accept_unknown=True, require_called_aet=False)
    body, name = instance()
    with Peer(post.port, calling="STRANGER", called="WHATEVER").associated() as peer:
        assert peer.store(body, name) == SUCCESS

    assert post.arrivals[0].sender == "unknown:STRANGER"


def test_one_association_too_many_is_rejected_for_now(post_of: PostOf) -> None:
    post = post_of(associations_max=1)
    with Peer(post.port).associated() as first:
        with Peer(post.port) as second:
            assert second.associate() == (REJECTED, b"\0\2\3\2")
        assert first.release() == RELEASED
    quiet(post, 1)
    with Peer(post.port).associated():
        pass

    assert [refused[:2] for refused in post.refused] == [("mr-2", "too-many-associations")]


def test_pynetdicom_itself_sees_a_rejection(post: Post) -> None:
    entity = AE(ae_title="STRANGER")
    entity.add_requested_context(Verification)

    association = entity.associate("127.0.0.1", post.port, ae_title="AVAL")

    assert association.is_rejected


@pytest.mark.parametrize(
    ("networks", "address", "may"),
    [
        ((), "203.0.113.9", True),
        (("10.2.0.0/16",), "10.2.3.4", True),
        (("10.2.0.0/16",), "10.3.3.4", False),
        (("10.2.0.1/16",), "10.2.3.4", True),
        (("10.9.1.4",), "10.9.1.4", True),
        (("10.2.0.0/16",), "::ffff:10.2.3.4", True),
        (("fd00::/8",), "fd00::1%eth0", True),
        (("10.2.0.0/16", "fd00::/8"), "fe80::1", False),
        (("10.2.0.0/16",), "whatever a proxy says", False),
        ((), "whatever a proxy says", True),
    ],
)
def test_a_sender_may_call_from_its_networks(networks: tuple[str, ...], address: str, *, may: bool) -> None:
    assert Sender(name="mr-2", networks=networks).may_call_from(address) is may


def test_a_stranger_is_let_in_and_everything_it_brings_is_doubtful_where_that_is_wanted(
    post_of: PostOf, caplog: pytest.LogCaptureFixture
) -> None:
    post = post_of(quarantine_unknown=True)
    body, name = instance()
    with Peer(post.port, calling="STRANGER").associated() as peer, Peer(post.port).associated() as known:
        assert peer.store(body, name) == SUCCESS
        assert known.store(body, name) == SUCCESS
    with Peer(post.port, calling="STRANGER", called="OTHER") as lost:
        assert lost.associate() == (REJECTED, b"\0\1\1\7")

    assert [(a.sender, a.doubt) for a in post.arrivals] == [("unknown:STRANGER", "sender-unknown"), ("mr-2", "")]
    assert [record.getMessage() for record in caplog.records].count("sender.unknown") == 1
