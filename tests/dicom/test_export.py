"""Objects under a pseudonym: what is left of the patient, whether things still fit together, what other tools think."""

import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from dicom_adapters.errors import NotExportable
from dicom_adapters.export.confidentiality import Action, Option, Profile, listed
from dicom_adapters.export.deidentify import Deidentifier
from dicom_adapters.export.pseudonyms import DAYS_MAX, Pseudonyms
from dicom_adapters.export.rewrite import BLOCK_BYTES, Allowed, export
from tests.canary import patient
from tests.canary.sinks import found_in
from tests.dicom import samples
from tests.peers.dicom_tools import Dicom3Tools

SECRET = bytes(range(32))
PSEUDONYMS = Pseudonyms(SECRET)


def deidentifier(*options: str, secret: bytes = SECRET, words: tuple[str, ...] = ()) -> Deidentifier:
    profile = Profile.basic(options)
    return Deidentifier(profile, Pseudonyms(secret), issuer="CHU", identifier=patient.IDENTIFIER, words=words)


def canary(slices: int = 3, **header: Any) -> list[Dataset]:
    """Return images whose header says everywhere who the patient is."""
    images = samples.series("MR", slices=slices)
    for number, image in enumerate(images):
        everything = {**patient.HEADER, "IssuerOfPatientID": "CHU", **header}
        for keyword, value in everything.items():
            setattr(image, keyword, value)
        image.SOPInstanceUID = f"{patient.STUDY_UID}.{number}"
        image.SeriesInstanceUID = f"{patient.STUDY_UID}.0"
        image.FrameOfReferenceUID = f"{patient.STUDY_UID}.77"
        image.StudyDate = image.SeriesDate = "20261103"
        image.StudyTime = "101112"
        image.add_new(0x00091010, "LO", f"private {patient.FAMILY}")
        image.add_new(0x60000022, "LO", f"overlay {patient.FAMILY}")
        image.Manufacturer = f"Made for {patient.FAMILY}"
        request = Dataset()
        request.RequestedProcedureDescription = patient.WORDS
        request.AccessionNumber = patient.ACCESSION
        image.RequestAttributesSequence = Sequence([request])
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
            image.SOPClassUID,
            images[0].SOPInstanceUID,
        )
        image.ReferencedImageSequence = Sequence([reference])
    return images


def exported(images: list[Dataset], folder: Path, *options: str, syntax: str = ExplicitVRLittleEndian) -> list[Path]:
    folder.mkdir(exist_ok=True)
    one = deidentifier(*options)
    return [folder / export(samples.to_file(image, syntax), folder, one, Allowed()).name for image in images]


# ------------------------------------------------------------------------------------------------ nobody can be told


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("options", [(), tuple(str(option) for option in Option)])
def test_no_file_says_who_the_patient_is(tmp_path: Path, syntax: str, options: tuple[str, ...]) -> None:
    before = [("sent", samples.to_file(image, syntax)) for image in canary()]
    assert set(found_in(before)["sent"]) >= {patient.FAMILY, patient.IDENTIFIER, patient.ACCESSION, patient.STUDY_UID}
    files = exported(canary(), tmp_path / "out", *options, syntax=syntax)
    assert found_in((file.name, file.read_bytes()) for file in files) == {}
    assert found_in([("names", " ".join(file.name for file in files).encode())]) == {}


@pytest.mark.parametrize("character_set", ["ISO_IR 192", "ISO_IR 100", "ISO 2022 IR 100"])
def test_a_name_in_a_text_that_stays_is_found_in_every_character_set(tmp_path: Path, character_set: str) -> None:
    images = canary(1, SpecificCharacterSet=character_set, SequenceName="Zéphyrinqué-T1", PatientName=patient.FAMILY)
    (file,) = exported(images, tmp_path)
    assert dcmread(file).Manufacturer == "REMOVED"
    assert found_in([("file", file.read_bytes())]) == {}


