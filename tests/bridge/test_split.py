"""A folder for each process: what each is told, and what none of the others is."""

import tomllib
import uuid
from pathlib import Path

import pytest

from bridge.config import ConfigError, load
from bridge.seal import create_keys
from bridge.wiring.install import to_toml
from bridge.wiring.parts import HOLD_NO_BYTES, NAMES, ROLES
from bridge.wiring.split import PRIVATE_KEYS, split

LOGINS = ("intake", "infer", "desk", "deliver", "sweep", "relay", "audit")
TOKENS = {
    "intake": {"AVAL_INTAKE__SENDERS__DPI__TOKEN", "AVAL_STOW__SENDERS__VNA__TOKEN"},
    "deliver": {"AVAL_DESTINATIONS__FHIR__RECORD__TOKEN", "AVAL_DESTINATIONS__PACS__PACS-1__DICOMWEB_TOKEN"},
    "sweep": {"AVAL_SOURCES__PACS-1__TOKEN"},
    "ups": {"AVAL_SOURCES__PACS-1__TOKEN", "AVAL_UPS__RIS__TOKEN"},
    "metrics": {"AVAL_METRICS__TOKEN"},
    "desk": {
        "AVAL_LAUNCHERS__PACS-1__KEY",
        "AVAL_LAUNCHERS__PACS-1__KEY_BEFORE",
        "AVAL_DESK__OIDC__CLIENT_SECRET",
    },
}
BROKER = {"intake", "relay", "infer", "deliver", "sweep"}
TLS = {"authorities": "keys/pacs-authorities.pem", "certificate": "keys/out.pem", "key": "keys/out.key"}
PACS = {"aet": "P", "host": "pacs", "port": 104, "dicomweb_token": "hush-pacs", "tls": TLS}
FILES = ("secrets.key", "scp.pem", "scp.key", "scp-authorities.pem", "pacs-authorities.pem", "out.pem", "out.key")


