"""One whole life of a right: given, used to endorse, revoked, so that nothing is sent; given again, and it is sent."""

from pathlib import Path

import pytest

from tests.e2e import inputs
from tests.e2e.outside import RECORD, Outside
from tests.e2e.reader import AtDesk
from tests.e2e.script import DONE, FAULT, MISUSE, SAID_NO, called, require
from tests.installation import Installation, json_of

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet")]

MORTALITY = "hospital-mortality"
WHO = "dr.nguyen"
WHAT = ("--model", MORTALITY, "--major", "1", "--evidence", "module 2, 2026-11-27, 19/20")
TABLE = "person;model;major;site;evidence;since;until\n"


def as_owner(place: Installation) -> dict[str, str]:
    """Return what the database's owner has in their shell: nobody else gives rights."""
    return {"AVAL_DATABASE__URL": place.owner, "AVAL_DATABASE__URLS__DESK": place.owner} if place.cluster else {}


def by(place: Installation, login: str = "pr.colin") -> tuple[str, ...]:
    return ("--as", login, "--code", place.people[login].code)


def right_of(place: Installation, login: str = WHO) -> str:
    listed = json_of(require(called("rights", "list", "--person", login, "--json", folder=place.folder), DONE))
    (found,) = [one["id"] for one in listed if (one["model"], one["stands"]) == (MORTALITY, "in-force")]
    return str(found)


