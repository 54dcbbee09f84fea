"""No wall stands for nothing, and no attack is stopped by chance."""

import pytest

from tests.gate import first_reads, preparations, rights
from tests.gate.ablation import ALL, CARRIERS, REDUNDANT, WALLS_BY_NAME, ablatable, only_walls
from tests.gate.attacks import Attack, attack
from tests.gate.gestures import gesture
from tests.gate.places import Place, PostgreSQLPlace, SQLitePlace
from tests.gate.sessions import Refusal
from tests.gate.test_attacks import in_each_place, stops_it

PAIRS = [pair for pair in in_each_place(ALL) if ablatable(pair.values[1], str(pair.values[0]))]


@pytest.mark.parametrize(("place", "attack"), PAIRS, indirect=["place"])
def test_without_its_walls_the_attack_gets_through_and_each_wall_alone_is_enough(place: Place, attack: Attack) -> None:
    """So the walls it names are what stops it: all of them, and nothing else."""
    assert place.attempt(attack, frozenset(attack.by)) is None
    for wall in attack.by if len(attack.by) > 1 else ():
        refusal = place.attempt(attack, frozenset(attack.by) - {wall})
        assert refusal is not None, f"{wall} alone does not stop it"
        assert stops_it(attack, refusal.walls)


def test_every_wall_stops_an_attack_alone_or_is_named_as_one_that_does_not() -> None:
    alone = only_walls()
    unneeded = {wall for wall in WALLS_BY_NAME if wall not in alone}
    assert unneeded == REDUNDANT.keys() | (CARRIERS.keys() - alone.keys())


@pytest.mark.parametrize("wall", REDUNDANT)
def test_a_redundant_wall_is_doubled_by_another(wall: str) -> None:
    """The attacks it stops are also stopped without it; the test above shows that for each of them."""
    stopped = [attack for attack in ALL if wall in attack.by]
    assert stopped
    assert all(len(attack.by) > 1 for attack in stopped)


@pytest.mark.parametrize("wall", CARRIERS)
def test_a_foreign_key_needs_what_it_points_at(sqlite: SQLitePlace, postgresql: PostgreSQLPlace, wall: str) -> None:
    assert postgresql.drop_alone(wall) == "2BP01", "PostgreSQL: other objects depend on it"
    child = sqlite_child(CARRIERS[wall][0])
    refusal: Refusal | None = sqlite.attempt(child, frozenset({wall}))
    assert refusal is not None
    assert "foreign key mismatch" in str(refusal)


def sqlite_child(key: str) -> Attack:
    """Return an honest row of the table that has the foreign key."""
    table = key.split("_", maxsplit=1)[0]
    rows = {
        "opinion": lambda w: w.opinion("open"),
        "preparation": lambda w: preparations.preparation(w, "to prepare"),
        "first": lambda w: first_reads.opening(w, "first"),
        "exposure": lambda w: first_reads.exposure(w, "first said"),
        "input": lambda w: w.input("1.2.1"),
        "judgement": lambda w: w.judgement("bare"),
        "result": lambda w: w.result("open"),
        "question": lambda w: w.question("open", "dr.idle"),
        "decision": lambda w: w.decision("signed"),
        "release": lambda w: w.release("decided"),
        "withdrawal": lambda w: w.withdrawal("delivered"),
        "rendering": lambda w: w.rendering("released"),
        "gesture": lambda _: gesture("claimed"),
        "delivery": lambda w: w.delivery("rendered"),
        "attempt": lambda w: w.attempt("validated"),
        "receipt": lambda w: w.receipt("attempted"),
        "grant": lambda _: rights.grant(),
    }
    return attack("aval_desk", "honest", "", rows[table])
