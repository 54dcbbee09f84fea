"""The structured report says what was endorsed, to four independent readers, and the same bytes every time."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import pytest
from pydicom.dataset import Dataset

from guarantee.ports import Endorsed
from tests.dicom import endorsements as e
from tests.dicom.reports import (
    VARIANTS,
    concept,
    four_eyes,
    items,
    plain,
    rendered,
    report_of,
    said,
    unplaced,
    with_regions,
)
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools, SrValidator, sr_errors


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_rendered_says_what_was_endorsed(variant: Callable[[e.Scene], Endorsed]) -> None:
    scene = e.scene()
    endorsed = variant(scene)
    objects = rendered(scene, endorsed)
    assert objects[-1].name == "sr"
    assert said(objects, endorsed.content) is None


@pytest.mark.parametrize("variant", VARIANTS)
def test_dicom3tools_and_dcmtk_accept_every_object(
    variant: Callable[[e.Scene], Endorsed], tmp_path: Path, dicom3tools: Dicom3Tools, dcmtk: Dcmtk
) -> None:
    scene = e.scene()
    endorsed = variant(scene)
    for part in rendered(scene, endorsed):
        path = tmp_path / part.name
        path.write_bytes(part.data)
        assert dicom3tools.errors(path) == []
    printed = dcmtk.printed(tmp_path / "sr")
    assert endorsed.content.full_text.replace("\n", "\\r\\n") in printed
    assert printed.count('(121052,DCM,"Presence of property")') == len(endorsed.content.findings)
    for finding in endorsed.content.findings:
        assert f'(112039,DCM,"Tracking Identifier")="{finding.key}"' in printed
        for number in finding.quantities:
            assert f'="{number.value}" (mL,UCUM,"milliliter")' in printed


@pytest.mark.parametrize("variant", [four_eyes, unplaced])
def test_the_validator_of_connectathons_finds_no_error(
    variant: Callable[[e.Scene], Endorsed], tmp_path: Path, sr_validator: SrValidator
) -> None:
    """The validator judges all groups of a report by one template, so each report here holds groups of one kind."""
    scene = e.scene()
    path = tmp_path / "report.dcm"
    path.write_bytes(rendered(scene, variant(scene))[-1].data)
    verdict = sr_validator.verdict(path)
    assert "Found Root Template TID_1500" in verdict
    assert sr_errors(verdict) == []


def test_the_validator_of_connectathons_would_find_an_error(tmp_path: Path, sr_validator: SrValidator) -> None:
    scene = e.scene()
    report = report_of(rendered(scene, plain(scene)))
    (finding,) = (i for i in items(report) if concept(i) == "121071")
    finding.RelationshipType = "HAS PROPERTIES"
    report.save_as(tmp_path / "broken.dcm")
    assert sr_errors(sr_validator.verdict(tmp_path / "broken.dcm")) != []


def test_dicom3tools_would_find_a_missing_verifier(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    scene = e.scene()
    report = report_of(rendered(scene, plain(scene)))
    del report.VerifyingObserverSequence
    report.save_as(tmp_path / "broken.dcm")
    assert any("VerifyingObserverSequence" in line for line in dicom3tools.errors(tmp_path / "broken.dcm"))


def test_all_objects_of_the_study_agree_on_whose_it_is(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    scene = e.scene()
    files = [*(scene.blobs[s.digest] for s in scene.sources), *(o.data for o in rendered(scene, plain(scene)))]
    paths = [tmp_path / f"{n}.dcm" for n in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    assert dicom3tools.disagreements(paths) == []


def test_highdicom_reads_the_report_as_we_meant_it() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    objects = rendered(scene, endorsed)
    report = hd.sr.srread(BytesIO(objects[-1].data))
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    assert group.tracking_identifier == "brain"
    assert group.finding_type.value == e.BRAIN.code
    assert group.referenced_segment.referenced_sop_instance_uid == objects[0].uid
    assert [m.value for m in group.get_measurements()] == [1498.9]
    evaluations = {item.name.value: item.value.value for item in group.get_qualitative_evaluations()}
    assert evaluations["121052"] == "52101004"


def test_highdicom_reads_regions_where_they_were_drawn() -> None:
    scene = e.scene()
    report = hd.sr.srread(BytesIO(rendered(scene, with_regions(scene))[-1].data))
    outline, point = report.content.get_planar_roi_measurement_groups()
    assert outline.roi.graphic_type.value == "POLYLINE"
    assert outline.roi.value.tolist() == [[3.5, 4.0], [9.25, 4.0], [9.25, 8.5], [3.5, 4.0]]
    assert outline.finding_sites[0].laterality.value == e.RIGHT.code
    assert point.roi.graphic_type.value == "POINT"
    assert point.roi.value.tolist() == [[10.5, 11.5]]
    source = outline.roi.ContentSequence[0].referenced_sop_instance_uid
    assert source == scene.grid.frames[0]
    (two,) = report.content.get_volumetric_roi_measurement_groups()
    assert len(two.roi) == 2


# ----------------------------------------------------------------------------------------------------- same bytes


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_renderings_are_the_same_bytes(variant: Callable[[e.Scene], Endorsed]) -> None:
    first, second = e.scene(), e.scene()
    assert rendered(first, variant(first)) == rendered(second, variant(second))


def test_two_processes_render_the_same_bytes() -> None:
    code = (
        "from tests.dicom import reports as t; from tests.dicom import endorsements as e\n"
        "from guarantee.ids import digest\n"
        "for v in t.VARIANTS:\n"
        "    scene = e.scene()\n"
        "    print(*(digest(o.data) for o in t.rendered(scene, v(scene))))"
    )
    outputs = []
    for seed, zone in (("1", "UTC"), ("2", "Pacific/Auckland")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) == 14


def test_a_correction_is_another_object_about_the_same_findings() -> None:
    scene = e.scene()
    first, second = plain(scene), replace(plain(scene), release="another")
    old, new = report_of(rendered(scene, first)), report_of(rendered(scene, second))
    assert old.SOPInstanceUID != new.SOPInstanceUID
    assert old.SeriesInstanceUID != new.SeriesInstanceUID
    assert tracking_uids(old) == tracking_uids(new)


def tracking_uids(report: Dataset) -> list[str]:
    return [str(item.UID) for item in items(report) if item.get("UID") and concept(item) == "112040"]
