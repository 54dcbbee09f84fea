"""Read a table of rights (CSV) into wishes, or say what is wrong with it and in which line.

One line for each right, under a line of names: person, model, major, site, evidence, since, until. Comma or semicolon
between them, as spreadsheets write; UTF-8. ``since`` and ``until`` are days (2026-11-28), in UTC, and may be empty.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.flows.rights import ENDORSERS, LEARNERS, Wish
from guarantee.errors import Malformed
from guarantee.habilitation import Act
from guarantee.policy import Role

FILE_BYTES_MAX: Final = 1024 * 1024
"""Largest table, 1 MiB: thousands of rights."""

LINES_MAX: Final = 5_000
"""Most rights in one table: they are given in one transaction, which nobody else may write beside on SQLite."""

FAULTS_MAX: Final = 100
"""Most faults told of one table: whoever corrects a hundred runs it again."""

COLUMNS: Final = ("person", "model", "major", "site", "evidence", "since", "until")
_MAY_BE_EMPTY: Final = frozenset({"since", "until"})


class RightsMalformed(Malformed):
    """The table cannot be used; ``faults`` says every reason, each with its line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("nothing was given. " + "; ".join(faults[:3]) + (" …" if len(faults) > 3 else ""))
        self.faults = tuple(faults[:FAULTS_MAX])


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What a table is held against.

    Args:
        roles: of everybody whose account is open, by login.
        majors: (name, major version) of the models that are installed.
    """

    roles: Mapping[str, Role]
    majors: AbstractSet[tuple[str, str]]

    def fault(self, wish: Wish) -> str:
        """Return why ``wish`` makes no sense in this house; "" when it does."""
        role = self.roles.get(wish.person)
        if role is None:
            return f"nobody with an open account is called {wish.person!r}"
        may = LEARNERS if wish.act is Act.PREPARE else ENDORSERS
        if role not in may:
            return f"{wish.person} is a {role}; {' or '.join(sorted(may))} {wish.act}"
        if (wish.model, wish.major) not in self.majors:
            return f"no model {wish.model!r} of major version {wish.major!r} is installed here"
        return ""


def read_table(path: Path, house: House, *, by: str, now: datetime) -> tuple[Wish, ...]:
    """Return the rights that the table at ``path`` asks for.

    Args:
        by: login of who would give them.

    Raises:
        RightsMalformed: at least one line is wrong. All are told of, FAULTS_MAX at most.
    """
    wishes: list[Wish] = []
    faults: list[str] = []
    seen: dict[tuple[str, str, str, str], int] = {}
    for line, values in _rows(_text(path)):
        try:
            wish = _wish(values)
            wish.granted(by, now)
        except Malformed as fault:
            faults.append(f"line {line}: {fault}")
            continue
        key = (wish.person, wish.model, wish.major, wish.site)
        wrong = house.fault(wish) or (f"the same as line {seen[key]}" if key in seen else "")
        seen.setdefault(key, line)
        if wrong:
            faults.append(f"line {line}: {wrong}")
        wishes.append(wish)
    if not wishes and not faults:
        faults.append("the table has no line but its names")
    if faults:
        raise RightsMalformed(faults)
    return tuple(wishes)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise RightsMalformed([f"the file has more than {FILE_BYTES_MAX} bytes"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RightsMalformed(["the file is not UTF-8: save it again as CSV UTF-8"]) from error


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in head else ",", strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if sorted(names) != sorted(COLUMNS):
            raise RightsMalformed([f"line 1: the names must be {', '.join(COLUMNS)}, in any order"])
        for number, row in enumerate((row for row in reader if any(cell.strip() for cell in row)), start=1):
            if number > LINES_MAX:
                raise RightsMalformed([f"line {reader.line_num}: more than {LINES_MAX} rights in one table"])
            cells = [cell.strip() for cell in row]
            yield reader.line_num, dict(zip(names, cells, strict=True)) if len(cells) == len(names) else {}
    except csv.Error as error:
        raise RightsMalformed([f"line {reader.line_num}: {error}"]) from error


def _wish(values: Mapping[str, str]) -> Wish:
    if not values:
        raise Malformed(f"there must be {len(COLUMNS)} values, one under each name")
    empty = [name for name in COLUMNS if not values[name] and name not in _MAY_BE_EMPTY]
    if empty:
        raise Malformed(f"{', '.join(empty)} is empty")
    return Wish(
        person=values["person"],
        model=values["model"],
        major=values["major"],
        site=values["site"],
        evidence=values["evidence"],
        since=day(values["since"]),
        until=day(values["until"]),
    )


def day(text: str) -> datetime | None:
    """Return the beginning of a day, in UTC; None for "".

    Raises:
        Malformed: it is not written 2026-11-28.
    """
    if not text:
        return None
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{text[:20]!r} is no day; write 2026-11-28") from error
    return found
