"""The command line as a script uses it: every verb, its exit code, its JSON; and what must stop a start.

Verbs on results of a running installation are in test_cli_beside.py, the demonstration is in test_demo.py.
"""

import json
import shutil
import signal
import sqlite3
import time
import tomllib
from contextlib import closing
from pathlib import Path

import pyotp
import pytest

from bridge.wiring.install import to_toml
from tests.e2e.script import DONE, FAULT, MISUSE, NO_ANSWER, SAID_NO, called, require
from tests.inference.builders import mask_package
from tests.installation import PASSWORD, Installation, json_of
from tests.peers.base import free_port


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation on which nothing runs, with no destination."""
    return Installation(tmp_path_factory.mktemp("quiet") / "data", {})


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    """The same, for one test alone."""
    return Installation(tmp_path / "data", {})


# ------------------------------------------------------------------------------------------------------ its own shape


def test_wrong_use_ends_with_two_and_help_with_nought(quiet: Installation) -> None:
    for words in ([], ["nonsense"], ["run", "nonsense"], ["run"], ["results", "show"], ["retract", "x"], ["stop"]):
        require(called(*words), MISUSE, "Usage:")
    for words in (["--help"], ["-h"], ["--version"], ["journal", "--help"], ["run", "-h"]):
        require(called(*words), DONE)
    require(quiet.aval("users", "nonsense"), MISUSE, "Usage:")


def test_a_folder_that_is_none_is_said_with_what_to_do(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for words in (["check"], ["results", "list"], ["journal", "verify"], ["migrate"], ["users", "code", "x"]):
        require(called(*words, folder=nowhere), SAID_NO, "aval init")
    assert not nowhere.exists()


def test_init_makes_a_folder_that_checks_well_and_is_never_made_twice(tmp_path: Path) -> None:
    folder, home = tmp_path / "new", {"HOME": str(tmp_path)}
    require(called("init", folder=folder, **home), DONE, "is ready")
    before = (folder / "aval.toml").read_bytes()
    require(called("init", folder=folder, **home), SAID_NO, "exists already")
    assert (folder / "aval.toml").read_bytes() == before
    for _ in range(2):
        require(called("migrate", folder=folder), DONE, "up to date")
    checks = json_of(require(called("check", "--json", folder=folder), DONE))
    assert {check["what"] for check in checks} == {
        *(
            "database",
            "vault",
            "keys",
            "models",
            "provider",
            "retired models",
            "versions",
            "signatures",
            "stages",
            "routing",
            "journal",
            "stamps",
            "broker",
            "held cases",
            "dicom-web",
            "hl7",
        ),
    }
    assert all(check.keys() == {"what", "ok", "detail"} and check["ok"] for check in checks)
    private = [path for path in (folder / "keys").iterdir() if path.suffix != ".pub"]
    assert private
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


# ------------------------------------------------------------------------------------------------------------ settings


def test_every_setting_is_explained_with_its_origin_and_no_secret_is_printed(quiet: Installation) -> None:
    variables = {"AVAL_BROKER__URL": "amqp://aval:gardez-le@mq/", "AVAL_QUIET__DEFAULT_S": "7.5"}
    done = require(called("config", "explain", "--json", folder=quiet.folder, **variables), DONE)
    rows = {row["name"]: row for row in json_of(done)}
    assert all(row.keys() == {"name", "value", "origin", "meaning"} and row["meaning"] for row in rows.values())
    assert (rows["quiet.default_s"]["value"], rows["quiet.default_s"]["origin"]) == ("7.5", "environment")
    assert (rows["scp.aet"]["value"], rows["scp.aet"]["origin"]) == ("AVAL", "aval.toml")
    assert rows["scp.associations_max"]["origin"] == "default"
    assert (rows["broker.url"]["value"], rows["broker.url"]["origin"]) == ("(secret)", "environment")
    text = require(called("config", "explain", folder=quiet.folder, **variables), DONE)
    assert "gardez-le" not in done.stdout + text.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AVAL_SCP__PROT", "11112", "scp.prot"),
        ("AVAL_SPC__PORT", "11112", "spc"),
        ("AVAL_PORT", "11112", "port"),
        ("AVAL_SCP__PORT", "one", "scp.port"),
        ("AVAL_SITE__NAMESPACE", "", "site.namespace"),
    ],
)
def test_a_variable_that_nobody_knows_stops_every_verb(quiet: Installation, name: str, value: str, said: str) -> None:
    for words in (["check"], ["results", "list"], ["journal", "anchor"]):
        assert require(called(*words, folder=quiet.folder, **{name: value}), SAID_NO, said).stdout == ""


def test_a_variable_that_nobody_knows_stops_the_start(quiet: Installation) -> None:
    for process in ("all", "deliver"):
        require(quiet.aval("run", process, "--for", "1", AVAL_SCP__PROT="11112"), SAID_NO, "scp.prot")


def test_a_setting_in_the_file_that_nobody_knows_stops_every_start(fresh: Installation) -> None:
    file = fresh.folder / "aval.toml"
    settings = tomllib.loads(file.read_text())
    settings["desk"]["codes_work_one"] = True
    file.write_text(to_toml(settings))
    require(fresh.aval("run", "all", "--for", "1"), SAID_NO, "desk.codes_work_one", "unknown setting")
    file.write_text("this is [not TOML")
    require(called("check", folder=fresh.folder), SAID_NO, "not TOML")


# ------------------------------------------------------------------------------------------------------------- running


def test_it_runs_until_it_is_asked_to_stop_or_for_a_while_and_once_in_a_folder(fresh: Installation) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        fresh.start()
        if number == signal.SIGTERM:
            require(fresh.aval("run", "all", "--for", "1"), SAID_NO, "another aval already runs")
        process = fresh.running.pop("all")
        process.send_signal(number)
        assert process.wait(60) == DONE, fresh.tail()
        assert "Traceback" not in fresh.said()
    require(fresh.aval("run", "all", "--for", "0.5"), DONE)


def test_a_port_that_is_taken_is_said_and_nothing_keeps_running(fresh: Installation, quiet: Installation) -> None:
    quiet.start()
    try:
        for section, door in (("DESK", "desk"), ("SCP", "scp")):
            variables = {f"AVAL_{section}__PORT": str(quiet.ports[door])}
            require(fresh.aval("run", "all", "--for", "60", **variables), NO_ANSWER, str(quiet.ports[door]))
    finally:
        quiet.stop()


def test_check_names_what_does_not_answer(fresh: Installation) -> None:
    dead = free_port()
    file = fresh.folder / "aval.toml"
    settings = tomllib.loads(file.read_text())
    settings["destinations"] = {
        "pacs": {"mort": {"aet": "MORT", "host": "127.0.0.1", "port": dead, "commitment_port": 0}},
        "fhir": {"muet": {"base_url": f"http://127.0.0.1:{dead}/fhir"}},
    }
    settings["storage"] = {"free_min_mb": 10**9}
    file.write_text(to_toml(settings))
    done = require(fresh.aval("check", "--json"), FAULT)
    assert done.stderr == ""
    faults = [check["what"] for check in json_of(done) if not check["ok"]]
    assert len(faults) == 3
    assert "vault" in faults
    assert any("mort" in what for what in faults)
    assert any("muet" in what for what in faults)
    require(fresh.aval("check"), FAULT, "FAULT")
    (fresh.folder / "keys" / "desk.key").rename(fresh.folder / "lost")
    require(fresh.aval("check"), FAULT, "FAULT  keys", "desk.key")
    require(fresh.aval("run", "all", "--for", "1"), SAID_NO, "desk.key")


# -------------------------------------------------------------------------------------------------------------- people


def test_people_are_added_listed_and_closed(quiet: Installation) -> None:
    who = ("--name", "LEROY^Inès", "--role", "clinician", "--professional-id", "899900000055", "--password", PASSWORD)
    require(called("users", "add", "dr.leroy", *who, "--role", "nobody", folder=quiet.folder), MISUSE)
    done = require(called("users", "add", "dr.leroy", *who, folder=quiet.folder), DONE, "dr.leroy")
    secret = done.stdout.split()[-1]
    assert PASSWORD not in done.stdout
    require(called("users", "add", "dr.leroy", *who, folder=quiet.folder), SAID_NO, "dr.leroy", "nothing was changed")
    found = {row["login"]: row for row in json_of(called("users", "list", "--json", folder=quiet.folder))}
    assert found["dr.leroy"] == {"login": "dr.leroy", "role": "clinician", "active": True}
    code = require(quiet.aval("users", "code", "dr.leroy"), DONE).stdout.strip()
    assert code in {pyotp.TOTP(secret).at(int(time.time()) - back) for back in (0, 30)}
    require(called("users", "close", "dr.leroy", folder=quiet.folder), DONE, "closed")
    require(called("users", "list", folder=quiet.folder), DONE, "closed")
    for verb in ("close", "code"):
        require(called("users", verb, "nobody", folder=quiet.folder), SAID_NO, "nobody is called")


# -------------------------------------------------------------------------------------------------------------- models


def test_models_are_listed_and_added_and_a_changed_one_is_not(fresh: Installation, tmp_path: Path) -> None:
    cards = json_of(require(called("models", "list", "--json", folder=fresh.folder), DONE))
    assert {card["id"] for card in cards} == {
        *("brain-extractor@1.0.0", "hospital-mortality@1.0.0"),
        *("kidney-failure@1.0.0", "series-check@1.0.0"),
    }
    assert all(len(card["digest"]) == 64 and card["regulatory"] == "research" for card in cards)
    assert all(card["label"]["fr"] and card["label"]["en"] and card["licence"] for card in cards)
    require(called("models", "list", folder=fresh.folder), DONE, "brain-extractor@1.0.0")

    standing = {card["id"].partition("@")[0]: (card["state"], card["routes"]) for card in cards}
    assert standing["brain-extractor"] == ("routed", ["head-mr"])
    assert standing["series-check"] == ("installed", [])

    package = mask_package(tmp_path / "probe", name="probe")
    require(called("models", "add", str(package), folder=fresh.folder), DONE, "probe@1.0.0")
    require(called("models", "add", str(package), folder=fresh.folder), SAID_NO, "exists already")
    added = fresh.folder / "models" / "probe-1.0.0"
    shutil.rmtree(added)
    (package / "model.onnx").write_bytes(b"something else")
    require(called("models", "add", str(package), folder=fresh.folder), SAID_NO, "model.onnx")
    assert not added.exists()


def test_a_card_is_shown_to_a_person_in_their_language(fresh: Installation) -> None:
    said = require(called("models", "show", "kidney-failure", folder=fresh.folder), DONE).stdout
    assert "État: en service" in said
    assert "Règles qui l’appellent:\n  - chronic-kidney-disease\n  - chronic-kidney-disease-mass\n" in said
    assert "insuffisance rénale" in said
    english = require(called("models", "show", "kidney-failure@1.0.0", "--lang", "en", folder=fresh.folder), DONE)
    assert "Where it stands: in use" in english.stdout
    value = json_of(require(called("models", "show", "kidney-failure", "--json", folder=fresh.folder), DONE))
    assert value["digests"].keys() == {"card.yaml", "model.onnx", "golden.json"}
    assert all(digest in said for digest in value["digests"].values())
    assert value["golden_cases"] == 10
    require(called("models", "show", "nothing", folder=fresh.folder), SAID_NO, "aval models list")


def test_what_changed_of_a_version_is_said_as_text_json_and_csv(fresh: Installation) -> None:
    drift = ("models", "drift", "brain-extractor@1.0.0")
    require(called("models", "drift", "nobody@1.0.0", folder=fresh.folder), SAID_NO, "aval models list")
    require(called(*drift, "--count", "10", folder=fresh.folder), MISUSE, "--count")
    require(called(*drift, folder=fresh.folder), DONE, "no result to compare")
    with closing(sqlite3.connect(fresh.folder / "aval.db")) as connection, connection:
        for number in range(400):
            body = json.dumps({"input/device": "SIGNA" if number < 200 else "Vida", "input/slices": number % 7})
            row = ("brain-extractor@1.0.0", "care", "study", f"1.2.{number}", "r", "chu", "mr1", "x", 1)
            at = f"2026-11-{number // 24 + 1:02}T{number % 24:02}:00:00.000000Z"
            connection.execute("INSERT INTO features VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, at, body))
    require(
        called(*drift, folder=fresh.folder), DONE, "device", "to be looked at", "SIGNA: 100% -> 0%", "median 3 -> 3"
    )
    found = json_of(require(called(*drift, "--by", "scanner", "--json", folder=fresh.folder), DONE))
    assert [group["name"] for group in found["groups"]] == ["", "x"]
    verdicts = {row["name"]: row["verdict"] for row in found["groups"][0]["features"]}
    assert verdicts == {"device": "look", "slices": "steady"}
    lines = require(called(*drift, "--csv", folder=fresh.folder), DONE).stdout.splitlines()
    assert (lines[0].split(",")[:2], len(lines)) == (["model", "mode"], 1 + 2 + 7)
    chosen = ("--reference", "2026-11-01", "2026-11-05", "--recent", "2026-11-04", "2026-11-20")
    require(called(*drift, *chosen, folder=fresh.folder), SAID_NO, "the reference ends before")


def test_a_version_is_retired_for_ever_and_not_behind_a_routes_back(fresh: Installation) -> None:
    def retire(version: str, *more: str) -> tuple[str, ...]:
        return ("models", "retire", version, "--reason", "remplacé", *more)

    require(called(*retire("nobody@1.0.0"), folder=fresh.folder), SAID_NO, "aval models list")
    require(called(*retire("brain-extractor@1.0.0"), folder=fresh.folder), SAID_NO, "head-mr", "--although-routed")
    require(called(*retire("series-check@1.0.0"), folder=fresh.folder), DONE, "retired: series-check@1.0.0")
    require(called(*retire("series-check@1.0.0"), folder=fresh.folder), SAID_NO, "was retired on")
    require(called("check", folder=fresh.folder), DONE)
    require(called(*retire("brain-extractor@1.0.0", "--although-routed"), folder=fresh.folder), DONE)
    require(
        called("check", folder=fresh.folder), FAULT, "head-mr sends work to brain-extractor@1.0.0, which is retired"
    )
    require(called("stop", "--model", "kidney-failure", "--reason", "essai", folder=fresh.folder), DONE)
    cards = json_of(require(called("models", "list", "--json", folder=fresh.folder), DONE))
    states = {card["id"].partition("@")[0]: card["state"] for card in cards}
    assert states == {
        "brain-extractor": "retired",
        "hospital-mortality": "routed",
        "kidney-failure": "stopped",
        "series-check": "retired",
    }
    require(called("models", "show", "series-check", folder=fresh.folder), DONE, "retiré", "remplacé")


def test_a_model_whose_bytes_changed_is_found_and_never_run(fresh: Installation, tmp_path: Path) -> None:
    package = mask_package(tmp_path / "probe", name="probe")
    rules = tmp_path / "rules.yaml"
    rules.write_text(NO_ROUTES)
    file = fresh.folder / "aval.toml"
    settings = tomllib.loads(file.read_text())
    settings |= {"models": {"packages": [str(package)]}, "routing": {"rules": str(rules)}}
    file.write_text(to_toml(settings))
    found = json_of(require(called("models", "verify", "--json", folder=fresh.folder), DONE))
    assert found == {"models": 1, "faults": []}
    with (package / "model.onnx").open("r+b") as model:
        model.seek(40)
        model.write(b"\xff\xff")
    found = json_of(require(called("models", "verify", "--json", folder=fresh.folder), FAULT))
    assert "model.onnx" in found["faults"][0]
    require(called("check", folder=fresh.folder), FAULT, "model.onnx")
    require(fresh.aval("run", "all", "--for", "1"), SAID_NO, "model.onnx")


NO_ROUTES = """\
policies: [{id: single-reader, version: 1, readers: 1, expires_after_s: 3600, roles: [radiologist, clinician]}]
routes: []
"""


# -------------------------------------------------------------------------------------------------------- the journal


def test_a_journal_is_anchored_once_verified_and_exported(fresh: Installation, tmp_path: Path) -> None:
    require(called("stop", "--all", "--reason", "essai", folder=fresh.folder), DONE, "stopped: all")
    made = json_of(require(called("journal", "anchor", "--json", folder=fresh.folder), DONE))
    assert made["anchored"] is True
    assert len(made["places"]) == 2
    assert all(Path(place).read_text().count("\n") == 1 for place in made["places"])
    assert json_of(called("journal", "anchor", "--json", folder=fresh.folder)) == {"anchored": False}
    held = json_of(require(called("journal", "verify", "--json", folder=fresh.folder), DONE))
    seq, head = made["seq"], made["hash"]
    assert held == {"holds": True, "links": seq, "head": head, "anchors": 1, "anchored_to": seq}
    to_file = tmp_path / "journal.jsonl"
    require(called("journal", "export", "--out", str(to_file), folder=fresh.folder), DONE)
    lines = [json.loads(line) for line in require(fresh.aval("journal", "export"), DONE).stdout.splitlines()]
    assert "export" in lines[0]
    assert sum("link" in line for line in lines) == seq
    assert lines[1:] == [json.loads(line) for line in to_file.read_text().splitlines()][1:]


def test_a_database_from_before_the_last_anchor_does_not_start(fresh: Installation) -> None:
    database = fresh.folder / "aval.db"
    backup = fresh.folder / "backup.db"
    with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(backup)) as copy:
        live.backup(copy)
    require(called("stop", "--all", "--reason", "essai", folder=fresh.folder), DONE)
    require(called("journal", "anchor", folder=fresh.folder), DONE, "anchored in")
    for beside in fresh.folder.glob("aval.db-*"):
        beside.unlink()
    backup.replace(database)
    sentence = "its end was cut off, or an old backup was restored"
    require(called("journal", "verify", folder=fresh.folder), FAULT, "the journal does not hold", sentence)
    for name in ("all", "deliver"):
        require(fresh.aval("run", name, "--for", "1"), FAULT, "the journal does not hold", sentence)
    checks = {check["what"]: check for check in json_of(called("check", "--json", folder=fresh.folder))}
    assert not checks["journal"]["ok"]


def test_a_journal_that_somebody_mended_is_found(fresh: Installation) -> None:
    require(called("stop", "--all", "--reason", "essai", folder=fresh.folder), DONE)
    require(called("journal", "verify", folder=fresh.folder), DONE)
    with closing(sqlite3.connect(fresh.folder / "aval.db")) as database, database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE journal SET actor = 'somebody-else' WHERE seq = 2")
        assert database.execute("SELECT changes()").fetchone() == (1,)
    require(called("journal", "verify", folder=fresh.folder), FAULT, "the journal does not hold")
