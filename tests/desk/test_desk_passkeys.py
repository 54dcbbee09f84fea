"""Passkeys through the API: with an authenticator in software, which can be made to lie."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarantee.gesture import Gesture, Level
from guarantee.policy import Role
from guarantee.states import ResultState
from tests.authenticator import Authenticator
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import code_of

HOST, ORIGIN = "desk.test", "http://desk.test"


def an_authenticator(**changes: Any) -> Authenticator:
    return Authenticator(**{"origin": ORIGIN, "host": HOST} | changes)


def asked(client: TestClient, login: str = "dr.martin") -> str:
    answer = client.post("/api/passkeys/challenge", json={"code": code_of(login)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["challenge"])


def add(client: TestClient, key: Authenticator, login: str = "dr.martin", **lies: Any) -> Any:
    client_data, attestation = key.create(asked(client, login), **lies)
    return client.post("/api/passkeys", json={"name": "ma clé", "client_data": client_data, "attestation": attestation})


def opened(client: TestClient, result: str) -> dict[str, Any]:
    question = client.post(f"/api/results/{result}/question").json()
    return {
        "nonce": question["nonce"],
        "shown": question["shown"],
        "verdict": "accept",
        "patient_informed": "to-do",
    }


def prepared(client: TestClient, result: str, opinion: dict[str, Any]) -> str:
    answer = client.post(f"/api/results/{result}/statement", json=opinion)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["challenge"])


def sign(client: TestClient, result: str, opinion: dict[str, Any], gesture: Gesture) -> Any:
    said = {name: getattr(gesture, name) for name in ("passkey", "authenticator_data", "client_data", "signature")}
    return client.post(f"/api/results/{result}/opinions", json=opinion | {"gesture": said})


def refused(desk: FakeDesk, result: str, answer: Any, code: str = "gesture-refused") -> None:
    assert answer.json()["code"] == code, answer.text
    assert desk.cases[result].opinions == []
    assert desk.cases[result].result.state is ResultState.AWAITING_REVIEW


@pytest.fixture
def key(radiologist: TestClient) -> Authenticator:
    """A passkey of dr.martin."""
    made = an_authenticator()
    assert add(radiologist, made).status_code == 201
    return made


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_an_opinion_is_signed_with_each_kind_of_key(
    radiologist: TestClient, desk: FakeDesk, chest: str, algorithm: str
) -> None:
    key = an_authenticator(algorithm=algorithm)
    assert add(radiologist, key).json()["algorithm"] == algorithm
    opinion = opened(radiologist, chest)
    answer = sign(radiologist, chest, opinion, key.sign(prepared(radiologist, chest, opinion)))
    assert answer.status_code == 201, answer.text
    (said,) = answer.json()["opinions"]
    assert (said["statement"]["auth"], said["statement"]["level"]) == ("password+totp+passkey", "L2")
    (kept,) = desk.cases[chest].opinions
    assert kept.statement.level is Level.GESTURE


def test_without_one_the_lower_level_is_recorded(radiologist: TestClient, chest: str) -> None:
    answer = radiologist.post(f"/api/results/{chest}/opinions", json=opened(radiologist, chest))
    assert answer.json()["opinions"][0]["statement"]["level"] == "L1"


# ------------------------------------------------------------------------------------------------------------ signing


def test_a_gesture_over_one_statement_signs_no_other(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    opinion = opened(radiologist, chest)
    gesture = key.sign(prepared(radiologist, chest, opinion))
    other = opinion | {"verdict": "reject", "reason": "false-positive"}
    refused(desk, chest, sign(radiologist, chest, other, gesture))
    refused(desk, chest, sign(radiologist, chest, opinion, gesture))  # and it is used up


def test_a_gesture_over_a_statement_that_was_never_prepared_signs_nothing(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    refused(desk, chest, sign(radiologist, chest, opened(radiologist, chest), key.sign("x" * 43)))


def for_another_host(key: Authenticator, challenge: str) -> Gesture:
    key.host = "evil.example"
    return key.sign(challenge)


@pytest.mark.parametrize(
    "lie",
    [
        lambda key, challenge: key.sign(challenge, flags=0x01),
        lambda key, challenge: key.sign(challenge, flags=0x04),
        lambda key, challenge: key.sign(challenge, origin="https://desk.test"),
        lambda key, challenge: key.sign(challenge, origin="http://desk.test.evil.example"),
        lambda key, challenge: key.sign(challenge, crossOrigin=True),
        lambda key, challenge: key.sign(challenge, type="webauthn.create"),
        for_another_host,
        lambda key, challenge: replace(key.sign(challenge), signature="00" * 70),
        lambda key, challenge: replace(key.sign(challenge), passkey="unknown"),
    ],
    ids=["unverified", "absent", "https", "elsewhere", "framed", "registration", "host", "signature", "unknown"],
)
def test_a_gesture_that_says_something_else_is_refused(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator, lie: Any
) -> None:
    opinion = opened(radiologist, chest)
    refused(desk, chest, sign(radiologist, chest, opinion, lie(key, prepared(radiologist, chest, opinion))))


def test_another_persons_passkey_is_refused(
    radiologist: TestClient, sign_in: SignIn, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    theirs = an_authenticator()
    assert add(sign_in(Role.CLINICIAN), theirs, "dr.durand").status_code == 201
    opinion = opened(radiologist, chest)
    refused(desk, chest, sign(radiologist, chest, opinion, theirs.sign(prepared(radiologist, chest, opinion))))


def test_what_was_prepared_in_another_session_is_refused(
    radiologist: TestClient, sign_in: SignIn, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    opinion = opened(radiologist, chest)
    gesture = key.sign(prepared(sign_in(Role.RADIOLOGIST), chest, opinion))
    refused(desk, chest, sign(radiologist, chest, opinion, gesture))


def test_a_gesture_that_comes_after_two_minutes_is_refused(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    opinion = opened(radiologist, chest)
    gesture = key.sign(prepared(radiologist, chest, opinion))
    desk.offset = timedelta(seconds=121)
    refused(desk, chest, sign(radiologist, chest, opinion, gesture))


def test_an_authenticator_that_counts_back_is_refused(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    desk.signing.stored.counters[key.id] = 9
    opinion = opened(radiologist, chest)
    refused(desk, chest, sign(radiologist, chest, opinion, key.sign(prepared(radiologist, chest, opinion))))


def test_a_revoked_passkey_signs_nothing(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    opinion = opened(radiologist, chest)
    gesture = key.sign(prepared(radiologist, chest, opinion))
    assert radiologist.delete(f"/api/passkeys/{key.id}").status_code == 204
    refused(desk, chest, sign(radiologist, chest, opinion, gesture))
    refused(desk, chest, radiologist.post(f"/api/results/{chest}/statement", json=opinion), "gesture-missing")


def test_a_policy_that_asks_for_a_passkey_takes_nothing_less(
    radiologist: TestClient, desk: FakeDesk, chest: str, key: Authenticator
) -> None:
    desk.policy = replace(desk.policy, gesture="passkey")
    assert radiologist.get(f"/api/results/{chest}/signing").json() == {"gesture": "passkey", "passkeys": 1}
    opinion = opened(radiologist, chest)
    refused(desk, chest, radiologist.post(f"/api/results/{chest}/opinions", json=opinion), "gesture-missing")
    opinion = opened(radiologist, chest)
    assert sign(radiologist, chest, opinion, key.sign(prepared(radiologist, chest, opinion))).status_code == 201


# ------------------------------------------------------------------------------------------------------------- adding


def test_an_open_session_alone_adds_no_passkey(radiologist: TestClient) -> None:
    answer = radiologist.post("/api/passkeys/challenge", json={"code": "000000"})
    assert (answer.status_code, answer.json()["code"]) == (403, "code-refused")


@pytest.mark.parametrize(
    ("changes", "lies"),
    [
        ({"origin": "http://evil.example"}, {}),
        ({"host": "evil.example"}, {}),
        ({}, {"flags": 0x01}),
        ({}, {"cose": {1: 2, 3: -35, -1: 2, -2: b"x", -3: b"y"}}),
        ({}, {"cose": {1: 2, 3: -7, -1: 1, -2: b"\1" * 32, -3: b"\1" * 32}}),
        ({}, {"cose": {1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"}}),
        ({}, {"cose": {1: 1, 3: -8, -1: 6}}),
        ({}, {"cose": {}}),
    ],
)
def test_a_passkey_that_cannot_count_is_not_kept(
    radiologist: TestClient, changes: dict[str, str], lies: dict[str, Any]
) -> None:
    answer = add(radiologist, an_authenticator(**changes), **lies)
    assert answer.json()["code"] in {"gesture-refused", "malformed"}, answer.text
    assert radiologist.get("/api/passkeys").json() == []


@pytest.mark.parametrize("attestation", ["AA", "A", "oA", "_" * 16_000])
def test_bytes_that_are_no_attestation_are_malformed(radiologist: TestClient, attestation: str) -> None:
    said = {"name": "x", "client_data": an_authenticator().client_data("create", asked(radiologist))}
    answer = radiologist.post("/api/passkeys", json=said | {"attestation": attestation})
    assert answer.json()["code"] == "malformed", answer.text


def test_a_challenge_adds_one_passkey_in_its_own_session(radiologist: TestClient, sign_in: SignIn) -> None:
    client_data, attestation = an_authenticator().create(asked(radiologist))
    said = {"name": "x", "client_data": client_data, "attestation": attestation}
    assert sign_in(Role.RADIOLOGIST).post("/api/passkeys", json=said).json()["code"] == "gesture-refused"
    assert radiologist.post("/api/passkeys", json=said).status_code == 201
    assert radiologist.post("/api/passkeys", json=said).json()["code"] == "gesture-refused"


def test_nobody_revokes_another_persons_passkey(sign_in: SignIn, key: Authenticator, radiologist: TestClient) -> None:
    answer = sign_in(Role.CLINICIAN).delete(f"/api/passkeys/{key.id}")
    assert answer.json()["code"] == "not-entitled"
    assert radiologist.get("/api/passkeys").json()[0]["ended_at"] is None
    assert [radiologist.delete(f"/api/passkeys/{key.id}").status_code for _ in range(2)] == [204, 204]
