"""Who may ask an object store, where it is, and what a check says of it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.vault import BucketOptions, Login, ObjectVault, examine
from guarantee.errors import Unavailable
from tests.bridge.store_proxy import Fault, StoreProxy
from tests.bridge.stores import Make, client
from tests.bridge.test_vault import ABSENT
from tests.peers.certificates import Authority
from tests.peers.fixtures import started
from tests.peers.seaweedfs import BUCKET, DOMAIN, LOGIN, OWNER, READER, SeaweedFS

pytestmark = pytest.mark.peer("seaweedfs")


def test_a_probe_says_what_the_bucket_is_like_and_leaves_nothing(near: ObjectVault) -> None:
    said = examine(near)
    assert said == "without TLS, versioning off, object lock unknown, this login may delete"
    assert near.bucket.size(f"{near.prefix}probe") is None


def test_a_probe_by_who_may_ask_says_how_long_objects_are_locked(make: Make, store: SeaweedFS) -> None:
    bucket = {"login": OWNER, "bucket": "locked"}
    store.make_bucket("locked", locked_days=3650)
    assert "versioning on, object lock on, governance, 3650 days, " in examine(make(store.endpoint, bucket=bucket))
    assert "versioning off, object lock off, " in examine(make(store.endpoint, bucket={"login": OWNER}))


@pytest.mark.parametrize(
    ("bucket", "says"),
    [
        ({"login": READER}, "refuses to write: 403 AccessDenied"),
        ({"bucket": "no-such-bucket"}, "correct storage.s3.bucket"),
        ({"login": Login(access_key="AKIDAVAL", secret_key="wrong", region="us-east-1")}, "secret_key is wrong"),
        ({"login": Login(access_key="NOBODY", secret_key="wrong", region="us-east-1")}, "does not know"),
    ],
)
def test_a_probe_says_in_plain_words_what_is_wrong(
    make: Make, store: SeaweedFS, bucket: dict[str, Any], says: str
) -> None:
    with pytest.raises(Unavailable, match=says) as raised:
        examine(make(store.endpoint, bucket=bucket))
    assert LOGIN.secret_key not in str(raised.value)


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ([Fault(method="PUT"), Fault(method="PUT", forward=False, status=200, body=b"")], "does not compare"),
        ([Fault(method="GET", edit=lambda _: b"what was there before")], "stale"),
        ([Fault(method="GET"), Fault(method="GET", forward=False, status=403)], "s3:ListBucket"),
    ],
)
def test_a_probe_finds_a_store_that_cannot_be_trusted(
    far: ObjectVault, line: StoreProxy, faults: list[Fault], says: str
) -> None:
    line.faults += faults
    with pytest.raises(Unavailable, match=says):
        examine(far)


def test_a_missing_bucket_is_no_missing_blob(make: Make, store: SeaweedFS) -> None:
    vault = make(store.endpoint, bucket={"bucket": "no-such-bucket"})
    for ask in (vault.get, vault.has, vault.holds):
        with pytest.raises(Unavailable, match="no such bucket"):
            ask(ABSENT)


def test_a_login_is_in_no_text_that_could_be_logged() -> None:
    options = BucketOptions(endpoint="http://store", bucket=BUCKET, login=LOGIN)
    assert LOGIN.secret_key not in f"{options!r}{LOGIN!r}"


def test_the_bucket_may_be_before_the_host(make: Make, store: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine's resolver does not know the name, the name is answered here."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def here(host: Any, *args: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    vault = make(f"http://{DOMAIN}:{store.port}", bucket={"path_style": False})
    assert vault.get(vault.put(b"bytes")) == b"bytes"
    assert set(asked) == {f"{BUCKET}.{DOMAIN}"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def sealed(authority: Authority) -> Iterator[SeaweedFS]:
    yield from started(lambda: SeaweedFS(authority.sign("store")))


def test_a_store_is_believed_by_its_authority_alone(
    make: Make, sealed: SeaweedFS, authority: Authority, tmp_path: Path
) -> None:
    vault = make(sealed.tls_endpoint, bucket={"authorities": authority.file})
    assert vault.get(vault.put(b"bytes")) == b"bytes"
    assert examine(vault).startswith("TLS, ")
    other = Authority(tmp_path / "other")
    for authorities in (None, other.file):
        with pytest.raises(Unavailable, match="not reached"):
            make(sealed.tls_endpoint, bucket={"authorities": authorities}).has(ABSENT)
    with pytest.raises(ssl.SSLError):
        client(sealed.tls_endpoint, authorities=authority.sign("not-pem").key)
