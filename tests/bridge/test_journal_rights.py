"""The stand-alone verifier and rights: somebody who owns the database and the keys still cannot explain an opinion."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from guarantee.journal import GENESIS, link_hash
from tests.bridge.test_journal_keeping import Kept

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    made = Kept(tmp_path_factory.mktemp("rights"))
    yield made
    made.world.engine.dispose()


def chained(lines: Lines) -> Lines:
    """Return an export whose links follow again, without its anchors: what an owner of everything could write."""
    prev, seq, found = GENESIS, 0, []
    for line in lines:
        if "link" in line:
            seq += 1
            link = line["link"] | {"seq": seq, "prev": prev}
            said = {key: value for key, value in link.items() if key != "hash"}
            prev = link_hash(**said)
            found.append({"link": said | {"hash": prev}})
        elif "anchor" not in line:
            found.append(line)
    return found


def edited(lines: Lines, action: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the bodies of all links of an action."""
    for line in lines:
        if line.get("link", {}).get("action") == action:
            body = json.loads(line["link"]["body"])
            edit(body)
            line["link"]["body"] = json.dumps(body)


def never_given(_kept: Kept, lines: Lines) -> None:
    lines[:] = [line for line in lines if line.get("link", {}).get("action") != "right.given"]


def given_for_another_site(_kept: Kept, lines: Lines) -> None:
    edited(lines, "right.given", lambda body: body.update(site="elsewhere"))


def given_by_somebody_else(_kept: Kept, lines: Lines) -> None:
    edited(lines, "right.given", lambda body: body.update(by="dr.nguyen"))


def revoked_before(_kept: Kept, lines: Lines) -> None:
    at = next(n for n, line in enumerate(lines) if line.get("link", {}).get("action") == "opinion.accept")
    right = json.loads(lines[at]["link"]["body"])["right"]
    body = json.dumps({"holds": 1, "by": "operator:root"})
    lines.insert(at, {"link": lines[at]["link"] | {"action": "right.revoked", "subject": right, "body": body}})


def resealed(kept: Kept, lines: Lines, **changes: Any) -> None:
    """Let the desk's own key seal an opinion under a right that says something else."""
    line = next(line for line in lines if line.get("sealed") == "opinion")
    said = json.loads(line["payload"])
    said["right"] |= changes
    payload = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    seal = kept.world.ring.seal(payload.encode())
    line |= {"payload": payload, "key": seal.key, "signature": seal.signature}
    digest = hashlib.sha256(payload.encode()).hexdigest()
    edited(lines, "opinion.accept", lambda body: body.update(statement_sha256=digest, signature=seal.signature))


FORGERIES: dict[str, tuple[Callable[[Kept, Lines], None], str]] = {
    "never given": (never_given, "nobody had given"),
    "given for another site": (given_for_another_site, "never recorded in these words"),
    "given by somebody else": (given_by_somebody_else, "never recorded in these words"),
    "revoked before": (revoked_before, "was revoked before"),
    "of somebody else": (lambda kept, lines: resealed(kept, lines, person="dr.nguyen"), "somebody else"),
    "for another major version": (lambda kept, lines: resealed(kept, lines, major="2"), "for something else"),
    "that had ended": (
        lambda kept, lines: resealed(kept, lines, until="2026-11-21T00:00:00.000000Z"),
        "outside the time of its right",
    ),
    "on other evidence": (lambda kept, lines: resealed(kept, lines, evidence="none"), "never recorded in these words"),
}


def test_an_honest_export_holds_without_its_anchors_too(kept: Kept) -> None:
    status, said = kept.judge(chained(kept.export()))
    assert status == 0, said


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_opinion_under_a_right_that_was_none_is_a_fault(kept: Kept, forgery: str) -> None:
    forge, says = FORGERIES[forgery]
    lines = kept.export()
    forge(kept, lines)
    status, said = kept.judge(chained(lines))
    assert status == 1, said
    assert says in said