def test_a_right_is_given_used_revoked_and_given_again(place: Installation, outside: Outside, tmp_path: Path) -> None:
    owner = as_owner(place)
    bundle, other = (inputs.stay(tmp_path, number + bool(place.cluster)) for number in (70, 72))
    for told in (bundle, other):
        outside.admit(told.read_bytes())
    require(called("destinations", "pause", RECORD, "--reason", "essai", folder=place.folder), DONE)
    with AtDesk(place, place.people[WHO]) as nguyen, outside.watched() as watch:
        assert inputs.push(bundle, place.fhir).status_code == 200
        result = nguyen.draft_of(inputs.stay_case(bundle), MORTALITY)
        assert nguyen.answer(result, nguyen.open(result)).status_code == 201

        right = right_of(place)
        words = ("rights", "revoke", right[:12], "--reason", "formation annulée")
        require(called(*words, folder=place.folder), DONE, "1 results were endorsed under it", right)
        used = json_of(require(called("rights", "used", right, "--json", folder=place.folder), DONE))
        assert [one["result"] for one in used] == [result]
        require(called("destinations", "resume", RECORD, folder=place.folder), DONE)

        def cause() -> str:
            return next(iter(str((one["cause"] or {}).get("code", "")) for one in nguyen.view(result)["sent"]))

        place.eventually(lambda: cause() == "right-revoked", "the delivery to say that the right is gone")
        assert inputs.push(other, place.fhir).status_code == 200
        unread = nguyen.draft_of(inputs.stay_case(other), MORTALITY)
        refused = nguyen.web.post(f"/api/results/{unread}/question")
        assert (refused.status_code, refused.json()["code"]) == (403, "not-habilitated")
        page = nguyen.web.get(f"/results/{unread}").text
        assert 'data-manner="closed"' in page
        assert "was revoked" in page
        assert "COLIN" in page
        assert nguyen.state(result) == "validated"
        watch.require_nothing()

        grant = ("rights", "grant", WHO, *WHAT)
        if place.cluster:
            require(called(*grant, *by(place), folder=place.folder), SAID_NO, "role may not")
        require(called(*grant, *by(place), folder=place.folder, **owner), DONE, right_of(place))
    with AtDesk(place, place.people[WHO]) as nguyen:
        nguyen.wait_for(result, "delivered")
        assert nguyen.answer(unread, nguyen.open(unread), verdict="reject", reason="too-late").status_code == 201
        happened = {line["action"] for line in nguyen.web.get(f"/api/results/{unread}/timeline").json()}
    assert "refusal.revoked" in happened
    explained = tmp_path / "explained.html"
    require(called("results", "explain", result[:12], "--out", str(explained), folder=place.folder), DONE)
    assert "NGUYEN" in explained.read_text(encoding="utf-8")
    again = called("results", "explain", unread, "--out", str(tmp_path / "no.html"), folder=place.folder)
    require(again, SAID_NO, "only what a clinician endorsed")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation on which nothing runs."""
    return Installation(tmp_path_factory.mktemp("house") / "data", {})


def test_nobody_gives_a_right_who_may_not(house: Installation) -> None:
    grant = ("rights", "grant", WHO, *WHAT)
    require(called(*grant, folder=house.folder), MISUSE, "--as")
    require(called(*grant, *by(house, "dr.martin"), folder=house.folder), SAID_NO, "committee")
    require(
        called(*grant, "--as", "pr.colin", "--code", "000000x", folder=house.folder), SAID_NO, "could not be verified"
    )
    for person, says in (("nobody", "nobody with an open account"), ("ing.petit", "is a engineer")):
        require(called("rights", "grant", person, *WHAT, *by(house), folder=house.folder), SAID_NO, says)
    unknown = ("--model", "other", "--major", "1", "--evidence", "x")
    require(called("rights", "grant", WHO, *unknown, *by(house), folder=house.folder), SAID_NO, "no model 'other'")
    late = require(called(*grant, "--until", "2999-01-01", *by(house), folder=house.folder), SAID_NO, "12 months")
    assert not late.stdout


def test_rights_that_end_soon_are_named_and_make_a_watcher_look(house: Installation) -> None:
    require(called("rights", "list", "--expiring", "30", folder=house.folder), DONE)
    require(called("rights", "list", "--expiring", "366", folder=house.folder), FAULT, "dr.martin", "in-force")


def test_a_table_is_given_whole_or_not_at_all(house: Installation, tmp_path: Path) -> None:
    table = tmp_path / "habilitations.csv"
    lines = [f"dr.martin;{MORTALITY};1;site-2;module 1, 18/20;;", f"{WHO};{MORTALITY};1;site-2;module 1, 17/20;;"]
    imported = ("rights", "import", str(table), *by(house))

    table.write_text(TABLE + "\n".join([*lines, f"nobody;{MORTALITY};1;site-2;module 1;;", "x;y"]), encoding="utf-8")
    require(called(*imported, folder=house.folder), SAID_NO, "line 4: nobody with", "line 5: there must be 7 values")
    table.write_text(TABLE + "\n".join(lines), encoding="utf-8-sig")
    require(called(*imported, "--dry-run", folder=house.folder), DONE, "2 rights could be given; none was")
    assert "site-2" not in require(called("rights", "list", folder=house.folder), DONE).stdout
    require(called(*imported, folder=house.folder), DONE, "2 rights given")
    assert require(called("rights", "list", folder=house.folder), DONE).stdout.count("site-2") == 2


def test_an_incident_ends_the_rights_of_everybody(house: Installation) -> None:
    all_of = ("rights", "revoke-all", "--model", "kidney-failure", "--major", "1")
    require(called(*all_of, folder=house.folder), MISUSE, "--reason")
    why = ("--reason", "événement indésirable")
    require(called(*all_of, *why, folder=house.folder), DONE, "3 rights to endorse kidney-failure 1 ended")
    require(called(*all_of, *why, folder=house.folder), SAID_NO, "nothing was revoked")


def test_whoever_adds_a_person_is_told_that_a_right_is_next(house: Installation) -> None:
    who = ("--name", "ROY^Ana", "--professional-id", "899900000066", "--password", "un-mot-de-passe-de-test")
    require(
        called("users", "add", "dr.roy", *who, "--role", "radiologist", folder=house.folder), DONE, "aval rights grant"
    )
    done = require(called("users", "add", "m.roy", *who, "--role", "secretary", folder=house.folder), DONE)
    assert "rights" not in done.stderr
