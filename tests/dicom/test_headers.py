"""Headers: what is read, what is refused, and that nothing else can come out."""

from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read import headers
from dicom_adapters.read.headers import REMEMBERED_BYTES_MAX, Header, read_header, to_arrival
from dicom_adapters.read.structure import HEADER_BYTES_MAX
from guarantee.case import CaseKind, Patient
from guarantee.ids import digest
from tests.dicom import samples
from tests.dicom.samples import element, implicit, minimal, raw_file

CORPUS = Path(pydicom.__file__).parent / "data"
"""Files that pydicom ships: twelve character sets, odd encodings, real devices."""


def one(modality: str = "MR", **changes: object) -> Dataset:
    dataset = samples.series(modality, slices=1)[0]
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


# ------------------------------------------------------------------------------------------------------- what is read


def test_the_header_of_an_mr_image_says_whose_it_is_and_where_it_belongs() -> None:
    header = read_header(samples.to_file(one()))

    assert header.sop_class_uid == samples.CLASSES["MR"]
    assert header.sop_instance_uid == samples.uid("instance", "1", 1, 0)
    assert header.series_instance_uid == samples.uid("series", "1", 1)
    assert header.study_instance_uid == samples.uid("study", "1")
    assert header.transfer_syntax_uid == ExplicitVRLittleEndian
    assert header.patient == Patient(
        identifier="SAMPLE-0001", issuer="AVAL-TESTS", name="DURAND^Élodie", birth_date="1980-02-29", sex="F"
    )
    assert (header.accession_number, header.modality) == ("A1", "MR")
    assert (header.study_description, header.started) == ("Examen d’essai", "2026-11-21T10:15:00")


def test_facts_are_small_coded_values() -> None:
    facts = read_header(samples.to_file(one())).facts

    assert facts == {
        "Modality": {"MR"},
        "SOPClassUID": {samples.CLASSES["MR"]},
        "TransferSyntaxUID": {ExplicitVRLittleEndian},
        "BodyPartExamined": {"HEAD"},
        "ImageType": {"ORIGINAL", "PRIMARY", "M"},
        "ScanningSequence": {"GR", "IR"},
        "SequenceVariant": {"SP", "MP"},
        "MRAcquisitionType": {"3D"},
        "PhotometricInterpretation": {"MONOCHROME2"},
        "BurnedInAnnotation": {"NO"},
        "PatientSex": {"F"},
        "ImageOrientationPatient": {"1\\0\\0\\0\\1\\0"},
        "Manufacturer": {"Aval tests"},
        "ManufacturerModelName": {"Sampler"},
        "Rows": {"36"},
        "Columns": {"44"},
        "SamplesPerPixel": {"1"},
        "MagneticFieldStrength": {"3"},
        "SliceThickness": {"3"},
        "PixelSpacingRow": {"1.5"},
        "PixelSpacingColumn": {"1.25"},
        "PatientAgeYears": {"46"},
    }


def test_no_fact_identifies_the_patient() -> None:
    secret = "7f1c9e"
    named = one(
        PatientName=f"{secret}^A",
        PatientID=secret,
        AccessionNumber=secret,
        StudyDescription=secret,
        SeriesDescription=secret,
        ProtocolName=secret,
        StudyInstanceUID="1.2.7777",
        SeriesInstanceUID="1.2.7777.1",
        FrameOfReferenceUID="1.2.7777.2",
    )

    values = {value for seen in read_header(samples.to_file(named)).facts.values() for value in seen}

    assert not [value for value in values if secret in value or "7777" in value]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless])
def test_every_encoding_gives_the_same_header(syntax: str) -> None:
    reference = read_header(samples.to_file(one()))

    header = read_header(samples.to_file(one(), syntax))

    def rest(h: Header) -> object:
        return [
            *astuple(h)[:4],
            *astuple(h)[5:-2],
            h.rejects,
            {k: v for k, v in h.facts.items() if k != "TransferSyntaxUID"},
        ]

    assert rest(header) == rest(reference)
    assert header.transfer_syntax_uid == syntax


