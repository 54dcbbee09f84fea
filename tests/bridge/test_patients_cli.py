"""``aval patients export`` and ``aval objections``: what is kept of one patient, for that patient; and their no."""

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pyotp
import pytest
from click.testing import CliRunner, Result

from bridge.accounts import add_person
from bridge.cli import main
from bridge.cli.objections import in_words
from bridge.config import Settings, Site, load
from bridge.flows import feed, intake, objections
from bridge.flows.feed import Told
from bridge.wiring import dossier
from bridge.wiring.authorities import names_of, under_every_name
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from guarantee.case import CaseKind, Patient, Source
from guarantee.feed import Message, News, Number
from guarantee.ids import Digest, digest
from guarantee.objections import Objection, Word
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.unit import Arrival
from tests.flows.fakes import PATIENT, READER, arrival, somebody_else
from tests.flows.world import World

CODES_STAY = {"AVAL_DESK__CODES_WORK_ONCE": "false"}
"""A code works as long as it is shown: these tests use more than one in thirty seconds."""

OFFICER = replace(READER, login="dpo", name="PETIT^Jeanne", role=Role.DPO)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    install(tmp_path / "data")
    opened = Parts(load(tmp_path / "data", CODES_STAY))
    yield opened
    opened.close()


def secret_of(parts: Parts, reader: Reader) -> str:
    return add_person(reader, "un-mot-de-passe-de-test", parts.sign_in)


