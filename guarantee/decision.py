"""From opinions to a decision: distinct people, the frozen policy, the same content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from guarantee.errors import DraftChanged, GestureMissing, Malformed, NotEntitled
from guarantee.gesture import Level
from guarantee.habilitation import require_used
from guarantee.ids import DecisionId, Digest, OpinionId, ResultId, derive
from guarantee.opinion import Opinion, Verdict
from guarantee.policy import Policy
from guarantee.preparation import Preparation, require_answered, require_prepares


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the opinions amount to. One per result, for ever.

    Args:
        opinion: the one that completed it; its verdict and content are the decision's.
        shown: digest of the draft that every reader was shown.
        content: digest of what may leave; None when rejected.
    """

    id: DecisionId
    result: ResultId
    opinion: OpinionId
    verdict: Verdict
    shown: Digest
    content: Digest | None
    policy: str
    at: datetime

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.REJECT) != (self.content is None):
            raise Malformed(f"decision {self.id}: a rejection releases nothing, any other verdict something")
        if self.content is not None and (self.verdict is Verdict.ACCEPT) != (self.content == self.shown):
            raise Malformed(f"decision {self.id}: accept keeps the shown draft, amend changes it")


def decide(
    *, policy: Policy, draft: Digest, opinions: Sequence[Opinion], preparation: Preparation | None = None
) -> Decision | None:
    """Return the decision that ``opinions`` make under ``policy``, or None while more are needed.

    One rejection decides: a person who says no is never outvoted. Otherwise the policy's number of distinct readers
    must endorse the same content; the verdict is AMEND as soon as that content is not the draft. What a learner
    prepared counts for nothing: neither their yes nor their no.

    Args:
        draft: digest of the stored draft.
        opinions: all opinions on one result, oldest first.
        preparation: what a learner prepared before them; None when nobody did.

    Raises:
        DraftChanged: somebody was shown other bytes than the stored draft.
        NotEntitled: the policy does not let this role endorse.
        NotHabilitated: an opinion names a right that its reader could not use for this model when they signed.
        GestureMissing: the policy asks for a gesture, and an opinion was signed without.
        Malformed: two opinions of one person, or of two results or policies, or one given without what was prepared.
    """
    if preparation is not None:
        require_prepares(preparation, policy, draft)
    require_answered(preparation, opinions)
    for opinion in opinions:
        _check(opinion, policy, draft)
    if len({opinion.statement.reader.login for opinion in opinions}) != len(opinions):
        raise Malformed("one person has one opinion on a result")
    if len({opinion.statement.result for opinion in opinions}) > 1:
        raise Malformed("these opinions are about different results")
    refusals = [opinion for opinion in opinions if opinion.statement.verdict is Verdict.REJECT]
    if refusals:
        return _decision(refusals[0])
    for opinion in reversed(opinions):
        same = [other for other in opinions if other.statement.content == opinion.statement.content]
        if len(same) >= policy.readers:
            return _decision(same[policy.readers - 1])
    return None


def _check(opinion: Opinion, policy: Policy, draft: Digest) -> None:
    statement = opinion.statement
    if statement.shown != draft:
        raise DraftChanged(
            f"result {statement.result}: {statement.reader.login} was shown {statement.shown[:12]}…, "
            f"but the draft is {draft[:12]}…; open it again and look"
        )
    if statement.policy != policy.ref:
        raise Malformed(f"an opinion given under {statement.policy} does not count under {policy.ref}")
    if statement.reader.role not in policy.roles:
        raise NotEntitled(
            f"{statement.reader.login} is a {statement.reader.role}; policy {policy.ref} asks for "
            f"{' or '.join(sorted(policy.roles))}"
        )
    require_used(statement.right, person=statement.reader.login, model=statement.model, at=statement.signed_at)
    if policy.gesture and statement.level is not Level.GESTURE:
        raise GestureMissing(f"policy {policy.ref} asks for a signature by passkey; {statement.auth} does not count")


def _decision(opinion: Opinion) -> Decision:
    statement = opinion.statement
    return Decision(
        id=decision_id(statement.result),
        result=statement.result,
        opinion=opinion.id,
        verdict=statement.verdict,
        shown=statement.shown,
        content=statement.content,
        policy=statement.policy,
        at=statement.signed_at,
    )


def decision_id(result: ResultId) -> DecisionId:
    """Return the identifier that the decision on ``result`` always has: there is one."""
    return DecisionId(derive("decision", result))
