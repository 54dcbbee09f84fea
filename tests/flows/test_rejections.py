"""Rejection notes: the images that they name are no longer looked at, nor waited for."""

from dataclasses import replace

import pytest

from guarantee.case import CaseKind
from guarantee.completeness import Verdict
from guarantee.states import CaseState, ResultState
from tests.flows.judging import STUDY, announce, image, listing, look, note
from tests.flows.world import World


@pytest.mark.parametrize("title", ["113001", "113037", "113038"])
def test_a_rejection_note_takes_its_images_out_and_the_draft_with_them(world: World, title: str) -> None:
    images = [image(world, n) for n in (1, 2)]
    world.receive(*images)
    world.complete()
    world.infer_all()
    world.receive(note(world, title, images[0]))
    (first,) = world.results()
    assert first.state is ResultState.STALE
    assert first.cause is not None
    assert first.cause.code == "inputs-rejected"
    judged = look(world, after_s=301)
    assert judged is not None
    assert judged.instances == 2, "the other image, and the note"
    assert world.vault.has(images[0].source.digest), "the bytes are kept"
    world.infer_all()
    assert ResultState.AWAITING_REVIEW in {result.state for result in world.results()}


def test_images_that_have_only_grown_old_leave_what_was_drafted_from_them(world: World) -> None:
    images = [image(world, n) for n in (1, 2)]
    world.receive(*images)
    world.complete()
    world.infer_all()
    (result,) = world.results()
    world.receive(note(world, "113039", images[0]))
    assert world.result(result.id).state is ResultState.AWAITING_REVIEW
    world.receive(image(world, 3))
    judged = look(world, after_s=301)
    assert judged is not None
    assert judged.instances == 3, "the second, the third, and the note: what is judged from now on is without it"


def test_a_note_before_the_images_counts_too_and_a_list_no_longer_waits_for_them(world: World) -> None:
    images = [image(world, n) for n in (1, 2)]
    world.receive(note(world, "113038", images[0]))
    announce(world, listing(world, *images))
    world.receive(*images)
    judged = look(world, after_s=301)
    assert judged is not None
    assert judged.verdict is Verdict.COMPLETE
    assert judged.instances == 2


def test_a_note_on_images_that_nobody_uses_changes_nothing(world: World) -> None:
    result = world.drafted(image(world))
    world.receive(note(world, "113037", image(world, 77)))
    assert world.result(result.id).state is ResultState.AWAITING_REVIEW


def test_a_study_all_of_whose_images_were_rejected_ends_with_nothing_to_look_at(world: World) -> None:
    one = image(world)
    world.drafted(one)
    other = replace(note(world, "113037", one), uid="1.2.4")
    world.receive(other)
    world.complete()
    with world.sql.reading() as unit:
        latest = unit.cases.latest(CaseKind.STUDY, STUDY)
        assert latest is not None
        assert unit.results.of_case(latest.id) == ()
    assert (latest.revision, latest.state) == (2, CaseState.COMPLETE)
