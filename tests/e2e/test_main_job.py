"""The main job: in by DICOM or FHIR, a model, a clinician, and exactly that out; nothing before, nothing else.

Each test runs on both installations: everything in one process on SQLite, and seven processes with PostgreSQL (one
role each) and RabbitMQ. Both destinations are real, and are looked at without a break. A series of another hospital
goes the same way through the browser: test_desk_in_chromium.py.
"""

import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from guarantee.release import Kind
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.judges import Judges, require_journal_holds
from tests.e2e.outside import PACS, RECORD, Outside, receipt
from tests.e2e.reader import AtDesk
from tests.installation import Installation, eventually

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet"), pytest.mark.peer("dcmtk")]

BRAIN = "brain-extractor"
MORTALITY = "hospital-mortality"

PROOF = {"embedded": "storage-commitment", "distributed": "read-back"}
"""How Orthanc is asked to prove that it holds something."""


def proof(place: Installation) -> str:
    return PROOF["distributed" if place.cluster else "embedded"]


def confirmed(martin: AtDesk, result: str, kind: Kind = Kind.RESULT) -> list[dict[str, Any]]:
    """Wait until every delivery of a kind is confirmed, and return them."""

    def look() -> list[dict[str, Any]]:
        sent = [one for one in martin.view(result)["sent"] if one["kind"] == kind]
        return sent if sent and all(one["state"] == "confirmed" for one in sent) else []

    return martin.installation.eventually(look, f"every {kind} of {result[:8]} to be confirmed")


def drafted_phantom(place: Installation, martin: AtDesk, folder: Path, name: str, **header: Any) -> tuple[Study, str]:
    """Send a phantom, and return it with the result that awaits review."""
    study = inputs.phantom(folder, f"{name}-{time.monotonic_ns()}", **header)
    inputs.send(study, place.scp)
    return study, martin.draft_of(study.case(), PHANTOM)


# ------------------------------------------------------------------------------------------------------ what is real


