"""When a case is complete: each row of the table, and what must neither lose nor block anything."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from guarantee.completeness import (
    TABLE,
    Announced,
    Arrived,
    Basis,
    Judgement,
    Lack,
    Row,
    Shortage,
    Situation,
    Status,
    Told,
    Verdict,
    judge,
)
from guarantee.errors import Malformed
from guarantee.judging import Rejection, from_list, to_list
from guarantee.unit import Input
from tests.guarantee.samples import a_source, at

QUIET_S = 60.0
DEADLINE_S = 1800.0


def series(group: str = "1", images: int = 3, last: float = 0, quiet_s: float = QUIET_S) -> Arrived:
    return Arrived(group=group, instances=names(group, images), last_at=at(last), quiet_s=quiet_s)


def names(group: str, images: int) -> frozenset[str]:
    return frozenset(f"{group}.{n}" for n in range(images))


def listing(group: str = "1", images: int = 3, **changes: Any) -> Announced:
    said = Announced(basis=Basis.LIST, group=group, instances=images, listed=names(group, images))
    return replace(said, **changes)


def count(images: int, group: str = "", basis: Basis = Basis.QUERY) -> Announced:
    return Announced(basis=basis, group=group, instances=images)


def step(status: Status) -> Announced:
    return Announced(basis=Basis.LIST, group="", instances=0, listed=frozenset(), status=status)


def judged(
    *announced: Announced, after: float = 0, arrived: tuple[Arrived, ...] = (series(),), **changes: Any
) -> Judgement:
    situation = Situation(
        arrived=arrived,
        announced=announced,
        last_at=max((one.last_at for one in arrived), default=at(0)),
        is_open=False,
        broken_off=False,
        broken_s=30.0,
        waits=True,
        deadline_s=DEADLINE_S,
    )
    return judge(replace(situation, **changes), at(after))


def verdict(judgement: Judgement) -> tuple[Verdict, str]:
    return judgement.verdict, judgement.how


# ---------------------------------------------------------------------------------------------------------- the table


def test_every_situation_has_a_row_and_every_row_a_situation() -> None:
    used = set()
    for told, is_open, quiet, doubt, waits, overdue in product(Told, *[(False, True)] * 5):
        seen = {"told": told, "is_open": is_open, "quiet": quiet, "doubt": doubt, "waits": waits, "overdue": overdue}
        first = next(row for row in TABLE if holds(row, seen))
        used.add(first.how)
    assert used == {row.how for row in TABLE}


def holds(row: Row, seen: dict[str, object]) -> bool:
    return all(
        (wanted := getattr(row, name)) is None or value == wanted or (isinstance(wanted, frozenset) and value in wanted)
        for name, value in seen.items()
    )


def test_no_row_waits_past_the_deadline_once_nobody_sends() -> None:
    for told, doubt, waits in product(Told, (False, True), (False, True)):
        seen = {"told": told, "is_open": False, "quiet": True, "doubt": doubt, "waits": waits, "overdue": True}
        assert next(row for row in TABLE if holds(row, seen)).verdict is not Verdict.WAIT


def test_what_is_listed_and_here_is_complete_at_once_even_while_somebody_is_connected() -> None:
    assert verdict(judged(listing(), is_open=True)) == (Verdict.COMPLETE, "listed")


def test_what_is_counted_and_here_is_complete_when_the_sender_has_gone() -> None:
    assert verdict(judged(count(3), is_open=True)) == (Verdict.WAIT, "open")
    assert verdict(judged(count(3))) == (Verdict.COMPLETE, "counted")


def test_an_open_association_keeps_a_study_open() -> None:
    judgement = judged(after=9_999, is_open=True)
    assert verdict(judgement) == (Verdict.WAIT, "open")
    assert judgement.until is None


def test_without_any_announcement_the_quiet_time_decides() -> None:
    waiting = judged(after=59)
    assert verdict(waiting) == (Verdict.WAIT, "quiet-time")
    assert waiting.until == at(60)
    assert judged(after=60) == Judgement(
        verdict=Verdict.COMPLETE, how="quiet", shortages=(), instances=3, last_at=at(0)
    )


def test_a_series_inside_its_own_quiet_time_keeps_the_study_open() -> None:
    both = (series("1", last=10, quiet_s=20), series("2", last=0, quiet_s=300))
    assert judged(after=40, arrived=both).until == at(300)
    assert verdict(judged(after=300, arrived=both)) == (Verdict.COMPLETE, "quiet")


def test_a_transfer_that_was_broken_off_waits_longer_and_is_told() -> None:
    assert judged(after=60, broken_off=True).until == at(90)
    short = judged(after=90, broken_off=True)
    assert verdict(short) == (Verdict.SHORT, "doubt")
    assert [one.lack for one in short.shortages] == [Lack.BROKEN_OFF]


@pytest.mark.parametrize("said", [listing(), count(3), count(3, "1")], ids=["listed", "counted", "each series counted"])
def test_a_broken_transfer_matters_no_more_when_everything_is_known_to_be_here(said: Announced) -> None:
    assert judged(said, after=90, broken_off=True).verdict is Verdict.COMPLETE


# ------------------------------------------------------------------------------------------------------ what is missing


def test_what_was_announced_and_is_missing_is_waited_for_until_the_deadline() -> None:
    waiting = judged(listing(images=5), after=60)
    assert verdict(waiting) == (Verdict.WAIT, "missing")
    assert waiting.until == at(DEADLINE_S)
    short = judged(listing(images=5), after=DEADLINE_S)
    assert verdict(short) == (Verdict.SHORT, "deadline")
    assert short.shortages == (Shortage(lack=Lack.INSTANCES, group="1", announced=5, arrived=3),)


def test_a_case_none_of_whose_models_waits_is_short_after_its_quiet_time() -> None:
    assert verdict(judged(count(5), after=60, waits=False)) == (Verdict.SHORT, "not-awaited")


def test_a_series_that_never_came_is_missing() -> None:
    short = judged(listing(), listing("2", 4), after=DEADLINE_S)
    assert short.shortages == (Shortage(lack=Lack.INSTANCES, group="2", announced=4, arrived=0),)
    assert short.concerning("1") == ()
    assert short.concerning("2") == short.shortages


def test_a_step_in_progress_is_waited_for_and_one_that_was_given_up_is_not() -> None:
    assert verdict(judged(step(Status.IN_PROGRESS), listing(), after=60)) == (Verdict.WAIT, "missing")
    ended = judged(step(Status.DISCONTINUED), listing(), after=60)
    assert verdict(ended) == (Verdict.SHORT, "doubt")
    assert [one.lack for one in ended.shortages] == [Lack.STEP_DISCONTINUED]
    assert verdict(judged(step(Status.SAID), listing())) == (Verdict.COMPLETE, "listed")


# --------------------------------------------------------------------------- what must neither lose nor block anything


def test_an_announcement_lower_than_what_came_neither_blocks_nor_hastens() -> None:
    for said in (count(2), count(2, "1"), listing(images=2), count(2, "1", Basis.HINT)):
        assert verdict(judged(said, after=59)) == (Verdict.WAIT, "quiet-time")
        assert verdict(judged(said, after=60)) == (Verdict.COMPLETE, "quiet")


def test_the_strongest_source_counts_alone() -> None:
    assert verdict(judged(count(3, "1"), count(9, "1", Basis.HINT), after=60)) == (Verdict.COMPLETE, "quiet")
    assert verdict(judged(count(9, "1"), listing(), after=60)) == (Verdict.COMPLETE, "listed")
    assert verdict(judged(count(3), count(9, basis=Basis.HEADER), after=60)) == (Verdict.COMPLETE, "counted")


def test_a_study_that_is_whole_on_one_basis_lacks_nothing_on_a_weaker_one() -> None:
    assert verdict(judged(count(3), count(9, "1", Basis.HINT))) == (Verdict.COMPLETE, "counted")
    assert judged(count(3, basis=Basis.HEADER), count(9, "1")).verdict is Verdict.WAIT


def test_of_two_sources_of_one_kind_the_larger_count_is_believed_and_lists_are_joined() -> None:
    (short,) = judged(count(4), count(6), after=DEADLINE_S).shortages
    assert short.announced == 6
    second = Announced(basis=Basis.LIST, group="1", instances=1, listed=frozenset({"1.2"}))
    assert verdict(judged(listing(images=2), second)) == (Verdict.COMPLETE, "listed")


def test_a_case_whose_every_image_was_rejected_is_not_held_for_ever() -> None:
    assert verdict(judged(arrived=())) == (Verdict.COMPLETE, "quiet")
    assert verdict(judged(count(3), arrived=(), after=DEADLINE_S)) == (Verdict.SHORT, "deadline")
    assert verdict(judged(count(0), arrived=())) == (Verdict.COMPLETE, "quiet")


# ----------------------------------------------------------------------------------------------------------- the values


def test_what_is_missing_is_said_in_words_with_its_numbers() -> None:
    of_series = Shortage(lack=Lack.INSTANCES, group="1", announced=60, arrived=57)
    assert "57 images of the analysed series received of 60" in of_series.said.en
    assert "57 images de l'examen reçues sur 60" in replace(of_series, group="").said.fr
    said = {Shortage(lack=lack).said.en for lack in Lack}
    assert len(said) == len(Lack)


@pytest.mark.parametrize(
    "wrong",
    [
        {"basis": Basis.LIST, "instances": 3},
        {"basis": Basis.QUERY, "instances": 3, "listed": frozenset("a")},
        {"basis": Basis.QUERY, "instances": -1},
    ],
)
def test_an_announcement_that_means_nothing_does_not_exist(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Announced(group="", **wrong)


def test_a_rejection_has_a_title_of_a_rejection_note() -> None:
    with pytest.raises(Malformed, match="113000"):
        Rejection(study="1", uids=frozenset({"1.1"}), note="1.9", title="113000")


def test_a_model_looks_at_what_is_neither_in_doubt_nor_rejected() -> None:
    used = Input(source=a_source(), facts={}, conflict=False, modality="MR", sender="mr1", at=at(0))
    rejection = Rejection(study="1.2", uids=frozenset({used.source.uid}), note="1.9", title="113037")
    assert used.is_used
    assert not replace(used, conflict=True).is_used
    assert not replace(used, rejected=rejection.title).is_used


def test_a_list_is_the_same_bytes_whatever_its_order() -> None:
    assert to_list(["2", "1", "2"]) == to_list(("1", "2")) == b"1\n2"
    assert from_list(b"1\n2") == {"1", "2"}
    assert from_list(to_list(())) == frozenset()
