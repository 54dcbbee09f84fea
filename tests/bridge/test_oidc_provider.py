"""What an identity provider publishes of itself, what is fetched from it, and the operator's side of it."""

import itertools
import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.config import FILE, ConfigError, load
from bridge.oidc import web
from bridge.oidc.errors import ProviderUnavailable, TokenRefused
from bridge.oidc.jose import read_keys, sign
from bridge.oidc.provider import CACHED_S, PAUSE_S, REFETCH_S
from bridge.wiring.entrance import entrance, open_local, reachable
from bridge.wiring.parts import Parts
from bridge.wiring.processes import launching
from guarantee.errors import Unavailable
from tests.bridge.forging_provider import (
    P256,
    RSA,
    STRANGER,
    Forger,
    jwk,
)
from tests.bridge.oidc_house import SECRET, House
from tests.peers.certificates import Authority

DISCOVERY = "/.well-known/openid-configuration"


# --------------------------------------------------------------------------------------- what the provider publishes


def test_a_new_key_is_looked_for_once_and_an_invented_one_once_a_minute(house: House) -> None:
    house.sign_in()
    before = house.forger.asked.count("/jwks")
    house.forger.forge = lambda claims: sign(claims, STRANGER, "next")
    house.forger.keys = [jwk(STRANGER, "next")]
    with pytest.raises(TokenRefused):  # what was read a moment ago is not read again
        house.sign_in()
    assert house.forger.asked.count("/jwks") == before
    house.seconds += REFETCH_S + 1
    assert house.sign_in()
    assert house.forger.asked.count("/jwks") == before + 1
    house.forger.forge = lambda claims: sign(claims, STRANGER, "invented")
    for _ in range(3):
        with pytest.raises(TokenRefused):
            house.sign_in()
    assert house.forger.asked.count("/jwks") == before + 1


def test_what_it_publishes_is_believed_for_an_hour(house: House) -> None:
    house.depart()
    house.forger.bodies["/jwks"] = (500, b"{}", {})
    assert house.sign_in()
    house.seconds += CACHED_S + 1
    with pytest.raises(ProviderUnavailable):
        house.depart()
    asked = len(house.forger.asked)
    with pytest.raises(ProviderUnavailable):  # whoever comes next is told at once
        house.depart()
    assert len(house.forger.asked) == asked
    del house.forger.bodies["/jwks"]
    house.seconds += PAUSE_S
    assert house.sign_in()


@pytest.mark.parametrize(
    "body",
    [
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b"[" * 100_000, {}),
        (200, b" " * (web.ANSWER_BYTES_MAX + 1), {}),
        (404, b"{}", {}),
        (302, b"{}", {"Location": "/elsewhere"}),
    ],
    ids=["not JSON", "a list", "nested", "large", "not there", "a redirect"],
)
def test_a_document_that_is_none_signs_nobody_in(house: House, body: tuple[int, bytes, dict[str, str]]) -> None:
    house.forger.bodies[DISCOVERY] = body
    with pytest.raises(ProviderUnavailable):
        house.depart()
    assert house.forger.asked == [DISCOVERY]


