"""The rights of a desk in memory: judged by the real rule, kept in a list."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bridge.web.services import Habilitated, Lacking
from guarantee.card import Card
from guarantee.case import Case
from guarantee.errors import NotHabilitated
from guarantee.habilitation import Grant, Lack, Revocation, Rights, entitled
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.result import Result
from tests.guarantee.samples import a_right

SITE = "CHU"


class FakeRights:
    """What FakeDesk adds its people to."""

    people: dict[str, Reader]
    known: Rights

    def now(self) -> datetime:
        raise NotImplementedError

    def give_everybody(self, cards: Sequence[Card]) -> None:
        """Give every reader the right to every system."""
        readers = [one.login for one in self.people.values() if one.role in {Role.RADIOLOGIST, Role.CLINICIAN}]
        grants = [a_right(login, card.model, SITE, by="z.colin") for login in readers for card in cards]
        self.known = Rights(grants=tuple(grants))

    def take_away(self, login: str, *, holds: bool = True) -> None:
        """Revoke every right of somebody."""
        lost = [
            Revocation(grant=grant.id, by="operator:root", reason="formation annulée", holds=holds, at=self.now())
            for grant in self.known.grants
            if grant.person == login
        ]
        self.known = replace(self.known, revocations=(*self.known.revocations, *lost))

    def right_of(self, reader: Reader, result: Result, case: Case) -> Grant:
        """Return the right of ``reader`` to endorse a result."""
        return entitled(self.known, person=reader.login, model=result.model, site=case.site, at=self.now())

    def lacking(self, reader: Reader, result: Result, case: Case) -> Lacking | None:
        """Return what ``reader`` lacks."""
        try:
            self.right_of(reader, result, case)
        except NotHabilitated as missing:
            granters = tuple(one for one in self.people.values() if one.role is Role.COMMITTEE)
            return Lacking(lack=Lack(missing.lack), granters=granters)
        return None

    def habilitated(self) -> Habilitated:
        return Habilitated(rights=self.known, people=self.people)
