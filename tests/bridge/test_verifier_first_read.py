"""The stand-alone verifier: a signed impression came before the reveal, and the reveal before the opinion."""

import json
from typing import Any

import pytest

from tests.bridge.test_journal_keeping import _verifier

OPENED = ("first-read.opened", {"reader": "dr.martin"})
SAID = ("first-read.impression", {"reader": "dr.martin", "impression": "i"})
SHOWN = ("exposure.reveal", {"reader": "dr.martin", "exposure": "e"})
SIGNED = (
    "opinion.accept",
    {"reader": "dr.martin", "opinion": "o", "first_read": "i", "right": "r", "statement_sha256": "", "signature": ""},
)


def faults(*links: tuple[str, dict[str, Any]], signed: str | None = "i") -> list[str]:
    """Return what the verifier finds wrong with the order of these links."""
    made = _verifier().Verifier({})
    made.rights["r"] = {}
    for seq, (action, body) in enumerate(links, start=1):
        made.record({"seq": seq, "action": action, "subject": "result", "body": json.dumps(body)})
    made.sealed["opinion", "o"] = {"payload": json.dumps({"first_read": signed})}
    made.read_first("o")
    found: list[str] = made.faults
    return found


def test_the_right_order_holds() -> None:
    assert faults(OPENED, SAID, SHOWN, SIGNED) == []


def test_who_was_not_drawn_signs_for_none() -> None:
    assert faults(SHOWN, ("opinion.accept", SIGNED[1] | {"first_read": None}), signed=None) == []


@pytest.mark.parametrize(
    ("links", "fault"),
    [
        ((OPENED, SHOWN, SAID, SIGNED), "not given before"),
        ((OPENED, SAID, SIGNED, SHOWN), "not given before"),
        ((OPENED, SAID, SIGNED), "not given before"),
        ((OPENED, SHOWN, SIGNED), "does not record"),
        ((OPENED, ("first-read.impression", SAID[1] | {"reader": "dr.leroy"}), SHOWN, SIGNED), "does not record"),
    ],
)
def test_any_other_order_is_a_fault(links: tuple[tuple[str, dict[str, Any]], ...], fault: str) -> None:
    assert any(fault in one for one in faults(*links))


def test_a_link_that_names_another_impression_than_was_signed_is_a_fault() -> None:
    assert any("names another" in one for one in faults(OPENED, SAID, SHOWN, SIGNED, signed=None))
