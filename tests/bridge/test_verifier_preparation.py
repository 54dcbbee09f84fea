"""The stand-alone verifier: an opinion names what a learner prepared, and a learner's word is checked like another."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.seal import create_keys, signing_ring
from guarantee.opinion import Verdict
from tests.bridge.test_journal_keeping import Kept, _verifier
from tests.flows.fakes import INTERNE, POLICY, arrival
from tests.flows.world import World

PREPARED: dict[str, Any] = {
    "preparation": "p",
    "reader": "interne",
    "right": "r",
    "statement_sha256": "",
    "signature": "",
}
OPINION: dict[str, Any] = {
    "opinion": "o",
    "reader": "dr.martin",
    "right": "r",
    "statement_sha256": "",
    "signature": "",
    "prepared": "p",
}


def faults(*links: tuple[str, dict[str, Any]], signed: str | None = "p") -> list[str]:
    """Return what the verifier finds wrong with these links and an opinion that says ``signed``."""
    made = _verifier().Verifier({})
    made.rights["r"] = {}
    for seq, (action, body) in enumerate(links, start=1):
        made.record({"seq": seq, "action": action, "subject": "result", "body": json.dumps(body)})
    made.sealed["opinion", "o"] = {"payload": json.dumps({"prepared": signed})}
    made.cosigned("o")
    found: list[str] = made.faults
    return found


def test_an_opinion_that_names_what_was_prepared_holds() -> None:
    assert faults(("preparation.accept", PREPARED), ("opinion.accept", OPINION)) == []
    assert faults(("opinion.accept", OPINION | {"prepared": None}), signed=None) == []


@pytest.mark.parametrize(
    ("links", "signed", "fault"),
    [
        ((("preparation.accept", PREPARED), ("opinion.accept", OPINION | {"prepared": None})), None, "does not name"),
        ((("preparation.accept", PREPARED), ("opinion.accept", OPINION)), None, "does not name"),
        ((("opinion.accept", OPINION),), "p", "does not name"),
        ((("opinion.accept", OPINION), ("preparation.accept", PREPARED)), "p", "after an opinion"),
        ((("preparation.accept", PREPARED | {"reader": "dr.martin"}), ("opinion.accept", OPINION)), "p", "is by the"),
        ((("preparation.accept", PREPARED | {"right": "x"}), ("opinion.accept", OPINION)), "p", "did not stand"),
    ],
)
def test_anything_else_is_a_fault(
    links: tuple[tuple[str, dict[str, Any]], ...], signed: str | None, fault: str
) -> None:
    assert any(fault in one for one in faults(*links, signed=signed))


class Taught(World):
    """An installation whose only policy lets learners prepare."""

    policies = (replace(POLICY, version=2, learners="cosign"),)


class Cosigned(Kept):
    """A world in which a learner prepared, and two people co-signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        create_keys(self.keys)
        self.world = Taught(folder)
        self.world.ring = signing_ring(self.keys, "desk")
        self.keeper = self.keeper_of("site-1")
        self.result = self.world.drafted(arrival(self.world.vault))


def test_an_export_with_a_preparation_holds_and_another_text_does_not(tmp_path: Path) -> None:
    kept = Cosigned(tmp_path)
    kept.world.answer(kept.result, reader=INTERNE)
    with kept.world.sql.reading() as unit:
        prepared = unit.preparations.of(kept.result.id)
    assert prepared is not None
    kept.world.answer(kept.result, Verdict.ACCEPT, prepared=prepared.id, cosigns=True)
    lines = kept.export()
    public = (tmp_path / "keys").glob("*.pub")
    keys = _verifier().read_keys([str(path) for path in public])
    assert verified(lines, keys) == []
    for line in lines:
        if line.get("sealed") == "preparation":
            line["payload"] = line["payload"].replace('"comment":""', '"comment":"autre"')
    found = verified(lines, keys)
    assert any("preparation" in fault for fault in found)


def verified(lines: list[dict[str, Any]], keys: dict[str, bytes]) -> list[str]:
    made = _verifier().Verifier(keys)
    for line in lines:
        made.site = line.get("site", made.site)
        if "link" in line:
            made.link(line["link"])
        elif "sealed" in line:
            made.statement(line)
    made.finish()
    found: list[str] = made.faults
    return found
