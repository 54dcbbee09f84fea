"""Rights are given, all of a list or none of it, and revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from guarantee.errors import Malformed, NotEntitled
from guarantee.habilitation import GRANTER, Act, Grant, Revocation, Standing
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.ports import Clock, Store
from guarantee.unit import Unit

LEARNERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN, Role.LEARNER})
"""Who can be given a right to prepare. A doctor may need it for a model that they are still learning."""

ENDORSERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
"""Who can be given a right to endorse: a policy lets nobody else (guarantee/policy.py)."""


_NOT_OVER: Final = frozenset({Standing.IN_FORCE, Standing.NOT_YET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A right that somebody is to be given.

    Args:
        since: from when; None for now.
        until: until when; None for as long as a right may last.
    """

    person: str
    model: str
    major: str
    site: str
    evidence: str
    since: datetime | None = None
    until: datetime | None = None
    act: Act = Act.ENDORSE

    def granted(self, by: str, now: datetime) -> Grant:
        """Return the right, given by ``by`` at ``now``.

        Raises:
            Malformed: there can be no such right.
        """
        since = self.since or now
        return Grant(
            person=self.person,
            model=self.model,
            major=self.major,
            site=self.site,
            act=self.act,
            evidence=self.evidence,
            by=by,
            since=since,
            until=self.until or a_year_after(since),
            at=now,
        )


def give(wishes: Sequence[Wish], *, by: Reader, store: Store, clock: Clock) -> tuple[Grant, ...]:
    """Give every right of ``wishes`` in one transaction.

    Raises:
        NotEntitled: only the AI committee gives rights.
        Malformed: one of them cannot be; nothing was given.
        Refused: the database knows no such person, or they may do nothing here.
    """
    if by.role is not GRANTER:
        raise NotEntitled(f"{by.login} is a {by.role}; a member of the AI committee ({GRANTER}) gives rights")
    now = clock.now()
    grants = tuple(wish.granted(by.login, now) for wish in wishes)
    with store.transaction(f"rights:{by.login}") as unit:
        for grant in grants:
            if not unit.habilitations.grant(grant):
                raise Malformed(f"{grant.person} is given {grant.model} {grant.major} at {grant.site} twice")
    return grants


def revoke(key: str, *, by: str, reason: str, holds: bool, store: Store, clock: Clock) -> Grant:
    """Revoke the one right whose identifier begins with ``key``.

    Args:
        holds: whether what was signed under it, and is not sent yet, stays here until somebody looked.

    Raises:
        Malformed: no right, or more than one, is meant; or it was revoked in this way already.
    """
    with store.transaction(f"rights:{by}") as unit:
        grant = meant(key, unit)
        line = Revocation(grant=grant.id, by=by, reason=reason, holds=holds, at=clock.now())
        if not unit.habilitations.revoke(line):
            raise Malformed(f"right {grant.id} is revoked already")
    return grant


def revoke_all(
    model: str, major: str, *, by: str, reason: str, holds: bool, store: Store, clock: Clock
) -> tuple[Grant, ...]:
    """Revoke every right to a major version, everywhere: after an incident people learn it anew (TRA-03).

    Raises:
        Malformed: nobody has, or will have, such a right.
    """
    now = clock.now()
    with store.transaction(f"rights:{by}") as unit:
        known = unit.habilitations.all()
        ended = tuple(
            grant
            for grant in known.grants
            if (grant.model, grant.major) == (model, major) and known.standing(grant, now) in _NOT_OVER
        )
        for grant in ended:
            unit.habilitations.revoke(Revocation(grant=grant.id, by=by, reason=reason, holds=holds, at=now))
    if not ended:
        raise Malformed(f"nobody has a right to {model} {major}; nothing was revoked")
    return ended


def meant(key: str, unit: Unit) -> Grant:
    """Return the one right whose identifier begins with ``key``.

    Raises:
        Malformed: there is none, or more than one.
    """
    found = [grant for grant in unit.habilitations.all().grants if key and grant.id.startswith(key)]
    if len(found) != 1:
        raise Malformed(f"{len(found)} rights have an identifier that begins with {key!r}; aval rights list names them")
    return found[0]


def a_year_after(since: datetime) -> datetime:
    """Return the end of the longest right that begins at ``since``; of 29 February, 28 February."""
    try:
        return since.replace(year=since.year + 1)
    except ValueError:
        return (since - timedelta(days=1)).replace(year=since.year + 1)
