"""The command line beside processes that run: results, stops, people; and on PostgreSQL, where each verb has a role."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyotp
import pytest

from bridge.wiring.install import install, to_toml
from tests.db.databases import ROLES
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM
from tests.e2e.outside import PACS, RECORD
from tests.e2e.reader import AtDesk
from tests.e2e.script import DONE, FAULT, MISUSE, NO_ANSWER, SAID_NO, Done, called, require
from tests.installation import DATABASE_ROLES, PASSWORD, Installation, Person, json_of
from tests.peers.base import free_port
from tests.peers.postgresql import PostgreSQL

ROW = {"id", "state", "held", "mode", "model", "case", "kind", "revision", "draft", "policy", "cause", "queued_at"}
"""What a script finds in each result, and ``moved_at``."""


@pytest.fixture(scope="module")
def story(embedded: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two results of a running installation: one delivered, one that waits."""
    folder = tmp_path_factory.mktemp("story")
    found = {}
    with AtDesk(embedded, embedded.people["dr.martin"]) as martin:
        for name in ("delivered", "waiting"):
            study = inputs.phantom(folder, f"cli-{name}-{time.monotonic_ns()}")
            inputs.send(study, embedded.scp)
            found[name] = martin.draft_of(study.case(), PHANTOM)
        martin.sign(found["delivered"])
        martin.wait_for(found["delivered"], "delivered")
    return found


@pytest.fixture
def aval(embedded: Installation) -> Callable[..., Done]:
    """Run a verb beside the installation that runs."""
    return lambda *words: called(*words, folder=embedded.folder)


# ------------------------------------------------------------------------------------------------------------- results


@pytest.mark.peer("orthanc")
@pytest.mark.peer("sekmet")
def test_results_are_listed_by_state(aval: Callable[..., Done], story: dict[str, str]) -> None:
    rows = json_of(require(aval("results", "list", "--json", "--state", "delivered"), DONE))
    assert story["delivered"] in {row["id"] for row in rows}
    assert {row["state"] for row in rows} == {"delivered"}
    assert all(row.keys() == ROW | {"moved_at"} for row in rows)
    every = json_of(require(aval("results", "list", "--json", "--limit", "1000"), DONE))
    assert set(story.values()) <= {row["id"] for row in every}
    require(aval("results", "list"), DONE, "RESULT", "awaiting_review")
    require(aval("results", "list", "--state", "nonsense"), MISUSE)


@pytest.mark.peer("orthanc")
@pytest.mark.peer("sekmet")
def test_a_result_is_shown_with_its_whole_time_line(aval: Callable[..., Done], story: dict[str, str]) -> None:
    result = story["delivered"]
    shown = json_of(require(aval("results", "show", result, "--json"), DONE))
    assert (shown["id"], shown["state"]) == (result, "delivered")
    assert shown.keys() == ROW | {"moved_at", "judgement", "deliveries", "timeline", "first_read"}
    assert {(one["destination"], one["state"], one["kind"]) for one in shown["deliveries"]} == {
        (PACS, "confirmed", "result"),
        (RECORD, "confirmed", "result"),
    }
    numbers = [link["seq"] for link in shown["timeline"]]
    assert numbers == sorted(set(numbers))
    actors = [link["actor"] for link in shown["timeline"]]
    assert actors.index("scp") < actors.index("desk:dr.martin") < actors.index("deliver")
    assert "SAMPLE" not in json.dumps(shown), "the time line names the patient"
    text = require(aval("results", "show", result[:13]), DONE, result, "storage-commitment")
    assert "desk:dr.martin" in text.stdout
    require(aval("results", "show", "zzzz"), SAID_NO, "no results begin with")
    require(aval("results", "show", ""), SAID_NO, "results begin with")


@pytest.mark.peer("orthanc")
@pytest.mark.peer("sekmet")
def test_only_what_was_released_is_retracted_and_only_once(
    aval: Callable[..., Done], story: dict[str, str], embedded: Installation
) -> None:
    require(aval("retract", story["waiting"], "--reason", "wrong-patient"), SAID_NO, "only a released")
    require(aval("retract", story["delivered"]), MISUSE, "--reason")
    done = embedded.aval("retract", story["delivered"], "--reason", "Mauvaise série envoyée.", "--json")
    said = json_of(require(done, DONE))
    assert said.keys() == {"withdrawal", "result", "reason"}
    assert (said["result"], said["reason"]) == (story["delivered"], "other")
    require(aval("retract", story["delivered"], "--reason", "wrong-patient"), SAID_NO, "only a released")

    def receipts() -> bool:
        shown = json_of(aval("results", "show", story["delivered"], "--json"))
        kinds = [(one["kind"], one["state"]) for one in shown["deliveries"]]
        return shown["state"] == "retracted" and kinds.count(("withdrawal", "confirmed")) == 2

    embedded.eventually(receipts, "both destinations to confirm what the command line took back")


