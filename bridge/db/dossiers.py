"""Everything that the database holds of one patient, table by table (about_patients.py says how it is found)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from bridge.db import tables
from bridge.db.about_patients import HOLDINGS, Held, Named, Scope, numbers_of
from guarantee.accesses import Access
from guarantee.codec import time_text
from guarantee.content import Text
from guarantee.errors import Malformed

_MESSAGES: Final[tuple[tuple[str, str], ...]] = (("inputs", "digest"), ("orders", "message"), ("mentions", "message"))
"""Where the digests of whole messages stand: one message may be about several patients."""


class SqlDossiers:
    """What is held of a patient, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def scope(self, asked: Named, names: Callable[[str], Sequence[str]], *, unissued: bool) -> Scope:
        """Return whose rows are meant: merges that the record told of are followed.

        Args:
            names: what else the authority of a number is called.

        Raises:
            Malformed: they lead to more numbers than a patient has.
        """
        try:
            numbers = numbers_of(self._connection, asked, names)
        except ValueError as error:
            raise Malformed(str(error)) from error
        return Scope(numbers=numbers, unissued=unissued)

    def titles(self) -> dict[str, Text]:
        """Return the tables that hold something of patients, and what their rows are."""
        return {name: held.title for name, held in HOLDINGS.items() if isinstance(held, Held)}

    def rows(self, table: str, scope: Scope) -> Iterator[dict[str, Any]]:
        """Yield the rows of ``table`` that are of the patient, by their key."""
        found, held = tables.metadata.tables[table], HOLDINGS[table]
        assert isinstance(held, Held)  # noqa: S101 - asked of `titles` alone
        query = select(found).where(held.where(scope)).order_by(*found.primary_key)
        yield from (dict(row) for row in self._connection.execute(query).mappings())

    def count(self, scope: Scope) -> int:
        """Return how many rows there are, of every table."""
        return sum(self._count(name, held.where(scope)) for name, held in HOLDINGS.items() if isinstance(held, Held))

    def _count(self, name: str, condition: Any) -> int:
        query = select(func.count()).select_from(tables.metadata.tables[name]).where(condition)
        return int(self._connection.scalar(query) or 0)

    def shared(self, scope: Scope) -> frozenset[str]:
        """Return the digests of messages in which somebody else is named too: they are not this patient's to have."""
        found: set[str] = set()
        for name, column in _MESSAGES:
            table, held = tables.metadata.tables[name], HOLDINGS[name]
            assert isinstance(held, Held)  # noqa: S101 - of this list
            mine = held.where(scope)
            digests = select(table.c[column]).where(mine)
            for other, named in _MESSAGES:
                others, theirs = tables.metadata.tables[other], HOLDINGS[other]
                assert isinstance(theirs, Held)  # noqa: S101 - of this list
                query = select(others.c[named]).where(others.c[named].in_(digests), ~theirs.where(scope)).distinct()
                found.update(self._connection.scalars(query))
        return frozenset(found)

    def unissued(self, scope: Scope) -> tuple[str, ...]:
        """Return the cases that have one of the numbers and do not say who gave it: a person must look."""
        values = [one.value for one in scope.numbers]
        cases = tables.cases.c
        query = select(cases.id).where(cases.patient_issuer == "", cases.patient_identifier.in_(values))
        return tuple(self._connection.scalars(query.order_by(cases.id)))

    def note(self, access: Access) -> None:
        """Insert who took the extract out, and why."""
        row = {
            "id": access.id,
            "issuer": access.issuer,
            "value": access.value,
            "by_whom": access.by.login,
            "by_role": str(access.by.role),
            "reason": access.reason,
            "lines": access.lines,
            "objects": access.objects,
            "at": time_text(access.at),
        }
        self._connection.execute(insert(tables.accesses).values(**row))
