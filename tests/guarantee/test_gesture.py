"""A gesture counts for exactly one statement, and only as far as its own bytes say."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from guarantee.decision import decide
from guarantee.errors import Forged, GestureMissing, Malformed
from guarantee.gesture import BY_PASSKEY, CLIENT_DATA_CHARS_MAX, Gesture, Level, challenge_of, require_over
from guarantee.opinion import Opinion, Statement, opinion_id
from tests.guarantee.samples import DRAFT, POLICY, a_policy, a_statement, sealed

L2 = a_statement(auth="password+totp" + BY_PASSKEY)
PARTY = hashlib.sha256(b"aval.chu.example").digest()


def a_gesture(statement: Statement = L2, flags: int = 5, counter: int = 7, **said: Any) -> Gesture:
    told = {"type": "webauthn.get", "challenge": challenge_of(statement.to_bytes())} | said
    data = PARTY + bytes([flags]) + counter.to_bytes(4, "big")
    return Gesture(passkey="key", authenticator_data=data.hex(), client_data=json.dumps(told), signature="00" * 70)


def an_opinion_by(gesture: Gesture | None, statement: Statement = L2) -> Opinion:
    return Opinion(id=opinion_id(statement), statement=statement, seal=sealed(a_statement()).seal, gesture=gesture)


def test_the_challenge_is_the_digest_in_base64url() -> None:
    assert challenge_of(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_what_an_authenticator_says_can_be_read() -> None:
    gesture = a_gesture()
    assert (gesture.party, gesture.counter, gesture.is_verified) == (PARTY, 7, True)
    assert gesture.signed == bytes.fromhex(gesture.authenticator_data) + (
        hashlib.sha256(gesture.client_data.encode()).digest()
    )


def test_an_opinion_says_which_level_it_has() -> None:
    assert an_opinion_by(a_gesture()).statement.level is Level.GESTURE
    assert sealed(a_statement()).statement.level is Level.SEAL


def test_a_gesture_and_a_claim_of_one_come_together() -> None:
    with pytest.raises(Malformed, match="come together"):
        an_opinion_by(None)
    with pytest.raises(Malformed, match="come together"):
        an_opinion_by(a_gesture(), a_statement())


def test_a_gesture_over_another_statement_makes_no_opinion() -> None:
    other = replace(L2, comment="autre")
    with pytest.raises(Forged, match="other bytes"):
        an_opinion_by(a_gesture(other))


@pytest.mark.parametrize(
    ("gesture", "why"),
    [
        (a_gesture(type="webauthn.create"), "something else"),
        (a_gesture(challenge="x"), "other bytes"),
        (a_gesture(flags=1), "did not verify"),
        (a_gesture(flags=4), "did not verify"),
    ],
)
def test_what_a_gesture_must_say(gesture: Gesture, why: str) -> None:
    with pytest.raises(Forged, match=why):
        require_over(gesture, L2.to_bytes())


@pytest.mark.parametrize("client_data", ["", "[]", "{", "[" * 2_000])
def test_client_data_is_a_json_object(client_data: str) -> None:
    with pytest.raises(Malformed, match="client data is not"):
        _ = replace(a_gesture(), client_data=client_data).said


@pytest.mark.parametrize(
    "changes",
    [
        {"client_data": "x" * (CLIENT_DATA_CHARS_MAX + 1)},
        {"authenticator_data": "00" * 36},
        {"authenticator_data": "00" * 1_025},
        {"authenticator_data": "xy" * 37},
        {"signature": "00" * 63},
        {"signature": "0"},
    ],
)
def test_a_gesture_of_another_size_does_not_exist(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        replace(a_gesture(), **changes)


def test_a_policy_asks_for_a_passkey_or_for_nothing_more() -> None:
    with pytest.raises(Malformed, match="gesture"):
        replace(POLICY, gesture="stamp")


def test_a_sign_in_alone_does_not_count_where_a_passkey_is_asked_for() -> None:
    asks = replace(a_policy(), gesture="passkey")
    with pytest.raises(GestureMissing, match="passkey"):
        decide(policy=asks, draft=DRAFT, opinions=[sealed(a_statement(policy=asks.ref))])
    signed = a_statement(policy=asks.ref, auth=L2.auth)
    assert decide(policy=asks, draft=DRAFT, opinions=[an_opinion_by(a_gesture(signed), signed)]) is not None
    assert decide(policy=POLICY, draft=DRAFT, opinions=[an_opinion_by(a_gesture())]) is not None