def test_pixels_geometry_and_what_is_needed_to_read_them_stay(tmp_path: Path) -> None:
    (image, *_), (file, *_) = canary(), exported(canary(), tmp_path)
    after = dcmread(file)
    assert after.PixelData == image.PixelData
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Modality", "ImageType"):
        assert after[keyword].value == image[keyword].value, keyword
    assert after.SOPClassUID == image.SOPClassUID


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless])
def test_pixels_are_copied_as_they_are(tmp_path: Path, syntax: str) -> None:
    data = samples.to_file(canary(1)[0], syntax)
    name = export(data + b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0junk", tmp_path, deidentifier(), Allowed()).name
    after = dcmread(tmp_path / name)
    assert after.file_meta.TransferSyntaxUID == syntax
    assert after.PixelData == dcmread(BytesIO(data)).PixelData
    assert "DataSetTrailingPadding" not in after


def test_what_was_done_is_said(tmp_path: Path) -> None:
    (file,) = exported(canary(1), tmp_path, "modified-dates")
    after = dcmread(file)
    assert (after.PatientIdentityRemoved, after.LongitudinalTemporalInformationModified) == ("YES", "MODIFIED")
    codes = {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113107"}
    assert dcmread(exported(canary(1), tmp_path / "b")[0]).LongitudinalTemporalInformationModified == "REMOVED"


# ------------------------------------------------------------------------------------------------ it fits together


def test_images_of_one_study_stay_one_study_and_references_point_where_they_did(tmp_path: Path) -> None:
    files = [dcmread(file) for file in exported(canary(), tmp_path)]
    assert len({file.StudyInstanceUID for file in files}) == len({file.SeriesInstanceUID for file in files}) == 1
    assert len({file.SOPInstanceUID for file in files}) == 3
    for file in files:
        assert file.ReferencedImageSequence[0].ReferencedSOPInstanceUID == files[0].SOPInstanceUID
        assert file.file_meta.MediaStorageSOPInstanceUID == file.SOPInstanceUID
    assert len({file.PatientID for file in files}) == 1


def test_the_same_secret_gives_the_same_bytes_and_another_one_other_names(tmp_path: Path) -> None:
    data = samples.to_file(canary(1)[0])
    first = export(data, tmp_path, deidentifier(), Allowed())
    assert export(data, tmp_path, deidentifier(), Allowed()) == first
    other = export(data, tmp_path, deidentifier(secret=b"x" * 32), Allowed())
    assert other.name != first.name
    assert dcmread(tmp_path / other.name).PatientID != dcmread(tmp_path / first.name).PatientID


def test_dates_move_by_one_offset_for_each_patient_and_times_stay(tmp_path: Path) -> None:
    images = canary(2)
    images[1].StudyDate = "20261203"
    first, second = (dcmread(file) for file in exported(images, tmp_path, "modified-dates"))
    days = (np.datetime64(f"{second.StudyDate[:4]}-{second.StudyDate[4:6]}-{second.StudyDate[6:]}")
            - np.datetime64(f"{first.StudyDate[:4]}-{first.StudyDate[4:6]}-{first.StudyDate[6:]}"))  # fmt: skip
    assert days == np.timedelta64(30, "D")
    assert first.StudyDate < "20261103"
    assert first.StudyTime == "101112"
    assert first.PatientBirthDate == ""
    offsets = {PSEUDONYMS.days("CHU", str(number)) for number in range(50)}
    assert len(offsets) > 40
    assert all(1 <= days <= DAYS_MAX for days in offsets)


@pytest.mark.parametrize(
    ("option", "keyword", "value"),
    [
        ("retain-device", "StationName", "SCAN1"),
        ("retain-institution", "InstitutionName", "CHU"),
        ("retain-patient-characteristics", "PatientAge", "061Y"),
    ],
)
def test_an_option_keeps_what_it_names(tmp_path: Path, option: str, keyword: str, value: str) -> None:
    without = dcmread(exported(canary(1, **{keyword: value}), tmp_path / "a")[0])
    kept = dcmread(exported(canary(1, **{keyword: value}), tmp_path / "b", option)[0])
    assert str(without.get(keyword) or "") != value
    assert kept[keyword].value == value


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned-in"),
        ({"RecognizableVisualFeatures": "YES"}, "recognizable"),
        ({"EncapsulatedDocument": b"%PDF"}, "document"),
    ],
)
def test_what_a_header_cannot_make_anonymous_is_refused(tmp_path: Path, header: dict[str, Any], code: str) -> None:
    with pytest.raises(NotExportable) as raised:
        exported(canary(1, **header), tmp_path)
    assert raised.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_overlays_in_unused_bits_are_refused(tmp_path: Path) -> None:
    (image,) = canary(1)
    image.add_new(0x60000102, "US", 12)
    with pytest.raises(NotExportable, match="unused bits"):
        exported([image], tmp_path)


