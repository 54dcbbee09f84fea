"""What is measured could be wrong without anybody noticing: the arithmetic, the sender and the verdicts, tested."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from tests.bench import figures
from tests.bench.dicom import images, runs, speed
from tests.bench.dicom.receivers import Kind, NullReceiver, Program, Receiver, Void, plain, variant
from tests.bench.dicom.runs import Load, Run, Track, measure
from tests.bench.dicom.sender import nth
from tests.bench.dicom.speed import Measured
from tests.bench.dicom.wire import instance_of
from tests.bench.figures import Spread, Target, paired
from tests.bench.machine import ROOT
from tests.peers.fixtures import missing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.study(images.SMALL, 8, tmp_path_factory.mktemp("images"))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """The example of pynetdicom's documentation: whatever our sender sends, it decodes."""
    made = Program(tmp_path / "receiver", plain)
    yield made
    made.stop()


def measured(**rates: list[float]) -> Measured:
    by_name = {name.replace("_", "-"): [Run(per_s=rate) for rate in values] for name, values in rates.items()}
    return Measured(runs={"one": by_name}, disk={"file+fsync x1": [1000.0], "segment+fdatasync x1": [2000.0]})


def named(targets: list[Target], name: str) -> Target:
    (found,) = (each for each in targets if each.name.startswith(name))
    return found


# ------------------------------------------------------------------------------------------------- arithmetic


def test_ratios_are_taken_repetition_by_repetition() -> None:
    assert paired([10.0, 40.0, 9.0], [1.0, 2.0, 3.0]) == Spread(10.0, 3.0, 20.0)
    assert paired([10.0, None, 9.0], [1.0, 2.0, None]) == Spread(10.0, 10.0, 10.0)
    assert paired([None], [1.0]) is None


def test_a_target_that_was_not_measured_does_not_hold() -> None:
    assert not figures.target("rate", "at least", 0.0, None).holds
    assert figures.target("rate", "at least", 2.0, Spread(2.0, 1.0, 3.0)).holds
    assert not figures.target("p99", "at most", 2.0, Spread(2.1, 1.0, 3.0)).holds


def test_a_rate_is_held_against_the_peer_when_the_disk_could_do_more() -> None:
    found = speed.targets(measured(aval=[1000.0], orthanc_tuned=[220.0], storescp_tuned=[1300.0]))
    assert named(found, "rate over orthanc-tuned, one").value == pytest.approx(4.545, abs=0.01)
    assert not named(found, "rate over storescp-tuned, one").holds


def test_where_the_disk_is_the_limit_its_share_is_asked_for() -> None:
    found = speed.targets(measured(aval=[1500.0], orthanc_tuned=[500.0], storescp_tuned=[3000.0]))
    assert named(found, "rate over orthanc-tuned where the disk").value == 3.0
    assert named(found, "share of the disk").value == 0.75
    assert all("rate over storescp" not in each.name for each in found)


def test_one_void_run_of_ours_means_that_nothing_holds() -> None:
    lost = measured(aval=[2000.0, 2000.0], orthanc_tuned=[200.0, 200.0], storescp_tuned=[1000.0, 1000.0])
    assert named(speed.targets(lost), "void").holds
    lost.runs["one"]["aval"][0].void = "1 of 1000 acknowledged instances is not kept"
    assert not named(speed.targets(lost), "void").holds


def test_a_sender_that_is_the_bottleneck_is_found_out() -> None:
    assert named(speed.targets(measured(aval=[900.0], null=[3000.0])), "the sender").holds
    assert not named(speed.targets(measured(aval=[2900.0], null=[3000.0])), "the sender").holds


def test_figures_are_written_between_their_markers_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- figures x: generated -->\nold\n<!-- end of the figures x -->\nb\n")
    figures.publish(page, "x", "new")
    assert page.read_text() == "a\n<!-- figures x: generated -->\nnew\n<!-- end of the figures x -->\nb\n"
    with pytest.raises(ValueError, match="has no lines"):
        figures.publish(page, "y", "new")


def test_the_page_has_a_place_for_figures() -> None:
    text = (ROOT / "README.md").read_text()
    assert "<!-- figures dicom: generated -->" in text
    assert "<!-- end of the figures dicom -->" in text


