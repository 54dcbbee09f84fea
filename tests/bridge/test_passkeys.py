"""Opinions signed by passkey on the real store."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.cli.common import opened
from bridge.flows import review
from bridge.passkeys import PASSKEYS_MAX
from guarantee.errors import Absent, GestureMissing, GestureRefused, Malformed, NotEntitled, Refused
from guarantee.gesture import Level, Passkey, challenge_of
from tests.authenticator import Authenticator
from tests.bridge.passkey_office import Office
from tests.flows.fakes import READER, SECOND


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.world.engine.dispose()


def test_a_gesture_is_kept_with_its_opinion_and_releases_it(office: Office) -> None:
    key = office.add(Authenticator())
    result = office.drafted(1)
    office.signed(result, key)
    (opinion,) = office.opinions(result)
    assert (opinion.statement.auth, opinion.statement.level) == ("password+totp+passkey", Level.GESTURE)
    assert opinion.gesture.passkey == key.id
    office.world.deliver_all()
    assert office.world.deliveries(result.id) == {"pacs": "confirmed", "dpi": "confirmed"}


def test_what_is_refused_leaves_no_opinion(office: Office) -> None:
    key = office.add(Authenticator())
    result = office.drafted(1)
    answer = office.answer(result)
    gesture = key.sign(office.prepared(result, answer))
    with pytest.raises(GestureRefused, match="other bytes"):
        office.sign(result, replace(answer, comment="autre chose"), gesture)
    with pytest.raises(GestureRefused, match="used already"):
        office.sign(result, answer, gesture)
    with pytest.raises(GestureRefused, match="not asked for"):
        office.sign(result, answer, key.sign(office.prepared(result, answer)), token="another window")
    late = key.sign(office.prepared(result, answer))
    office.world.clock.advance(seconds=121)
    with pytest.raises(GestureRefused, match="too long ago"):
        office.sign(result, answer, late)
    assert office.opinions(result) == ()


def test_a_passkey_that_was_revoked_meanwhile_or_is_somebody_elses_signs_nothing(office: Office) -> None:
    key, theirs = office.add(Authenticator()), office.add(Authenticator(), SECOND)
    result = office.drafted(1)
    answer = office.answer(result)
    with pytest.raises(GestureRefused, match="no passkey of this person"):
        office.sign(result, answer, theirs.sign(office.prepared(result, answer)))
    gesture = key.sign(office.prepared(result, answer))
    with pytest.raises(NotEntitled):
        office.signing.revoke(SECOND, key.id)
    office.signing.revoke(READER, key.id)
    office.signing.revoke(READER, key.id)
    with pytest.raises(GestureRefused, match="no passkey of this person"):
        office.sign(result, answer, gesture)
    with pytest.raises(GestureMissing):
        office.prepared(result, answer)


def test_an_authenticator_counts_on_and_one_that_never_counts_is_believed(office: Office) -> None:
    key, silent = office.add(Authenticator()), office.add(Authenticator(step=0))
    for number in (1, 2):
        office.signed(office.drafted(number), key)
        office.signed(office.drafted(10 + number), silent)
    key.counter = 0
    with pytest.raises(GestureRefused, match="counted less"):
        office.signed(office.drafted(3), key)


def test_the_database_holds_a_desk_that_forgets_to_look(office: Office) -> None:
    """The walls, met through the flow: a revoked key, and a counter that went back."""
    key = office.add(Authenticator())
    office.signed(office.drafted(1), key)
    office.signed(office.drafted(2), key)
    result = office.drafted(3)
    answer = office.answer(result)
    statement = review.prepare(result.id, READER, "password+totp+passkey", answer, office.world.review)
    key.counter = 0
    signing = review.Signing(gesture=key.sign(challenge_of(statement.to_bytes())), at=statement.signed_at)
    with pytest.raises(Refused, match="counted less"):
        review.answer(result.id, READER, statement.auth, answer, office.world.review, signing=signing)
    key.counter = 99
    signing = review.Signing(gesture=key.sign(challenge_of(statement.to_bytes())), at=statement.signed_at)
    office.signing.revoke(READER, key.id)
    with pytest.raises(Refused, match="revoked"):
        review.answer(result.id, READER, statement.auth, answer, office.world.review, signing=signing)
    assert office.opinions(result) == ()


def test_nobody_collects_passkeys_or_adds_one_without_a_code(office: Office) -> None:
    with pytest.raises(NotEntitled):
        office.signing.ask_for_another(READER, "token", "000000")
    for _ in range(PASSKEYS_MAX):
        office.add(Authenticator("EdDSA"))
    with pytest.raises(Malformed, match="revoke one"):
        office.add(Authenticator())


def test_a_shadow_result_has_no_policy_to_ask_about(office: Office) -> None:
    with pytest.raises(Absent):
        office.signing.gesture_of("00000000-0000-0000-0000-000000000000")
    assert office.signing.gesture_of(office.drafted(1).id) == ""


def test_old_challenges_are_forgotten(office: Office) -> None:
    office.signing.ask_for_another(READER, "token", office.code())
    with office.world.sql.transaction("sweep") as unit:
        assert unit.launches.forget(office.world.clock.now() + timedelta(seconds=1)) == 1


def test_an_operator_lists_and_revokes(tmp_path: Path) -> None:
    folder = tmp_path / "aval"
    run = CliRunner().invoke
    assert run(main, ["init", "--dir", str(folder)]).exit_code == 0
    made = ["users", "add", "dr.x", "--name", "X^Y", "--role", "radiologist", "--professional-id", "81", "--dir"]
    assert run(main, [*made, str(folder), "--password", "correct horse battery"]).exit_code == 0
    with opened(folder) as parts, parts.store("desk").transaction("desk:dr.x") as unit:
        key = Passkey(id="key", login="dr.x", name="clé", algorithm="EdDSA", public_key="00" * 32)
        unit.passkeys.add(key, parts.clock.now())
    revoke = ["users", "passkeys", "revoke", "key", "--reason", "perdue", "--dir", str(folder)]
    for state in ("in use", "revoked"):
        listed = run(main, ["users", "passkeys", "list", "dr.x", "--dir", str(folder)])
        assert state in listed.output
        assert run(main, revoke).exit_code == 0
    assert run(main, [*revoke[:3], "unknown", *revoke[4:]]).exit_code != 0