def test_a_real_head_is_read_endorsed_and_delivered(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study = inputs.head(tmp_path, number=11 if place.cluster else 12)
    with outside.watched() as watch:
        inputs.send(study, place.scp)
        result = martin.draft_of(study.case(), BRAIN)
        opened = martin.open(result)
        before = watch.now()
        assert martin.answer(result, opened).status_code == 201
    watch.require_nothing_before(before)
    seen = martin.wait_for(result, "delivered")
    assert {one["destination"]: one["method"] for one in seen["sent"]} == {PACS: proof(place), RECORD: "version-id"}
    happened = martin.web.get(f"/api/results/{result}/timeline").json()
    assert {line["destination"] for line in happened if line["action"] == "delivery.attempted"} == {PACS, RECORD}
    assert seen["content"] == opened["draft"]
    judges.pacs_holds(outside, place, study.uid, result, seen["content"])
    judges.record_holds(outside, place, result, seen["content"])


def test_a_stay_is_scored_endorsed_and_delivered(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    bundle = inputs.support2("s2-00015") if place.cluster else inputs.stay(tmp_path, 31)
    outside.admit(bundle.read_bytes())
    with outside.watched() as watch:
        assert inputs.push(bundle, place.fhir).status_code == 200
        result = martin.draft_of(inputs.stay_case(bundle), MORTALITY)
        opened = martin.open(result)
        before = watch.now()
        assert martin.answer(result, opened).status_code == 201
    watch.require_nothing_before(before)
    seen = martin.wait_for(result, "delivered")
    assert [(one["destination"], one["method"]) for one in seen["sent"]] == [(RECORD, "version-id")]
    judges.record_holds(outside, place, result, seen["content"])
    used = {one["source"].partition("/")[0] for one in seen["content"]["inputs"] if one["value"]}
    assert used == {"Observation", "Patient.birthDate"}


@pytest.mark.parametrize("named", [True, False], ids=["names the stay", "says only that something changed"])
def test_a_rest_hook_of_the_record_is_looked_up_scored_endorsed_and_delivered(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path, named: bool
) -> None:
    number = 40 + 2 * named + bool(place.cluster)
    bundle = inputs.stay(tmp_path, number)
    outside.admit(bundle.read_bytes())
    body = outside.encounter(inputs.stay_uid(bundle)) if named else b""
    with outside.watched() as watch:
        assert inputs.push(body, f"{place.fhir}/notify/dpi").status_code == 200
        result = martin.draft_of(inputs.stay_case(bundle), MORTALITY)
        opened = martin.open(result)
        before = watch.now()
        assert martin.answer(result, opened).status_code == 201
    watch.require_nothing_before(before)
    judges.record_holds(outside, place, result, martin.wait_for(result, "delivered")["content"])


# ------------------------------------------------------------------------------------------- what a reader can decide


def test_an_endorsed_study_arrives_and_can_be_taken_back_everywhere(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study, result = drafted_phantom(place, martin, tmp_path, "retract")
    martin.sign(result)
    seen = martin.wait_for(result, "delivered")
    judges.pacs_holds(outside, place, study.uid, result, seen["content"])
    judges.record_holds(outside, place, result, seen["content"])
    martin.retract(result)
    sent = confirmed(martin, result, Kind.WITHDRAWAL)
    assert {one["destination"] for one in sent} == {PACS, RECORD}
    assert martin.state(result) == "retracted"
    judges.pacs_rejects(outside, study.uid)
    judges.record_withdrew(outside, place, result)


def test_a_multi_frame_image_is_read_endorsed_and_delivered(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study, result = drafted_phantom(place, martin, tmp_path, "frames", multi_frame=True)
    assert len(study.files) == 1
    martin.sign(result)
    seen = martin.wait_for(result, "delivered")
    judges.pacs_holds(outside, place, study.uid, result, seen["content"])
    judges.record_holds(outside, place, result, seen["content"])


def test_what_a_reader_changes_is_what_arrives(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study, result = drafted_phantom(place, martin, tmp_path, "amend")
    report = "Fantôme : 23,5 mL, mesuré à nouveau.\nŒdème absent – à revoir."
    edits = {
        "report": report,
        "findings": [{"key": "brain", "quantities": [{"index": 0, "value": "23.5"}]}],
        "added": [{"label": "Bulle d'air près du bord", "presence": "present"}],
    }
    martin.sign(result, verdict="amend", reason="wrong-measure", comment="Seuil trop bas.", edits=edits)
    seen = martin.wait_for(result, "delivered")
    content = seen["content"]
    assert content["report"] == report
    assert content["findings"][0]["quantities"][0]["value"] == "23.5"
    assert [finding["origin"] for finding in content["findings"]] == ["person", "person"]
    assert content != seen["draft"]
    judges.pacs_holds(outside, place, study.uid, result, content)
    judges.record_holds(outside, place, result, content)


def test_nothing_of_a_rejected_draft_ever_arrives(
    place: Installation, outside: Outside, martin: AtDesk, tmp_path: Path
) -> None:
    with outside.watched() as watch:
        study, result = drafted_phantom(place, martin, tmp_path, "reject")
        martin.sign(result, verdict="reject", reason="false-positive")
        seen = martin.wait_for(result, "rejected")
        # What would be sent would be rung for at once; another whole case shows that the bells were answered since.
        drafted_phantom(place, martin, tmp_path, "reject-other")
    watch.require_nothing()
    assert seen["sent"] == []
    assert seen["content"] is None
    assert outside.objects(study.uid) == {}


# ------------------------------------------------------------------------------------------- when the world changes


def test_a_late_image_makes_the_draft_stale_and_opens_a_new_revision(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    name = f"late-{time.monotonic_ns()}"
    study = inputs.phantom(tmp_path, name)
    inputs.send(study, place.scp)
    old = martin.draft_of(study.case(), PHANTOM)
    opened = martin.open(old)
    inputs.send(inputs.late_image(tmp_path, name), place.scp)
    assert martin.wait_for(old, "stale")["line"]["cause"]["code"] == "inputs-changed"
    refused = martin.answer(old, opened)
    assert (refused.status_code, refused.json()["code"]) == (409, "world-changed")
    new = martin.draft_of(study.case(revision=2), PHANTOM)
    assert new != old
    assert outside.objects(study.uid) == {}
    martin.sign(new)
    judges.pacs_holds(outside, place, study.uid, new, martin.wait_for(new, "delivered")["content"])
    assert martin.state(old) == "stale"


def test_a_study_that_no_model_may_read_is_excluded_with_its_reason(
    place: Installation, outside: Outside, martin: AtDesk, tmp_path: Path
) -> None:
    with outside.watched() as watch:
        study = inputs.phantom(tmp_path, f"ct-{time.monotonic_ns()}", modality="CT")
        inputs.send(study, place.scp)
        result = martin.draft_of(study.case(), PHANTOM, "excluded")
        line = martin.view(result)["line"]
    watch.require_nothing()
    assert line["cause"] == {"code": "modality", "detail": "Modality is CT"}
    refused = martin.web.post(f"/api/results/{result}/question")
    assert (refused.status_code, refused.json()["code"]) == (409, "not-allowed")
    assert [row for row in martin.lines("queued", "awaiting_review") if row["case"]["id"] == study.case()] == []


def test_a_pacs_that_is_down_delays_nobody_else_and_gets_its_objects_later(
    place: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study, result = drafted_phantom(place, martin, tmp_path, "down")
    outside.orthanc.down()
    try:
        martin.sign(result)

        def sent() -> dict[str, Any] | None:
            found = {one["destination"]: one for one in martin.view(result)["sent"]}
            done = found[RECORD]["state"] == "confirmed" and found[PACS]["attempts"] > 0 and found[PACS]["cause"]
            return found if done else None

        found = place.eventually(sent, "the record to have its report while the PACS is down")
        assert found is not None
        assert (found[PACS]["state"], found[PACS]["cause"]["code"]) == ("due", "no-connection")
        assert martin.state(result) == "validated"
    finally:
        outside.orthanc.up()
    seen = martin.wait_for(result, "delivered")
    judges.pacs_holds(outside, place, study.uid, result, seen["content"])
    assert receipt(place, result, PACS)["method"] == proof(place)


def test_a_model_that_is_stopped_decides_and_sends_nothing_until_two_people_resume_it(
    place: Installation, outside: Outside, martin: AtDesk, tmp_path: Path
) -> None:
    _, result = drafted_phantom(place, martin, tmp_path, "held")
    opened = martin.open(result)
    order = {"action": "stop", "scope": "model", "target": PHANTOM, "reason": "contours aberrants"}
    with outside.watched() as watch:
        assert martin.web.post("/api/stops", json=order).status_code == 201
        refused = martin.answer(result, opened)
        assert (refused.status_code, refused.json()["code"]) == (409, "held")
        time.sleep(2 * 0.3)
    watch.require_nothing()
    second = place.people["dr.nguyen"]
    resume = {**order, "action": "resume", "second": {"login": second.login, "code": second.code}}
    assert martin.web.post("/api/stops", json=resume).json() == []
    assert martin.answer(result, opened).status_code == 201
    martin.wait_for(result, "delivered")


# --------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Nonsense"}}]}', 422),
        (b'{"resourceType":"Patient"}', 422),
        (b'{"resourceType":"Bundle",' + b'"x":[' * 5000, 400),
    ],
    ids=["not json", "unknown resource", "no bundle", "too deep"],
)
def test_a_bad_message_gets_an_operation_outcome_and_a_recorded_reason(
    place: Installation, body: bytes, status: int
) -> None:
    def turned_away() -> int:
        with place.reading() as unit:
            return len(unit.views.turned_away(1000))

    before = turned_away()
    answer = httpx2.post(place.fhir, content=body, headers={"Content-Type": "application/fhir+json"}, trust_env=False)
    assert answer.status_code // 100 == 4
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert turned_away() == before + 1


def test_images_of_two_people_in_one_study_are_set_aside_with_the_reason(
    place: Installation, martin: AtDesk, tmp_path: Path
) -> None:
    name = f"two-{time.monotonic_ns()}"
    study = inputs.phantom(tmp_path, name)
    other = inputs.phantom(tmp_path / "other", name, PatientID="SOMEBODY-ELSE")
    mixed = Study(uid=study.uid, files=(*study.files[:6], *other.files[6:]))
    inputs.send(mixed, place.scp)

    def case() -> Any:
        with place.reading() as unit:
            found = [case for case in unit.views.cases(50) if case.uid == study.uid]
        return next((one for one in found if one.state == "quarantined"), None)

    assert place.eventually(case, "the study of two people to be set aside").cause == "two-patients"
    assert [row for row in martin.lines("queued", "awaiting_review") if row["case"]["id"] == study.case()] == []


# ------------------------------------------------------------------------------------------------------ the evidence


def test_afterwards_the_journal_holds_here_and_in_a_strangers_hands(place: Installation, tmp_path: Path) -> None:
    anchored = place.aval("journal", "anchor", "--json")
    assert anchored.returncode == 0, anchored.stderr
    require_journal_holds(place, tmp_path)


def test_afterwards_nothing_is_stuck(place: Installation) -> None:
    def waiting() -> list[str]:
        with place.reading() as unit:
            return [row.result.id for row in unit.views.results(("queued", "validated", "amended"), limit=1000)]

    eventually(lambda: not waiting(), "every queued or endorsed result to be done with")
