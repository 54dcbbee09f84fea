"""``aval route try``: what the rules would do, said before anything is sent."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.wiring.install import install
from tests.dicom import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path / "data")
    return tmp_path / "data"


def files(folder: Path, modality: str, **header: str) -> Path:
    folder.mkdir()
    for number, image in enumerate(samples.series(modality, slices=3, rows=16, columns=16), start=1):
        for keyword, value in header.items():
            setattr(image, keyword, value)
        (folder / f"{number}.dcm").write_bytes(samples.to_file(image))
    return folder


def tried(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["route", "try", *words, "--dir", str(folder)])


def test_a_study_that_no_route_takes_is_told_which_condition_fails(folder: Path, tmp_path: Path) -> None:
    done = tried(folder, str(files(tmp_path / "ct", "CT")))
    assert done.exit_code == 0
    assert "3 instances in 1 series" in done.output
    assert "route head-mr does not fire: modality is not met (the study holds MR images)" in done.output


def test_a_model_outside_its_envelope_is_told_why(folder: Path, tmp_path: Path) -> None:
    done = tried(folder, str(files(tmp_path / "mr", "MR", BodyPartExamined="KNEE")), "--json")
    (case,) = json.loads(done.output)["cases"]
    (route,) = case["routes"]
    (model,) = route["models"]
    assert (route["fires"], model["runs"]) == (True, False)
    assert model["why_not"]["code"]
    assert list(case["series"].values()) == [3]


def test_what_would_be_turned_away_is_named_with_its_reason(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.dcm").write_bytes(b"not an image")
    (tmp_path / "message.json").write_text('{"resourceType": "Patient"}')
    done = tried(folder, str(tmp_path / "notes.dcm"), str(tmp_path / "message.json"))
    assert done.exit_code == 1
    assert "notes.dcm would be turned away: not-dicom" in done.output
    assert "message.json would be turned away: 4" in done.output


def test_what_is_neither_a_file_nor_known_is_said(folder: Path) -> None:
    done = tried(folder, "1.2.3")
    assert done.exit_code == 3


def test_nothing_is_kept(folder: Path, tmp_path: Path) -> None:
    before = kept(folder)
    assert tried(folder, str(files(tmp_path / "mr", "MR"))).exit_code == 0
    assert kept(folder) == before


def kept(folder: Path) -> tuple[list[str], list[Path]]:
    """Return every row of the database, also those that lie in its log, and every file of the vault."""
    with closing(sqlite3.connect(folder / "aval.db")) as connection:
        rows = list(connection.iterdump())
    return rows, sorted(path for path in (folder / "vault").rglob("*") if path.is_file())


# --------------------------------------------------------------------------------------------- rules of a site's own

RULES = """
policies:
  - {id: validate-each, version: 1, readers: 1, roles: [radiologist], expires_after_s: 60}
routes:
  - name: brains
    kind: study
    when:
      - {fact: Modality, has: [MR], why: {fr: IRM, en: MRI}, code: modality}
    models: [brain-extractor]
  - name: trial-scanner
    kind: study
    when:
      - {fact: Sender, has: [mr-2], why: {fr: appareil 2, en: scanner 2}, code: sender}
      - {fact: Site, one_of: [north], why: {fr: nord, en: north}, code: site}
    reject: {fr: en essai, en: on trial}
"""


def ruled(folder: Path, rules: str = RULES) -> Path:
    (folder / "rules.yaml").write_text(rules)
    with (folder / "aval.toml").open("a") as settings:
        settings.write('\n[routing]\nrules = "rules.yaml"\n')
    return folder


def test_a_rejection_by_rule_is_told_with_its_name_and_reason(folder: Path, tmp_path: Path) -> None:
    images = str(files(tmp_path / "mr", "MR"))
    done = tried(ruled(folder), images, "--sender", "mr-2", "--site", "north")
    assert "rule trial-scanner fires, and rejects every model: on trial" in done.output
    assert "brain-extractor@1.0.0 is excluded" in done.output
    assert "rule, trial-scanner: on trial" in done.output
    elsewhere = tried(folder, images, "--sender", "mr-2", "--site", "south")
    assert "route trial-scanner does not fire: site is not met" in elsewhere.output
    (case,) = json.loads(tried(folder, images, "--sender", "mr-2", "--site", "north", "--json").output)["cases"]
    assert [route["rejects"] for route in case["routes"]] == [None, "on trial"]
    assert case["routes"][0]["models"][0]["why_not"] == {"code": "rule", "detail": "trial-scanner: on trial"}


def test_a_study_that_no_rule_takes_is_said_to_be_marked(folder: Path, tmp_path: Path) -> None:
    images = str(files(tmp_path / "ct", "CT"))
    assert "no rule takes this study: it would be complete, and marked no-route" in tried(folder, images).output
    (case,) = json.loads(tried(folder, images, "--json").output)["cases"]
    assert case["cause"] == "no-route"


def test_an_order_that_is_wanted_at_once_shows_in_the_trace(folder: Path, tmp_path: Path) -> None:
    images = str(files(tmp_path / "mr", "MR", RequestedProcedurePriority="STAT"))
    said = "route head-mr fires, stat because the order says so (RequestedProcedurePriority)"
    assert said in tried(folder, images).output


def checked(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["route", "check", *words, "--dir", str(folder)])


def test_rules_that_can_be_used_are_said_to_be(folder: Path) -> None:
    assert checked(folder).exit_code == 0
    assert checked(ruled(folder)).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: study", "kind: film", "rules.yaml:6: routes.0.kind"),
        ("fact: Modality", "fact: Modalty", "rules.yaml:8: routes.0.when.0.fact: nothing tells 'Modalty' of a study"),
        ("[brain-extractor]", "[brains]", "rules.yaml:9: routes.0.models.0: route brains names model 'brains'"),
        ("[brain-extractor]", "[hospital-mortality]", "model hospital-mortality is not"),
        ("id: validate-each", "id: others", "asks for policy 'validate-each', which no rule file defines"),
    ],
)
def test_what_is_wrong_with_the_rules_is_told_with_its_line(folder: Path, old: str, new: str, says: str) -> None:
    path = ruled(folder, RULES.replace(old, new, 1)) / "rules.yaml"
    done = checked(folder, str(path))
    assert done.exit_code == 1
    assert says in done.output
    assert json.loads(checked(folder, str(path), "--json").output)["faults"]


def test_the_schema_of_the_rules_is_printed() -> None:
    assert json.loads(CliRunner().invoke(main, ["route", "schema"]).output)["$schema"]
