"""What leaves for a study that was held and admitted is about the case's patient, whoever else its images name."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_adapters.render.renderer import DicomRenderer
from guarantee.errors import Malformed
from guarantee.ports import Endorsed
from tests.dicom import endorsements as e


def all_but(first: int) -> Callable[[Dataset], None]:
    """Return a change that names another patient in every image but the one at ``first``."""
    seen = -1

    def change(image: Dataset) -> None:
        nonlocal seen
        seen += 1
        if seen != first:
            image.PatientID, image.PatientName = "AUTRE-7", "AUTRE^Paul"

    return change


def endorsed(scene: e.Scene, admitted: str) -> Endorsed:
    given = e.endorse(scene, e.content(scene))
    return replace(given, case=replace(given.case, patient=e.scene().case.patient, admitted=admitted))


def test_an_admitted_study_is_written_under_the_patient_of_its_case() -> None:
    scene = e.scene(change=all_but(3))
    objects = DicomRenderer(e.OPTIONS, scene.read).render(endorsed(scene, "two-patients"))

    assert len(objects) == 2
    for written in objects:
        header = dcmread(BytesIO(written.data))
        assert header.PatientID == e.scene().case.patient.identifier != "AUTRE-7"
        assert "AUTRE" not in str(header.PatientName)


def test_a_study_that_nobody_admitted_is_not_written() -> None:
    scene = e.scene(change=all_but(0))
    with pytest.raises(Malformed, match="or admit it"):
        DicomRenderer(e.OPTIONS, scene.read).render(endorsed(scene, ""))


def test_a_series_that_is_all_of_somebody_else_is_not_written_even_so() -> None:
    scene = e.scene(change=all_but(-1))
    given = endorsed(scene, "two-patients")
    other = replace(given.case, patient=replace(given.case.patient, identifier="SOMEBODY"))
    with pytest.raises(Malformed, match="no image in focus names the patient"):
        DicomRenderer(e.OPTIONS, scene.read).render(replace(given, case=other))
