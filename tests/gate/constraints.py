"""The named constraints of 0001_tables.sql, read from its text."""

import re
from dataclasses import dataclass
from typing import Final

from bridge.db.ddl import SQL

TABLES_SQL: Final = (SQL / "0001_tables.sql").read_text()

_TABLE = re.compile(r"^CREATE TABLE (\w+) \(\n(.*?)\n\);", re.DOTALL | re.MULTILINE)
_CONSTRAINT = re.compile(r",\n  CONSTRAINT (\w+)\s+(.*?)(?=,\n  CONSTRAINT |\Z)", re.DOTALL)
_COLUMNS = re.compile(r"^(?:UNIQUE|FOREIGN KEY) \(([\w, ]+)\)")
_TARGET = re.compile(r"REFERENCES (\w+) \(([\w, ]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One named constraint.

    Args:
        text: everything that must go for the constraint to be gone, its leading comma included.
        target: "table.column, column" a foreign key points at; "" for others.
    """

    name: str
    table: str
    kind: str
    columns: str
    target: str
    text: str

    @property
    def qualified_columns(self) -> str:
        """The columns as SQLite names a violated UNIQUE."""
        return (
            ", ".join(f"{self.table}.{column}" for column in self.columns.split(", ")) if self.kind == "UNIQUE" else ""
        )


def _read() -> dict[str, Constraint]:
    found = {}
    for table, body in _TABLE.findall(TABLES_SQL):
        for match in _CONSTRAINT.finditer(body):
            name, definition = match[1], match[2]
            columns, target = _COLUMNS.match(definition), _TARGET.search(definition)
            kind = next(kind for kind in ("CHECK", "UNIQUE", "FOREIGN KEY") if definition.startswith(kind))
            found[name] = Constraint(
                name=name,
                table=table,
                kind=kind,
                columns=columns[1] if columns else "",
                target=f"{target[1]}({target[2]})" if target else "",
                text=match[0],
            )
    return found


CONSTRAINTS: Final = _read()

TARGETS: Final = {
    unique.name: tuple(key.name for key in CONSTRAINTS.values() if key.target == f"{unique.table}({unique.columns})")
    for unique in CONSTRAINTS.values()
    if unique.kind == "UNIQUE"
}
"""Each UNIQUE with the foreign keys that point at it."""


def without(names: frozenset[str]) -> str:
    """Return 0001_tables.sql without these constraints."""
    script = TABLES_SQL
    for name in names:
        assert script.count(CONSTRAINTS[name].text) == 1, name
        script = script.replace(CONSTRAINTS[name].text, "")
    return script


def referring(table: str) -> set[str]:
    """Return ``table`` and every table that refers to it, however far: what TRUNCATE … CASCADE empties."""
    refers = {(table_, target) for table_, body in _TABLE.findall(TABLES_SQL) for target, _ in _TARGET.findall(body)}
    found, edge = {table}, {table}
    while edge:
        edge = {child for child, parent in refers if parent in edge} - found
        found |= edge
    return found
