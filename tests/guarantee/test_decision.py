"""From opinions to a decision: every kind of agreement and disagreement."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.decision import Decision, decide, decision_id
from guarantee.errors import DraftChanged, GuaranteeError, Malformed, NotEntitled
from guarantee.ids import Digest
from guarantee.opinion import Opinion, Verdict
from guarantee.policy import Policy, Role
from tests.guarantee.samples import AMENDED, DRAFT, a_policy, a_result, an_opinion, at, digest_of

OTHER = digest_of("another correction")
RESULT = a_result().id


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What one reader says, in one character: A accepts, 1 and 2 amend to two different contents, R rejects."""

    login: str
    letter: str

    def opinion(self, policy: Policy, order: int = 0) -> Opinion:
        verdict = {"A": Verdict.ACCEPT, "R": Verdict.REJECT}.get(self.letter, Verdict.AMEND)
        changes: dict[str, Any] = {"content": OTHER} if self.letter == "2" else {}
        return an_opinion(self.login, verdict, policy=policy.ref, signed_at=at(60 + order), **changes)


def said(letters: str, policy: Policy) -> tuple[Opinion, ...]:
    return tuple(Say(login=f"dr.{n}", letter=letter).opinion(policy, n) for n, letter in enumerate(letters))


CONTENTS = {"A": DRAFT, "1": AMENDED, "2": OTHER, "R": None}
VERDICTS = {"A": Verdict.ACCEPT, "1": Verdict.AMEND, "2": Verdict.AMEND, "R": Verdict.REJECT}


@pytest.mark.parametrize(
    ("readers", "letters", "decided", "by"),
    [
        (1, "", None, None),
        (1, "A", "A", 0),
        (1, "1", "1", 0),
        (1, "R", "R", 0),
        (2, "A", None, None),
        (2, "1", None, None),
        (2, "R", "R", 0),
        (2, "AA", "A", 1),
        (2, "11", "1", 1),
        (2, "A1", None, None),
        (2, "12", None, None),
        (2, "AR", "R", 1),
        (2, "A1A", "A", 2),
        (2, "A11", "1", 2),
        (2, "A12", None, None),
        (2, "12R", "R", 2),
        (3, "AA", None, None),
        (3, "AAA", "A", 2),
        (3, "AA1", None, None),
        (3, "AA1A", "A", 3),
        (3, "A1212A1", "1", 6),
        (3, "AAR", "R", 2),
        (3, "RAA", "R", 0),
    ],
)
def test_the_policys_number_of_people_decide_on_one_content(
    readers: int, letters: str, decided: str | None, by: int | None
) -> None:
    policy = a_policy(readers)
    opinions = said(letters, policy)
    decision = decide(policy=policy, draft=DRAFT, opinions=opinions)
    if decided is None or by is None:
        assert decision is None
        return
    assert decision == Decision(
        id=decision_id(RESULT),
        result=RESULT,
        opinion=opinions[by].id,
        verdict=VERDICTS[decided],
        shown=DRAFT,
        content=CONTENTS[decided],
        policy=policy.ref,
        at=opinions[by].statement.signed_at,
    )


@given(st.integers(1, 3), st.text("A12R", max_size=6))
def test_a_decision_never_outvotes_a_refusal_nor_counts_too_few(readers: int, letters: str) -> None:
    policy = a_policy(readers)
    decision = decide(policy=policy, draft=DRAFT, opinions=said(letters, policy))
    if "R" in letters:
        assert decision is not None
        assert decision.verdict is Verdict.REJECT
    elif decision is None:
        assert all(letters.count(letter) < readers for letter in "A12")
    else:
        agreeing = [letter for letter in letters if CONTENTS[letter] == decision.content]
        assert len(agreeing) >= readers


@given(st.integers(1, 3), st.text("A12R", max_size=6))
def test_the_same_opinions_always_give_the_same_decision(readers: int, letters: str) -> None:
    """mint() decides again at each read: it must come to the same decision as the desk did."""
    policy = a_policy(readers)
    opinions = said(letters, policy)
    assert decide(policy=policy, draft=DRAFT, opinions=opinions) == decide(
        policy=policy, draft=DRAFT, opinions=list(opinions)
    )


RADIOLOGISTS = a_policy(1, Role.RADIOLOGIST)
POLICY_REF = RADIOLOGISTS.ref


@pytest.mark.parametrize(
    ("opinions", "error", "why"),
    [
        ((an_opinion(policy=POLICY_REF, shown=AMENDED, content=AMENDED),), DraftChanged, "open it again"),
        ((an_opinion(policy=POLICY_REF, role=Role.CLINICIAN),), NotEntitled, "is a clinician; .* asks for radiologist"),
        ((an_opinion(policy=POLICY_REF, role=Role.LEARNER),), NotEntitled, "learner"),
        ((an_opinion(policy=POLICY_REF, role=Role.ENGINEER),), NotEntitled, "engineer"),
        ((an_opinion(policy="softer@1"),), Malformed, "softer@1 does not count"),
        ((an_opinion(policy=POLICY_REF), an_opinion(policy=POLICY_REF, nonce="again")), Malformed, "one person"),
        (
            (an_opinion(policy=POLICY_REF), an_opinion("dr.other", policy=POLICY_REF, result="other")),
            Malformed,
            "different results",
        ),
        (
            (an_opinion(policy=POLICY_REF), an_opinion("dr.other", Verdict.REJECT, policy=POLICY_REF, shown=OTHER)),
            DraftChanged,
            "was shown",
        ),
    ],
)
def test_an_opinion_that_does_not_count_stops_everything(
    opinions: tuple[Opinion, ...], error: type[GuaranteeError], why: str
) -> None:
    with pytest.raises(error, match=why):
        decide(policy=RADIOLOGISTS, draft=DRAFT, opinions=opinions)


@pytest.mark.parametrize(
    ("verdict", "content"),
    [
        (Verdict.REJECT, DRAFT),
        (Verdict.ACCEPT, None),
        (Verdict.AMEND, None),
        (Verdict.ACCEPT, AMENDED),
        (Verdict.AMEND, DRAFT),
    ],
)
def test_a_decision_that_contradicts_itself_does_not_exist(verdict: Verdict, content: Digest | None) -> None:
    decision = decide(policy=RADIOLOGISTS, draft=DRAFT, opinions=(an_opinion(policy=POLICY_REF),))
    assert decision is not None
    with pytest.raises(Malformed):
        replace(decision, verdict=verdict, content=content)