def said(parts: Parts, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--dir", str(parts.settings.folder)], env=CODES_STAY)


def export(parts: Parts, out: Path, *words: str, secret: str = "", login: str = "dpo") -> Result:
    code = pyotp.TOTP(secret or secret_of(parts, OFFICER)).now()
    who = ("--authority", PATIENT.issuer, "--id", PATIENT.identifier, "--as", login, "--code", code)
    return said(parts, "patients", "export", *who, "--out", str(out), "--reason", "demande 12", "--json", *words)


def arrive(parts: Parts, *arrivals: Arrival) -> None:
    intake.receive(arrivals, store=parts.store("intake"), clock=parts.clock, actor="scp")


def rows(out: Path, table: str) -> list[dict[str, Any]]:
    path = out / "rows" / f"{table}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


def objects(out: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in (out / "objects").iterdir()}


# -------------------------------------------------------------------------------------------------------- the folder


def test_a_whole_life_is_in_the_folder_and_nothing_of_anybody_else(tmp_path: Path) -> None:
    """Received, drafted, read, signed, rendered, sent; every byte of the vault that is theirs, by its digest."""
    world = World(tmp_path)
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.deliver_all()
    theirs = set(tmp_path.glob("vault/**/*"))
    other = arrival(world.vault, study="9.9", patient=somebody_else(), data=b"somebody else's pixels")
    world.drafted(other)
    with world.sql.transaction("owner") as unit:
        unit.accounts.add(OFFICER, "x", "x", world.clock.now())
    parts = Stand(world)
    asked = dossier.Asked(
        issuer=PATIENT.issuer,
        value=PATIENT.identifier,
        unissued=False,
        folder=tmp_path / "out",
        by=OFFICER,
        reason="demande 12",
    )
    taken = dossier.take_out(asked, parts)  # type: ignore[arg-type]
    kept = {path.name for path in theirs if path.is_file() and len(path.name) == 64}
    assert objects(tmp_path / "out") == kept, "every byte kept of the patient, and none of the other"
    assert (taken.left_out, taken.unissued) == ({}, ())
    listed = json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]
    for one in listed:
        assert sha256((tmp_path / "out" / one["file"]).read_bytes()).hexdigest() == one["sha256"]
    assert {one["file"] for one in listed} | {"manifest.json"} == {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    page = (tmp_path / "out" / "index.html").read_text()
    for word in ("P1 (CHU)", "validé par un médecin et envoyé", "dr.martin", "dpi, pacs", "toy@1.0.0", "demande 12"):
        assert word in page, word
    assert "9.9" not in json.dumps(rows(tmp_path / "out", "cases"))
    assert {path.stat().st_mode & 0o77 for path in (tmp_path / "out").rglob("*")} == {0}
    with world.sql.reading() as unit:
        noted = [link for link in unit.journal.links() if link.action == "access.patient"]
        journal = {link.seq for link in unit.journal.links() if link.subject == result.id}
    assert journal <= {row["seq"] for row in rows(tmp_path / "out", "journal")}
    assert [PATIENT.identifier in link.body + link.subject for link in noted] == [False]
    world.engine.dispose()


class Stand:
    """The parts of an installation that an extract needs, over a world in memory."""

    def __init__(self, world: World) -> None:
        self.vault, self.clock, self._store = world.vault, world.clock, world.sql
        self.settings = Settings(folder=Path(), site=Site(namespace=UUID(int=1), organisation="CHU", name="essai"))

    def store(self, _process: str) -> Any:
        return self._store


# ----------------------------------------------------------------------------------------------------- who, and whose


def test_only_the_officer_takes_it_out_into_a_folder_of_its_own(parts: Parts, tmp_path: Path) -> None:
    arrive(parts, arrival(parts.vault))
    radiologist, officer = secret_of(parts, READER), secret_of(parts, OFFICER)
    refused = export(parts, tmp_path / "a", secret=radiologist, login="dr.martin")
    assert (refused.exit_code, "no data protection officer" in refused.output) == (3, True)
    assert not list((tmp_path / "a").iterdir())
    wrong = export(parts, tmp_path / "a", secret=pyotp.random_base32())
    assert (wrong.exit_code, "could not be verified" in wrong.output) == (3, True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("x")
    assert "is not empty" in export(parts, tmp_path / "full", secret=officer).output
    nobody = export(parts, tmp_path / "b", "--id", "P9", secret=officer)
    assert (nobody.exit_code, "0 rows are kept" in nobody.output) == (3, True)
    assert export(parts, tmp_path / "c", secret=officer).exit_code == 0
    with parts.store("desk").reading() as unit:
        assert len([link for link in unit.journal.links() if link.action == "access.patient"]) == 1


def test_what_may_be_somebody_elses_is_told_and_left_out(parts: Parts, tmp_path: Path) -> None:
    """Images whose patient is doubtful, a message about two people, and a number that nobody is said to have given."""
    secret = secret_of(parts, OFFICER)
    stray = arrival(parts.vault, image=2, data=b"whose?", patient=somebody_else())
    arrive(parts, arrival(parts.vault, data=b"whose, too?"), stray)
    both = parts.vault.put(b'{"resourceType":"Bundle"}')
    mine = replace(arrival(parts.vault, study="stay|1", kind=CaseKind.RECORD), source=source(both))
    arrive(parts, mine, replace(mine, uid="stay|2", patient=somebody_else()))
    arrive(parts, arrival(parts.vault, study="1.2.9", patient=replace(PATIENT, issuer="")))
    done = export(parts, tmp_path / "out", secret=secret)
    told = json.loads(done.output)
    assert done.exit_code == 1
    assert set(told["left_out"].values()) == {"held", "shared"}
    assert (told["left_out"][both], objects(tmp_path / "out")) == ("shared", set())
    assert len(told["cases_without_authority"]) == 1
    page = (tmp_path / "out" / "index.html").read_text()
    for word in ("une autre personne est aussi nommée", "n’est pas établi", "sans dire qui l’a donné"):
        assert word in page
    again = json.loads(export(parts, tmp_path / "again", "--without-authority", secret=secret).output)
    assert (again["cases_without_authority"], len(objects(tmp_path / "again"))) == ([], 1)


def source(name: Digest) -> Source:
    return Source(uid="event", group="", kind="Bundle", digest=name)


def test_what_the_vault_lost_and_what_is_too_much_is_named(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secret_of(parts, OFFICER)
    lost = arrival(parts.vault)
    arrive(parts, replace(lost, source=replace(lost.source, digest=digest(b"never kept"))))
    arrive(parts, arrival(parts.vault, study="1.2.4", data=b"x" * 100))
    monkeypatch.setattr(dossier, "BYTES_MAX", 99)
    told = json.loads(export(parts, tmp_path / "out", secret=secret).output)
    assert sorted(told["left_out"].values()) == ["missing", "too-much"]
    monkeypatch.setattr(dossier, "LINES_MAX", 1)
    assert "an extract has 1 to 1" in export(parts, tmp_path / "more", secret=secret).output


def merge(parts: Parts, *values: str, control: str = "1") -> None:
    """Hear a merge (ADT^A40) of the patients with these numbers."""
    numbers = tuple(Number(value=value, issuer=PATIENT.issuer) for value in values)
    news = News(
        numbers=numbers, stays=(), traits=None, subject=digest(control.encode()), people=(numbers,), merges=True
    )
    data = parts.vault.put(f"MSH|^~\\&|{control}".encode())
    message = Message(sender="dpi", control=digest(control.encode()), kind="ADT^A40", digest=data, is_used=True)
    told = [Told(message=message, news=news)]
    feed.take(told, store=parts.store("intake"), clock=parts.clock, actor="hl7")


def old(identifier: str) -> Patient:
    return replace(PATIENT, identifier=identifier)


def test_merges_are_followed_however_many_and_an_objection_follows_them(parts: Parts, tmp_path: Path) -> None:
    secret = secret_of(parts, OFFICER)
    for n, identifier in enumerate(("P1", "OLD-1", "OLD-2", "P2")):
        arrive(parts, arrival(parts.vault, study=f"1.2.{n}", data=identifier.encode(), patient=old(identifier)))
    objections.say(
        Word.RECORD,
        [PATIENT.issuer],
        "OLD-2",
        by="operator:root",
        reason="courrier",
        store=parts.store("desk"),
        clock=parts.clock,
    )
    merge(parts, "OLD-1", "OLD-2", control="1")
    merge(parts, "P1", "OLD-1", control="2")
    assert export(parts, tmp_path / "out", secret=secret).exit_code == 1, "held: the record changed who they are"
    assert {row["patient_identifier"] for row in rows(tmp_path / "out", "cases")} == {"P1", "OLD-1", "OLD-2"}
    with parts.store("desk").reading() as unit:
        standing = {one.identifier: one.by for one in unit.objections.standing()}
    assert standing == {"OLD-2": "operator:root", "OLD-1": "record:dpi", "P1": "record:dpi"}
    assert len(rows(tmp_path / "out", "mentions")) == 4
    assert len(rows(tmp_path / "out", "feed")) == 2


NAMES = """
[intake.hl7.authorities]
"1.2.250.1.999.1.1" = "https://chu.example/ipp"
"CHU" = "https://chu.example/ipp"

[destinations.fhir.record]
base_url = "http://127.0.0.1:1/fhir"
issuers = { "CHU-OLD" = "https://chu.example/ipp" }
"""


def test_an_authority_has_every_name_that_the_configuration_gives_it(parts: Parts, tmp_path: Path) -> None:
    """Images say CHU-OLD, the record an address: it is one number, for an objection and for an extract."""
    with (parts.settings.folder / "aval.toml").open("a") as file:
        file.write(NAMES)
    named = load(parts.settings.folder, CODES_STAY)
    assert set(names_of("CHU-OLD", named)) == {"CHU-OLD", "CHU", "https://chu.example/ipp", "1.2.250.1.999.1.1"}
    assert names_of("elsewhere", named) == ("elsewhere",)
    arrive(parts, arrival(parts.vault, patient=replace(PATIENT, issuer="CHU-OLD")))
    assert export(parts, tmp_path / "out").exit_code == 0
    assert [row["patient_issuer"] for row in rows(tmp_path / "out", "cases")] == ["CHU-OLD"]
    for word, standing in (("record", 4), ("lift", 0)):
        who = ("--authority", PATIENT.issuer, "--id", PATIENT.identifier, "--reason", "courrier")
        assert said(parts, "objections", word, *who).exit_code == 0
        assert len(json.loads(said(parts, "objections", "list", "--json").output)) == standing
    line = Objection(
        authority="CHU",
        identifier="P1",
        word=Word.RECORD,
        by="record:dpi",
        reason="x",
        source="1",
        at=parts.clock.now(),
    )
    assert {one.authority for one in under_every_name([line], named)} == set(names_of("CHU", named))


# --------------------------------------------------------------------------------------------------------- objections


def test_an_objection_is_recorded_listed_and_lifted_by_command(parts: Parts) -> None:
    who = ("--authority", PATIENT.issuer, "--id", PATIENT.identifier)
    assert "nobody objects" in said(parts, "objections", "list").output
    done = said(parts, "objections", "record", *who, "--reason", "courrier du 3")
    assert (done.exit_code, "0 results are excluded" in done.output) == (0, True)
    listed = said(parts, "objections", "list").output
    assert ("none" in listed, PATIENT.identifier in listed) == (True, False)
    again = said(parts, "objections", "record", *who, "--reason", "encore")
    assert (again.exit_code, "stands already" in again.output) == (3, True)
    lifted = json.loads(said(parts, "objections", "lift", *who, "--reason", "erreur", "--json").output)
    assert (lifted["word"], lifted["queued_again"]) == ("lift", [])
    assert said(parts, "objections", "lift", *who, "--reason", "encore").exit_code == 3


def test_what_was_delivered_before_is_listed_when_it_is_recorded(tmp_path: Path) -> None:
    world = World(tmp_path)
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.deliver_all()
    line, settled = objections.say(
        Word.RECORD,
        [PATIENT.issuer],
        PATIENT.identifier,
        by="operator:root",
        reason="courrier",
        store=world.store,
        clock=world.clock,
    )
    with world.sql.reading() as unit:
        told = in_words(line, settled, unit.objections.touched(line))
    assert told[1:] == [
        "1 were delivered before, and stay where they are; look at each, or aval retract:",
        result.id,
    ]
    world.engine.dispose()
