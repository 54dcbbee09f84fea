"""Launches in both databases: kept once, opened by one, found, recorded without a patient number, forgotten."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bridge.accounts import token_digest
from bridge.db import tables
from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from bridge.links.errors import UntrustedLink
from bridge.links.reading import Link, read_invocation, read_launch
from bridge.links.signing import Launcher, make_launch
from bridge.wiring import launches
from bridge.wiring.launches import KEPT, LAUNCHES_MAX, UNOPENED, Launching, Opening
from guarantee.case import case_id
from guarantee.result import Mode
from tests.db.databases import READERS, Database
from tests.db.steps import Steps
from tests.flows.fakes import FakeClock
from tests.guarantee.samples import PATIENT, a_case, a_result

KEY = "k" * 32
MARTIN, LEROY = READERS[:2]
OTHER = replace(PATIENT, identifier="9999", issuer="AUTRE")


class Desk:
    """Launches with the rights of the desk's role, and a clock that is moved."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.stores = {role: SqlStore(make_aval_engine(database.url_of(role))) for role in ("aval_desk", "aval_sweep")}
        self.launching = self.of("aval_desk")

    def of(self, role: str) -> Launching:
        launchers = [Launcher(name="pacs", keys=(KEY,)), Launcher(name="ris", keys=(), unsigned=True)]
        return Launching(store=self.stores[role], clock=self.clock, launchers=launchers, zone=ZoneInfo("Europe/Paris"))

    def link(self, nonce: str = "abcdefgh", **parameters: str) -> Link:
        return read_launch(make_launch(parameters, KEY, at=self.clock.time, nonce=nonce).encode())

    def opened(self, **parameters: str) -> Opening:
        """Return what an unsigned link leads to."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        read = read_invocation if "requestType" in parameters else read_launch
        return self.launching.open(self.launching.receive(read(query.encode())), MARTIN)

    def journal(self) -> list[tuple[str, str, str]]:
        with self.stores["aval_desk"].reading() as unit:
            return [
                (one.action, one.subject, one.body)
                for one in unit.journal.links()
                if one.action.startswith(("launch", "draft"))
            ]


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    made = Desk(database)
    yield made
    for store in made.stores.values():
        store.dispose()


def uids(opening: Opening) -> list[str]:
    return [*(row.case.uid for row in opening.rows), *(case.uid for case in opening.bare)]


# -------------------------------------------------------------------------------------------------------- once, by one


def test_a_link_works_once_and_is_opened_by_one_person(desk: Desk, steps: Steps) -> None:
    steps.receive("1.2.1")
    ticket = desk.launching.receive(desk.link(study="1.2.1", user="dr.leroy"))
    with pytest.raises(UntrustedLink, match="used"):
        desk.launching.receive(desk.link(study="1.2.9"))
    assert desk.launching.expected(ticket) == "dr.leroy"
    assert desk.launching.expected("A" * 43) == ""
    assert uids(desk.launching.open(ticket, MARTIN)) == ["1.2.1"]
    assert uids(desk.launching.open(ticket, MARTIN)) == ["1.2.1"]
    with pytest.raises(UntrustedLink, match="used"):
        desk.launching.open(ticket, LEROY)
    with pytest.raises(UntrustedLink, match="late"):
        desk.launching.open("A" * 43, MARTIN)


def test_a_link_used_by_many_at_the_same_moment_works_once(desk: Desk) -> None:
    link, said = desk.link(study="1.2.1"), list[str]()

    def use() -> None:
        try:
            desk.launching.receive(link)
            said.append("taken")
        except UntrustedLink as refused:
            said.append(refused.why)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == ["taken", *["used"] * 5]


def test_a_launch_grows_old_and_is_forgotten(desk: Desk, steps: Steps) -> None:
    steps.receive("1.2.1")
    unopened, opened = (desk.launching.receive(desk.link(f"number-{n}", study="1.2.1")) for n in (1, 2))
    desk.launching.open(opened, MARTIN)
    desk.clock.time += UNOPENED
    desk.launching.open(opened, MARTIN)
    with pytest.raises(UntrustedLink, match="late"):
        desk.launching.open(unopened, MARTIN)
    sweeper = desk.of("aval_sweep")
    sweeper.forget()
    assert desk.launching.expected(opened) == ""
    desk.launching.open(opened, MARTIN)
    desk.clock.time += KEPT
    with pytest.raises(UntrustedLink, match="late"):
        desk.launching.open(opened, MARTIN)
    sweeper.forget()
    with desk.stores["aval_desk"].reading() as unit:
        assert unit.connection.execute(select(tables.launches)).all() == []


def test_what_is_kept_has_a_limit_for_each_launcher(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launches, "LAUNCHES_MAX", 3)
    for _ in range(3):
        desk.launching.receive(read_launch(b"study=1.2"))
    with pytest.raises(UntrustedLink, match="many"):
        desk.launching.receive(read_launch(b"study=1.2"))
    assert desk.launching.receive(desk.link(study="1.2")), "another launcher goes on"
    assert LAUNCHES_MAX >= 1000


def test_the_ticket_itself_is_nowhere(desk: Desk) -> None:
    ticket = desk.launching.receive(desk.link(study="1.2"))
    with desk.stores["aval_desk"].reading() as unit:
        rows = repr(unit.connection.execute(select(tables.launches)).all())
    assert ticket not in rows
    assert token_digest(ticket) in rows


# ------------------------------------------------------------------------------------------------------------- finding


def test_it_is_found_by_study_by_order_and_by_patient(desk: Desk, steps: Steps) -> None:
    drafted = steps.draft(_result(steps, "1.2.1"))
    steps.receive("1.2.2", order="A-2", patient=OTHER)
    for asked in (
        {"study": "1.2.1"},
        {"accession": "A-1"},
        {"patient": PATIENT.identifier},
        {"patient": PATIENT.identifier, "issuer": PATIENT.issuer},
        {"study": "1.2.1", "accession": "A-1", "patient": PATIENT.identifier},
    ):
        found = desk.opened(**asked)
        assert [row.result.id for row in found.rows] == [drafted.id], asked
        assert (list(found.bare), found.mixed, found.elsewhere) == ([], False, False)
    for asked in ({"study": "9.9"}, {"accession": "A"}, {"patient": "1"}, {"study": "1.2.1", "accession": "A-2"}):
        assert uids(desk.opened(**asked)) == [], asked


def test_the_number_of_another_patient_or_issuer_opens_nothing_and_says_that_something_is_here(
    desk: Desk, steps: Steps
) -> None:
    steps.receive("1.2.1")
    for asked in ({"study": "1.2.1", "patient": "9999"}, {"patient": PATIENT.identifier, "issuer": "ELSEWHERE"}):
        found = desk.opened(**asked)
        assert (uids(found), found.elsewhere) == ([], True), asked
    assert [action for action, _, _ in desk.journal()] == ["launch.found-nothing"] * 2


def test_one_number_of_two_issuers_is_two_patients(desk: Desk, steps: Steps) -> None:
    steps.receive("1.2.1")
    steps.receive("1.2.2", patient=replace(PATIENT, issuer=""))
    assert not desk.opened(patient=PATIENT.identifier).mixed
    steps.receive("1.2.3", patient=replace(PATIENT, issuer="AUTRE"))
    found = desk.opened(patient=PATIENT.identifier)
    assert (len(uids(found)), found.mixed) == (3, True)
    assert not desk.opened(patient=PATIENT.identifier, issuer=PATIENT.issuer).mixed
    assert desk.opened(accession="A-1").mixed


def test_an_invocation_chooses_by_modality_time_and_number(desk: Desk, steps: Steps) -> None:
    for day in range(1, 5):
        steps.receive(f"1.2.{day}", started=f"2026-11-0{day}T09:00:00", modality="CT" if day % 2 else "MR")
    asked = {"requestType": "PATIENT", "patientID": PATIENT.identifier}
    assert uids(desk.opened(**asked)) == ["1.2.4", "1.2.3", "1.2.2", "1.2.1"]
    assert uids(desk.opened(**asked, modalitiesInStudy="CT")) == ["1.2.3", "1.2.1"]
    assert uids(desk.opened(**asked, modalitiesInStudy="CT", mostRecentResults="1")) == ["1.2.3"]
    assert uids(desk.opened(**asked, lowerDateTime="2026-11-02", upperDateTime="2026-11-03")) == ["1.2.3", "1.2.2"]


def test_only_the_newest_exams_are_shown(desk: Desk, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launches, "FOUND_MAX", 3)
    for n in range(4):
        steps.receive(f"1.3.{n}", started=f"2026-11-01T09:00:{n:02}")
    found = desk.opened(patient=PATIENT.identifier)
    assert (len(found.bare), found.more) == (3, True)
    assert "1.3.0" not in uids(found)


def test_a_result_in_shadow_mode_is_not_there(desk: Desk, steps: Steps) -> None:
    _result(steps, "1.2.1", mode=Mode.SHADOW)
    found = desk.opened(study="1.2.1")
    assert (list(found.rows), [case.uid for case in found.bare]) == ([], ["1.2.1"])


def test_after_late_images_the_new_revision_stands_for_the_old_one(desk: Desk, steps: Steps) -> None:
    drafted = steps.draft(_result(steps, "1.2.1"))
    with steps.store_of("").reading() as unit:
        old = unit.cases.get(drafted.case)
    steps.supersede(old, drafted)
    steps.receive("1.2.1", revision=2, id=case_id(old.kind, old.uid, 2))
    found = desk.opened(study="1.2.1")
    assert not found.rows
    assert [case.revision for case in found.bare] == [2]


# --------------------------------------------------------------------------------------------------------- the record


def test_who_came_from_where_is_in_the_journal_once_and_no_patient_number_is(desk: Desk, steps: Steps) -> None:
    drafted = steps.draft(_result(steps, "1.2.1"))
    ticket = desk.launching.receive(desk.link(patient=PATIENT.identifier))
    for _ in range(2):
        desk.launching.open(ticket, MARTIN)
    desk.opened(patient="SECRET")
    opened, nothing = desk.journal()
    assert opened[:2] == ("launch.opened", drafted.case)
    assert '"by"' in opened[2]
    assert "dr.martin" in opened[2]
    assert "pacs" in opened[2]
    assert nothing[0] == "launch.found-nothing"
    assert PATIENT.identifier not in repr([opened, nothing])
    assert "SECRET" not in repr([opened, nothing])
    with desk.stores["aval_desk"].reading() as unit:
        assert "launch.opened" in [link.action for link in unit.views.timeline(drafted.id)]


def test_an_exposure_says_which_launch_led_to_it(desk: Desk, steps: Steps) -> None:
    drafted = steps.draft(_result(steps, "1.2.1"))
    case = a_case("1.2.1")
    assert desk.launching.opened_from(case, MARTIN) == ""
    desk.opened(study="1.2.1")
    assert desk.launching.opened_from(case, MARTIN) == "ris"
    assert desk.launching.opened_from(case, LEROY) == ""
    question = replace(steps.ask(drafted, LEROY), nonce="another", reader=MARTIN.login, opened_from="ris")
    with steps.store_of("aval_desk").transaction("desk:dr.martin") as unit:
        unit.gate.ask(question)
        assert unit.gate.question(question.nonce) == question
    assert [body for action, _, body in desk.journal() if action == "draft.shown"][-1].count("ris") == 1
    desk.clock.time += timedelta(minutes=5)
    assert desk.launching.opened_from(case, MARTIN) == ""


def _result(steps: Steps, uid: str, **changes: Any) -> Any:
    case = steps.receive(uid)
    result = a_result(case, **changes)
    steps.complete(case, result)
    return result
