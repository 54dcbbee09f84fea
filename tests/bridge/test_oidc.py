"""Signing in at an identity provider that lies, on the real store, with a clock that is moved."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bridge import accounts
from bridge.accounts import add_person
from bridge.oidc import request as requests
from bridge.oidc.errors import Astray, LevelTooLow, OidcError, ProviderRefused, ProviderUnavailable, TokenRefused
from bridge.oidc.errors import UnknownHere as Unknown
from bridge.oidc.jose import read_keys, read_token, sign, verify
from bridge.oidc.request import LIFE, new_browser, s256
from bridge.passkeys import auth_by
from guarantee.gesture import Level, level_of
from tests.bridge.forging_provider import (
    P256,
    RSA,
    STRANGER,
    basic,
    hs256_with_the_public_key,
    jwk,
    token_of,
)
from tests.bridge.oidc_house import BROWSER, House
from tests.flows.fakes import READER, SECOND, FakeClock


def es256(claims: dict[str, Any]) -> str:
    return sign(claims, P256, "e")


# ------------------------------------------------------------------------------------------------------ what succeeds


@pytest.mark.parametrize("forge", [None, es256], ids=["RS256", "ES256"])
def test_who_is_vouched_for_gets_a_session_of_ours_with_the_level_it_had(
    house: House, forge: Callable[[dict[str, Any]], str] | None
) -> None:
    house.forger.forge = forge
    asked = house.depart(target="/results/x")
    arrived = house.ways.arrive({"state": asked["state"], "code": "one-time-code"}, BROWSER)
    assert house.who(arrived.token) == (READER, "oidc:eidas1")
    assert arrived.target == "/results/x"
    form, credentials = house.forger.posted
    assert asked["code_challenge"] == s256(form["code_verifier"])
    assert (asked["code_challenge_method"], asked["acr_values"], asked["scope"], asked["ui_locales"]) == (
        *("S256", "eidas1", "openid scope_all", "fr"),
    )
    assert asked["redirect_uri"] == form["redirect_uri"] == "https://aval.chu.example/sign-in/callback"
    assert basic(credentials) == "aval:a+b%3Ac%2Bd"
    assert house.rows("SELECT login, outcome, auth FROM sign_ins") == [(READER.login, "opened", "oidc:eidas1")]
    assert house.journal() == ["session.opened"]


def test_a_sign_in_is_no_gesture_and_a_passkey_after_it_is_one() -> None:
    auth = f"{accounts.AT_PROVIDER}eidas1"
    assert (level_of(auth), level_of(auth_by(auth))) == (Level.SEAL, Level.GESTURE)


def test_the_session_lives_no_longer_than_any_other(house: House) -> None:
    token, began = house.sign_in(), house.clock.time
    step = accounts.IDLE - timedelta(minutes=5)
    while accounts.session(token, house.parts.sign_in) is not None:
        house.clock.advance(seconds=step.total_seconds())
    lived = house.clock.time - began
    assert accounts.SESSION_MAX - step < lived <= accounts.SESSION_MAX + step


def test_the_identifier_may_stand_in_the_user_information_alone(house: House) -> None:
    house.forger.claims = {"SubjectNameID": None}
    house.forger.told = {"sub": "f:1", "SubjectNameID": READER.professional_id}
    assert house.who(house.sign_in())[0] == READER


def test_a_key_proves_who_we_are_instead_of_a_secret(house: House) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    house.ways = house.made(secret="", key=key, key_id="ours")
    house.sign_in()
    form, credentials = house.forger.posted
    assertion = read_token(form["client_assertion"])
    said = verify(assertion, read_keys({"keys": [jwk(key, "ours")]})[0])
    assert (said["iss"], said["sub"], said["aud"], credentials) == ("aval", "aval", house.forger.issuer, "")
    assert said["exp"] - said["iat"] <= 60


def test_nothing_that_opens_anything_is_kept_or_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The canary of sign-ins: every row of every table, every file, every line of the log."""
    tokens: list[str] = []

    def kept(claims: dict[str, Any]) -> str:
        tokens.append(sign(claims, RSA, "r"))
        return tokens[-1]

    house.forger.forge = kept
    house.forger.claims = {"SubjectNameID": None}
    house.forger.told = {"sub": "f:1", "SubjectNameID": READER.professional_id}
    caplog.set_level(logging.DEBUG)
    asked = house.depart()
    session = house.ways.arrive({"state": asked["state"], "code": "one-time-code"}, BROWSER).token
    verifier = house.forger.posted[0]["code_verifier"]
    house.parts.store("desk").checkpoint()
    stored = b"".join(path.read_bytes() for path in house.folder.rglob("*") if path.is_file())
    names = [name for (name,) in house.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    stored += repr([house.rows(f"SELECT * FROM {name}") for name in names]).encode()
    needles = [*tokens[0].split("."), *(asked[name] for name in ("state", "nonce")), verifier, session, BROWSER]
    for needle in [*needles, "one-time-code", "opaque-access-token", "f:1"]:
        assert needle.encode() not in stored, needle
        assert needle not in caplog.text, needle


# ------------------------------------------------------------------------------------------------------- what is forged


def unsigned(claims: dict[str, Any]) -> str:
    return token_of({"alg": "none"}, claims)


def header(**more: Any) -> Callable[[dict[str, Any]], str]:
    """Return what makes an honest signature under a header with more in it."""

    def forged(claims: dict[str, Any]) -> str:
        honest = sign(claims, RSA, "r").split(".")
        return token_of({"alg": "RS256", "kid": "r"} | more, claims) + honest[2]

    return forged


def by_a_stranger(claims: dict[str, Any]) -> str:
    return sign(claims, STRANGER, "r")


def with_its_own_key(claims: dict[str, Any]) -> str:
    body = sign(claims, STRANGER, "").split(".")[1:]
    return ".".join([token_of({"alg": "RS256", "jwk": jwk(STRANGER, "")}, {}).split(".")[0], *body])


def changed_after_signing(claims: dict[str, Any]) -> str:
    head, _, signature = sign(claims, RSA, "r").split(".")
    return ".".join([head, token_of({}, claims | {"SubjectNameID": "899900000000"}).split(".")[1], signature])


def twice_the_same_name(claims: dict[str, Any]) -> str:
    body = json.dumps(claims)[:-1] + ', "nonce": "x"}'
    from bridge.oidc.jose import encoded

    return f"{encoded(json.dumps({'alg': 'RS256', 'kid': 'r'}).encode())}.{encoded(body.encode())}.AAAA"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        hs256_with_the_public_key,
        by_a_stranger,
        with_its_own_key,
        changed_after_signing,
        twice_the_same_name,
        header(crit=["b64"], b64=False),
        header(jku="https://elsewhere.example/jwks"),
        header(alg="PS256"),
        header(alg="RS512"),
        header(alg="ES256"),
        header(kid="e"),
        header(kid="unknown"),
        lambda claims: sign(claims, RSA, "r")[:-4],
        lambda claims: sign(claims, RSA, "r") + "=",
        lambda claims: sign(claims, RSA, "r").replace(".", ".+", 1),
        lambda claims: es256(claims)[:-2],
        lambda _: "not a token",
        lambda _: "a.b.c.d.e",
        lambda _: "x" * 40_000,
        lambda _: "é.é.é",
        lambda _: token_of({"alg": ["RS256"]}, {}),
    ],
)
def test_a_token_that_its_provider_did_not_sign_as_it_must_opens_nothing(
    house: House, forge: Callable[[dict[str, Any]], str]
) -> None:
    house.forger.forge = forge
    with pytest.raises(TokenRefused):
        house.sign_in()
    assert house.rows("SELECT login FROM sessions") == []
    assert house.journal() == ["session.refused-token"]


