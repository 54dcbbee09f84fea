"""What a wall is, and the walls that many tables have alike."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A change is refused unless a condition holds.

    Args:
        name: of the trigger; tests/gate names the attack that only this wall stops.
        on: table.
        event: INSERT, UPDATE or DELETE.
        when: only then; SQL over NEW and OLD. "" for always.
        unless: SQL condition that must be true (NULL is not).
        says: what the person who meets it reads.
        alone: whether PostgreSQL locks the journal before it looks. A stop, a late image or a refusal that is being
            written at this moment is then waited for and seen; without it both would pass, each unseen by the other.
            It costs nothing: the change writes its own link, under the same lock, right after. SQLite has one writer.
    """

    name: str
    on: str
    event: str
    unless: str
    says: str
    when: str = ""
    alone: bool = False


def append_only(*tables: str) -> list[Wall]:
    """Return the walls of tables whose rows stay as they were inserted."""
    return [
        Wall(
            name=f"{table}_never_{verb}d",
            on=table,
            event=event,
            unless="1 = 0",
            says=f"{table} is append-only: a row is never {verb}d",
        )
        for table in tables
        for event, verb in (("UPDATE", "update"), ("DELETE", "delete"))
    ]


def never_deleted(*tables: str) -> list[Wall]:
    """Return the walls of tables whose rows are never deleted."""
    return [
        Wall(name=f"{table}_never_deleted", on=table, event="DELETE", unless="1 = 0", says=f"{table} are never deleted")
        for table in tables
    ]


def frozen(table: str, *columns: str) -> Wall:
    """Return the wall of the columns of ``table`` that say what a row is about."""
    same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in columns)
    return Wall(
        name=f"{table}_frozen",
        on=table,
        event="UPDATE",
        unless=same,
        says=f"{table}: what a row is about never changes",
    )


MOVED: Final = "NEW.state <> OLD.state"
"""A change of state."""