# ------------------------------------------------------------------------------------------------------ destinations


@pytest.mark.peer("orthanc")
@pytest.mark.peer("sekmet")
def test_destinations_are_listed_tested_paused_and_sent_to_again(
    aval: Callable[..., Done], embedded: Installation, tmp_path: Path
) -> None:
    with AtDesk(embedded, embedded.people["dr.martin"]) as martin:
        study = inputs.phantom(tmp_path, f"cli-again-{time.monotonic_ns()}")
        inputs.send(study, embedded.scp)
        result = martin.draft_of(study.case(), PHANTOM)
        require(aval("destinations", "pause", PACS), MISUSE, "--reason")
        require(embedded.aval("destinations", "pause", PACS, "--reason", "migration"), DONE, "paused")
        martin.sign(result)

        def standing() -> dict[str, object]:
            return {s["name"]: s for s in json_of(aval("destinations", "list", "--json"))}[PACS]

        embedded.eventually(lambda: standing()["waiting"] == 1, "the delivery to wait for the paused PACS")
        assert standing()["attempts"] == 0
        assert "migration" in require(aval("destinations", "show", PACS), DONE).stdout
        assert "migration" in martin.web.get("/destinations").text
        require(embedded.aval("destinations", "resume", PACS), DONE, "goes on")
        require(aval("destinations", "resume", PACS), SAID_NO, "not paused")
        martin.wait_for(result, "delivered")
    for name, said in ((PACS, "C-ECHO"), (RECORD, "CapabilityStatement")):
        require(aval("destinations", "test", name), DONE, said)
    require(aval("destinations", "test", "nowhere"), SAID_NO, "no destination is called")
    require(aval("destinations", "show", "nowhere"), SAID_NO, "no destination is called")
    require(aval("destinations", "list"), DONE, "DESTINATION", "closed")
    done = embedded.aval("destinations", "resend", result, "--to", PACS, "--reason", "perdu au PACS", "--json")
    assert json_of(require(done, DONE))["round"] == 1

    def confirmed() -> int:
        shown = json_of(aval("results", "show", result, "--json"))
        return [(one["destination"], one["state"]) for one in shown["deliveries"]].count((PACS, "confirmed"))

    embedded.eventually(lambda: confirmed() == 2, "the PACS to confirm what was sent again")
    shown = json_of(aval("results", "show", result, "--json"))
    assert shown["state"] == "delivered"
    require(aval("destinations", "resend", result, "--to", "nowhere", "--reason", "x"), SAID_NO, "no destination")


# -------------------------------------------------------------------------------------------------- stops and people


@pytest.mark.peer("orthanc")
@pytest.mark.peer("sekmet")
def test_one_person_stops_and_two_resume(
    aval: Callable[..., Done], embedded: Installation, story: dict[str, str]
) -> None:
    why = ("--reason", "contours décalés")
    require(aval("stop", *why), MISUSE, "exactly one of")
    require(aval("stop", "--all", "--model", PHANTOM, *why), MISUSE, "exactly one of")
    require(aval("stop", "--model", PHANTOM), MISUSE, "--reason")
    require(embedded.aval("stop", "--model", PHANTOM, *why), DONE, f"stopped: model {PHANTOM}")
    first, second = embedded.people["dr.martin"], embedded.people["dr.nguyen"]
    with AtDesk(embedded, first) as martin:
        assert martin.view(story["waiting"])["line"]["held"]
        assert martin.web.post(f"/api/results/{story['waiting']}/question").json()["code"] == "held"

        def resume(one: Person, other: Person, code: str = "") -> Done:
            who = ("--as", one.login, "--code", one.code, "--second", other.login, "--second-code", code or other.code)
            return aval("resume", "--model", PHANTOM, *why, *who)

        require(resume(first, first), SAID_NO, "two different people")
        require(resume(first, second, "000000"), SAID_NO, "one-time code")
        assert martin.view(story["waiting"])["line"]["held"]
        require(resume(first, second), DONE, "resumed")
        assert not martin.view(story["waiting"])["line"]["held"]
        require(resume(first, second), SAID_NO, "nothing is stopped")


@pytest.mark.peer("orthanc")
@pytest.mark.peer("sekmet")
def test_a_person_who_was_added_signs_in_and_is_shut_out_at_once_when_closed(
    aval: Callable[..., Done], embedded: Installation
) -> None:
    login = f"dr.leroy-{time.monotonic_ns()}"
    who = ("--name", "LEROY^Inès", "--role", "clinician", "--professional-id", "899900000055", "--password", PASSWORD)
    secret = require(aval("users", "add", login, *who), DONE).stdout.split()[-1]
    with AtDesk(embedded, Person(login=login, secret=secret)) as leroy:
        assert leroy.web.get("/api/results").status_code == 200
        require(aval("users", "close", login), DONE, "closed")
        assert leroy.web.get("/api/results").status_code == 401
        again = {"login": login, "password": PASSWORD, "code": pyotp.TOTP(secret).now()}
        assert leroy.web.post("/api/session", json=again).status_code == 401


