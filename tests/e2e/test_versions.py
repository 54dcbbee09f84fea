"""Two versions of one model in a whole installation: tried by lot and in shadow mode, compared, promoted, gone back."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.config import FILE
from bridge.rules_file import SHIPPED
from bridge.wiring.install import to_toml
from guarantee.case import Case
from guarantee.ids import CaseId
from guarantee.result import Mode, Result
from guarantee.rollout import Trial
from guarantee.states import ResultState
from tests.e2e import inputs, wards
from tests.e2e.reader import AtDesk
from tests.e2e.script import DONE, FAULT, MISUSE, SAID_NO, called, require
from tests.inference.builders import SCORE_PARAMETERS, age_is_probability, score_package
from tests.installation import Installation, json_of

OLD, NEW = "probe@1.0.0", "probe@2.0.0"
WHY = ("--reason", "comité du 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial of version 2 for half of the stays, in which the other version looks on, and twelve stays of it.

    Args:
        before: what `aval models` said of each version before the trial.
        care, shadow: the results of each case.
    """

    ward: Installation
    trial: Trial
    before: dict[str, str]
    cases: dict[CaseId, Case]
    care: dict[CaseId, Result]
    shadow: dict[CaseId, Result]


def settings(folder: Path, *packages: Path) -> dict[str, Any]:
    """Write rules that send every stay to "probe", and return the settings that name them."""
    rules = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rules["routes"] = [{"name": "everybody", "kind": "record", "models": ["probe"]}]
    (folder / "routing.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    return {"models": {"packages": [str(p) for p in packages]}, "routing": {"rules": str(folder / "routing.yaml")}}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that knew version 1, and to which version 2 was then added, which rounds to whole percent."""
    folder = tmp_path_factory.mktemp("versions")
    coarse = {"probability": {**SCORE_PARAMETERS["probability"], "step": Decimal(1)}}
    first = score_package(folder / "one", age_is_probability(), name="probe")
    second = score_package(folder / "two", age_is_probability(), coarse, name="probe", version="2.0.0")
    made = Installation(folder / "data", settings(folder, first))
    written = tomllib.loads((made.folder / FILE).read_text(encoding="utf-8"))
    written["models"]["packages"].append(str(second))
    (made.folder / FILE).write_text(to_toml(written), encoding="utf-8")
    try:
        made.give_rights()
        refused(made, "trial", "start", NEW, "--shadow", *WHY, says="does not know it yet")
        require(called("migrate", "--begin", "shadow", folder=made.folder), DONE)
        put_in_routine(made, OLD, "ing.petit", "dr.durand")
        made.start("all")
        yield made
        made.stop()
    finally:
        made.kill()


@pytest.fixture(scope="module")
def tried(ward: Installation) -> Tried:
    """The trial, and what became of the stays."""
    before = {card["id"]: card["state"] for card in ask(ward, "list")}
    (alone,) = sent(ward, 20, each=1)
    assert (alone.model.id, alone.mode) == (OLD, Mode.CARE), "installing is not using"
    by = ward.people["dr.martin"]
    refused(ward, "trial", "start", NEW, "--canary", "50", *WHY, says=f"{NEW} is at shadow: it is tried for care from")
    said = ("models", "advance", NEW, "--to", "pilot", "--as", by.login, "--code", by.code, *WHY)
    require(called(*said, folder=ward.folder), DONE)
    ask(ward, "trial", "start", NEW, "--against", OLD, "--shadow", "--canary", "50", *WHY)
    found = sent(ward, *range(30, 42), each=2)
    care = {result.case: result for result in found if result.mode is Mode.CARE}
    with ward.reading() as unit:
        (trial,) = unit.rollouts.now().trials
        cases = {case: unit.cases.get(case) for case in care}
    shadow = {result.case: result for result in found if result.mode is Mode.SHADOW}
    return Tried(ward=ward, trial=trial, before=before, cases=cases, care=care, shadow=shadow)


def signed(ward: Installation, first: str, second: str) -> tuple[str, ...]:
    """Return what two people type."""
    one, other = ward.people[first], ward.people[second]
    return ("--as", one.login, "--code", one.code, "--second", other.login, "--second-code", other.code, *WHY)


def put_in_routine(ward: Installation, version: str, first: str, second: str) -> Any:
    return ask(ward, "promote", version, *signed(ward, first, second))


def ask(ward: Installation, *words: str) -> Any:
    return json_of(require(called("models", *words, "--json", folder=ward.folder), DONE))


def refused(ward: Installation, *words: str, says: str) -> None:
    require(called("models", *words, folder=ward.folder), SAID_NO, says)


def results(ward: Installation) -> list[Result]:
    with ward.reading() as unit:
        return [row.result for row in unit.views.results((), modes=("care", "shadow"), limit=1000)]


def sent(ward: Installation, *numbers: int, each: int) -> list[Result]:
    """Post these stays; return their results once there are so many for each and all of them have ended."""
    before = {result.id for result in results(ward)}
    answer = inputs.push(wards.message(*(wards.stay(number, "IMP", years=number) for number in numbers)), ward.fhir)
    assert answer.status_code == 200, answer.text

    def look() -> list[Result]:
        found = [result for result in results(ward) if result.id not in before]
        over = all(result.state is not ResultState.QUEUED for result in found)
        return found if over and len(found) == each * len(numbers) else []

    return ward.eventually(look, f"{each} results for each of {len(numbers)} stays to end")


def test_the_lot_says_which_stay_gets_which_version_for_care_and_the_other_looks_on(tried: Tried) -> None:
    assert tried.before == {OLD: "routed", NEW: "installed"}
    assert tried.care.keys() == tried.shadow.keys()
    for case, one in tried.cases.items():
        drawn, other = (NEW, OLD) if tried.trial.takes(one.kind, one.uid) else (OLD, NEW)
        assert (tried.care[case].model.id, tried.shadow[case].model.id) == (drawn, other)


def test_the_draw_of_a_stay_can_be_repeated_by_anybody(tried: Tried) -> None:
    case, one = next(iter(tried.cases.items()))
    said = json_of(require(called("route", "try", one.uid, "--json", folder=tried.ward.folder), DONE))
    models = said["cases"][0]["routes"][0]["models"]
    assert [(model["model"], model["mode"]) for model in models] == [
        (tried.care[case].model.id, "care"),
        (tried.shadow[case].model.id, "shadow"),
    ]
    text = "the canary gets draws below 50, this case drew"
    require(called("route", "try", one.uid, folder=tried.ward.folder), DONE, text)


def test_no_reader_finds_a_shadow_result(tried: Tried) -> None:
    care, shadow = ({result.id for result in each.values()} for each in (tried.care, tried.shadow))
    with AtDesk(tried.ward, tried.ward.people["dr.martin"]) as martin:
        seen = {line["id"] for line in martin.lines()}
        assert care <= seen
        assert not shadow & seen
        hidden, open_ = next(iter(shadow)), next(iter(care))
        for method, path in (
            ("GET", ""),
            ("GET", "/timeline"),
            ("GET", "/series"),
            ("GET", f"/segments/1?mask={64 * '0'}"),
            ("POST", "/question"),
        ):
            assert martin.web.request(method, f"/api/results/{hidden}{path}").status_code == 404, path
        assert martin.open(open_)["shown"]
        assert "Tried, for 50 % of the cases" in martin.web.get("/systems").text


def test_a_trial_is_against_what_is_in_routine_and_one_at_a_time(tried: Tried) -> None:
    ward = tried.ward
    require(called("models", "trial", "start", NEW, *WHY, folder=ward.folder), MISUSE, "--shadow, --canary")
    refused(ward, "trial", "start", NEW, "--shadow", "--against", NEW, *WHY, says=f"{OLD} is in routine")
    refused(ward, "trial", "start", OLD, "--shadow", *WHY, says="another version is tried against it")
    refused(ward, "trial", "start", NEW, "--canary", "10", *WHY, says="another trial of this model")
    refused(ward, "trial", "start", "probe@9.0.0", "--shadow", *WHY, says="not installed here")
    refused(ward, "retire", NEW, *WHY, says="end its trial")
    (told,) = ask(ward, "trial", "list")
    assert (told["trial"], told["stands"], told["what"]) == (tried.trial.id, "open", "shadow and canary 50 %")
    assert {card["id"]: card["state"] for card in ask(ward, "list")} == {OLD: "routed", NEW: "canary"}


def test_two_versions_are_compared_and_too_few_cases_give_no_rate(tried: Tried) -> None:
    ward = tried.ward
    side = ask(ward, "compare", OLD, NEW)
    assert (side["n"], side["drafted"], side["same"], side["given"]) == (12, 12, None, [13, 12])
    (number,) = side["numbers"]
    assert (number["n"], number["quantiles"]) == (12, None)
    assert {line["case"] for line in side["discordant"]} <= tried.care.keys()
    require(called("models", "compare", OLD, NEW, folder=ward.folder), DONE, "n insuffisant", "12 cases that both")
    rows = require(called("models", "compare", OLD, NEW, "--csv", folder=ward.folder), DONE).stdout.splitlines()
    assert rows[:2] == ["section,what,first,second,n,value,low,high", f"cases,both given,{OLD},{NEW},12,,,"]
    assert ask(ward, "compare", OLD, NEW, "--since", "2100-01-01")["n"] == 0
    refused(ward, "compare", OLD, OLD, says="two versions of one model")
    refused(ward, "compare", OLD, "probe@9.0.0", says="never known here")


def test_what_is_promoted_gets_the_next_stay_without_a_restart(tried: Tried) -> None:
    ward = tried.ward
    refused(ward, "promote", NEW, *signed(ward, "dr.nguyen", "dr.martin"), says="asked for an earlier stage")
    done = put_in_routine(ward, NEW, "dr.nguyen", "dr.durand")
    assert (done["in_routine"], done["left"], done["trials_over"]) == (NEW, OLD, [tried.trial.id])
    (given,) = sent(ward, 50, each=1)
    assert (given.model.id, given.mode) == (NEW, Mode.CARE)
    shown = require(called("models", "trial", "show", tried.trial.id[:8], folder=ward.folder), DONE, "stands: over")
    assert f"{NEW} put in routine by promote" in shown.stdout
    require(called("check", folder=ward.folder), DONE)


def given_back(ward: Installation, left: Result) -> bool:
    """Whether the case of ``left`` has a draft of the older version, and ``left`` is out of date."""
    with ward.reading() as unit:
        found = {(one.model.id, one.state) for one in unit.results.of_case(left.case)}
    return found == {(NEW, ResultState.STALE), (OLD, ResultState.AWAITING_REVIEW)}


def test_a_rollback_gives_what_waits_to_the_older_version_and_the_next_stay_too(tmp_path: Path) -> None:
    made = [
        score_package(tmp_path / version, age_is_probability(), name="probe", version=version)
        for version in ("1.0.0", "2.0.0")
    ]
    ward = Installation(tmp_path / "data", settings(tmp_path, *made))
    try:
        assert {card["id"]: card["state"] for card in ask(ward, "list")} == {OLD: "installed", NEW: "routed"}
        refused(ward, "rollback", "probe", *WHY, says="was ever in routine here")
        put_in_routine(ward, OLD, "ing.petit", "dr.martin")
        refused(ward, "rollback", "probe", *WHY, says="there was none before it")
        put_in_routine(ward, NEW, "dr.nguyen", "dr.durand")
        ward.start("all")
        (waits,) = sent(ward, 60, each=1)
        assert waits.model.id == NEW
        said = ask(ward, "rollback", "probe", "--dry-run", *WHY)
        assert (said["dry_run"], said["in_routine"], said["given_back"]) == (True, OLD, 1)
        done = ask(ward, "rollback", "probe", "--stop", *WHY)
        assert (done["dry_run"], done["in_routine"], done["left"], done["stopped"]) == (False, OLD, NEW, True)
        assert (done["work_left"], done["given_back"]) == ({"awaiting review": 1}, 1)
        ward.eventually(lambda: given_back(ward, waits), "the case to be given to the older version")
        with AtDesk(ward, ward.people["dr.martin"]) as martin:
            answer = martin.web.post(f"/api/results/{waits.id}/question")
            assert answer.status_code == 409
        refused(ward, "rollback", "probe", *WHY, says="--further")
        (after,) = sent(ward, 61, each=1)
        assert (after.model.id, after.state) == (OLD, ResultState.AWAITING_REVIEW)
        with ward.reading() as unit:
            told = [json.loads(link.body) for link in unit.journal.links() if link.action == "appointment.rollback"]
        assert [(body["model"], body["by"].partition(":")[0]) for body in told] == [(OLD, "operator")]
        ward.stop()
    finally:
        ward.kill()


def test_a_rule_that_names_a_version_is_told_who_says_that(ward: Installation, tmp_path: Path) -> None:
    rules = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rules["routes"] = [{"name": "everybody", "kind": "record", "models": [OLD]}]
    path = tmp_path / "routing.yaml"
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    done = called("route", "check", str(path), folder=ward.folder)
    require(done, FAULT, "routing.yaml:", "a rule names a model without its version")
