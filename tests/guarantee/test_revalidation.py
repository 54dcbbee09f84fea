"""What changed between two versions decides what must be shown again, by the printed table."""

from dataclasses import replace
from itertools import combinations

import pytest

from guarantee.errors import Malformed
from guarantee.ids import Digest
from guarantee.result import ModelVersion
from guarantee.revalidation import MEANING, TABLE, Comparison, Facet, Facts, Level, Row, compare, numbers, predecessor
from tests.guarantee.samples import digest_of


def version(number: str, **changed: str) -> Facts:
    """Return a version whose parts are the usual ones but for ``changed``."""
    parts = {facet: digest_of(changed.get(facet.value, "as ever")) for facet in Facet}
    model = ModelVersion(name="lung", version=number, digest=digest_of(number), card=digest_of(f"card {number}"))
    return Facts(model=model, parts=parts)


OLD = version("1.0.0")


def test_every_part_has_one_row_and_every_level_a_meaning() -> None:
    assert sorted(row.facet for row in TABLE) == sorted(Facet)
    assert MEANING.keys() == set(Level)


@pytest.mark.parametrize("row", TABLE, ids=[str(row.facet) for row in TABLE])
def test_a_part_that_changed_asks_for_the_level_of_its_row(row: Row) -> None:
    facet, level = row.facet, row.level
    found = compare(OLD, version("1.1.0", **{facet.value: "another"}))
    assert found == Comparison(before="lung@1.0.0", after="lung@1.1.0", changed=(facet,), level=level)


@pytest.mark.parametrize(("one", "other"), [*combinations(TABLE, 2)])
def test_of_two_parts_the_stricter_one_decides_and_both_are_named(one: Row, other: Row) -> None:
    rows = (one, other)
    found = compare(OLD, version("1.1.0", **{row.facet.value: "another" for row in rows}))
    strictest = max(list(Level).index(row.level) for row in rows)
    assert (found.changed, found.level) == (tuple(row.facet for row in rows), list(Level)[strictest])


def test_the_same_parts_under_another_number_ask_for_nothing() -> None:
    assert (compare(OLD, version("1.0.1")).changed, compare(OLD, version("1.0.1")).level) == ((), Level.NONE)


def test_a_part_that_comes_or_goes_has_changed() -> None:
    without = replace(version("1.1.0"), parts={f: d for f, d in OLD.parts.items() if f is not Facet.PREPROCESSING})
    assert compare(OLD, without).changed == compare(without, OLD).changed == (Facet.PREPROCESSING,)


def test_a_name_that_nobody_knows_is_a_new_model() -> None:
    assert compare(None, OLD) == Comparison(before="", after="lung@1.0.0", changed=(), level=Level.NEW_MODEL)


@pytest.mark.parametrize(
    ("known", "new", "before"),
    [
        (("1.0.0", "1.2.0", "1.10.0"), "1.3.0", "lung@1.2.0"),
        (("1.0.0", "1.2.0", "1.10.0"), "1.10.1", "lung@1.10.0"),
        (("1.2.0", "1.3.0"), "1.0.0", "lung@1.3.0"),
        (("1.0.0",), "1.0.0", None),
        ((), "1.0.0", None),
    ],
)
def test_a_version_follows_the_highest_below_it(known: tuple[str, ...], new: str, before: str | None) -> None:
    other = replace(OLD, model=replace(OLD.model, name="heart", version="1.2.9"))
    found = predecessor(version(new).model, [*map(version, known), other])
    assert (found.model.id if found else None) == before


def test_what_is_no_digest_and_no_version_is_not_compared() -> None:
    with pytest.raises(Malformed, match="SHA-256"):
        Facts(model=OLD.model, parts={Facet.WEIGHTS: Digest("short")})
    with pytest.raises(Malformed, match="not a version"):
        numbers("1.0-rc1")