def test_an_answer_that_drips_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = itertools.count(step=web.ANSWER_S + 1)
    monkeypatch.setattr(web, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    with pytest.raises(ProviderUnavailable, match="too long"):
        house.depart()


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://elsewhere.example"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"jwks_uri": "https://elsewhere.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://[/"},
        {"jwks_uri": None},
        {"authorization_endpoint": "https://elsewhere.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=repr,
)
def test_nobody_is_led_to_a_host_that_is_not_listed(house: House, document: dict[str, Any]) -> None:
    house.forger.document = document
    with pytest.raises(ProviderUnavailable):
        house.depart()


@pytest.mark.parametrize("name", ["token_endpoint", "userinfo_endpoint"])
def test_no_token_is_sent_to_a_host_that_is_not_listed(house: House, name: str) -> None:
    house.forger.document = {name: "http://localhost:1/taken"}
    house.forger.claims = {"SubjectNameID": None}
    with pytest.raises(ProviderUnavailable, match="does not list"):
        house.sign_in()


def test_keys_that_cannot_verify_are_left_out() -> None:
    small = {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "small"}
    keys = [small, {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}, "x", {}]
    keys += [jwk(RSA, "enc", use="enc"), jwk(RSA, "other", alg="PS256"), jwk(P256, "off") | {"x": "AAAA"}, {"kid": 7}]
    assert [key.id for key in read_keys({"keys": [*keys, jwk(RSA, "good", alg="RS256")]})] == ["good"]
    assert read_keys({"keys": "none"}) == ()


def test_the_way_out_names_the_client_and_no_person(house: House) -> None:
    away = urlsplit(house.ways.leave())
    assert f"{away.scheme}://{away.netloc}{away.path}" == f"{house.forger.issuer}/logout"
    assert parse_qs(away.query) == {
        "client_id": ["aval"],
        "post_logout_redirect_uri": ["https://aval.chu.example/sign-in"],
    }
    assert house.made(after_logout="").leave() == ""
    house.ways = house.made()
    house.forger.bodies[DISCOVERY] = (500, b"{}", {})
    assert house.ways.leave() == ""


# --------------------------------------------------------------------------------------------- the operator's side


def test_check_says_whether_it_answers_and_is_meant(house: House) -> None:
    def check() -> str:
        return reachable(house.parts.settings, house.clock.now)["identity provider"]()

    assert "Pro Santé Connect answers" in check()
    for document in (
        {"issuer": "https://elsewhere.example"},
        {"acr_values_supported": ["eidas2"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint": "https://elsewhere.example/token"},
    ):
        house.forger.document = document
        with pytest.raises(Unavailable):
            check()


def test_cut_off_mode_opens_local_accounts_until_its_end(house: House) -> None:
    assert not house.ways.local()
    open_local(house.parts, timedelta(hours=1), by="root", reason="réseau coupé")
    assert house.ways.local()
    house.clock.advance(seconds=3600)
    assert not house.ways.local()
    open_local(house.parts, timedelta(hours=1), by="root", reason="réseau coupé")
    open_local(house.parts, timedelta(0), by="root", reason="rétabli")
    assert not house.ways.local()
    said = house.rows("SELECT action FROM journal WHERE action LIKE 'local-accounts.%' ORDER BY seq")
    assert [action for (action,) in said] == [f"local-accounts.{verb}" for verb in ("opened", "opened", "closed")]
    with pytest.raises(ConfigError, match="7 days"):
        open_local(house.parts, timedelta(days=8), by="root", reason="x")


@pytest.mark.parametrize("mode", ["always", "never"])
def test_the_other_modes_know_no_opening(house: House, mode: str) -> None:
    (house.folder / FILE).write_text(house.text + f'local_accounts = "{mode}"\n')
    parts = Parts(load(house.folder))
    assert entrance(parts, launching(parts, "desk")).local() is (mode == "always")
    with pytest.raises(ConfigError, match=mode):
        open_local(parts, timedelta(hours=1), by="root", reason="x")
    parts.close()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('issuer = "http://idp.example"', "https"),
        ('issuer = "https://idp.example?x=1"', "nothing else"),
        ('client_secret = ""', "client_secret, or key"),
        ('key = "keys/desk-oidc.pem"', "client_secret, or key"),
        ('scopes = ["profile"]', "openid"),
        ("acr_values = []", "acr_values"),
        ('local_accounts = "sometimes"', "local_accounts"),
        ('hosts = ["https://idp.example"]', "hosts"),
    ],
)
def test_settings_that_would_sign_nobody_in_safely_stop_the_start(house: House, line: str, fault: str) -> None:
    name = line.partition(" ")[0]
    kept = [one for one in house.text.splitlines() if not one.startswith(f"{name} =")]
    (house.folder / FILE).write_text("\n".join([*kept, line]))
    with pytest.raises(ConfigError, match=fault):
        load(house.folder)


def test_a_private_key_is_read_from_its_file_or_named_as_the_fault(house: House) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    path = house.folder / "keys" / "desk-oidc.pem"
    lines = house.text.replace(f'client_secret = "{SECRET}"', 'key = "keys/desk-oidc.pem"')
    (house.folder / FILE).write_text(lines)
    parts = Parts(load(house.folder))
    with pytest.raises(ConfigError, match="desk\\.oidc\\.key"):
        entrance(parts, launching(parts, "desk"))
    for wrong in (ec.generate_private_key(ec.SECP384R1()), None):
        path.write_bytes(wrong.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if wrong else b"no key")
        with pytest.raises(ConfigError, match="desk\\.oidc\\.key"):
            entrance(parts, launching(parts, "desk"))
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = entrance(parts, launching(parts, "desk"))
    assert made.provider is not None
    assert made.provider.options.key is not None
    parts.close()


def test_a_hospitals_own_authority_signs_the_certificate_of_its_provider(oidc_template: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    forger = Forger(authority.sign("idp"))
    house = House(shutil.copytree(oidc_template, tmp_path / "aval"), forger)
    with pytest.raises(ProviderUnavailable, match="ConnectError"):  # an authority that nobody here knows
        house.depart()
    house.ways = house.made(authorities=authority.file)
    assert house.sign_in()
    (house.folder / FILE).write_text(house.text + 'authorities = "keys/nobody.pem"\n')
    parts = Parts(load(house.folder))
    with pytest.raises(ConfigError, match=r"desk\.oidc\.authorities"):
        entrance(parts, launching(parts, "desk"))
    parts.close()
    house.parts.close()
    forger.stop()
