"""Who may endorse what: a person, for one major version of one model, at one site, for a year at most.

Nobody gives a right to themselves, and nothing about a right is ever edited: it ends at its date, or by a revocation,
which is another line. A right is looked for when the draft is shown and when the opinion is signed; the opinion names
it, so that its seal covers it. Before each send it is looked at once more.

Three ways in which a right can be gone when something is about to be sent:

    ended by its date           what was signed before stands
    revoked, decisions stand    likewise: somebody left in good order
    revoked                     nothing that was signed under it is sent any more, until the person is given the right
                                again, or somebody else decides what becomes of it (a withdrawal)

To stop a model and to take a result back ask for no right: whoever sees harm must be able to end it.

Source: governance.md 4.4 (the record; "checked at decision and at release"; "revocation does not undo past decisions
but opens a look-back list") and ACC-03, ACC-04 ("revoke between the two: refused"), ACC-09 (granter ≠ beneficiary).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.codec import time_text
from guarantee.errors import Malformed, NotHabilitated
from guarantee.ids import GrantId, ResultId, derive
from guarantee.policy import Role
from guarantee.result import Cause, ModelVersion

GRANTER: Final = Role.COMMITTEE
"""Who gives rights: the AI committee, which endorses nothing itself."""

EVIDENCE_CHARS_MAX: Final = 500
"""Longest evidence: what was followed, when, with which score; a reference, not the paper itself."""

REVOKED: Final = "right-revoked"
"""Code of the cause why something endorsed is not sent: the right it was endorsed under is gone."""


class Act(StrEnum):
    """What a right is for."""

    ENDORSE = "endorse"
    PREPARE = "prepare"
    """To say what one thinks, for a senior to answer for (preparation.py): a learner's right."""


class Standing(StrEnum):
    """How a right stands at some moment."""

    IN_FORCE = "in-force"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Lack(StrEnum):
    """What somebody who may not act lacks; the nearest right they have, or had, says it."""

    NONE = "no-right"
    OTHER_MAJOR = "other-major"
    OTHER_SITE = "other-site"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right of one person.

    Args:
        person: login of whom it is given to.
        model: name of the model, e.g. "brain-extractor".
        major: of its version: the text before the first point. Another major version is another model to learn.
        site: where.
        evidence: what shows that the person can do this: module, date, score, supervised cases.
        by: login of who gives it, never of whom it is given to.
        since, until: from when, and before when; at most the same day of the next year.
        at: when it was given. It is never given for the past.
    """

    person: str
    model: str
    major: str
    site: str
    act: Act
    evidence: str
    by: str
    since: datetime
    until: datetime
    at: datetime

    def __post_init__(self) -> None:
        if not all((self.person, self.model, self.major, self.site, self.by)) or "." in self.major:
            raise Malformed("a right names a person, a model, a major version without a point, a site and a granter")
        if not self.evidence.strip() or len(self.evidence) > EVIDENCE_CHARS_MAX:
            raise Malformed(f"a right says on which evidence, in at most {EVIDENCE_CHARS_MAX} characters")
        if self.by == self.person:
            raise Malformed(f"{self.by} gives no right to themselves: another member of the committee does")
        if not self.at <= self.since < self.until:
            raise Malformed("a right begins when it is given or later, and ends after it begins")
        if time_text(self.until) > _year_after(time_text(self.since)):
            raise Malformed("a right lasts 12 months at most; then it is given again, on new evidence")

    @property
    def id(self) -> GrantId:
        """Identifier, derived from everything it says: to name a right is to name exactly these terms."""
        times = (time_text(self.since), time_text(self.until), time_text(self.at))
        said = (self.person, self.model, self.major, self.site, str(self.act), self.evidence, self.by, *times)
        return GrantId(derive("grant", *said))

    def names(self, person: str, model: ModelVersion, act: Act) -> bool:
        """Return whether this is about ``person`` doing ``act`` with exactly this major version, wherever and when."""
        return (self.person, self.model, self.major, self.act) == (person, model.name, major_of(model), act)

    def is_running(self, at: datetime) -> bool:
        """Return whether ``at`` is in its time."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A right ends before its date.

    Args:
        by: who says so; anybody may, as anybody may stop a model.
        holds: whether what was signed under it, and is not sent yet, stays here.
    """

    grant: GrantId
    by: str
    reason: str
    holds: bool
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or not self.reason.strip():
            raise Malformed("a revocation says who and why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Everything that was ever given and revoked of some people, oldest first."""

    grants: tuple[Grant, ...] = ()
    revocations: tuple[Revocation, ...] = ()

    def is_revoked(self, grant: Grant, at: datetime) -> bool:
        """Return whether ``grant`` was revoked at ``at``, or before."""
        return any(line.grant == grant.id and line.at <= at for line in self.revocations)

    def standing(self, grant: Grant, at: datetime) -> Standing:
        """Return how ``grant`` stands at ``at``."""
        if self.is_revoked(grant, at):
            return Standing.REVOKED
        if at < grant.since:
            return Standing.NOT_YET
        return Standing.IN_FORCE if at < grant.until else Standing.EXPIRED


