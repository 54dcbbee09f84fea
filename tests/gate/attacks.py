"""What an attack on the gate with SQL alone is, as data; every one we could think of is in a file beside this one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.db.databases import ROLES
from tests.gate.statements import Sql
from tests.gate.world import World

BOTH: Final = frozenset({"sqlite", "postgresql"})
POSTGRESQL: Final = frozenset({"postgresql"})

INTAKE, INFER, DESK, DELIVER, SWEEP, RELAY, AUDIT = ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attempt; it names the walls that stop it.

    Usually it is exactly one: everything else about the attack is honest, so that it shows what that wall is for, and
    gets through without it (ablation.py). Where several walls stop the same attack, each of them alone is enough.

    Args:
        name: what is attempted, as a sentence without its end.
        role: the database role that attempts it. SQLite has none: there it is a process of ours whose code is wrong.
        by: the walls that stop it: names of constraints and triggers, or a GRANT that is withheld.
        steps: the statements, given the world; refused at the latest by the last one.
        setup: what another role does before, in the same world.
        on: dialects; SQLite has no roles, so what a grant stops is not attempted there.
    """

    name: str
    role: str
    by: tuple[str, ...]
    steps: Callable[[World], Sequence[Sql]]
    setup: tuple[str, Callable[[World], Sequence[Sql]]] | None = None
    on: frozenset[str] = BOTH


def attack(role: str, name: str, by: str, *steps: Callable[[World], Sql], **more: Any) -> Attack:
    """Write one down."""
    return Attack(name=name, role=role, by=tuple(by.split()), steps=lambda w: [step(w) for step in steps], **more)


def pure(text: str, **parameters: Any) -> Callable[[World], Sql]:
    """A statement that needs nothing of the world."""
    return lambda w: (text, parameters)


SHORT: Final = "abc"
