"""Workitems of a worklist server, over HTTP: claims that hold, claims that are lost, ends that a server accepts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dicom_adapters.ask.ups import Code, Options, Output, Workitem, Worklist
from guarantee.errors import Declined, Unavailable
from tests.peers.base import free_port
from tests.peers.ups_server import CANCELED, COMPLETED, IN_PROGRESS, SCHEDULED, UpsServer, first, tag

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
STATION = Code(value="AVAL", scheme="99TEST")
OUTPUT = Output(study_uid="1.2", series_uid="1.2.9", sop_class_uid="1.3", sop_instance_uid="1.2.9.1", aet="PACS")


@pytest.fixture
def server() -> Iterator[UpsServer]:
    made = UpsServer()
    yield made
    made.stop()


def worklist(server: UpsServer, who: str = "2.25.7", **more: Any) -> Worklist:
    transaction: Callable[[str], str] = lambda uid: f"{who}.{uid.replace('.', '')}"  # noqa: E731
    return Worklist(Options(url=server.url, station=STATION, transaction=transaction, **more))


def only(worklist: Worklist, state: str) -> Workitem:
    (item,) = worklist.in_state(state)
    return item


def test_work_that_is_for_us_is_found_with_what_it_is_about(server: UpsServer) -> None:
    server.schedule("2.25.1", "1.2", "1.2", code="brain", priority="HIGH")
    server.schedule("2.25.2", "1.3", station="SOMEBODY")
    item = only(worklist(server), SCHEDULED)
    assert (item.uid, item.study_uids, item.priority) == ("2.25.1", ("1.2",), "HIGH")
    assert [code.value for code in item.codes] == ["brain"]
    assert worklist(server).in_state(IN_PROGRESS) == ()


def test_a_server_that_ignores_what_it_was_asked_does_not_make_us_take_other_work(server: UpsServer) -> None:
    server.schedule("2.25.1", "1.2", station="SOMEBODY")
    server.ignores_keys = True
    assert worklist(server).in_state(SCHEDULED) == ()


def test_a_workitem_is_claimed_once(server: UpsServer) -> None:
    server.schedule("2.25.1", "1.2")
    item = only(worklist(server), SCHEDULED)
    assert worklist(server).claim(item, NOW)
    assert not worklist(server, "2.25.8").claim(item, NOW)
    assert server.history == [("2.25.1", IN_PROGRESS)]


def test_progress_is_told_and_the_start_stays_what_it_was(server: UpsServer) -> None:
    server.schedule("2.25.1", "1.2")
    ours = worklist(server)
    ours.claim(only(ours, SCHEDULED), NOW)
    assert ours.report(only(ours, IN_PROGRESS), 60, "waiting for review", NOW.replace(hour=11))
    assert server.said("2.25.1", "ProcedureStepProgress") == 60
    assert first(server.performed("2.25.1"), "PerformedProcedureStepStartDateTime") == "20261127093000.000000+0000"


def test_a_finished_workitem_names_what_came_of_it_and_where_it_is(server: UpsServer) -> None:
    server.schedule("2.25.1", "1.2")
    ours = worklist(server)
    ours.claim(only(ours, SCHEDULED), NOW)
    assert ours.complete(only(ours, IN_PROGRESS), [OUTPUT], NOW)
    assert server.state("2.25.1") == COMPLETED
    assert server.outputs("2.25.1") == ["1.2.9.1"]
    (output,) = server.performed("2.25.1")[tag("OutputInformationSequence")]["Value"]
    assert first(first(output, "DICOMRetrievalSequence"), "RetrieveAETitle") == "PACS"


@pytest.mark.parametrize(("failed", "code"), [(True, "110501"), (False, "110513")])
def test_a_workitem_of_which_nothing_comes_is_canceled_with_a_reason(
    server: UpsServer, failed: bool, code: str
) -> None:
    server.schedule("2.25.1", "1.2")
    ours = worklist(server)
    ours.claim(only(ours, SCHEDULED), NOW)
    assert ours.cancel(only(ours, IN_PROGRESS), "brain@1 excluded (modality)", NOW, failed=failed)
    assert server.state("2.25.1") == CANCELED
    assert server.said("2.25.1", "ReasonForCancellation") == "brain@1 excluded (modality)"
    assert first(server.said("2.25.1", "ProcedureStepDiscontinuationReasonCodeSequence"), "CodeValue") == code


def test_what_was_taken_from_us_is_left_alone(server: UpsServer) -> None:
    server.schedule("2.25.1", "1.2")
    ours = worklist(server)
    ours.claim(only(ours, SCHEDULED), NOW)
    server.take_away("2.25.1")
    item = only(ours, IN_PROGRESS)
    assert not ours.report(item, 50, "computing", NOW)
    assert not ours.complete(item, [OUTPUT], NOW)
    assert not ours.cancel(item, "none", NOW)
    assert server.history == [("2.25.1", IN_PROGRESS)]


def test_a_token_and_the_form_of_dcm4chee_are_spoken_where_they_are_asked_for() -> None:
    server = UpsServer(token="secret", requester="AVAL")
    try:
        server.schedule("2.25.1", "1.2")
        ours = worklist(server, token="secret", requester="AVAL")
        assert ours.claim(only(ours, SCHEDULED), NOW)
        assert not worklist(server, token="secret").claim(only(ours, IN_PROGRESS), NOW)
        with pytest.raises(Declined):
            worklist(server).report(only(ours, IN_PROGRESS), 1, "claimed", NOW)
        with pytest.raises(Unavailable):
            worklist(server).in_state(SCHEDULED)
    finally:
        server.stop()


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    gone = Worklist(Options(url=f"http://127.0.0.1:{free_port()}", station=STATION, transaction=str, silence_s=2))
    with pytest.raises(Unavailable):
        gone.in_state(SCHEDULED)
    item = Workitem(uid="1", state="", codes=(), stations=(), study_uids=(), priority="", started="")
    with pytest.raises(Unavailable):
        gone.claim(item, NOW)


@pytest.mark.parametrize("uid", ["", "../../admin", "not a uid", "1.2?x=y"])
def test_a_workitem_whose_name_is_no_uid_is_not_looked_at(server: UpsServer, uid: str) -> None:
    server.schedule(uid, "1.2")
    assert worklist(server).in_state(SCHEDULED) == ()
