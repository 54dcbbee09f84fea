"""The doors that speak HTTP, by TLS: whom they answer, and what of their settings is a mistake."""

import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI

from bridge.config import ConfigError, Settings, load
from bridge.runner import HttpServer
from bridge.wiring import outside, tls
from tests.peers.certificates import Authority

DOORS: dict[str, Callable[[Settings], ssl.SSLContext | None]] = {"intake": tls.intake, "desk": tls.desk}


def settings(folder: Path, text: str) -> Settings:
    (folder / "aval.toml").write_text(f'[site]\nnamespace = "{uuid.UUID(int=1)}"\n{text}')
    return load(folder, {})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def served(context: ssl.SSLContext | None) -> Iterator[str]:
    app = FastAPI()
    app.get("/")(lambda: "here")
    server = HttpServer("door", app, "127.0.0.1", 0, tls=context)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def asked(url: str, context: ssl.SSLContext | None = None) -> str:
    with urllib.request.urlopen(url, context=context, timeout=30) as answer:
        return str(answer.read().decode())


def caller(authority: Authority, name: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    if name:
        issued = authority.sign(name)
        context.load_cert_chain(issued.certificate, issued.key)
    return context


def door(name: str, folder: Path, authority: Authority, *, asks: bool) -> Settings:
    ours = authority.sign(f"{name}.example")
    said = f'[{name}.tls]\ncertificate = "{ours.certificate}"\nkey = "{ours.key}"\n'
    return settings(folder, said + (f'authorities = "{authority.file}"\n' if asks else ""))


@pytest.mark.parametrize("name", DOORS)
def test_a_door_with_a_certificate_speaks_tls_alone(name: str, tmp_path: Path, authority: Authority) -> None:
    with served(DOORS[name](door(name, tmp_path, authority, asks=False))) as url:
        assert url.startswith("https://")
        assert asked(url, caller(authority)) == '"here"'
        with pytest.raises((urllib.error.URLError, OSError)):
            asked(url.replace("https", "http"))
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            asked(url, ssl.create_default_context())


@pytest.mark.parametrize("name", DOORS)
def test_a_door_with_authorities_answers_nobody_without_a_certificate_of_theirs(
    name: str, tmp_path: Path, authority: Authority
) -> None:
    stranger = Authority(tmp_path / "stranger")
    with served(DOORS[name](door(name, tmp_path, authority, asks=True))) as url:
        assert asked(url, caller(authority, "record.example")) == '"here"'
        with pytest.raises((urllib.error.URLError, OSError)):
            asked(url, caller(authority))
        foreign = caller(authority)
        issued = stranger.sign("record.example")
        foreign.load_cert_chain(issued.certificate, issued.key)
        with pytest.raises((urllib.error.URLError, OSError)):
            asked(url, foreign)


def test_old_versions_of_tls_are_refused(tmp_path: Path, authority: Authority) -> None:
    context = tls.intake(door("intake", tmp_path, authority, asks=False))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("name", DOORS)
def test_without_a_certificate_no_tls_is_spoken(name: str, tmp_path: Path) -> None:
    assert DOORS[name](settings(tmp_path, "")) is None
    with served(None) as url:
        assert url.startswith("http://")


@pytest.mark.parametrize("name", DOORS)
def test_a_certificate_that_cannot_be_read_is_said_with_its_place(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{name}\.tls: certificate"):
        DOORS[name](settings(tmp_path, f'[{name}.tls]\ncertificate = "none.pem"\n'))


@pytest.mark.parametrize(
    "text",
    [
        '[intake.tls]\nauthorities = "a.pem"\n',
        '[desk.tls]\nauthorities = "a.pem"\n',
        '[desk]\npublic_url = "http://desk.example"\n[desk.tls]\ncertificate = "a.pem"\n',
    ],
)
def test_half_a_setting_is_a_mistake(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        settings(tmp_path, text)


def test_addresses_of_a_door_with_tls_say_so(tmp_path: Path) -> None:
    given = settings(tmp_path, '[desk.tls]\ncertificate = "a.pem"\n[intake.tls]\ncertificate = "a.pem"\n')
    assert outside.desk_options(given).public_url.startswith("https://")
    assert outside.desk_options(given).secure_cookies
    assert "https://" in str(outside.statement(given))


def test_how_long_their_certificates_last_is_asked(tmp_path: Path) -> None:
    given = settings(tmp_path, '[desk.tls]\ncertificate = "a.pem"\n[intake.tls]\ncertificate = "a.pem"\n')
    asked_about = tls.certificates(given, lambda: pytest.fail("not asked yet"))
    assert asked_about.keys() >= {"certificate desk", "certificate intake"}
