"""Who may endorse what: every way in which a right is missing, and every way in which it can be gone before a send."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from guarantee.decision import decide
from guarantee.errors import Malformed, NotHabilitated
from guarantee.habilitation import (
    EVIDENCE_CHARS_MAX,
    REVOKED,
    Grant,
    Lack,
    Revocation,
    Rights,
    Standing,
    entitled,
    major_of,
    revoked_since,
)
from tests.guarantee.samples import DAY_BEFORE, DRAFT, MODEL, POLICY, a_right, an_opinion, at

RIGHT = a_right()
YEAR = timedelta(days=365)
SECOND = replace(MODEL, version="2.0.0")


def revoked(grant: Grant = RIGHT, seconds: float = 10, *, holds: bool = True) -> Revocation:
    return Revocation(grant=grant.id, by="operator:root", reason="formation annulée", holds=holds, at=at(seconds))


def look(*grants: Grant, revocations: tuple[Revocation, ...] = (), **changes: Any) -> Grant:
    asked: dict[str, Any] = {"person": "dr.martin", "model": MODEL, "site": "chu", "at": at(60)}
    return entitled(Rights(grants=grants, revocations=revocations), **asked | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"person": ""},
        {"model": ""},
        {"major": ""},
        {"major": "1.4"},
        {"site": ""},
        {"by": ""},
        {"by": "dr.martin"},
        {"evidence": " "},
        {"evidence": "x" * (EVIDENCE_CHARS_MAX + 1)},
        {"since": DAY_BEFORE - timedelta(seconds=1)},
        {"until": DAY_BEFORE},
        {"until": DAY_BEFORE + YEAR + timedelta(days=1)},
    ],
)
def test_a_right_that_nobody_may_give_cannot_be_written(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(RIGHT, **changes)


def test_a_right_of_a_leap_day_lasts_until_the_day_that_its_year_has() -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert a_right(at=leap, since=leap, until=datetime(2029, 2, 28, 12, tzinfo=UTC))
    with pytest.raises(Malformed, match="12 months"):
        a_right(at=leap, since=leap, until=datetime(2029, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "changes",
    [
        {"person": "dr.leroy"},
        {"model": "other"},
        {"major": "2"},
        {"site": "north"},
        {"evidence": "other"},
        {"by": "other"},
        {"since": at(0)},
        {"until": at(0)},
        {"at": DAY_BEFORE - timedelta(days=1)},
    ],
)
def test_the_name_of_a_right_says_everything_of_it(changes: dict[str, Any]) -> None:
    assert replace(RIGHT, **changes).id != RIGHT.id
    assert a_right().id == RIGHT.id


def test_a_revocation_says_who_and_why() -> None:
    for changes in ({"by": ""}, {"reason": " "}):
        with pytest.raises(Malformed):
            replace(revoked(), **changes)


def test_a_right_in_force_is_found_and_the_longest_one_first() -> None:
    short = a_right(until=at(3600))
    assert look(short, RIGHT) == look(RIGHT, short) == RIGHT
    assert look(RIGHT, short, revocations=(revoked(),)) == short


LACKING = [
    (Lack.NONE, (), ()),
    (Lack.NONE, (a_right("dr.leroy"),), ()),
    (Lack.NONE, (a_right(model=replace(MODEL, name="other")),), ()),
    (Lack.OTHER_MAJOR, (a_right(model=SECOND),), ()),
    (Lack.OTHER_SITE, (a_right(site="north"), a_right(model=SECOND)), ()),
    (Lack.NOT_YET, (a_right(since=at(61)),), ()),
    (Lack.EXPIRED, (a_right(until=at(60)),), ()),
    (Lack.REVOKED, (RIGHT,), (revoked(),)),
    (Lack.REVOKED, (RIGHT,), (revoked(holds=False),)),
    (Lack.REVOKED, (a_right(until=at(30)), RIGHT), (revoked(),)),
]


@pytest.mark.parametrize(("lack", "grants", "revocations"), LACKING)
def test_a_refusal_says_what_is_missing_and_who_gives_it(
    lack: Lack, grants: tuple[Grant, ...], revocations: tuple[Revocation, ...]
) -> None:
    with pytest.raises(NotHabilitated, match=r"dr\.martin.*brain-extractor 1 at chu.*committee") as refused:
        look(*grants, revocations=revocations)
    assert refused.value.lack == lack


def test_a_revocation_ends_a_right_from_its_moment_on() -> None:
    assert look(RIGHT, revocations=(revoked(seconds=61),)) == RIGHT
    with pytest.raises(NotHabilitated):
        look(RIGHT, revocations=(revoked(seconds=60),))
    assert look(RIGHT, revocations=(revoked(a_right("dr.leroy")),)) == RIGHT


def test_a_right_stands_in_one_way_at_each_moment() -> None:
    known = Rights(grants=(RIGHT,), revocations=(revoked(),))
    later = a_right(since=at(100), until=at(200))
    assert known.standing(RIGHT, at(9)) is Standing.IN_FORCE
    assert known.standing(RIGHT, at(10)) is Standing.REVOKED
    assert [known.standing(later, at(moment)) for moment in (99, 100, 200)] == [
        Standing.NOT_YET,
        Standing.IN_FORCE,
        Standing.EXPIRED,
    ]


def test_the_major_version_is_what_stands_before_the_first_point() -> None:
    assert [major_of(replace(MODEL, version=text)) for text in ("1.4.0", "10.1", "3", "2026-11")] == [
        "1",
        "10",
        "3",
        "2026-11",
    ]


@pytest.mark.parametrize(
    ("right", "lack"),
    [
        (a_right("dr.leroy"), Lack.NONE),
        (a_right(model=SECOND), Lack.NONE),
        (a_right(model=replace(MODEL, name="other")), Lack.NONE),
        (a_right(since=at(61)), Lack.NOT_YET),
        (a_right(until=at(60)), Lack.EXPIRED),
    ],
)
def test_an_opinion_under_a_right_that_its_reader_could_not_use_does_not_count(right: Grant, lack: Lack) -> None:
    with pytest.raises(NotHabilitated) as refused:
        decide(policy=POLICY, draft=DRAFT, opinions=(an_opinion(right=right),))
    assert refused.value.lack == lack


# ----------------------------------------------------------------------------------------------- before each send

AGAIN = a_right(since=at(20), until=at(10_000), at=at(20))
GONE = [
    ("nothing happened", (), (), True),
    ("revoked", (), (revoked(),), False),
    ("revoked, decisions stand", (), (revoked(holds=False),), True),
    ("revoked in both ways", (), (revoked(holds=False), revoked(seconds=11)), False),
    ("revoked later than now", (), (revoked(seconds=101),), True),
    ("another right was revoked", (AGAIN,), (revoked(AGAIN, 30),), True),
    ("given again", (AGAIN,), (revoked(),), True),
    ("given again before", (AGAIN,), (revoked(seconds=20),), False),
    ("given again, and revoked again", (AGAIN,), (revoked(), revoked(AGAIN, 30, holds=False)), False),
    ("given again, for later", (a_right(since=at(101), at=at(20)),), (revoked(),), False),
    ("given again, and ended", (a_right(since=at(20), until=at(100), at=at(20)),), (revoked(),), False),
    ("another site was given", (replace(AGAIN, site="north"),), (revoked(),), False),
    ("another major was given", (replace(AGAIN, major="2"),), (revoked(),), False),
    ("somebody else was given it", (replace(AGAIN, person="dr.leroy"),), (revoked(),), False),
]


@pytest.mark.parametrize(("grants", "revocations", "goes"), [case[1:] for case in GONE], ids=[case[0] for case in GONE])
def test_what_may_be_sent_once_a_right_is_gone(
    grants: tuple[Grant, ...], revocations: tuple[Revocation, ...], *, goes: bool
) -> None:
    rights = Rights(grants=(RIGHT, *grants), revocations=revocations)
    cause = revoked_since([RIGHT], rights, site="chu", at=at(100))
    assert (cause is None) == goes
    assert cause is None or cause.code == REVOKED


def test_a_right_that_ended_by_its_date_lets_what_it_allowed_go() -> None:
    ended = a_right(until=at(61))
    assert revoked_since([ended], Rights(grants=(ended,)), site="chu", at=at(100)) is None


def test_one_lost_right_of_two_readers_holds_what_both_endorsed() -> None:
    other = a_right("dr.leroy")
    rights = Rights(grants=(RIGHT, other), revocations=(revoked(other),))
    assert revoked_since([RIGHT, other], rights, site="chu", at=at(100)) is not None


def test_a_right_of_another_site_sends_nothing_here() -> None:
    assert revoked_since([RIGHT], Rights(grants=(RIGHT,)), site="north", at=at(100)) is not None
