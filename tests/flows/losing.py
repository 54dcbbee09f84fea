"""A reader's right is taken away, and given again."""

from bridge.flows import rights
from bridge.flows.rights import Wish
from tests.flows.fakes import COMMITTEE, READER
from tests.flows.machine import Machine


def revoke_right(machine: Machine) -> None:
    with machine.sql.reading() as unit:
        right = next(grant for grant in unit.habilitations.of([READER.login]).grants if grant.site == "site-1")
    rights.revoke(right.id, by="operator:root", reason="essai", holds=True, store=machine.store, clock=machine.clock)


def give_right(machine: Machine) -> None:
    wish = Wish(person=READER.login, model="toy", major="1", site="site-1", evidence="module 2")
    rights.give([wish], by=COMMITTEE, store=machine.store, clock=machine.clock)
