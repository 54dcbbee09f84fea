"""A draft as objects to look at: what a release would say, and nothing that could be taken for one."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage

from dicom_adapters.render.draft import UNVALIDATED, Draft
from dicom_adapters.render.renderer import DicomRenderer
from dicom_adapters.render.segmentation import read_masks
from guarantee.content import Content, Origin, Text
from guarantee.errors import Malformed
from tests.dicom import endorsements as e


def drafted(scene: e.Scene, content: Content) -> Draft:
    """Return ``content`` as a draft that waits."""
    endorsed = e.endorse(scene, content)
    return Draft(result=endorsed.result, case=scene.case, card=e.CARD, content=content, sources=scene.sources, at=e.AT)


@pytest.fixture
def scene() -> e.Scene:
    """A series of six slices."""
    return e.scene()


@pytest.fixture
def content(scene: e.Scene) -> Content:
    """One brain, with its mask and volume."""
    return e.content(scene)


def rendered(scene: e.Scene, content: Content) -> dict[str, Dataset]:
    """Return the objects of a draft by class."""
    made = DicomRenderer(e.OPTIONS, scene.read).render_draft(drafted(scene, content))
    assert [one.name for one in made] == ["draft-seg", "draft-sr"]
    read = [dcmread(BytesIO(one.data)) for one in made]
    assert [one.uid for one in made] == [dataset.SOPInstanceUID for dataset in read]
    return {dataset.SOPClassUID: dataset for dataset in read}


def uids(dataset: Dataset) -> set[str]:
    """Return the identifiers that say which object this is."""
    found = {str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID)}
    for item in dataset.get("DimensionOrganizationSequence", []):
        found.add(str(item.DimensionOrganizationUID))
    return found


def everything(dataset: Dataset) -> str:
    """Return all that is written, the file's own header too."""
    return f"{dataset.file_meta}\n{dataset}"


def test_no_identifier_of_a_draft_is_one_of_the_release(scene: e.Scene, content: Content) -> None:
    drafts = rendered(scene, content)
    released = DicomRenderer(e.OPTIONS, scene.read).render(e.endorse(scene, content))
    for made in released:
        sent = dcmread(BytesIO(made.data))
        assert not uids(sent) & uids(drafts[sent.SOPClassUID])
        assert sent.SeriesNumber != drafts[sent.SOPClassUID].SeriesNumber


def test_a_draft_says_so_wherever_a_viewer_looks(scene: e.Scene, content: Content) -> None:
    drafts = rendered(scene, content)
    report, segmentation = drafts[Comprehensive3DSRStorage], drafts[SegmentationStorage]
    flags = (report.VerificationFlag, report.PreliminaryFlag, report.CompletionFlag)
    assert flags == ("UNVERIFIED", "PRELIMINARY", "PARTIAL")
    assert report.CompletionFlagDescription == UNVALIDATED
    assert "VerifyingObserverSequence" not in report
    assert report.SeriesDescription == segmentation.SeriesDescription == UNVALIDATED
    assert "non validé" in UNVALIDATED
    assert "not validated" in UNVALIDATED
    assert segmentation.ContentLabel == "AI_DRAFT"
    assert segmentation.ContentDescription == UNVALIDATED
    assert segmentation.SegmentSequence[0].SegmentLabel == "Encéphale (brouillon / draft)"
    words = [item.TextValue for item in report.ContentSequence[-1].ContentSequence]
    assert words[0].startswith(UNVALIDATED)


def test_a_draft_names_nobody_and_claims_no_information_of_the_patient(scene: e.Scene, content: Content) -> None:
    for dataset in rendered(scene, content).values():
        written = everything(dataset)
        assert "MARTIN" not in written
        assert e.MENTION not in written
        assert "Encoding of endorsed content" not in written


def test_what_reads_a_release_back_finds_none_in_a_draft(scene: e.Scene, content: Content) -> None:
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    made = renderer.render_draft(drafted(scene, content))
    with pytest.raises(Malformed, match="does not say which content"):
        renderer.read_back(made)


def test_a_draft_shows_the_mask_and_the_number_that_would_leave(scene: e.Scene, content: Content) -> None:
    drafts = rendered(scene, content)
    assert read_masks(drafts[SegmentationStorage]) == ((1, content.segments[0].mask),)
    report = everything(drafts[Comprehensive3DSRStorage])
    assert "1498.9" in report
    assert str(drafts[SegmentationStorage].SOPInstanceUID) in report


def test_the_same_draft_is_the_same_bytes(scene: e.Scene, content: Content) -> None:
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    assert renderer.render_draft(drafted(scene, content)) == renderer.render_draft(drafted(scene, content))


def test_a_finding_of_a_person_is_no_draft(scene: e.Scene) -> None:
    changes: dict[str, Any] = {"findings": (e.finding(origin=Origin.PERSON),)}
    with pytest.raises(Malformed, match="no person has seen"):
        rendered(scene, e.content(scene, **changes))


def test_a_long_label_keeps_the_mark(scene: e.Scene) -> None:
    mask = scene.mask(lambda voxels: voxels[1:4, 8:20, 9:31].fill(1))
    long = replace(e.segment(1, mask), label=Text(fr="é" * 90, en="e" * 90))
    drafts = rendered(scene, e.content(scene, segments=(long,), findings=(e.finding(segment=1),)))
    label = drafts[SegmentationStorage].SegmentSequence[0].SegmentLabel
    assert len(label) == 64
    assert label.endswith("… (brouillon / draft)")
