"""An enhanced series is judged as its single-frame twin: the same facts, the same envelope, the same verdict."""

from copy import deepcopy

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from bridge.flows.route import facts_by_series
from dicom_adapters.read.headers import read_header, to_arrival
from guarantee.case import CaseKind
from guarantee.ids import digest
from guarantee.rules import Facts
from guarantee.unit import Input
from inference.registry import Registry, shipped
from tests.dicom import samples
from tests.dicom.enhanced import enhanced
from tests.guarantee.samples import at

ITS_OWN = {"SOPClassUID", "NumberOfFrames", "SequenceVariant"}
"""What an enhanced image says otherwise, or not at all."""


def twin(datasets: list[Dataset]) -> Dataset:
    """Return a series as one enhanced image, its sequence said as in an enhanced MR (PS3.3, C.8.13.4, C.8.13.5.2)."""
    image = enhanced(datasets)
    if image.Modality == "MR":
        modifier = Dataset()
        modifier.InversionRecovery = "YES" if "IR" in image.ScanningSequence else "NO"
        image.EchoPulseSequence = "GRADIENT" if "GR" in image.ScanningSequence else "SPIN"
        del image.ScanningSequence, image.SequenceVariant
        image.SharedFunctionalGroupsSequence[0].MRModifierSequence = [modifier]
    return image


def facts(*images: Dataset, syntax: str = ExplicitVRLittleEndian) -> Facts:
    """Return what routing and envelopes know of a series."""
    arrivals = [
        to_arrival(read_header(file), digest=digest(file), site="chu", sender="mr-2", conversation="")
        for file in samples.to_files(list(images), syntax)
    ]
    inputs = [
        Input(source=one.source, facts=one.facts, sender="mr-2", conflict=False, modality=one.modality, at=at(0))
        for one in arrivals
    ]
    (found,) = facts_by_series(CaseKind.STUDY, inputs).values()
    return found


def comparable(found: Facts) -> Facts:
    return {name: values for name, values in found.items() if name not in ITS_OWN}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_twins_give_the_same_facts(modality: str, syntax: str) -> None:
    datasets = samples.series(modality, slices=4)
    for dataset in datasets:
        dataset.SpacingBetweenSlices = "3.3"
    image = twin(datasets)
    del image.SpacingBetweenSlices
    image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = "3.3"
    single = facts(*datasets, syntax=syntax)
    assert comparable(facts(image, syntax=syntax)) == comparable(single)
    assert single.keys() >= {"SliceThickness", "SpacingBetweenSlices", "PixelSpacingRow", "ImageOrientationPatient"}
    assert single["ImageCount"] == {"4"}


@pytest.mark.parametrize(
    ("change", "slices", "code"),
    [
        ({}, 64, ""),
        ({}, 12, "image-count"),
        ({"SliceThickness": "5"}, 64, "slice-thickness"),
        ({"PixelSpacing": ["2.5", "2.5"]}, 64, "pixel-spacing"),
        ({"ScanningSequence": ["SE"]}, 64, "sequence"),
        ({"MRAcquisitionType": "2D"}, 64, "acquisition-type"),
    ],
)
def test_twins_get_the_same_verdict(change: dict[str, object], slices: int, code: str) -> None:
    datasets = samples.series("MR", slices=slices, rows=8, columns=8, step_mm=1.0)
    for dataset in datasets:
        for keyword, value in change.items():
            setattr(dataset, keyword, value)
    card = Registry.load(shipped()).card("brain-extractor")
    assert card is not None
    single, multi = card.refusal(facts(*datasets)), card.refusal(facts(twin(datasets)))
    assert multi == single
    assert (single.code if single else "") == code


def each(image: Dataset, thickness: list[str]) -> Dataset:
    """Return ``image`` with the thickness of each frame said by itself; "" for a frame that says none."""
    image = deepcopy(image)
    (shared,) = image.SharedFunctionalGroupsSequence
    for item, value in zip(image.PerFrameFunctionalGroupsSequence, thickness, strict=True):
        measures = deepcopy(shared.PixelMeasuresSequence[0])
        measures.SliceThickness = value
        item.PixelMeasuresSequence = [measures] if value else []
    del shared.PixelMeasuresSequence
    return image


def test_a_value_counts_where_every_frame_says_it_and_only_there() -> None:
    image = twin(samples.series("MR", slices=4))
    alike = facts(each(image, ["3"] * 4))
    assert (alike["SliceThickness"], alike["PixelSpacingRow"]) == ({"3"}, {"1.5"})
    for thickness in (["3", "3", "3", "4"], ["3", "3", "3", ""]):
        assert "SliceThickness" not in facts(each(image, thickness))


def test_a_value_at_the_top_is_no_way_around_what_the_frames_say() -> None:
    image = each(twin(samples.series("MR", slices=4)), ["3", "3", "3", "4"])
    image.SliceThickness = "1"
    assert "SliceThickness" not in facts(image)
    image = twin(samples.series("MR", slices=4))
    image.SliceThickness = "1"
    assert facts(image)["SliceThickness"] == {"3"}


def test_the_same_words_elsewhere_are_not_read() -> None:
    """A source image, or a group inside a group, has spacings of its own."""
    image = twin(samples.series("CT", slices=2))
    other = deepcopy(image.SharedFunctionalGroupsSequence[0])
    other.PixelMeasuresSequence[0].SliceThickness = "9"
    image.ReferencedImageEvidenceSequence = [other]
    image.SharedFunctionalGroupsSequence[0].DerivationImageSequence = [other]
    assert facts(image)["SliceThickness"] == {"3"}


@pytest.mark.parametrize(("said", "count"), [("0", "1"), ("many", "1"), ("-4", "1"), ("9" * 12, "1"), ("250", "250")])
def test_a_number_of_frames_that_is_none_counts_as_one_image(said: str, count: str) -> None:
    image = samples.series("CT", slices=1)[0]
    file = samples.to_file(image)
    header = read_header(file)
    used = Input(
        source=to_arrival(header, digest=digest(file), site="", sender="", conversation="").source,
        facts={**header.facts, "NumberOfFrames": frozenset({said})},
        sender="",
        conflict=False,
        modality="CT",
        at=at(0),
    )
    (found,) = facts_by_series(CaseKind.STUDY, [used]).values()
    assert found["ImageCount"] == {count}