def test_a_variant_is_settings_by_section() -> None:
    assert variant("slow:scp.silence_s=90.0,quiet.default_s=5,storage.kind=segments") == (
        "slow",
        {"scp": {"silence_s": 90.0}, "quiet": {"default_s": 5}, "storage": {"kind": "segments"}},
    )
    with pytest.raises(ValueError, match="is not NAME"):
        variant("scp.silence_s=90")


# ------------------------------------------------------------------------------------------------ what is sent


def test_images_are_one_study_of_four_series(folder: Path) -> None:
    read = [dcmread(path) for path in sorted(folder.iterdir())]
    assert len({image.StudyInstanceUID for image in read}) == 1
    assert len({image.SeriesInstanceUID for image in read}) == images.SERIES
    assert len({image.SOPInstanceUID for image in read}) == 8


def test_after_the_last_image_comes_the_first_of_another_study(folder: Path) -> None:
    instances = [instance_of(path.read_bytes()) for path in sorted(folder.iterdir())]
    first, again = (dcmread(DicomBytesIO(nth(instances, n).data), force=True) for n in (1, 9))
    assert first.StudyInstanceUID != again.StudyInstanceUID
    assert nth(instances, 9).uid.decode() == again.SOPInstanceUID != first.SOPInstanceUID
    assert first.PixelData == again.PixelData


def test_a_peer_that_shares_no_code_with_the_sender_keeps_what_it_sent(receiver: Receiver, folder: Path) -> None:
    run = measure(receiver, Load(folder=folder, associations=2))
    assert (run.sent, run.kept) == (8, 8)
    for path in folder.iterdir():
        sent = dcmread(path)
        assert dcmread(receiver.home / "store" / sent.SOPInstanceUID) == sent


def test_a_large_object_is_made_while_it_is_sent(receiver: Receiver, folder: Path) -> None:
    words = ["--port", str(receiver.port), "--called", "ANY-SCP", "--multiframe", str(2_000_000)]
    command = [sys.executable, "-m", "tests.bench.dicom.sender", *words, str(folder)]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout)
    kept = receiver.home / "store" / found["uid"]
    assert dcmread(kept).NumberOfFrames == len(dcmread(kept).pixel_array)
    assert hashlib.sha256(instance_of(kept.read_bytes()).data).hexdigest() == found["data_set_sha256"]


def test_an_instance_that_is_acknowledged_and_not_kept_makes_the_run_void(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "DRAIN_S", 0.2)

    class Forgetful(NullReceiver):
        def kept(self) -> int:
            return 7

    made = Forgetful(tmp_path / "receiver")
    try:
        with pytest.raises(Void, match="8 instances were acknowledged, 7 are kept"):
            measure(made, Load(folder=folder))
    finally:
        made.stop()


def test_a_void_run_is_not_repeated(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[Void] = []

    def lose(receiver: Receiver, load: Load) -> Run:
        lost.append(Void("1 instance is lost"))
        raise lost[-1]

    monkeypatch.setattr(runs, "measure", lose)
    monkeypatch.setattr(runs, "wait_until_quiet", lambda _: True)
    kind = Kind(start=NullReceiver, flushes="nothing")
    assert Track(folder=tmp_path, quiet_s=1.0).run("null", kind, Load(folder=folder)).void == "1 instance is lost"
    assert len(lost) == 1


@pytest.mark.peer("dcmtk")
@pytest.mark.peer("orthanc")
def test_the_last_line_says_what_holds_of_the_real_receivers(tmp_path: Path) -> None:
    words = ["--quick", "--count", "8", "--shipped-count", "8", "--only", "shipped", "--storage", str(tmp_path)]
    command = [sys.executable, "-m", "tests.bench.dicom", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    if "PeerMissing" in done.stderr:
        missing(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ratios"]["shipped"].keys() == {"orthanc-shipped", "storescp-shipped", "pynetdicom"}
    assert {each["name"] for each in found["targets"]} >= {"void runs of ours"}
    (kept,) = (tmp_path / "results").iterdir()
    assert json.loads(kept.read_text())["holds"] is found["holds"]
