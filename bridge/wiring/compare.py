"""Two versions compared over the cases that both were given: rows from the database, drafts from the vault."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bridge.config import ConfigError
from bridge.db.pairs import PAIRS_MAX, Side, Sides
from bridge.discordance import Comparison, Difference, Pair, Ran, comparison, difference
from bridge.wiring.parts import Parts
from guarantee.content import Content
from guarantee.errors import BlobMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two versions since some time.

    Args:
        given: how many cases each was given.
        is_cut: whether there were more common cases than are compared at once; the oldest are then left out.
        unreadable: cases of which a draft is no longer in the vault; they are left out.
    """

    first: str
    second: str
    since: datetime
    given: tuple[int, int]
    is_cut: bool
    unreadable: int
    found: Comparison


def compared(first: str, second: str, since: datetime, parts: Parts) -> Compared:
    """Return how two versions ("name@version") of a model compare.

    Raises:
        ConfigError: one was never known here, or they are not two versions of one model.
    """
    if first == second or first.partition("@")[0] != second.partition("@")[0]:
        raise ConfigError(f"two versions of one model are compared, not {first} and {second}")
    with parts.store("desk").reading() as unit:
        for version in (first, second):
            if unit.registry.model(version) is None:
                raise ConfigError(f"{version} was never known here: give name@version, as `aval models list` prints it")
        sides = unit.pairs.of(first, second, since, PAIRS_MAX + 1)
        given = (unit.pairs.given(first, since), unit.pairs.given(second, since))
    read = list(_differences(sides[:PAIRS_MAX], parts))
    return Compared(
        first=first,
        second=second,
        since=since,
        given=given,
        is_cut=len(sides) > PAIRS_MAX,
        unreadable=len(sides[:PAIRS_MAX]) - len(read),
        found=comparison(read),
    )


def _differences(sides: tuple[Sides, ...], parts: Parts) -> Iterator[Difference]:
    """Yield one small value a case: the drafts themselves are let go of one after the other."""
    for one in sides:
        try:
            pair = Pair(case=one.case, first=_ran(one.first, parts), second=_ran(one.second, parts))
        except BlobMissing:
            continue
        yield difference(pair)


def _ran(side: Side, parts: Parts) -> Ran:
    content = Content.from_bytes(parts.vault.get(side.draft)) if side.draft else None
    return Ran(
        state=side.state,
        cause="" if content is not None else side.cause,
        focus=side.focus,
        content=content,
        seconds=side.seconds,
    )
