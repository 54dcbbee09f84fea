"""Sign-ins at the identity provider in both databases, each step with the role that takes it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bridge.accounts import AT_PROVIDER
from bridge.db.engine import make_aval_engine
from bridge.db.sign_ins import LocalOpening
from bridge.db.store import SqlStore
from guarantee.errors import Refused
from tests.db.databases import READERS, Database
from tests.guarantee.samples import at

MARTIN = READERS[0]


@pytest.fixture
def desk(database: Database) -> Iterator[SqlStore]:
    made = SqlStore(make_aval_engine(database.url_of("aval_desk")))
    yield made
    made.dispose()


def take(desk: SqlStore, *, browser: str = "browser", after_s: float = 10) -> str | None:
    with desk.transaction("desk:sign-in") as unit:
        return unit.requests.take("state", browser, since=at(after_s) - timedelta(minutes=5), at=at(after_s))


def test_a_request_is_taken_once_by_its_browser_and_while_it_is_fresh(desk: SqlStore) -> None:
    with desk.transaction("desk:sign-in") as unit:
        unit.requests.add("state", "browser", "sealed", at(0))
        assert unit.requests.holds(1)
        assert not unit.requests.holds(2)
    assert take(desk, after_s=301) is None
    assert take(desk, browser="another") is None
    assert take(desk) == "sealed"
    assert take(desk) is None


def test_old_requests_are_swept(desk: SqlStore, database: Database) -> None:
    with desk.transaction("desk:sign-in") as unit:
        unit.requests.add("state", "browser", "sealed", at(0))
    sweep = SqlStore(make_aval_engine(database.url_of("aval_sweep")))
    for before, gone in ((at(0), 0), (at(1), 1)):
        with sweep.transaction("sweep:forget") as unit:
            assert unit.launches.forget(before) == gone
    sweep.dispose()


def test_the_desk_finds_people_by_identifier_and_says_how_they_signed_in(desk: SqlStore) -> None:
    auth = f"{AT_PROVIDER}eidas1"
    with desk.transaction("desk:sign-in") as unit:
        assert MARTIN in [one.reader for one in unit.accounts.find_professional(MARTIN.professional_id)]
        assert unit.accounts.find_professional("899999999999") == ()
        unit.accounts.open_session("token", MARTIN.login, auth, at(0))
        unit.accounts.note_sign_in(MARTIN.login, "opened", at(0), auth=auth)
    with desk.reading() as unit:
        link = tuple(unit.journal.links())[-1]
    assert (link.action, auth in link.body) == ("session.opened", True)


def test_the_owner_opens_local_accounts_and_the_desk_only_looks(
    store: SqlStore, desk: SqlStore, database: Database
) -> None:
    opening = LocalOpening(until=at(3600), by="root", reason="réseau coupé", at=at(0))
    with store.transaction("operator") as unit:
        unit.local_openings.add(opening)
    with desk.reading() as unit:
        assert unit.local_openings.last() == opening
        assert tuple(unit.journal.links())[-1].action == "local-accounts.opened"
    if database.is_postgresql:
        with pytest.raises(Refused, match="permission denied"), desk.transaction("desk:sign-in") as unit:
            unit.local_openings.add(opening)
