"""``aval cases``: what is held, why, and a person's word on it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.config import load
from bridge.flows import intake
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from guarantee.unit import Arrival
from tests.flows.fakes import arrival, somebody_else


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    install(tmp_path / "data")
    opened = Parts(load(tmp_path / "data", {}))
    yield opened
    opened.close()


def arrive(parts: Parts, *arrivals: Arrival) -> None:
    intake.receive(arrivals, store=parts.store("intake"), clock=parts.clock, actor="scp")


def from_nowhere(parts: Parts, sender: str, study: str) -> None:
    arrive(parts, replace(arrival(parts.vault, study=study), sender=sender, doubt="sender-unknown"))


def said(parts: Parts, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--dir", str(parts.settings.folder)])


def held(parts: Parts, *words: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(said(parts, "cases", "list", "--held", "--json", *words).output)
    return rows


def test_a_held_case_is_listed_with_its_cause_until_somebody_has_said_something_of_it(parts: Parts) -> None:
    arrive(parts, arrival(parts.vault), arrival(parts.vault, image=2, patient=somebody_else()))
    arrive(parts, arrival(parts.vault, study="1.2.4"))
    (case,) = held(parts)
    assert (case["cause"], case["state"]) == ("two-patients", "quarantined")
    assert held(parts, "--cause", "sender-unknown") == []

    told = said(parts, "cases", "show", case["id"][:9]).output
    assert "two-patients" in told
    assert "ESSAI" not in told
    assert "P1" not in told
    done = said(parts, "cases", "admit", case["id"], "--reason", "même patient, corrigé au PACS")
    assert "goes on as revision 2" in done.output
    assert held(parts) == []
    again = said(parts, "cases", "admit", case["id"], "--reason", "encore")
    assert (again.exit_code, "already said" in again.output) == (3, True)
    shown = json.loads(said(parts, "cases", "show", case["id"], "--json").output)
    assert (shown["verdict"], [doubt["cause"] for doubt in shown["doubts"]]) == ("admit", ["two-patients"])
    following = done.output.split()[-1]
    assert "let through before: two-patients" in said(parts, "cases", "show", following).output


def test_a_case_that_is_kept_apart_waits_for_nobody(parts: Parts) -> None:
    arrive(parts, arrival(parts.vault), arrival(parts.vault, image=2, patient=somebody_else()))
    (case,) = held(parts)

    assert said(parts, "cases", "keep-apart", case["id"], "--reason", "deux patients").exit_code == 0
    assert held(parts) == []
    assert "said of it: keep-apart" in said(parts, "cases", "show", case["id"]).output


def test_everything_of_one_unknown_sender_is_admitted_at_once(parts: Parts) -> None:
    for study, sender in (("1.2.3", "unknown:CT9"), ("1.2.4", "unknown:CT9"), ("1.2.5", "unknown:MR9")):
        from_nowhere(parts, sender, study)
    assert len(held(parts)) == 3

    done = said(parts, "cases", "admit", "--sender", "unknown:CT9", "--reason", "nouveau scanner")
    assert done.output.count("goes on as revision 2") == 2
    assert len(held(parts)) == 1
    none = said(parts, "cases", "admit", "--sender", "unknown:CT8", "--reason", "nouveau scanner")
    assert (none.exit_code, "no case is held because of 'unknown:CT8'" in none.output) == (3, True)


@pytest.mark.parametrize("words", [(), ("abc", "--sender", "unknown:CT9")])
def test_either_cases_or_a_sender_are_named(parts: Parts, words: tuple[str, ...]) -> None:
    assert said(parts, "cases", "admit", *words, "--reason", "x").exit_code == 2


def test_a_case_that_nobody_knows_is_not_found(parts: Parts) -> None:
    done = said(parts, "cases", "show", "abc")
    assert (done.exit_code, "no cases begin with 'abc'" in done.output) == (3, True)


def test_a_check_says_that_somebody_must_look(parts: Parts) -> None:
    assert "no case waits" in said(parts, "check").output
    from_nowhere(parts, "unknown:CT9", "1.2.3")

    assert "cases wait for a person's word (1 sender-unknown): aval cases list --held" in said(parts, "check").output