def test_an_arrival_carries_the_study_and_the_digest() -> None:
    data = samples.to_file(one())
    header = read_header(data)

    arrival = to_arrival(header, digest=digest(data), site="chu", sender="mr-2", conversation="c1")

    assert (arrival.kind, arrival.uid) == (CaseKind.STUDY, header.study_instance_uid)
    assert (arrival.source.uid, arrival.source.group) == (header.sop_instance_uid, header.series_instance_uid)
    assert (arrival.source.kind, arrival.source.digest) == (header.sop_class_uid, digest(data))
    assert (arrival.site, arrival.sender, arrival.conversation) == ("chu", "mr-2", "c1")
    assert (arrival.order, arrival.encounter) == ("A1", "")
    assert arrival.patient == header.patient


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("M", "M"),
        ("F", "F"),
        ("O", "O"),
        ("H", "M"),
        ("I", "O"),
        ("1", "M"),
        ("2", "F"),
        ("f", "F"),
        ("U", ""),
        ("", ""),
    ],
)
def test_a_sex_is_read_as_french_senders_write_it(written: str, read: str) -> None:
    assert read_header(minimal(element(0x00100040, "CS", written.encode().ljust(2)))).patient.sex == read


@pytest.mark.parametrize(
    ("written", "read"),
    [(b"19800229", "1980-02-29"), (b"1980.02.29", "1980-02-29"), (b"19810229", ""), (b"1980", ""), (b"unknown ", "")],
)
def test_a_birth_date_is_a_real_day_or_nothing(written: bytes, read: str) -> None:
    assert read_header(minimal(element(0x00100030, "DA", written))).patient.birth_date == read


@pytest.mark.parametrize(
    ("day", "moment", "read"),
    [
        (b"20261121", b"101500.123456", "2026-11-21T10:15:00"),
        (b"20261121", b"1015", "2026-11-21T10:15:00"),
        (b"20261121", b"10", "2026-11-21T10:00:00"),
        (b"20261121", b"256000", "2026-11-21"),
        (b"20261121", b"", "2026-11-21"),
        (b"", b"101500", ""),
    ],
)
def test_the_start_of_a_study_is_iso_text(day: bytes, moment: bytes, read: str) -> None:
    data = minimal(element(0x00080020, "DA", day), element(0x00080030, "TM", moment))

    assert read_header(data).started == read


@pytest.mark.parametrize(
    ("age", "birth", "study", "years"),
    [
        ("045Y", "19800101", "20260101", {"45"}),
        ("006M", "", "", {"0"}),
        ("026M", "", "", {"2"}),
        ("400D", "", "", {"1"}),
        ("", "19800229", "20260228", {"45"}),
        ("", "19800229", "20260301", {"46"}),
        ("old ", "20270101", "20260101", None),
        ("", "", "20260101", None),
    ],
)
def test_an_age_is_whole_years(age: str, birth: str, study: str, years: set[str] | None) -> None:
    data = minimal(
        element(0x00080020, "DA", study.encode()),
        element(0x00100030, "DA", birth.encode()),
        element(0x00101010, "AS", age.encode()),
    )

    assert read_header(data).facts.get("PatientAgeYears") == years


@pytest.mark.parametrize(
    ("written", "read"),
    [("1.50", {"1.5"}), ("+03.0E0", {"3"}), ("-0.0", {"0"}), ("1E9999", None), ("NaN", None), ("three", None)],
)
def test_a_number_is_plain_or_absent(written: str, read: set[str] | None) -> None:
    data = minimal(element(0x00180087, "DS", written.encode()))

    assert read_header(data).facts.get("MagneticFieldStrength") == read


# ------------------------------------------------------------------------------------------------------ character sets


@pytest.mark.parametrize("path", sorted((CORPUS / "charset_files").glob("chr[!S]*.dcm")), ids=lambda p: p.stem)
def test_a_name_in_each_character_set_reads_as_pydicom_reads_it(path: Path) -> None:
    data = path.read_bytes()
    reference = pydicom.dcmread(BytesIO(data))
    name = reference["PatientName"].value

    assert read_header(data).patient.name == str(name).rstrip("=^")


def named(declared: bytes, name: bytes) -> str:
    uids = element(0x00080016, "UI", b"1.2") + element(0x00080018, "UI", b"1.2")
    study = element(0x0020000D, "UI", b"1.2") + element(0x0020000E, "UI", b"1.2")
    sets = element(0x00080005, "CS", declared) if declared else b""
    return read_header(raw_file(sets + uids + element(0x00100010, "PN", name) + study)).patient.name


