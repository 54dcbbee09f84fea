"""People, sessions and what is registered, in both databases."""

import threading
from dataclasses import replace

import pytest

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from guarantee.errors import Malformed, Refused
from guarantee.policy import Role
from tests.db.databases import READERS, TWO_READERS, Database
from tests.guarantee.samples import MODEL, POLICY, a_policy, a_reader, at, digest_of

NEW = a_reader("dr.new", Role.CLINICIAN)


def test_a_person_comes_back_as_they_were_added(store: SqlStore) -> None:
    with store.transaction("operator") as unit:
        unit.accounts.add(NEW, "scrypt$…", "sealed", at(0))
        account = unit.accounts.find("dr.new")
        assert account is not None
        assert (account.reader, account.password, account.second_factor) == (NEW, "scrypt$…", "sealed")
        assert (account.active, account.second_factor_step) == (True, 0)
        assert unit.accounts.find("nobody") is None
        assert [a.reader.login for a in unit.accounts.all()] == sorted(r.login for r in (*READERS, NEW))


def test_a_login_is_given_once(store: SqlStore) -> None:
    with pytest.raises(Refused), store.transaction("operator") as unit:
        unit.accounts.add(READERS[0], "", "", at(0))


def test_an_account_is_closed_and_opened(store: SqlStore) -> None:
    with store.transaction("operator") as unit:
        assert unit.accounts.set_active("learner", active=False)
        assert not unit.accounts.set_active("nobody", active=False)
        account = unit.accounts.find("learner")
        assert account is not None
        assert not account.active


def test_a_code_works_once(store: SqlStore) -> None:
    with store.transaction("desk") as unit:
        assert unit.accounts.use_step("dr.martin", 100)
        assert not unit.accounts.use_step("dr.martin", 100)
        assert not unit.accounts.use_step("dr.martin", 99)
        assert unit.accounts.use_step("dr.martin", 101)


def test_a_code_used_twice_at_the_same_moment_works_once(postgresql_database: Database) -> None:
    store = SqlStore(make_aval_engine(postgresql_database.url_of("aval_desk")))
    used: list[bool] = []

    def sign_in() -> None:
        with store.transaction("desk") as unit:
            used.append(unit.accounts.use_step("dr.martin", 100))

    threads = [threading.Thread(target=sign_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(used) == [False, False, False, True]
    store.dispose()


def test_a_session_lives_and_ends(store: SqlStore) -> None:
    with store.transaction("desk") as unit:
        unit.accounts.open_session("token", "dr.martin", "password+totp", at(0))
        unit.accounts.touch("token", at(60))
        sitting = unit.accounts.session("token")
        assert sitting is not None
        assert sitting.account.reader == READERS[0]
        assert (sitting.auth, sitting.created_at, sitting.seen_at, sitting.ended_at) == (
            "password+totp",
            at(0),
            at(60),
            None,
        )
        unit.accounts.end("token", at(61))
        unit.accounts.end("token", at(99))
        ended = unit.accounts.session("token")
        assert ended is not None
        assert ended.ended_at == at(61)
        assert unit.accounts.session("another") is None


def test_the_desk_signs_people_in_with_its_own_role(postgresql_database: Database) -> None:
    store = SqlStore(make_aval_engine(postgresql_database.url_of("aval_desk")))
    with store.transaction("desk") as unit:
        assert unit.accounts.find("dr.martin") is not None
        assert unit.accounts.use_step("dr.martin", 100)
        unit.accounts.note_sign_in("dr.martin", "ok", at(0))
        unit.accounts.open_session("token", "dr.martin", "password+totp", at(0))
        unit.accounts.touch("token", at(1))
        unit.accounts.end("token", at(2))
    with store.reading() as unit:
        assert [link.action for link in unit.journal.links()][-1] == "session.ok"
    store.dispose()


def test_the_journal_names_no_password(store: SqlStore) -> None:
    with store.transaction("operator") as unit:
        unit.accounts.add(NEW, "CANARI", "CANARI2", at(0))
        unit.accounts.open_session("CANARI3", "dr.new", "password", at(0))
    with store.reading() as unit:
        assert "CANARI" not in repr(list(unit.journal.links()))


def test_a_model_version_is_registered_once_and_never_with_other_bytes(store: SqlStore) -> None:
    with store.transaction("operator") as unit:
        unit.registry.register_model(MODEL, at(0))
        assert unit.registry.model(MODEL.id) == MODEL
        assert unit.registry.model("unknown@1") is None
        other = replace(MODEL, version="2.0.0")
        unit.registry.register_model(other, at(0))
        assert unit.registry.model(other.id) == other
        with pytest.raises(Malformed, match="raise the version"):
            unit.registry.register_model(replace(MODEL, card=digest_of("another threshold")), at(0))


def test_a_policy_is_registered_once_and_never_with_another_text(store: SqlStore) -> None:
    with store.transaction("operator") as unit:
        unit.registry.register_policy(POLICY, at(0))
        unit.registry.register_policy(a_policy(3), at(0))
        assert unit.gate.policies() == (TWO_READERS, a_policy(3), POLICY)
        with pytest.raises(Malformed, match="raise its version"):
            unit.registry.register_policy(replace(POLICY, readers=3), at(0))
