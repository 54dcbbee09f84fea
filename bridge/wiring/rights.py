"""Who may give rights here, to whom, for which models; and the rights that an installer gives to fictitious people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import product

from bridge.db.store import SqlUnit
from bridge.flows.review import right_of
from bridge.flows.rights import ENDORSERS, Wish, give
from bridge.web.services import Habilitated, Lacking
from bridge.wiring.parts import Parts
from bridge.wiring.rights_table import House
from guarantee.case import Case
from guarantee.errors import NotHabilitated
from guarantee.habilitation import GRANTER, Grant, Lack, Standing, major_of
from guarantee.opinion import Reader
from guarantee.result import Result


def house_of(parts: Parts) -> House:
    """Return who has an account here, and which models are installed."""
    with parts.store("desk").reading() as unit:
        people = unit.accounts.all()
    return House(
        roles={account.reader.login: account.reader.role for account in people if account.active},
        majors={(card.model.name, major_of(card.model)) for card in parts.catalogue.cards()},
    )


def give_to_all(readers: Iterable[Reader], parts: Parts, *, evidence: str = "fictitious person") -> Sequence[Grant]:
    """Give every endorser among ``readers`` the right to every installed model at this site, by its committee member.

    What is in force is left alone. For the demonstration and for tests, whose people are nobody.
    """
    people = tuple(readers)
    committee = next(reader for reader in people if reader.role is GRANTER)
    clock, store, site = parts.clock, parts.store("desk"), parts.settings.site.name
    with store.reading() as unit:
        rights = unit.habilitations.all()
    known = {
        (grant.person, grant.model, grant.major)
        for grant in rights.grants
        if grant.site == site and rights.standing(grant, clock.now()) is Standing.IN_FORCE
    }
    wishes = [
        Wish(person=reader.login, model=name, major=major, site=site, evidence=evidence)
        for reader, (name, major) in product(people, sorted(house_of(parts).majors))
        if reader.role in ENDORSERS and (reader.login, name, major) not in known
    ]
    return give(wishes, by=committee, store=store, clock=clock) if wishes else ()


def lacking(reader: Reader, result: Result, case: Case, unit: SqlUnit, now: datetime) -> Lacking | None:
    """Return the right that ``reader`` lacks to endorse ``result``, and who could give it; None when they have it."""
    try:
        right_of(reader, result, case, unit, now)
    except NotHabilitated as missing:
        people = unit.accounts.all()
        granters = tuple(one.reader for one in people if one.active and one.reader.role is GRANTER)
        return Lacking(lack=Lack(missing.lack), granters=granters)
    return None


def habilitated(unit: SqlUnit) -> Habilitated:
    """Return every right, and who people are."""
    people = {account.reader.login: account.reader for account in unit.accounts.all()}
    return Habilitated(rights=unit.habilitations.all(), people=people)