# ---------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, cluster: PostgreSQL) -> tuple[Callable[..., Done], str]:
    """An installation whose PostgreSQL database is empty: how to run a verb on it, and its owner's URL."""
    owner = cluster.new_database()
    name = owner.rpartition("/")[2]
    home = tmp_path_factory.mktemp("bare")
    settings = {
        "site": {"namespace": "7a3f9d52-1c63-4f0e-9b0e-2f4f6f6f7a11"},
        "database": {
            "url": cluster.url(name, user="nobody"),
            "urls": {process: cluster.url(name, user=role) for process, role in DATABASE_ROLES.items()},
        },
        "broker": {"url": f"amqp://127.0.0.1:{free_port()}/"},
        "journal": {"anchors": ["anchors.jsonl", str(home / "elsewhere.jsonl")]},
        **{section: {"host": "127.0.0.1", "port": free_port()} for section in ("desk", "intake", "scp")},
    }
    install(home / "data", settings=to_toml(settings))

    def aval(*words: str, **variables: str) -> Done:
        if words[0] != "run":
            return called(*words, folder=home / "data", **variables)
        return subprocess.run(
            [sys.executable, "-m", "bridge", *words, "--dir", str(home / "data")],
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return aval, owner


@pytest.mark.peer("postgresql")
def test_only_the_owner_migrates_and_nothing_starts_before(bare: tuple[Callable[..., Done], str]) -> None:
    aval, owner = bare
    with psycopg.connect(owner, autocommit=True) as connection:
        for role in ROLES:  # roles belong to the cluster: an earlier database may have made them
            connection.execute(f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
            connection.execute(f"ALTER ROLE {role} LOGIN")
    require(aval("run", "sweep", "--for", "1"), SAID_NO, "aval migrate")
    for words in (("results", "list"), ("journal", "verify"), ("users", "list")):
        require(aval(*words), SAID_NO, "aval migrate")
    require(aval("check"), FAULT, "aval migrate")
    require(aval("migrate"), NO_ANSWER, "database")  # the role in the file does not exist
    require(aval("migrate", AVAL_DATABASE__URL=owner.replace("owner@", "aval_desk@")), SAID_NO, "role may not")
    for _ in range(2):
        require(aval("migrate", AVAL_DATABASE__URL=owner), DONE, "up to date")
    require(aval("run", "sweep", "--for", "0.5"), DONE)
    require(aval("check", AVAL_BROKER__URL=""), DONE, "fsync and synchronous_commit on")  # the broker is not there


@pytest.mark.peer("postgresql")
def test_every_verb_works_with_the_role_of_its_process_and_no_other(bare: tuple[Callable[..., Done], str]) -> None:
    aval, owner = bare
    require(aval("migrate", AVAL_DATABASE__URL=owner), DONE)
    who = ("--name", "ROUX^Léa", "--role", "clinician", "--professional-id", "1", "--password", PASSWORD)
    require(aval("users", "add", "dr.roux", *who), SAID_NO, "role may not")
    require(aval("users", "add", "dr.roux", *who, AVAL_DATABASE__URLS__DESK=owner), DONE)
    assert [row["login"] for row in json_of(aval("users", "list", "--json"))] == ["dr.roux"]
    require(aval("users", "code", "dr.roux"), DONE)
    require(aval("stop", "--all", "--reason", "essai"), DONE)
    require(aval("journal", "anchor"), DONE, "anchored in")
    require(aval("journal", "verify"), DONE, "the journal holds")
    require(aval("journal", "export"), DONE)
    require(aval("results", "list"), DONE, "no results")
    require(aval("users", "close", "dr.roux"), SAID_NO, "role may not")


@pytest.mark.peer("postgresql")
def test_a_database_that_does_not_answer_ends_with_four(bare: tuple[Callable[..., Done], str]) -> None:
    aval, _ = bare
    nobody = f"postgresql://aval@127.0.0.1:{free_port()}/aval"
    dead = dict.fromkeys(("AVAL_DATABASE__URL", *(f"AVAL_DATABASE__URLS__{n.upper()}" for n in DATABASE_ROLES)), nobody)
    for words in (
        ("run", "desk", "--for", "1"),
        ("migrate",),
        ("results", "list"),
        ("journal", "verify"),
        ("users", "list"),
    ):
        require(aval(*words, **dead), NO_ANSWER, "database")
    require(aval("check", **dead), FAULT, "database")