@pytest.mark.parametrize(
    ("declared", "written", "read"),
    [
        (b"", "CŒUR^Zoé".encode("cp1252"), "C\x8cUR^Zoé".replace("\x8c", " ")),
        (b"", "DUPRÉ^Zoé".encode(), "DUPRÉ^Zoé"),
        (b"ISO_IR 6", "DUPRÉ^Zoé".encode(), "DUPRÉ^Zoé"),
        (b"NO SUCH SET", "DUPRÉ^Zoé".encode("latin-1"), "DUPRÉ^Zoé"),
        (b"", "é".encode() * 4_000, "é" * 324),
        (b"ISO-IR 100", "DUPRÉ^Zoé".encode("latin-1"), "DUPRÉ^Zoé"),
        (b"UTF8", "DUPRÉ^Zoé".encode(), "DUPRÉ^Zoé"),
        (b"ISO_IR 192", "DUPRÉ^Zoé".encode("latin-1"), "DUPR\ufffd^Zo\ufffd"),
        (b"ISO_IR 100", "DUPRÉ^Zoé".encode(), "DUPRÃ ^ZoÃ©"),
        (b"NO SUCH SET", b"DUPONT^Jean", "DUPONT^Jean"),
        (b"ISO 2022 IR 6\\ISO 2022 IR 87", b"\x1b$B;3", "山"),
        (b"ISO 2022 IR 6\\ISO 2022 IR 87", b"\x1b$B;", "\ufffd"),
        (b"ISO 2022 IR 6", b"\x1bZZDUPONT", "DUPONT"),
        (b"ISO_IR 192", b"DUPONT^^^^", "DUPONT"),
        (b"ISO_IR 192", "=山田^太郎".encode(), "=山田^太郎"),
        (b"ISO_IR 192", b"DU\0PONT^J\nean\r", "DU PONT^J ean"),
        (b"ISO_IR 192", b"X" * 5_000, "X" * 324),
    ],
)
def test_a_name_is_text_on_one_line_whatever_the_bytes(declared: bytes, written: bytes, read: str) -> None:
    assert named(declared, written) == read


def test_images_of_one_series_are_read_once_and_keep_their_own_names() -> None:
    """What a header says never comes from an earlier one that differs in it."""
    files = samples.to_files(samples.series("CT", slices=3))
    headers = [read_header(file) for file in files]
    assert len({header.sop_instance_uid for header in headers}) == 3
    assert len({header.series_instance_uid for header in headers}) == 1
    other = samples.series("CT", slices=1)[0]
    other.PatientID = "SOMEBODY-ELSE"
    assert read_header(samples.to_file(other)).patient.identifier == "SOMEBODY-ELSE"
    assert read_header(files[0]) == headers[0]


@pytest.mark.parametrize("vr", ["UN", "OB"])
def test_a_value_that_is_copied_counts_as_header_whatever_it_calls_itself(vr: str) -> None:
    with pytest.raises(MalformedInstance, match="header-too-large"):
        read_header(minimal(element(0x00100020, vr, bytes(HEADER_BYTES_MAX))))


def test_a_long_header_is_not_remembered() -> None:
    """Any sender could fill the memory with them: what is remembered stays until 256 other series have come."""
    headers._header_of_series.cache_clear()
    long = minimal(element(0x00100020, "UN", b"A" * (REMEMBERED_BYTES_MAX + 2)))
    assert read_header(long).patient.identifier == "A" * 324
    assert headers._header_of_series.cache_info().currsize == 0
    read_header(minimal())
    assert headers._header_of_series.cache_info().currsize == 1


def test_what_lies_in_sequences_is_counted_once_however_deep() -> None:
    """With lengths on its sequences an enhanced CT is no larger than without."""
    body = element(0x00204000, "UT", bytes(HEADER_BYTES_MAX // 2))
    for tag in (0x00209111, 0x52009230, 0x00400555):
        body = element(tag, "SQ", implicit(0xFFFEE000, body))
    assert read_header(minimal(body)).modality == ""