def entitled(
    rights: Rights, *, person: str, model: ModelVersion, site: str, at: datetime, act: Act = Act.ENDORSE
) -> Grant:
    """Return the right by which ``person`` may do ``act`` now; the one that lasts longest when there are several.

    Raises:
        NotHabilitated: there is none; its ``lack`` says what is missing.
    """
    live = [
        grant
        for grant in rights.grants
        if grant.names(person, model, act) and grant.site == site and rights.standing(grant, at) is Standing.IN_FORCE
    ]
    if live:
        return max(live, key=lambda grant: (grant.until, grant.id))
    lack = _lack(rights, person=person, model=model, site=site, at=at, act=act)
    raise NotHabilitated(
        str(lack),
        f"{person} has no right in force to {act} {model.name} {major_of(model)} at {site} ({lack}); "
        "a member of the AI committee gives it: aval rights grant",
    )


def _lack(rights: Rights, *, person: str, model: ModelVersion, site: str, at: datetime, act: Act) -> Lack:
    mine = [grant for grant in rights.grants if (grant.person, grant.model, grant.act) == (person, model.name, act)]
    same = [grant for grant in mine if grant.major == major_of(model)]
    here = [grant for grant in same if grant.site == site]
    if not mine:
        return Lack.NONE
    if not same:
        return Lack.OTHER_MAJOR
    if not here:
        return Lack.OTHER_SITE
    last = max(here, key=lambda grant: (grant.until, grant.id))
    return Lack(str(rights.standing(last, at)))


def require_used(grant: Grant, *, person: str, model: ModelVersion, at: datetime, act: Act = Act.ENDORSE) -> None:
    """Return when ``grant``, which an opinion names, is one by which ``person`` could do ``act`` at ``at``.

    Its site and its revocations are not in the opinion: the database looks at them when the opinion is stored.

    Raises:
        NotHabilitated: it is somebody else's, for something else, or not of that time.
    """
    if not grant.names(person, model, act):
        raise NotHabilitated(str(Lack.NONE), f"{person} named a right that is not theirs to {act} {model.id} with")
    if not grant.is_running(at):
        lack = Lack.NOT_YET if at < grant.since else Lack.EXPIRED
        raise NotHabilitated(str(lack), f"the right that {person} named was not in force when they signed")


def revoked_since(used: Sequence[Grant], rights: Rights, *, site: str, at: datetime) -> Cause | None:
    """Return why something endorsed under ``used`` must not be sent at ``at``; None when it may.

    Args:
        rights: everything of the people who endorsed it.
        site: of the case. A right of another site was never one for it.
    """
    for grant in used:
        if grant.site != site:
            return Cause(code=REVOKED, detail=f"the right of {grant.person} is one of {grant.site}, not of {site}")
        held = [line for line in rights.revocations if line.grant == grant.id and line.holds and line.at <= at]
        if held and not _given_again(grant, held, rights, at):
            return Cause(code=REVOKED, detail=f"the right of {grant.person} was revoked by {held[-1].by}")
    return None


def _given_again(lost: Grant, lines: Iterable[Revocation], rights: Rights, at: datetime) -> bool:
    """Return whether the same right was given once more after ``lines``: somebody looked, and said that it holds."""
    last = max(line.at for line in lines)
    return any(
        (grant.person, grant.model, grant.major, grant.site, grant.act)
        == (lost.person, lost.model, lost.major, lost.site, lost.act)
        and grant.at > last
        and rights.standing(grant, at) is Standing.IN_FORCE
        for grant in rights.grants
    )


def major_of(model: ModelVersion) -> str:
    """Return the major version of ``model``, e.g. "1" of 1.4.0."""
    return model.version.partition(".")[0]


def _year_after(text: str) -> str:
    """Return the same moment of the next year, as text: the database compares the same texts."""
    return f"{int(text[:4]) + 1:04}{text[4:]}"


class Habilitations(Protocol):
    """Rights and their revocations; append-only."""

    def of(self, logins: Iterable[str]) -> Rights:
        """Return everything of some people."""

    def all(self) -> Rights:
        """Return everything."""

    def grant(self, grant: Grant) -> bool:
        """Append a right; return False when exactly this one is known."""

    def revoke(self, revocation: Revocation) -> bool:
        """Append a revocation; return False when the right was revoked in this way already."""

    def refuse(self, result: ResultId, login: str, cause: str, at: datetime) -> None:
        """Record that somebody was refused a decision, and why."""
