"""A learner prepares, and a senior answers for it: what a learner says of a draft is signed for, and counted by nobody.

A preparation is not an opinion. It has its own right (``Act.PREPARE``), its own bytes and its own table, so that
nothing that counts opinions can count it by mistake. It comes before any opinion on its result, there is one, and every
opinion that follows names it: a senior cannot sign without having been shown what the learner said.

Source: governance.md 4.2, P-2 ("interne prepares, senior signs the same text; never interne alone"), REV-03.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from guarantee.errors import DraftChanged, Malformed, NotEntitled
from guarantee.habilitation import Act, require_used
from guarantee.ids import Digest, PreparationId, ResultId, derive, digest
from guarantee.opinion import Opinion, Seal, Statement
from guarantee.policy import Policy

SCHEMA: Final = "aval.preparation/1"
"""Of the statement that a learner signs: the same words as an opinion's, never the same bytes."""


class Outcome(StrEnum):
    """What became of a preparation."""

    WAITS = "waits"
    """Nobody has decided: it waits for a senior."""
    COSIGNED = "co-signed"
    """The decision is the learner's verdict on the learner's text."""
    OTHERWISE = "decided-otherwise"
    """The decision is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What a learner says of a draft, and the desk's seal over it."""

    id: PreparationId
    statement: Statement
    seal: Seal

    def __post_init__(self) -> None:
        if self.id != preparation_id(self.statement):
            raise Malformed(f"preparation {self.id} does not carry the identifier of its statement")
        if self.statement.schema != SCHEMA or self.statement.prepared is not None:
            raise Malformed(f"preparation {self.id} was signed for as something else")

    @property
    def learner(self) -> str:
        """Login of who prepared it."""
        return self.statement.reader.login

    def is_cosigned_by(self, statement: Statement) -> bool:
        """Return whether ``statement`` says of the draft what was prepared."""
        return (statement.verdict, statement.content) == (self.statement.verdict, self.statement.content)


def preparation_id(statement: Statement) -> PreparationId:
    """Return the identifier that exactly these words always have: who names it has signed for what was prepared."""
    return PreparationId(derive("preparation", digest(statement.to_bytes())))


def require_prepares(preparation: Preparation, policy: Policy, draft: Digest) -> None:
    """Return when ``preparation`` is one of this draft, under a policy that lets learners prepare.

    Raises:
        DraftChanged: another draft was shown.
        NotEntitled: the policy lets nobody prepare.
        NotHabilitated: the right that it names is not one to prepare this with, at that time.
        Malformed: it was made under another policy.
    """
    said = preparation.statement
    if said.shown != draft:
        raise DraftChanged(f"result {said.result}: {preparation.learner} prepared another draft; open it again")
    if said.policy != policy.ref:
        raise Malformed(f"what was prepared under {said.policy} does not count under {policy.ref}")
    if not policy.lets_prepare:
        raise NotEntitled(f"policy {policy.ref} lets nobody prepare for a co-signature")
    require_used(said.right, person=preparation.learner, model=said.model, at=said.signed_at, act=Act.PREPARE)


def require_answered(preparation: Preparation | None, opinions: Iterable[Opinion]) -> None:
    """Return when each of ``opinions`` names what was prepared before it, and nobody answers for themselves.

    Raises:
        Malformed: one names another preparation, or none, or is by who prepared it.
    """
    wanted = preparation.id if preparation else None
    for opinion in opinions:
        said = opinion.statement
        if said.prepared != wanted:
            raise Malformed(f"opinion {opinion.id} was given without what was prepared for result {said.result}")
        if preparation and said.reader.login == preparation.learner:
            raise Malformed(f"{preparation.learner} prepared result {said.result}; somebody else answers for it")


def outcome(preparation: Preparation, decided: Statement | None) -> Outcome:
    """Return what became of ``preparation``.

    Args:
        decided: what the decision's opinion says; None while there is no decision.
    """
    if decided is None:
        return Outcome.WAITS
    return Outcome.COSIGNED if preparation.is_cosigned_by(decided) else Outcome.OTHERWISE


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """One case that somebody prepared, and what became of it."""

    result: ResultId
    model: str
    major: str
    outcome: Outcome


class Preparations(Protocol):
    """What learners prepared; append-only."""

    def of(self, result: ResultId) -> Preparation | None:
        """Return what was prepared for a result, or None."""

    def add(self, preparation: Preparation) -> None:
        """Insert a preparation.

        Raises:
            Refused: somebody prepared or signed before, the draft may not be decided, or the right is none.
        """

    def supervised(self, person: str) -> Sequence[Supervised]:
        """Return every case that ``person`` prepared, oldest first."""
