"""Models and policies as the database knows them: what a result may refer to."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, delete, select, update

from bridge.db import tables
from bridge.db.results import insert_once
from bridge.db.rollouts import SqlRollouts
from guarantee.canonical import canonical
from guarantee.codec import parse_time, time_text, to_plain
from guarantee.errors import Malformed
from guarantee.first_read import SEED_CHARS, Draw
from guarantee.ids import Digest
from guarantee.lifecycle import INSTALLER
from guarantee.policy import Policy
from guarantee.result import ModelVersion
from guarantee.revalidation import Comparison, Facet, Facts, Level
from guarantee.rollout import Appointment, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of a version besides its digests; fixed when it is made known.

    Args:
        parts: digest of each part, for the versions that follow.
        before: "name@version" that it was compared with; "" for none.
        publisher, key: whose signature was found good, and the name of the key; "" for none.
    """

    parts: Mapping[Facet, Digest] = field(default_factory=dict)
    before: str = ""
    changed: tuple[Facet, ...] = ()
    level: Level = Level.NEW_MODEL
    publisher: str = ""
    key: str = ""

    def compared(self, after: str) -> Comparison:
        """Return what was found when version ``after`` was compared."""
        return Comparison(before=self.before, after=after, changed=self.changed, level=self.level)


class SqlRegistry:
    """Models and policies, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register_model(self, model: ModelVersion, at: datetime, entry: Entry | None = None) -> None:
        """Insert a model version that is not yet known. What is known of it already stays as it is.

        Raises:
            Malformed: the same name and version is known with other bytes: that would be another version.
        """
        known = self.model(model.id)
        if known is None:
            row = _row(model, entry or Entry(), at)
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
        return _version(row)

    def entry(self, model_id: str) -> Entry | None:
        """Return what is known of a registered version besides its digests, or None."""
        row = self._connection.execute(select(tables.models).where(tables.models.c.id == model_id)).one_or_none()
        if row is None:
            return None
        return Entry(
            parts=_parts(row),
            before=row.follows or "",
            changed=tuple(Facet(word) for word in row.changed.split()),
            level=Level(row.revalidation),
            publisher=row.publisher,
            key=row.signing_key,
        )

    def known_since(self) -> dict[str, datetime]:
        """Return when each version was made known, by "name@version"."""
        rows = self._connection.execute(select(tables.models.c.id, tables.models.c.added_at))
        return {row.id: parse_time(row.added_at) for row in rows}

    def facts(self, name: str) -> tuple[Facts, ...]:
        """Return what may be compared of every registered version of a name."""
        rows = self._connection.execute(select(tables.models).where(tables.models.c.name == name))
        return tuple(Facts(model=_version(row), parts=_parts(row)) for row in rows)

    def appoint_first(self, model: ModelVersion, at: datetime) -> None:
        """Put a version in routine whose name never had one there: what is installed later is tried, or promoted."""
        rollouts = SqlRollouts(self._connection)
        if not rollouts.appointments(model.name):
            reason = "the first version that Aval brought; nobody of this hospital granted it"
            first = Appointment(
                seq=0, model=model.id, step=Step.FIRST, below=None, by=INSTALLER, second="", reason=reason, at=at
            )
            rollouts.appoint(first)

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
            "objection": str(policy.objection),
            "first_read": policy.first_read,
            "learners": policy.learners,
            "body": body,
            "added_at": time_text(at),
        }
        known = self._connection.scalar(select(tables.policies.c.body).where(tables.policies.c.ref == policy.ref))
        if known is None:
            self._connection.execute(insert_once(self._connection, tables.policies).values(**values))
            self._draw_for(policy, at)
        elif known != body:
            raise Malformed(f"policy {policy.ref} is already registered with another text; raise its version")

    def _draw_for(self, policy: Policy, at: datetime) -> None:
        """Commit the seed of a policy that asks for first reads; with the policy, so before any result under it."""
        if not policy.first_read:
            return
        draw = Draw(policy=policy.ref, share=policy.first_read, seed=secrets.token_hex(SEED_CHARS // 2), at=at)
        values = {"policy": draw.policy, "seed": draw.seed, "drawn_below": draw.drawn_below, "at": time_text(at)}
        self._connection.execute(insert_once(self._connection, tables.draws).values(**values))

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


def _row(model: ModelVersion, entry: Entry, at: datetime) -> dict[str, str | None]:
    return {
        "id": model.id,
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "card": model.card,
        "added_at": time_text(at),
        "parts": canonical({str(facet): part for facet, part in entry.parts.items()}).decode(),
        "follows": entry.before or None,
        "changed": " ".join(entry.changed),
        "revalidation": str(entry.level),
        "publisher": entry.publisher,
        "signing_key": entry.key,
    }


def _version(row: Row[tuple[str, ...]]) -> ModelVersion:
    return ModelVersion(name=row.name, version=row.version, digest=Digest(row.digest), card=Digest(row.card))


def _parts(row: Row[tuple[str, ...]]) -> dict[Facet, Digest]:
    return {Facet(name): Digest(part) for name, part in json.loads(row.parts).items()}
