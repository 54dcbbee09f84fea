"""Signing in, on the real store, with a clock that is moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from bridge import accounts
from bridge.accounts import IDLE, SESSION_MAX, Desk
from bridge.db import tables
from bridge.db.accounts import SqlAccounts
from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore
from guarantee.errors import NotEntitled
from tests.flows.fakes import READER, FakeClock

PASSWORD = "correct horse"


class Office:
    """A desk with one person."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.engine = make_aval_engine(f"sqlite:///{folder / 'aval.db'}")
        migrate(self.engine)
        self.store = SqlStore(self.engine)

        @contextmanager
        def opened(actor: str) -> Iterator[SqlAccounts]:
            with self.store.transaction(actor) as unit:
                yield unit.accounts

        self.desk = Desk(accounts=opened, secrets=Fernet(Fernet.generate_key()), now=self.clock.now)
        self.secret = accounts.add_person(READER, PASSWORD, self.desk)

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.clock.time + timedelta(seconds=30 * steps))

    def sign_in(self, code: str | None = None, *, login: str = READER.login, password: str = PASSWORD) -> str:
        return accounts.sign_in(login, password, self.code() if code is None else code, self.desk)

    def attempts(self) -> list[tuple[str, str]]:
        with self.engine.connect() as connection:
            query = select(tables.sign_ins.c.login, tables.sign_ins.c.outcome).order_by(tables.sign_ins.c.at)
            return [(row.login, row.outcome) for row in connection.execute(query)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.engine.dispose()


def test_password_and_code_open_a_session_whose_token_is_not_stored(office: Office) -> None:
    token = office.sign_in()
    found = accounts.session(token, office.desk)
    assert found is not None
    assert (found[0], found[1]) == (READER, accounts.AUTH)
    with office.engine.connect() as connection:
        assert token not in repr(connection.execute(select(tables.sessions)).all())
    assert office.attempts() == [(READER.login, "opened")]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_of_the_neighbouring_half_minute_is_taken(office: Office, steps: int) -> None:
    assert office.sign_in(office.code(steps))


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_an_older_or_later_code_is_refused(office: Office, steps: int) -> None:
    with pytest.raises(NotEntitled):
        office.sign_in(office.code(steps))


def test_a_code_works_once(office: Office) -> None:
    code = office.code()
    office.sign_in(code)
    with pytest.raises(NotEntitled):
        office.sign_in(code)
    office.clock.advance(seconds=60)
    assert office.sign_in()


@pytest.mark.parametrize("code", ["", "000", "１２３４５６", "é" * 6, "\ud800", "0" * 10_000, "\x00"])
def test_what_is_no_code_is_refused_like_a_wrong_one(office: Office, code: str) -> None:
    with pytest.raises(NotEntitled, match="wrong"):
        office.sign_in(code)
    with pytest.raises(NotEntitled):
        accounts.verify_code(READER.login, code, office.desk)


@pytest.mark.parametrize("password", ["", "wrong", "\ud800", "é" * 1_000])
def test_a_wrong_password_is_refused_and_recorded(office: Office, password: str) -> None:
    with pytest.raises(NotEntitled):
        office.sign_in(password=password)
    assert office.attempts() == [(READER.login, "refused")]


def test_somebody_unknown_costs_the_same_work_and_what_they_typed_is_not_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[tuple[int, int, int]] = []
    scrypt = accounts._scrypt

    def watched(password: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
        work.append((n, r, p))
        return scrypt(password, salt, n=n, r=r, p=p)

    monkeypatch.setattr(accounts, "_scrypt", watched)
    messages = set()
    for login in (READER.login, "a-password-typed-as-login"):
        with pytest.raises(NotEntitled) as caught:
            office.sign_in(login=login, password="wrong")
        messages.add(str(caught.value))
    assert len(messages) == 1
    assert len(work) == 2
    assert work[0] == work[1]
    assert office.attempts() == [(READER.login, "refused"), ("", "refused")]


def test_a_closed_account_neither_signs_in_nor_keeps_its_session(office: Office) -> None:
    token = office.sign_in()
    with office.engine.begin() as connection:
        connection.execute(update(tables.users).values(active=0))
    assert accounts.session(token, office.desk) is None
    office.clock.advance(seconds=60)
    with pytest.raises(NotEntitled):
        office.sign_in()
    with pytest.raises(NotEntitled):
        accounts.verify_code(READER.login, office.code(), office.desk)


def test_a_session_ends_when_idle_and_a_page_that_refreshes_itself_is_no_sign_of_life(office: Office) -> None:
    token = office.sign_in()
    for _ in range(3):
        office.clock.advance(seconds=IDLE.total_seconds() - 60)
        assert accounts.session(token, office.desk)
    for _ in range(2):
        office.clock.advance(seconds=IDLE.total_seconds() / 2)
        last = accounts.session(token, office.desk, active=False)
    assert last is None
    assert accounts.session(token, office.desk) is None, "an ended session stays ended"


def test_no_session_outlives_a_shift(office: Office) -> None:
    token = office.sign_in()
    for _ in range(int(SESSION_MAX / timedelta(minutes=20))):
        office.clock.advance(minutes=20)
        accounts.session(token, office.desk)
    office.clock.advance(minutes=1)
    assert accounts.session(token, office.desk) is None


def test_signing_out_ends_the_session(office: Office) -> None:
    token = office.sign_in()
    accounts.sign_out(token, office.desk)
    assert accounts.session(token, office.desk) is None
    assert accounts.session("made up", office.desk) is None


def test_a_password_is_kept_as_scrypt_with_a_salt_of_its_own() -> None:
    one, two = accounts.hash_password(PASSWORD), accounts.hash_password(PASSWORD)
    assert one != two
    assert one.startswith("scrypt$32768$8$1$")
    assert accounts.password_matches(PASSWORD, one)
    assert not accounts.password_matches(PASSWORD + " ", one)