def settings(**more: object) -> str:
    return to_toml(
        {
            "site": {"namespace": str(uuid.UUID(int=1))},
            "database": {
                "url": "postgresql://owner:hush-owner@db:5432/aval",
                "urls": {name: f"postgresql://aval_{name}:hush-{name}@db:5432/aval" for name in LOGINS},
            },
            "broker": {"url": "amqp://aval:hush-broker@mq/aval"},
            "storage": {"vault": "/var/lib/aval/vault", "free_min_mb": 7},
            "scp": {
                "senders": {"mr-1": {"aet": "MR1", "certificates": ["mr1.example"]}},
                "tls": {"certificate": "keys/scp.pem"},
            },
            "intake": {"senders": {"dpi": {"token": "hush-dpi", "search": "Observation"}}},
            "stow": {"senders": {"vna": {"token": "hush-vna"}}},
            "sources": {"pacs-1": {"dicomweb_url": "http://pacs/", "token": "hush-source"}},
            "launchers": {"pacs-1": {"key": "hush-launcher" * 3, "key_before": "hush-before" * 3}},
            "desk": {"oidc": {"issuer": "https://idp", "client_id": "aval", "client_secret": "hush-client"}},
            "metrics": {"host": "0.0.0.0", "token": "hush-metrics"},
            "ups": {"ris": {"url": "http://ris/", "token": "hush-ups", "station": "A|99X", "source": "pacs-1"}},
            "destinations": {
                "pacs": {
                    "pacs-1": {"aet": "P", "host": "pacs", "port": 104, "dicomweb_token": "hush-pacs", "tls": TLS}
                },
                "fhir": {"record": {"base_url": "http://dpi/fhir", "token": "hush-record"}},
            },
            **more,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "master"
    made.mkdir()
    (made / "aval.toml").write_text(settings())
    create_keys(made / "keys")
    for name in (
        "scp.pem",
        "scp.key",
        "scp-authorities.pem",
        "pacs-authorities.pem",
        "out.pem",
        "out.key",
    ):
        (made / "keys" / name).write_text(f"hush-{name}")
    return made


def test_each_process_is_given_its_own_secrets_and_no_other_ones(folder: Path) -> None:
    out = folder.parent / "out"
    assert split(load(folder, {}), out) == [out / name for name in NAMES]
    for name in NAMES:
        role = ROLES.get(name, name)
        files = {path.name: path.read_text().strip() for path in (out / name / "secrets").iterdir()}
        broker = {"AVAL_BROKER__URL"} if name in BROKER else set()
        assert files.keys() == {f"AVAL_DATABASE__URLS__{role.upper()}"} | broker | TOKENS.get(name, set())
        assert files[f"AVAL_DATABASE__URLS__{role.upper()}"] == f"postgresql://aval_{role}:hush-{role}@db:5432/aval"
        assert "hush" not in (out / name / "aval.toml").read_text(), name
        assert all(path.stat().st_mode & 0o077 == 0 for path in (out / name / "secrets").iterdir())


def test_each_process_holds_the_keys_that_it_uses(folder: Path) -> None:
    out = folder.parent / "out"
    split(load(folder, {}), out)
    more = {"scp": {"scp.pem", "scp.key", "scp-authorities.pem"}, "deliver": {Path(path).name for path in TLS.values()}}
    for name in NAMES:
        expected = {"desk.pub", "journal.pub", *PRIVATE_KEYS.get(name, ()), *more.get(name, set())}
        assert {path.name for path in (out / name / "keys").iterdir()} == expected, name


def test_each_folder_is_read_with_its_secrets_as_the_whole_was(folder: Path) -> None:
    out, whole = folder.parent / "out", load(folder, {})
    split(whole, out)
    for name in NAMES:
        mine = load(out / name, {"AVAL_SECRETS": str(out / name / "secrets")})
        role = ROLES.get(name, name)
        assert mine.database_url(role) == whole.database_url(role)
        assert mine.database_url("") == "postgresql://db:5432/aval"
        assert (mine.scp, mine.storage.free_min_mb, mine.site) == (whole.scp, 7, whole.site)
        assert mine.destinations.pacs.keys() == {"pacs-1"}
    assert load(out / "deliver", {"AVAL_SECRETS": str(out / "deliver" / "secrets")}).destinations == whole.destinations
    intake = load(out / "intake", {"AVAL_SECRETS": str(out / "intake" / "secrets")})
    assert (intake.intake, intake.stow, intake.launchers) == (whole.intake, whole.stow, {})
    assert load(out / "desk", {"AVAL_SECRETS": str(out / "desk" / "secrets")}).launchers == whole.launchers


def test_publishers_go_along_with_every_process_that_reads_packages(folder: Path) -> None:
    (folder / "publishers").mkdir()
    (folder / "publishers" / "chu.pub").write_text("ab" * 32 + "\n")
    publishers = {"chu": "publishers/chu.pub", "other": "cd" * 32}
    (folder / "aval.toml").write_text(settings(models={"publishers": publishers, "require_signature": True}))
    out = folder.parent / "out"
    split(load(folder, {}), out)
    for name in NAMES:
        mine = load(out / name, {"AVAL_SECRETS": str(out / name / "secrets")}).models
        assert (mine.publishers, mine.require_signature) == (publishers, True)
        assert (out / name / "publishers" / "chu.pub").read_text() == "ab" * 32 + "\n"


def test_anchors_are_known_to_those_who_hold_the_journal_against_them(folder: Path) -> None:
    out = folder.parent / "out"
    split(load(folder, {}), out)
    told = {name: tomllib.loads((out / name / "aval.toml").read_text())["journal"]["anchors"] for name in NAMES}
    assert {name for name, anchors in told.items() if anchors} == {"desk", "deliver", "sweep"}
    assert told["sweep"] == [str(folder.resolve() / "anchors" / "anchors.jsonl")]


S3 = {
    "endpoint": "https://s3.example:9000",
    "bucket": "aval",
    "access_key": "hush-access",
    "secret_key": "hush-store",
    "authorities": "keys/s3-authorities.pem",
    "cache_mb": 100,
}


def test_the_login_of_an_object_store_is_for_those_who_hold_bytes(folder: Path) -> None:
    (folder / "aval.toml").write_text(settings(storage={"kind": "s3", "vault": "copies", "s3": S3}))
    (folder / "keys" / "s3-authorities.pem").write_text("who signs")
    out, whole = folder.parent / "out", load(folder, {})
    split(whole, out)
    for name in NAMES:
        holds = name not in HOLD_NO_BYTES
        secrets = {path.name for path in (out / name / "secrets").iterdir()}
        assert ({"AVAL_STORAGE__S3__ACCESS_KEY", "AVAL_STORAGE__S3__SECRET_KEY"} <= secrets) == holds, name
        assert (out / name / "keys" / "s3-authorities.pem").exists() == holds, name
        assert "hush" not in (out / name / "aval.toml").read_text(), name
        mine = load(out / name, {"AVAL_SECRETS": str(out / name / "secrets")}).storage
        assert (mine == whole.storage.model_copy(update={"keys": mine.keys})) == holds, name
        assert (mine.kind, str(mine.vault), mine.s3.bucket) == ("s3", "copies", "aval")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"database": {"url": "sqlite:///aval.db"}}, "one process tree"),
        ({"database": {"url": "postgresql://db/aval"}}, "database.urls has no intake"),
        ({"models": {"packages": ["models/a"]}}, "relative folder"),
        ({"stow": {"senders": {"VNA": {"token": "x"}}}}, "small letters"),
    ],
)
def test_what_has_no_place_in_a_folder_of_its_own_is_refused(folder: Path, more: dict[str, object], says: str) -> None:
    (folder / "aval.toml").write_text(settings(**more))
    with pytest.raises(ConfigError, match=says):
        split(load(folder, {}), folder.parent / "out")
