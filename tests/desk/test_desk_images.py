"""Images and masks over the API."""

from starlette.testclient import TestClient

from guarantee.ids import digest
from tests.desk.asking import question, refused
from tests.desk.fake_desk import FakeDesk


def test_a_frame_is_the_stored_values_compressed_for_the_way(
    radiologist: TestClient, chest: str, desk: FakeDesk
) -> None:
    picture = desk.cases[chest].staged.pictures[0]
    answer = radiologist.get(f"/api/results/{chest}/series/{picture.uid}/frames/3")
    assert answer.content == picture.frames[3]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "private, max-age=600"
    plain = radiologist.get(
        f"/api/results/{chest}/series/{picture.uid}/frames/3", headers={"Accept-Encoding": "identity"}
    )
    assert plain.content == picture.frames[3]
    assert "content-encoding" not in plain.headers


def test_a_frame_that_cannot_be_decoded_says_so(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    uid = desk.cases[chest].staged.pictures[0].uid
    desk.broken_frames.add((uid, 3))
    refused(radiologist.get(f"/api/results/{chest}/series/{uid}/frames/3"), "image-unreadable")


def test_a_mask_is_had_by_who_knows_its_digest_and_by_nobody_else(
    radiologist: TestClient, chest: str, desk: FakeDesk
) -> None:
    opened = question(radiologist, chest)
    segment = opened["draft"]["segments"][0]
    address = f"/api/results/{chest}/segments/{segment['number']}"
    data = radiologist.get(address, params={"mask": segment["mask"]}).content
    assert digest(data) == segment["mask"]
    refused(radiologist.get(address, params={"mask": digest(b"guess")}), "not-found")
    refused(radiologist.get(address), "malformed")
    refused(radiologist.get(f"/api/results/{chest}/segments/9", params={"mask": segment["mask"]}), "not-found")