NOW = FakeClock().time.timestamp()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": ["aval", "another-client"]},
        {"aud": ["aval", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"aud": None},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"nonce": 7},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": NOW - 3600},
        {"iat": NOW + 3600},
        {"iat": None},
        {"nbf": NOW + 3600},
        {"sub": None},
        {"sub": ""},
    ],
    ids=repr,
)
def test_a_token_for_somebody_or_some_time_else_opens_nothing(house: House, claims: dict[str, Any]) -> None:
    house.forger.claims = claims
    with pytest.raises(TokenRefused):
        house.sign_in()
    assert house.rows("SELECT login FROM sessions") == []


@pytest.mark.parametrize(
    "claims", [{"exp": NOW - 30}, {"iat": NOW + 30}, {"aud": ["aval", "b"], "azp": "aval"}], ids=repr
)
def test_a_clock_that_is_a_little_off_is_forgiven_and_so_is_an_audience_of_two(
    house: House, claims: dict[str, Any]
) -> None:
    house.forger.claims = claims
    assert house.sign_in()


def test_the_user_information_of_somebody_else_is_not_taken(house: House) -> None:
    house.forger.claims = {"SubjectNameID": None}
    house.forger.told = {"sub": "f:2", "SubjectNameID": READER.professional_id}
    with pytest.raises(TokenRefused, match="somebody else"):
        house.sign_in()


@pytest.mark.parametrize("level", ["eidas0", None, "", ["eidas1"], 1])
def test_a_weaker_sign_in_is_refused_and_journaled(house: House, level: Any) -> None:
    house.forger.claims = {"acr": level}
    with pytest.raises(LevelTooLow):
        house.sign_in()
    assert house.journal() == ["session.refused-level"]


