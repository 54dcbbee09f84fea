"""Models and policies as the database knows them: what a result may refer to."""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bridge.db import tables
from bridge.db.results import insert_once
from bridge.db.rollouts import SqlRollouts
from guarantee.canonical import canonical
from guarantee.codec import time_text, to_plain
from guarantee.errors import Malformed
from guarantee.ids import Digest
from guarantee.policy import Policy
from guarantee.result import ModelVersion
from guarantee.rollout import Appointment, Step


class SqlRegistry:
    """Models and policies, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register_model(self, model: ModelVersion, at: datetime) -> None:
        """Insert a model version that is not yet known.

        Raises:
            Malformed: the same name and version is known with other bytes: that would be another version.
        """
        row = {
            "id": model.id,
            "name": model.name,
            "version": model.version,
            "digest": model.digest,
            "card": model.card,
            "added_at": time_text(at),
        }
        known = self.model(model.id)
        if known is None:
            self._connection.execute(insert_once(self._connection, tables.models).values(**row))
        elif known != model:
            raise Malformed(
                f"{model.id} is already registered with other bytes (model {known.digest[:12]}…, card "
                f"{known.card[:12]}…): any change of weights, threshold or card is a new version; "
                "raise the version in card.yaml"
            )

    def model(self, model_id: str) -> ModelVersion | None:
        """Return a registered model version, or None."""
        row = self._connection.execute(select(tables.models).where(tables.models.c.id == model_id)).one_or_none()
        if row is None:
            return None
        return ModelVersion(name=row.name, version=row.version, digest=Digest(row.digest), card=Digest(row.card))

    def appoint_first(self, model: ModelVersion, at: datetime) -> None:
        """Put a version in routine whose name never had one there: what is installed later is tried, or promoted."""
        rollouts = SqlRollouts(self._connection)
        if not rollouts.appointments(model.name):
            reason = "the highest version that was installed when this model was first known here"
            rollouts.appoint(
                Appointment(seq=0, model=model.id, step=Step.FIRST, below=None, by="start", reason=reason, at=at)
            )

    def register_policy(self, policy: Policy, at: datetime) -> None:
        """Insert a policy that is not yet known.

        Raises:
            Malformed: the same id and version is known with another text.
        """
        body = canonical(to_plain(policy)).decode()
        values = {
            "ref": policy.ref,
            "readers": policy.readers,
            "gesture": policy.gesture,
            "body": body,
            "added_at": time_text(at),
        }
        known = self._connection.scalar(select(tables.policies.c.body).where(tables.policies.c.ref == policy.ref))
        if known is None:
            self._connection.execute(insert_once(self._connection, tables.policies).values(**values))
        elif known != body:
            raise Malformed(f"policy {policy.ref} is already registered with another text; raise its version")

    def release_leases(self, now: datetime) -> None:
        """Give back every lease and every begun send: only for a process tree that owns the database alone."""
        self._connection.execute(delete(tables.leases))
        deliveries = tables.deliveries
        self._connection.execute(
            update(deliveries)
            .where(deliveries.c.state == "due", deliveries.c.next_attempt_at > time_text(now))
            .values(next_attempt_at=time_text(now))
        )
        talks = tables.conversations
        self._connection.execute(update(talks).where(talks.c.ended_at.is_(None)).values(ended_at=time_text(now)))
