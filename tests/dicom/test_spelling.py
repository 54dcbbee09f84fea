"""Objects for archives that know fewer letters: what is respelled, what never is, and that the object says so."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_adapters.deliver.send import Confirm
from dicom_adapters.render.envelope import CHARSETS
from dicom_adapters.render.read_back import read_back
from dicom_adapters.render.renderer import DicomRenderer
from guarantee.agreement import disagreement
from guarantee.errors import Malformed
from guarantee.ports import Endorsed, Rendered
from tests.dicom import endorsements as e
from tests.dicom.sending import destination, ready, to_orthanc
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools, SrValidator, sr_errors
from tests.peers.orthanc import Orthanc

WORDS = "Œdème : non visible. Volume ≥ 1 400 mL… 10⁹/L"
READER = replace(e.READER, name="MARTIN^Elodie", organisation="CHU d’Élan")


def endorsed_scene(*, name: str = "DURAND^Zoe", study: str = "Controle") -> tuple[e.Scene, Endorsed]:
    def change(dataset: Dataset) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName, dataset.StudyDescription = name, study

    scene = e.scene(change=change)
    return scene, e.endorse(scene, e.content(scene, report=WORDS), readers=(READER,))


def written(charset: str, *, transliterate: bool = True, **about: str) -> Sequence[Rendered]:
    """Return the objects that one endorsed report becomes for an archive."""
    scene, endorsed = endorsed_scene(**about)
    how = replace(e.OPTIONS, charset=charset, transliterate=transliterate)
    made = DicomRenderer(how, scene.read).render(endorsed)
    assert disagreement(read_back(made), endorsed.content) is None
    return made


def parsed(made: Sequence[Rendered]) -> list[Dataset]:
    return [dcmread(BytesIO(part.data)) for part in made]


def everything(dataset: Dataset) -> str:
    return "\n".join(str(element.value) for element in dataset.iterall() if element.VR != "SQ")


@pytest.mark.parametrize(("charset", "declared"), [("ISO_IR 100", "ISO_IR 100"), ("ISO_IR 6", None)])
def test_our_own_words_are_respelled_and_the_object_says_so(
    charset: str,
    declared: str | None,
    tmp_path: Path,
    dicom3tools: Dicom3Tools,
    dcmtk: Dcmtk,
    sr_validator: SrValidator,
) -> None:
    made = written(charset)
    for part, dataset in zip(made, parsed(made), strict=True):
        assert dataset.get("SpecificCharacterSet") == declared
        everything(dataset).encode(CHARSETS[charset])
        assert "?" not in everything(dataset)
        assert f"text transliterated to {charset}" in everything(dataset)
        path = tmp_path / part.name
        path.write_bytes(part.data)
        assert dicom3tools.errors(path) == []
    printed = dcmtk.printed(tmp_path / "sr")
    for said in ("OE", "visible. Volume >= 1 400 mL... 10^9/L", "10^9/L", "Texte translitt"):
        assert said in printed
    assert sr_errors(sr_validator.verdict(tmp_path / "sr")) == []


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 6"])
def test_a_name_is_never_respelled_and_takes_the_next_larger_set_instead(charset: str) -> None:
    for name, expected in (("LEFÈVRE^Hélène", "ISO_IR 100"), ("CŒUR^Zoé", "ISO_IR 192"), ("山田^太郎", "ISO_IR 192")):
        for dataset in parsed(written(charset, name=name)):
            assert str(dataset.PatientName) == name
            assert dataset.SpecificCharacterSet == expected
            respelled = "transliterated" in everything(dataset)
            assert respelled == (expected == "ISO_IR 100"), "what fits whole is not respelled"


def test_what_came_with_the_images_is_not_respelled_either() -> None:
    for dataset in parsed(written("ISO_IR 100", study="Contrôle à 3 mois – cœur")):
        assert dataset.StudyDescription == "Contrôle à 3 mois – cœur"
        assert dataset.SpecificCharacterSet == "ISO_IR 192"


def test_nothing_is_respelled_where_nobody_asks_or_nothing_needs_it() -> None:
    for dataset in parsed(written("ISO_IR 100", transliterate=False)):
        assert dataset.SpecificCharacterSet == "ISO_IR 192" or "Œ" not in everything(dataset)
        assert "transliterated" not in everything(dataset)
    for dataset in parsed(written("ISO_IR 192")):
        assert dataset.SpecificCharacterSet == "ISO_IR 192"
        assert "transliterated" not in everything(dataset)


def test_a_text_that_says_it_was_respelled_and_was_changed_otherwise_does_not_agree() -> None:
    _, endorsed = endorsed_scene()
    seg, report = written("ISO_IR 100")
    changed = replace(report, data=report.data.replace(b">= 1", b"<= 1"))
    assert changed.data != report.data
    assert disagreement(read_back([seg, changed]), endorsed.content) is not None
    plain = replace(report, data=report.data.replace(b"text transliterated to", b"text transliterated at"))
    assert disagreement(read_back([seg, plain]), endorsed.content) is not None


def test_the_same_endorsement_is_the_same_bytes_in_every_set() -> None:
    for charset in CHARSETS:
        assert [part.data for part in written(charset)] == [part.data for part in written(charset)]


def test_a_respelled_report_is_kept_by_orthanc_as_it_was_sealed(orthanc: Orthanc, tmp_path: Path) -> None:
    options = replace(e.OPTIONS, charset="ISO_IR 100", transliterate=True)
    given = ready(tmp_path, study="respelled", options=options, report=WORDS)
    with destination(given, **to_orthanc(orthanc, confirm=Confirm.DICOMWEB)) as pacs:
        assert pacs.send(given.release).method == "read-back"


def test_options_that_no_archive_has_are_refused() -> None:
    for wrong in ({"charset": "ISO_IR 101"}, {"transfer_syntax": "deflated"}):
        with pytest.raises(Malformed):
            replace(e.OPTIONS, **wrong)