@pytest.mark.parametrize("number", ["899999999999", "", None, 810001234567, "8100 01234567", "%", "81000123456"])
def test_nobody_becomes_somebody_by_signing_in(house: House, number: Any) -> None:
    house.forger.claims = {"SubjectNameID": number}
    house.forger.told = {"sub": "f:1"}
    with pytest.raises(Unknown):
        house.sign_in()
    assert house.rows("SELECT login FROM users") == [(READER.login,)]
    assert house.rows("SELECT login, outcome FROM sign_ins") == [("", "refused-unknown")]
    assert house.journal() == ["session.refused-unknown"]


def test_a_closed_account_and_one_of_two_are_nobody(house: House) -> None:
    twin = replace(SECOND, professional_id=READER.professional_id)
    add_person(twin, "", house.parts.sign_in)
    with pytest.raises(Unknown):
        house.sign_in()
    with house.parts.store("desk").transaction("operator") as unit:
        unit.accounts.set_active(READER.login, active=False)
    assert house.who(house.sign_in())[0] == twin
    with house.parts.store("desk").transaction("operator") as unit:
        unit.accounts.set_active(twin.login, active=False)
    with pytest.raises(Unknown):
        house.sign_in()


# ------------------------------------------------------------------------------------------------- whose answer it is


def test_an_answer_counts_once_and_in_the_browser_that_left(house: House) -> None:
    answer = {"state": house.depart()["state"], "code": "one-time-code"}
    with pytest.raises(Astray):  # a code that somebody injects into another browser
        house.ways.arrive(answer, new_browser())
    assert house.ways.arrive(answer, BROWSER)
    with pytest.raises(Astray):
        house.ways.arrive(answer, BROWSER)
    assert house.rows("SELECT count(*) FROM sessions") == [(1,)]
    with pytest.raises(Astray):
        house.ways.arrive({"state": "invented", "code": "one-time-code"}, BROWSER)


def test_an_answer_that_came_too_late_is_not_taken(house: House) -> None:
    state = house.depart()["state"]
    house.clock.advance(seconds=LIFE.total_seconds())
    with pytest.raises(Astray):
        house.ways.arrive({"state": state, "code": "one-time-code"}, BROWSER)
    assert "/token" not in house.forger.asked


def test_two_windows_of_one_browser_sign_in_side_by_side(house: House) -> None:
    first, second = house.depart(), house.depart(target="/systems")
    assert house.ways.arrive({"state": second["state"], "code": "c"}, BROWSER).target == "/systems"
    house.forger.nonce = first["nonce"]
    assert house.ways.arrive({"state": first["state"], "code": "c"}, BROWSER).target == "/worklist"


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", ""])
def test_another_providers_answer_is_not_sent_to_ours(house: House, issuer: str) -> None:
    with pytest.raises(Astray):
        house.ways.arrive({"state": house.depart()["state"], "code": "c", "iss": issuer}, BROWSER)
    assert "/token" not in house.forger.asked


def test_a_provider_that_says_it_names_itself_must(house: House) -> None:
    house.forger.document = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(Astray):
        house.sign_in()
    state = house.depart()["state"]
    assert house.ways.arrive({"state": state, "code": "c", "iss": house.forger.issuer}, BROWSER)


@pytest.mark.parametrize(
    ("error", "kind"),
    [("access_denied", ProviderRefused), ("login_required", ProviderRefused), ("server_error", ProviderUnavailable)],
)
def test_what_the_provider_refuses_has_its_own_page(house: House, error: str, kind: type[OidcError]) -> None:
    with pytest.raises(kind):
        house.ways.arrive({"state": house.depart()["state"], "error": error}, BROWSER)


def test_an_answer_without_a_code_and_a_code_that_is_used(house: House) -> None:
    with pytest.raises(Astray):
        house.ways.arrive({"state": house.depart()["state"]}, BROWSER)
    house.forger.bodies["/token"] = (400, b'{"error": "invalid_grant"}', {})
    with pytest.raises(TokenRefused, match="code"):
        house.sign_in()
    house.forger.bodies["/token"] = (200, b'{"access_token": "x"}', {})
    with pytest.raises(TokenRefused, match="no token"):
        house.sign_in()


def test_nobody_fills_the_database_with_departures(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "REQUESTS_MAX", 2)
    house.depart()
    house.depart()
    with pytest.raises(ProviderUnavailable, match="too many"):
        house.depart()
    house.clock.advance(seconds=1)
    with house.parts.store("sweep").transaction("sweep") as unit:
        assert unit.launches.forget(house.clock.now()) == 2
    assert house.depart()
