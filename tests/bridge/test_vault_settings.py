"""The vault as the settings make it, and what is said when they cannot."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from bridge.config import ConfigError, explain, load
from bridge.vault import FileVault, ObjectVault, SegmentVault
from bridge.wiring.checks import check_process, run_checks
from bridge.wiring.install import install, to_toml
from bridge.wiring.parts import Parts
from bridge.wiring.vault import make_vault
from tests.peers.certificates import Authority
from tests.peers.seaweedfs import BUCKET, LOGIN, READER, SeaweedFS

PLACE = {"endpoint": "http://127.0.0.1:1", "bucket": BUCKET}
KEYS = {"access_key": LOGIN.access_key, "secret_key": LOGIN.secret_key}


def parts_of(folder: Path, storage: dict[str, Any]) -> Parts:
    site = {"namespace": str(uuid.UUID(int=1))}
    install(folder, settings=to_toml({"site": site, "storage": {"free_min_mb": 0} | storage}))
    return Parts(load(folder, {}))


@pytest.mark.parametrize(
    ("storage", "kind"),
    [
        ({}, FileVault),
        ({"kind": "segments"}, SegmentVault),
        ({"kind": "s3", "s3": PLACE | KEYS}, ObjectVault),
        ({"kind": "s3", "s3": PLACE | KEYS | {"endpoint": "https://store:9000"}}, ObjectVault),
    ],
)
def test_the_kind_of_vault_is_a_setting(storage: dict[str, Any], kind: type, tmp_path: Path) -> None:
    parts = parts_of(tmp_path / "data", storage)
    assert type(parts.vault) is kind
    parts.close()


@pytest.mark.parametrize(
    ("storage", "says"),
    [
        ({"kind": "s3"}, "needs s3.endpoint and s3.bucket"),
        ({"kind": "s3", "s3": PLACE | {"endpoint": "store:9000"}}, "storage.s3.endpoint"),
        ({"kind": "s3", "s3": PLACE | {"endpoint": "http://user:word@store"}}, "storage.s3.endpoint"),
        ({"s3": {"bucket": "../etc"}}, "storage.s3.bucket"),
        ({"s3": {"prefix": "no-end"}}, "storage.s3.prefix"),
        ({"s3": {"prefix": "../"}}, "storage.s3.prefix"),
        ({"s3": {"cache_mb": 1}}, "storage.s3.cache_mb"),
    ],
)
def test_a_store_that_cannot_be_one_is_refused_at_the_start(storage: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        parts_of(tmp_path / "data", storage)


def test_a_store_without_a_login_or_with_no_authority_is_refused_by_who_would_use_it(tmp_path: Path) -> None:
    bare = parts_of(tmp_path / "bare", {"kind": "s3", "s3": PLACE})
    with pytest.raises(ConfigError, match="no login"):
        make_vault(bare.settings, bare.clock.now)
    secure = PLACE | KEYS | {"endpoint": "https://store:9000"}
    key = Authority(tmp_path / "authority").sign("store").key
    for authorities in ("keys/none.pem", str(key)):
        parts = parts_of(tmp_path / uuid.uuid4().hex, {"kind": "s3", "s3": secure | {"authorities": authorities}})
        with pytest.raises(ConfigError, match=r"storage\.s3\.authorities cannot be read"):
            make_vault(parts.settings, parts.clock.now)


def test_a_login_is_explained_as_a_secret(tmp_path: Path) -> None:
    parts = parts_of(tmp_path / "data", {"kind": "s3", "s3": PLACE | KEYS})
    shown = {name: value for name, value, _, _ in explain(parts.settings, {})}["storage.s3"]
    assert f"bucket={BUCKET}" in shown
    assert "secret_key=(secret)" in shown
    assert LOGIN.secret_key not in shown + repr(parts.settings)


@pytest.mark.peer("seaweedfs")
def test_a_check_says_what_the_store_is_like_or_what_is_wrong(store: SeaweedFS, tmp_path: Path) -> None:
    def asked(**more: str) -> tuple[str, str]:
        place = PLACE | KEYS | {"endpoint": store.endpoint, "prefix": "checked/"} | more
        parts = parts_of(tmp_path / uuid.uuid4().hex, {"kind": "s3", "s3": place})
        try:
            (check,) = (one for one in run_checks(parts) if one.what == "vault")
            (health,) = (one for one in check_process("infer", parts) if one.what == "vault")
        finally:
            parts.close()
        assert bool(health.fault) == (more.get("secret_key") == "wrong")
        return check.found, check.fault

    found, fault = asked()
    assert fault == ""
    assert found.startswith("s3, written and read back, without TLS, versioning off, ")
    assert "AccessDenied" in asked(access_key=READER.access_key, secret_key=READER.secret_key)[1]
    assert "storage.s3.secret_key is wrong" in asked(secret_key="wrong")[1]