def test_somebody_who_looked_may_allow_burned_in_text(tmp_path: Path) -> None:
    (image,) = canary(1, BurnedInAnnotation="YES", RecognizableVisualFeatures="YES")
    assert export(samples.to_file(image), tmp_path, deidentifier(), Allowed(burned_in=True, recognizable=True))


@pytest.mark.parametrize("cut", [0, 200, 5_000])
def test_a_file_that_ends_too_early_is_refused_and_leaves_nothing(tmp_path: Path, cut: int) -> None:
    data = samples.to_file(canary(1)[0])
    with pytest.raises(NotExportable) as raised:
        export(data[:cut] if cut < 5_000 else data[:-100], tmp_path, deidentifier(), Allowed())
    assert raised.value.code == "unreadable"
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_cannot_be_read_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (image,) = canary(1)
    data = samples.to_file(image).replace(b"\x08\x00\x05\x00CS", b"\x08\x00\x05\x00US", 1)
    with pytest.raises(NotExportable) as raised:
        export(data, tmp_path, deidentifier(), Allowed())
    assert raised.value.code == "unreadable"
    assert list(tmp_path.iterdir()) == []


def test_a_name_and_a_date_written_as_text_do_not_stay(tmp_path: Path) -> None:
    """Neither is in the table: what the dictionary says of them counts, not what the object does."""
    (image,) = canary(1)
    image.add_new("SecondaryReviewerName", "LO", "MARTIN^Ada")
    image.add_new("SecondaryReviewDate", "LO", "20261103")
    name = export(samples.to_file(image), tmp_path, deidentifier(), Allowed()).name
    target = dcmread(tmp_path / name)
    assert target.SecondaryReviewerName == "REMOVED"
    assert "SecondaryReviewDate" not in target


def test_an_object_without_a_name_is_refused(tmp_path: Path) -> None:
    (image,) = canary(1)
    data = samples.to_file(image).replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x19\x00UI", 1)
    with pytest.raises(NotExportable, match="does not say what it is"):
        export(data, tmp_path, deidentifier(), Allowed())


def test_a_short_secret_and_an_unknown_option_are_refused() -> None:
    with pytest.raises(NotExportable, match="31 bytes"):
        Pseudonyms(b"x" * 31)
    with pytest.raises(NotExportable, match="retain-everything"):
        Profile.basic(["retain-everything"])


# ------------------------------------------------------------------------------------------------ the table, the tools


def test_the_table_is_that_of_the_standard() -> None:
    basic = Profile.basic([])
    assert len(listed()) > 600
    for tag, action in (
        (0x00100010, Action.EMPTY),
        (0x0020000D, Action.UID),
        (0x00104000, Action.REMOVE),
        (0x00080021, Action.DUMMY),
        (0x00082112, Action.UID),
        (0x00280010, None),
    ):
        assert basic.action(tag) is action, hex(tag)


@pytest.mark.peer("dicom3tools")
def test_an_image_has_no_more_faults_than_before(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    data = samples.to_file(samples.series("MR", slices=1)[0])
    (tmp_path / "before.dcm").write_bytes(data)
    name = export(data, tmp_path, deidentifier(), Allowed()).name
    assert set(dicom3tools.errors(tmp_path / name)) <= set(dicom3tools.errors(tmp_path / "before.dcm"))


def test_a_large_object_takes_the_memory_of_a_block(tmp_path: Path) -> None:
    (image,) = canary(1)
    size = 64 * BLOCK_BYTES
    image.Rows, image.Columns, image.NumberOfFrames = 1024, 1024, 32
    image.PixelData = bytes(size)
    path = tmp_path / "large.dcm"
    path.write_bytes(samples.to_file(image))
    del image
    tracemalloc.start()
    name = export(path, tmp_path, deidentifier(), Allowed()).name
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / name).stat().st_size > size
    assert peak < 8 * BLOCK_BYTES
