"""One clinician's verdict, and the policy it is given under."""

from dataclasses import replace
from typing import Any

import pytest

from guarantee.errors import Malformed
from guarantee.opinion import COMMENT_CHARS_MAX, Reason, Statement, Verdict
from guarantee.policy import READERS_MAX, Policy, Role
from guarantee.states import ResultVerb
from tests.guarantee.samples import (
    AMENDED,
    DRAFT,
    MODEL,
    POLICY,
    a_reader,
    a_right,
    a_statement,
    an_opinion,
    at,
    digest_of,
)


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_can_be_stated(verdict: Verdict) -> None:
    assert a_statement(verdict).verdict is verdict


def test_each_verdict_is_a_step_of_the_result() -> None:
    assert [verdict.verb for verdict in Verdict] == [ResultVerb.VALIDATE, ResultVerb.AMEND, ResultVerb.REJECT]


@pytest.mark.parametrize(
    ("verdict", "changes", "why"),
    [
        (Verdict.ACCEPT, {"content": AMENDED}, "accept keeps"),
        (Verdict.ACCEPT, {"content": None}, "rejection has no content"),
        (Verdict.AMEND, {"content": DRAFT}, "accept keeps"),
        (Verdict.AMEND, {"content": None}, "rejection has no content"),
        (Verdict.REJECT, {"content": DRAFT}, "rejection has no content"),
        (Verdict.AMEND, {"reason": None}, "coded reason"),
        (Verdict.REJECT, {"reason": None}, "coded reason"),
        (Verdict.REJECT, {"reason": Reason.OTHER, "comment": " "}, "explained"),
        (Verdict.AMEND, {"content": "abc"}, "SHA-256"),
        (Verdict.ACCEPT, {"shown": "abc"}, "SHA-256"),
        (Verdict.ACCEPT, {"nonce": ""}, "one-time number"),
        (Verdict.ACCEPT, {"comment": "x" * (COMMENT_CHARS_MAX + 1)}, "comment"),
        (Verdict.ACCEPT, {"patient_informed": "maybe"}, "patient information"),
        (Verdict.ACCEPT, {"signed_at": at(-1)}, "before it was shown"),
    ],
)
def test_a_statement_that_contradicts_itself_does_not_exist(
    verdict: Verdict, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(Malformed, match=why):
        a_statement(verdict, **changes)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_can_be_given(reason: Reason) -> None:
    assert a_statement(Verdict.REJECT, reason=reason, comment="expliqué").reason is reason
    assert a_statement(Verdict.ACCEPT, reason=reason, comment="expliqué").reason is reason


@pytest.mark.parametrize("field", ["login", "name", "role", "professional_id", "organisation", "organisation_id"])
def test_an_opinion_is_personal(field: str) -> None:
    with pytest.raises(Malformed, match=field):
        replace(a_reader(), **{field: ""})


CHANGES: list[dict[str, Any]] = [
    {"nonce": "other"},
    {"result": "other"},
    {"model": replace(MODEL, version="2")},
    {"manifest": digest_of("other")},
    {"identity_version": 2},
    {"policy": "other@1"},
    {"reader": a_reader("dr.other")},
    {"right": a_right(evidence="other")},
    {"comment": "other"},
    {"patient_informed": "yes"},
    {"auth": "password"},
    {"opened_at": at(1)},
    {"signed_at": at(61)},
    {"first_read": "impression"},
    {"prepared": "preparation"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: next(iter(changes)))
def test_everything_a_reader_judged_by_is_in_the_signed_bytes(changes: dict[str, Any]) -> None:
    assert a_statement(**changes).to_bytes() != a_statement().to_bytes()


def test_no_field_of_a_statement_is_left_out_of_that_test() -> None:
    from_verdict = {"schema", "verdict", "shown", "content", "reason"}
    assert {next(iter(changes)) for changes in CHANGES} | from_verdict == set(Statement.__dataclass_fields__)


def test_an_opinion_carries_the_identifier_of_its_statement() -> None:
    opinion = an_opinion()
    with pytest.raises(Malformed, match="identifier"):
        replace(opinion, id=an_opinion("dr.other").id)
    assert replace(opinion) == opinion


def test_a_policy_is_named_with_its_version() -> None:
    assert POLICY.ref == "validate-each@1"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "a@b"},
        {"version": 0},
        {"readers": 0},
        {"readers": -1},
        {"readers": READERS_MAX + 1},
        {"roles": frozenset()},
        {"roles": frozenset({Role.RADIOLOGIST, Role.LEARNER})},
        {"roles": frozenset({Role.ENGINEER})},
        {"expires_after_s": 0},
    ],
)
def test_a_policy_that_asks_for_nobody_or_for_anybody_cannot_be_written(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(POLICY, **changes)
    assert isinstance(POLICY, Policy)
