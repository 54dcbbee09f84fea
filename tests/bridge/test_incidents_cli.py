"""``aval incidents``: from a report to its closure, as a script and as people see it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.accounts import add_person, current_code
from bridge.cli import main
from bridge.config import load
from bridge.db.engine import make_aval_engine
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from fhir_adapters.pdf import read_pdf
from guarantee.declarations import DUTIES
from guarantee.policy import Role
from tests.db.databases import seed
from tests.db.steps import Steps
from tests.guarantee.samples import a_reader

PEOPLE = {"dr.house": Role.RADIOLOGIST, "pr.board": Role.COMMITTEE, "dpo": Role.DPO}
WORDS = "lobe gauche manqué"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("incidents") / "data"
    install(folder)
    opened = Parts(load(folder, {}))
    engine = make_aval_engine(opened.settings.database_url("desk"))
    seed(engine)
    engine.dispose()
    for login, role in PEOPLE.items():
        add_person(a_reader(login, role), "a long password", opened.sign_in)
    yield opened
    opened.close()


@pytest.fixture
def result(parts: Parts, request: pytest.FixtureRequest) -> str:
    steps = Steps(lambda role: parts.store("desk"))
    return steps.drafted(f"1.2.{request.node.name.count('_')}.{len(request.node.name)}").id


def said(parts: Parts, *words: str, by: str = "", status: int = 0) -> Result:
    who = ("--as", by, current_code(by, parts.sign_in)) if by else ()
    once = {"AVAL_DESK__CODES_WORK_ONCE": "false"}
    done = CliRunner().invoke(main, [*words, *who, "--dir", str(parts.settings.folder)], env=once)
    assert done.exit_code == status, done.output
    return done


def reported(parts: Parts, result: str, grade: str = "D4") -> str:
    words = ("incidents", "report", result, "--grade", grade, "--reason", WORDS, "--json")
    return str(json.loads(said(parts, *words, by="dr.house").output)["incident"])


def shown(parts: Parts, incident: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(said(parts, "incidents", "show", incident[:8], "--json").output)
    return found


def test_from_a_report_to_its_closure(parts: Parts, result: str) -> None:
    key = reported(parts, result)
    found = shown(parts, key)
    assert [found[name] for name in ("grade", "state", "frozen", "near_miss")] == ["D4", "open", True, True]
    said(parts, "incidents", "close", key, "--effect", "vingt cas relus", by="pr.board", status=3)
    said(parts, "incidents", "answer", key, "data=yes", "security=no", by="dpo")
    said(parts, "incidents", "action", key, "seuil revu", "--due", "2026-12-31", by="pr.board")
    said(parts, "incidents", "done", key, "1", "version 1.0.1", by="pr.board")
    said(parts, "incidents", "declared", key, "gdpr-33", "CNIL-2026-17", by="dpo")
    for duty in DUTIES:
        if duty.code != "gdpr-33":
            said(parts, "incidents", "set-aside", key, duty.code, "--reason", "vu avec la qualité", by="dpo")
    second = ("--second", "dpo", current_code("dpo", parts.sign_in))
    closed = said(parts, "incidents", "close", key, "--effect", "vingt cas relus", *second, by="pr.board")
    assert "is closed" in closed.output
    said(parts, "incidents", "action", key, "autre", by="pr.board", status=3)
    lifted = said(parts, "incidents", "lift", key, "--reason", "revue close", *second, by="pr.board")
    assert lifted.output == "1 freeze lifted\n"
    said(parts, "incidents", "freeze", key, by="dpo")
    assert "open" in said(parts, "incidents", "reopen", key, "--reason", "un nouveau cas", by="pr.board").output


def test_people_are_told_what_a_grade_set_off_and_where_to_look(parts: Parts, result: str) -> None:
    key = reported(parts, result, "D3")
    story = said(parts, "incidents", "grade", key, "--grade", "D4", "--reason", "relu", by="pr.board").output
    for word in ("grade     D4, open", "near-miss", "frozen", "gdpr-33", "aval results select --version"):
        assert word in story
    assert "QUESTION" in said(parts, "incidents", "answer", key, by="dpo").output
    listed = said(parts, "incidents", "list", "--open").output
    assert key[:8] in listed
    assert "near-misses: " in listed


def test_what_must_not_be_is_refused(parts: Parts, result: str) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    said(parts, "incidents", "report", nobody, "--grade", "D1", "--reason", WORDS, by="dr.house", status=3)
    said(parts, "incidents", "report", result, "--grade", "D9", "--reason", WORDS, by="dr.house", status=2)
    said(parts, "incidents", "show", "nothing", status=3)
    key = reported(parts, result, "D1")
    said(parts, "incidents", "answer", key, "data=perhaps", by="dpo", status=2)
    said(parts, "incidents", "answer", key, "weather=yes", by="dpo", status=3)
    said(parts, "incidents", "set-aside", key, "gdpr-33", "--reason", "x", by="dr.house", status=3)


def test_the_sheet_is_json_a_page_and_a_pdf(parts: Parts, result: str, tmp_path: Path) -> None:
    key = reported(parts, result)
    plain = json.loads(said(parts, "incidents", "fei", key).output)
    rows = {row["name"]: row["value"] for row in plain["rows"]}
    assert (rows["Description"], rows["Système suspendu"], rows["Preuves gelées"]) == (WORDS, "oui", "oui")
    page, pdf = tmp_path / "fei.html", tmp_path / "fei.pdf"
    said(parts, "incidents", "fei", key, "--html", str(page), "--pdf", str(pdf))
    assert WORDS in page.read_text(encoding="utf-8")
    assert WORDS in read_pdf(pdf.read_bytes())[0]
    with parts.store("desk").reading() as unit:
        case = unit.cases.get(unit.results.get(unit.incidents.get(key).incident.result).case)
    for trait in (case.patient.name.split("^")[0], case.patient.identifier, case.uid):
        assert trait not in page.read_text(encoding="utf-8") + json.dumps(plain)


def test_a_clock_that_ran_out_is_listed(parts: Parts, result: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = reported(parts, result, "D3")
    late = parts.clock.now() + timedelta(days=40)
    monkeypatch.setattr("bridge.wiring.clock.SystemClock.now", lambda _: late)
    assert set(shown(parts, key)["overdue"]) >= {"college", "eigs-1", "gdpr-33"}  # type: ignore[call-overload] # a list
