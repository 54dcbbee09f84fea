"""What is said of rights: how each stands, what somebody lacks, and what a page shows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.web.i18n import N_
from bridge.web.services import Habilitated
from bridge.web.words import Word
from guarantee.habilitation import Grant, Lack, Revocation, Standing
from guarantee.opinion import Reader

SOON: Final = timedelta(days=30)
"""How long before its end a right is said to end soon: the next module fits in."""

STANDINGS: Final[Mapping[Standing, Word]] = {
    Standing.IN_FORCE: Word(text=N_("In force"), icon="check", tone="human"),
    Standing.NOT_YET: Word(text=N_("Begins later"), icon="clock", tone="wait"),
    Standing.EXPIRED: Word(text=N_("Ended"), icon="minus", tone="quiet"),
    Standing.REVOKED: Word(text=N_("Revoked"), icon="stop", tone="alert"),
}

ENDS_SOON: Final = Word(text=N_("Ends soon"), icon="clock", tone="alert")

LACKS: Final[Mapping[Lack, str]] = {
    Lack.NONE: N_("Nobody has given you the right to endorse this system."),
    Lack.OTHER_MAJOR: N_("Your right is for another major version of this system; this one must be learnt anew."),
    Lack.OTHER_SITE: N_("Your right to endorse this system is for another site."),
    Lack.NOT_YET: N_("Your right to endorse this system has not begun yet."),
    Lack.EXPIRED: N_("Your right to endorse this system has ended."),
    Lack.REVOKED: N_("Your right to endorse this system was revoked."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One right on the page.

    Args:
        person, granter: who, None when nobody with that login is known any more.
        ended: its revocations, oldest first.
    """

    grant: Grant
    person: Reader | None
    granter: Reader | None
    word: Word
    ended: Sequence[Revocation]


def shown(known: Habilitated, now: datetime, *, person: str) -> tuple[Shown, ...]:
    """Return the rights that a page shows: those that end first come first, those that are over last.

    Args:
        person: only theirs; "" for everybody's.
    """
    found = [_shown(grant, known, now) for grant in known.rights.grants if person in {"", grant.person}]
    live = (STANDINGS[Standing.IN_FORCE], ENDS_SOON, STANDINGS[Standing.NOT_YET])
    return tuple(sorted(found, key=lambda one: (one.word not in live, one.grant.until, one.grant.id)))


def _shown(grant: Grant, known: Habilitated, now: datetime) -> Shown:
    standing = known.rights.standing(grant, now)
    soon = standing is Standing.IN_FORCE and grant.until - now <= SOON
    return Shown(
        grant=grant,
        person=known.people.get(grant.person),
        granter=known.people.get(grant.by),
        word=ENDS_SOON if soon else STANDINGS[standing],
        ended=[line for line in known.rights.revocations if line.grant == grant.id],
    )
