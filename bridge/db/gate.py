"""Questions, opinions, decisions, withdrawals and releases in SQL: append-only."""

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from bridge.db import tables
from bridge.db.preparations import SqlPreparations
from bridge.db.rows import (
    decision_from_row,
    gesture_from_row,
    opinion_from_row,
    policy_from_row,
    question_from_row,
    terms_from_row,
    withdrawal_from_row,
)
from guarantee.codec import time_text
from guarantee.decision import Decision
from guarantee.errors import Malformed
from guarantee.exports import Export
from guarantee.ids import Digest, ReleaseId, ResultId
from guarantee.opinion import Opinion, Seal
from guarantee.policy import Policy
from guarantee.release import Grounds, Kind, Release, Terms, Withdrawal
from guarantee.unit import Question


class SqlGate:
    """The gate, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def policy(self, ref: str) -> Policy:
        """Return the policy "id@version"."""
        query = select(tables.policies).where(tables.policies.c.ref == ref)
        return policy_from_row(self._connection.execute(query).mappings().one())

    def policies(self) -> tuple[Policy, ...]:
        """Return every policy."""
        rows = self._connection.execute(select(tables.policies).order_by(tables.policies.c.ref)).mappings()
        return tuple(policy_from_row(row) for row in rows)

    def ask(self, question: Question) -> None:
        """Insert a one-time question."""
        self._connection.execute(
            insert(tables.questions).values(
                nonce=question.nonce,
                result_id=question.result,
                shown=question.shown,
                mode="care",
                reader=question.reader,
                opened_from=question.opened_from,
                asked_at=time_text(question.asked_at),
                expires_at=time_text(question.expires_at),
            )
        )

    def question(self, nonce: str) -> Question | None:
        """Return the question; None when it was never asked."""
        query = select(tables.questions).where(tables.questions.c.nonce == nonce)
        row = self._connection.execute(query).mappings().first()
        return question_from_row(row) if row else None

    def first_shown(self, result: ResultId, reader: str) -> Question | None:
        """Return the first question this reader was asked on this result: when the draft was first shown."""
        questions = tables.questions
        query = (
            select(questions)
            .where(questions.c.result_id == result, questions.c.reader == reader)
            .order_by(questions.c.asked_at)
            .limit(1)
        )
        row = self._connection.execute(query).mappings().first()
        return question_from_row(row) if row else None

    def is_answered(self, nonce: str) -> bool:
        """Return whether an opinion already used this one-time number."""
        query = select(tables.opinions.c.id).where(tables.opinions.c.nonce == nonce)
        return self._connection.scalar(query) is not None

    def opinions(self, result: ResultId) -> tuple[Opinion, ...]:
        """Return the opinions on a result, oldest first."""
        opinions, gestures = tables.opinions, tables.gestures
        query = (
            select(
                opinions,
                gestures.c.authenticator_data,
                gestures.c.client_data,
                gestures.c.signature.label("gesture_signature"),
            )
            .outerjoin(gestures, gestures.c.opinion_id == opinions.c.id)
            .where(opinions.c.result_id == result)
            .order_by(opinions.c.signed_at, opinions.c.id)
        )
        return tuple(opinion_from_row(row, gesture_from_row(row)) for row in self._connection.execute(query).mappings())

    def add_opinion(self, opinion: Opinion) -> None:
        """Insert an opinion, and the gesture over it."""
        statement, gesture = opinion.statement, opinion.gesture
        self._connection.execute(
            insert(tables.opinions).values(
                id=opinion.id,
                result_id=statement.result,
                nonce=statement.nonce,
                reader=statement.reader.login,
                reader_role=str(statement.reader.role),
                grant_id=statement.right.id,
                policy=statement.policy,
                verdict=str(statement.verdict),
                shown=statement.shown,
                content=statement.content,
                statement=statement.to_bytes().decode(),
                seal_key=opinion.seal.key,
                signature=opinion.seal.signature,
                signed_at=time_text(statement.signed_at),
                first_read=statement.first_read,
                prepared=statement.prepared,
                passkey=gesture.passkey if gesture else None,
            )
        )
        if gesture is not None:
            self._connection.execute(
                insert(tables.gestures).values(
                    opinion_id=opinion.id,
                    passkey=gesture.passkey,
                    authenticator_data=gesture.authenticator_data,
                    client_data=gesture.client_data,
                    signature=gesture.signature,
                )
            )

    def add_decision(self, decision: Decision) -> None:
        """Insert the decision."""
        self._connection.execute(
            insert(tables.decisions).values(
                id=decision.id,
                result_id=decision.result,
                opinion_id=decision.opinion,
                policy=decision.policy,
                verdict=str(decision.verdict),
                shown=decision.shown,
                content=decision.content,
                at=time_text(decision.at),
            )
        )

    def decision(self, result: ResultId) -> Decision | None:
        """Return the decision, or None."""
        query = select(tables.decisions).where(tables.decisions.c.result_id == result)
        row = self._connection.execute(query).mappings().first()
        return decision_from_row(row) if row else None

    def rejections(self, model: str, since: datetime) -> int:
        """Return how many results of a version were rejected since ``since``."""
        decisions, results = tables.decisions, tables.results
        query = (
            select(func.count())
            .select_from(decisions.join(results, results.c.id == decisions.c.result_id))
            .where(decisions.c.at >= time_text(since), decisions.c.verdict == "reject", results.c.model_id == model)
        )
        return self._connection.scalar(query) or 0

    def add_release(self, release: Release, seal: Seal) -> None:
        """Insert a release and its renderings."""
        terms = release.terms
        is_result = terms.kind is Kind.RESULT
        decision = self.decision(terms.result)
        self._connection.execute(
            insert(tables.releases).values(
                id=terms.release,
                kind=str(terms.kind),
                result_id=terms.result,
                decision_id=terms.ground if is_result else None,
                withdrawal_id=None if is_result else terms.ground,
                verdict=str(decision.verdict) if is_result and decision else None,
                content=terms.content,
                terms=terms.to_bytes().decode(),
                seal_key=seal.key,
                signature=seal.signature,
                at=time_text(terms.at),
            )
        )
        self._connection.execute(
            insert(tables.renderings),
            [
                {
                    "release_id": terms.release,
                    "destination": rendering.destination,
                    "content": terms.content,
                    "package": rendering.package,
                }
                for rendering in terms.renderings
            ],
        )

    def add_export(self, export: Export) -> None:
        """Record that a decided result is about to leave under a pseudonym."""
        self._connection.execute(
            insert(tables.exports).values(
                id=export.id,
                decision_id=export.decision,
                result_id=export.result,
                by_whom=export.by,
                reason=export.reason,
                profile=export.profile,
                objects=export.objects,
                at=time_text(export.at),
            )
        )

    def terms(self, release: ReleaseId) -> tuple[Terms, Seal]:
        """Return the sealed terms of a release."""
        query = select(tables.releases).where(tables.releases.c.id == release)
        return terms_from_row(self._connection.execute(query).mappings().one())

    def release_of(self, result: ResultId, kind: Kind) -> ReleaseId | None:
        """Return the release of this kind, or None."""
        releases = tables.releases
        query = select(releases.c.id).where(releases.c.result_id == result, releases.c.kind == str(kind))
        found = self._connection.scalar(query)
        return ReleaseId(found) if found else None

    def grounds(self, release: ReleaseId) -> Grounds:
        """Return the recorded facts behind a release."""
        terms, _ = self.terms(release)
        results = tables.results
        query = select(results.c.policy, results.c.draft).where(results.c.id == terms.result)
        row = self._connection.execute(query).mappings().one()
        if not row["draft"]:
            raise Malformed(f"result {terms.result} has a release but no draft")
        return Grounds(
            policy=self.policy(row["policy"]),
            draft=Digest(row["draft"]),
            opinions=self.opinions(terms.result),
            withdrawal=self.withdrawal(terms.result) if terms.kind is Kind.WITHDRAWAL else None,
            preparation=SqlPreparations(self._connection).of(terms.result),
        )

    def add_withdrawal(self, withdrawal: Withdrawal) -> None:
        """Insert a withdrawal."""
        decision = self.decision(withdrawal.notice.result)
        if decision is None:
            raise Malformed(f"result {withdrawal.notice.result} was never decided")
        self._connection.execute(
            insert(tables.withdrawals).values(
                id=withdrawal.id,
                decision_id=decision.id,
                result_id=withdrawal.notice.result,
                reason=str(withdrawal.notice.reason),
                by_whom=withdrawal.notice.by,
                content=withdrawal.content,
                notice=withdrawal.notice.to_bytes().decode(),
                seal_key=withdrawal.seal.key,
                signature=withdrawal.seal.signature,
                at=time_text(withdrawal.notice.at),
            )
        )

    def withdrawal(self, result: ResultId) -> Withdrawal | None:
        """Return the withdrawal of a result, or None."""
        query = select(tables.withdrawals).where(tables.withdrawals.c.result_id == result)
        row = self._connection.execute(query).mappings().first()
        return withdrawal_from_row(row) if row else None
