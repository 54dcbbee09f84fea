"""Headers: what is read, what is refused, and that nothing else can come out."""

import random
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from dicom_adapters import headers
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.headers import Header, read_header, to_arrival
from dicom_adapters.structure import DEPTH_MAX, ELEMENTS_MAX, HEADER_BYTES_MAX
from guarantee.case import CaseKind, Patient
from guarantee.ids import digest
from tests.dicom import samples
from tests.dicom.samples import element, implicit, raw_file

CORPUS = Path(pydicom.__file__).parent / "data"
"""Files that pydicom ships: twelve character sets, odd encodings, real devices."""

OPEN = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def one(modality: str = "MR", **changes: object) -> Dataset:
    dataset = samples.series(modality, slices=1)[0]
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def code_of(data: bytes, **announced: object) -> str:
    with pytest.raises(MalformedInstance) as refused:
        read_header(data, **announced)  # type: ignore[arg-type]
    assert "DURAND" not in str(refused.value)
    assert "SAMPLE-0001" not in str(refused.value)
    return refused.value.code


def minimal(*more: bytes) -> bytes:
    """Return a file with the four UIDs, then ``more``."""
    uids = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
    return raw_file(b"".join(element(tag, "UI", b"1.2.3.40") for tag in uids) + b"".join(more))


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
        return [*astuple(h)[:4], *astuple(h)[5:-1], {k: v for k, v in h.facts.items() if k != "TransferSyntaxUID"}]

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

    assert read_header(data).patient.name == (name if isinstance(name, str) else str(name)).split("=")[0]


def named(declared: bytes, name: bytes) -> str:
    uids = element(0x00080016, "UI", b"1.2") + element(0x00080018, "UI", b"1.2")
    study = element(0x0020000D, "UI", b"1.2") + element(0x0020000E, "UI", b"1.2")
    sets = element(0x00080005, "CS", declared) if declared else b""
    return read_header(raw_file(sets + uids + element(0x00100010, "PN", name) + study)).patient.name


@pytest.mark.parametrize(
    ("declared", "written", "read"),
    [
        (b"", "CŒUR^Zoé".encode("cp1252"), "C\x8cUR^Zoé".replace("\x8c", " ")),
        (b"ISO-IR 100", "DUPRÉ^Zoé".encode("latin-1"), "DUPRÉ^Zoé"),
        (b"UTF8", "DUPRÉ^Zoé".encode(), "DUPRÉ^Zoé"),
        (b"ISO_IR 192", "DUPRÉ^Zoé".encode("latin-1"), "DUPR\ufffd^Zo\ufffd"),
        (b"ISO_IR 100", "DUPRÉ^Zoé".encode(), "DUPRÃ ^ZoÃ©"),
        (b"NO SUCH SET", b"DUPONT^Jean", "DUPONT^Jean"),
        (b"ISO 2022 IR 6\\ISO 2022 IR 87", b"\x1b$B;3", "山"),
        (b"ISO 2022 IR 6\\ISO 2022 IR 87", b"\x1b$B;", "\ufffd"),
        (b"ISO 2022 IR 6", b"\x1bZZDUPONT", "DUPONT"),
        (b"ISO_IR 192", b"DUPONT^^^^", "DUPONT"),
        (b"ISO_IR 192", "=山田^太郎".encode(), "山田^太郎"),
        (b"ISO_IR 192", b"DU\0PONT^J\nean\r", "DU PONT^J ean"),
        (b"ISO_IR 192", b"X" * 5_000, "X" * 324),
    ],
)
def test_a_name_is_text_on_one_line_whatever_the_bytes(declared: bytes, written: bytes, read: str) -> None:
    assert named(declared, written) == read


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("tag", [0x00080016, 0x00080018, 0x0020000D, 0x0020000E])
def test_an_instance_without_one_of_its_names_is_refused(tag: int) -> None:
    dataset = one()
    data = samples.to_file(dataset)
    del dataset[tag]

    assert code_of(raw_file(_encoded(dataset))) == "uid-missing"
    assert read_header(data)


@pytest.mark.parametrize(
    ("uid", "code"),
    [
        (b"", "uid-missing"),
        (b"\0\0", "uid-missing"),
        (b"../../etc/passwd", "uid-form"),
        (b"1.2\n3", "uid-form"),
        (b"1..2", "uid-form"),
        (b".1.2", "uid-form"),
        (b"1.2.", "uid-form"),
        (b"1.2\\1.3", "uid-form"),
        (b" 1.2", "uid-form"),
        ("1.٣".encode(), "uid-form"),
        (b"1." + b"2" * 63, "uid-form"),
    ],
)
def test_a_name_that_is_no_uid_is_refused(uid: bytes, code: str) -> None:
    uids = [element(tag, "UI", b"1.2.3.40") for tag in (0x00080016, 0x0020000D, 0x0020000E)]

    assert code_of(raw_file(uids[0] + element(0x00080018, "UI", uid) + uids[1] + uids[2])) == code


@pytest.mark.parametrize("uid", [b"1." + b"2" * 62, b"1.02.003", b"1.2.3 ", b"1.2.3\0"])
def test_a_name_that_real_devices_write_is_kept(uid: bytes) -> None:
    uids = [element(tag, "UI", b"1.2.3.40") for tag in (0x00080016, 0x0020000D, 0x0020000E)]
    data = raw_file(uids[0] + element(0x00080018, "UI", uid) + uids[1] + uids[2])

    assert read_header(data).sop_instance_uid == uid.decode().strip(" \0")


def nested(depth: int) -> bytes:
    """Open sequences and items, explicit VR; closed again."""
    head = element(0x0040A730, "SQ", b"", length=OPEN) + implicit(ITEM, b"", length=OPEN)
    return head * depth + (implicit(ITEM_END, b"") + implicit(SEQUENCE_END, b"")) * depth


def nested_in_unknown(depth: int) -> bytes:
    head = element(0x00091001, "UN", b"", length=OPEN) + implicit(ITEM, b"", length=OPEN)
    return head * depth + (implicit(ITEM_END, b"") + implicit(SEQUENCE_END, b"")) * depth


def nested_with_lengths(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = element(0x0040A730, "SQ", implicit(ITEM, body))
    return body


@pytest.mark.parametrize("write", [nested, nested_in_unknown, nested_with_lengths])
@pytest.mark.parametrize("depth", [DEPTH_MAX + 1, 200, 5_000])
def test_sequences_nested_too_deep_are_refused_by_name(write: Callable[[int], bytes], depth: int) -> None:
    assert code_of(minimal(write(depth))) == "too-deep"


@pytest.mark.parametrize("write", [nested, nested_in_unknown, nested_with_lengths])
def test_what_is_nested_as_deep_as_we_allow_is_safe_in_pydicom(write: Callable[[int], bytes]) -> None:
    data = minimal(write(DEPTH_MAX))

    assert read_header(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sum(1 for _ in pydicom.dcmread(BytesIO(data)).iterall()) >= DEPTH_MAX


def test_too_many_elements_are_refused() -> None:
    tiny = b"".join(struct.pack("<HH2sH", 0x0009 + 2 * (n >> 16), n & 0xFFFF, b"SH", 0) for n in range(300_000))

    assert len(tiny) // 8 > ELEMENTS_MAX
    assert code_of(minimal(tiny)) == "too-many-elements"


def test_too_many_fragments_are_refused() -> None:
    fragments = implicit(ITEM, b"") * 300_000 + implicit(SEQUENCE_END, b"")

    assert code_of(minimal(element(0x7FE00010, "OB", fragments, length=OPEN))) == "too-many-elements"


def test_too_much_header_is_refused() -> None:
    assert code_of(minimal(element(0x00204000, "UT", bytes(HEADER_BYTES_MAX)))) == "header-too-large"


def test_a_large_document_is_not_header() -> None:
    report = samples.document(EncapsulatedPDFStorage, "DOC")
    report.add_new("EncapsulatedDocument", "OB", bytes(HEADER_BYTES_MAX + 2))

    assert read_header(samples.to_file(report)).modality == "DOC"


@pytest.mark.parametrize(
    "pixels",
    [
        element(0x7FE00010, "OW", bytes(64), length=0xFFFFFFF0),
        element(0x7FE00010, "OW", bytes(64), length=66),
        element(0x7FE00010, "OB", implicit(ITEM, bytes(8), length=16), length=OPEN),
        element(0x7FE00010, "OB", implicit(ITEM, bytes(8)), length=OPEN),
        element(0x00204000, "LT", b"x", length=0xFFFE),
        b"\x08\x00",
    ],
)
def test_a_file_that_ends_too_early_is_refused(pixels: bytes) -> None:
    assert code_of(minimal(pixels)) == "truncated"


@pytest.mark.parametrize(
    "body",
    [
        element(0x0040A730, "SQ", implicit(ITEM, bytes(8), length=64)) + bytes(64),
        element(0x0040A730, "SQ", element(0x00100010, "PN", b"A^B ")),
        element(0x0040A730, "SQ", b"1234"),
        element(0x7FE00010, "OB", implicit(ITEM, b"", length=OPEN), length=OPEN),
        element(0x7FE00010, "OB", element(0x00100010, "PN", b"A^B "), length=OPEN),
        element(0x00204000, "UT", b"", length=OPEN),
        implicit(ITEM_END, b""),
        implicit(SEQUENCE_END, b""),
        implicit(0x00204000, b"abcd"),
        element(0x7FE00010, "OW", bytes(8)) + element(0x00100020, "LO", b"OTHER-ID"),
    ],
)
def test_lengths_and_marks_that_contradict_each_other_are_refused(body: bytes) -> None:
    assert code_of(minimal(body, bytes(64))) == "broken"


@pytest.mark.parametrize("tag", [0x00020010, 0x00020003, 0x00000002])
def test_file_meta_inside_the_data_set_is_refused(tag: int) -> None:
    """pydicom would take it for its own file meta and read the pixels in another transfer syntax."""
    stray = element(tag, "UI", b"1.2.840.10008.1.2.4.50")

    assert code_of(raw_file(stray + _encoded(one()))) == "stray-group"


def test_two_patient_identifiers_are_refused() -> None:
    twice = element(0x00100020, "LO", b"SAMPLE-1") + element(0x00100020, "LO", b"SAMPLE-2")

    assert code_of(minimal(twice)) == "repeated-element"


@pytest.mark.parametrize("magic", [b"MZ\x90\0", b"\x7fELF\2", b"#!/bin/sh\n"])
def test_a_preamble_that_is_a_program_is_refused(magic: bytes) -> None:
    data = samples.to_file(one())

    assert code_of(magic + data[len(magic) :]) == "executable"


def test_a_preamble_that_is_a_tiff_is_let_through() -> None:
    data = samples.to_file(one())

    assert read_header(b"II*\0" + data[4:]) == read_header(data)


@pytest.mark.parametrize("data", [b"", b"DICM", bytes(132), bytes(128) + b"DICM", b"\x89PNG" + bytes(400)])
def test_what_is_no_dicom_file_is_refused(data: bytes) -> None:
    assert code_of(data) == "not-dicom"


def test_only_private_elements_are_not_an_instance() -> None:
    assert code_of(raw_file(element(0x00090010, "LO", b"ACME") + element(0x00091001, "UN", b"1234"))) == "uid-missing"


def test_the_announced_class_and_instance_must_be_those_of_the_data_set() -> None:
    data = samples.to_file(one())
    names = {"sop_class_uid": samples.CLASSES["MR"], "sop_instance_uid": samples.uid("instance", "1", 1, 0)}

    assert read_header(data, **names)
    assert code_of(data, **{**names, "sop_class_uid": samples.CLASSES["CT"]}) == "class-mismatch"
    assert code_of(data, **{**names, "sop_instance_uid": "1.2.3"}) == "class-mismatch"


# ----------------------------------------------------------------------------------------------------------- deflate


def _encoded(dataset: Dataset) -> bytes:
    """Return the data set alone, explicit VR little endian."""
    out = BytesIO()
    file = pydicom.filebase.DicomFileLike(out)
    file.is_little_endian, file.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(file, dataset)
    return out.getvalue()


def _deflated(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


def test_a_deflated_data_set_is_refused_unless_asked_for() -> None:
    data = raw_file(_deflated(_encoded(one())), DeflatedExplicitVRLittleEndian)

    assert code_of(data) == "deflated"
    assert read_header(data, allow_deflated=True).patient.identifier == "SAMPLE-0001"


def test_a_jpip_reference_is_refused_always() -> None:
    data = raw_file(_deflated(_encoded(one())), "1.2.840.10008.1.2.4.95")

    assert code_of(data, allow_deflated=True) == "deflated"


def test_a_deflate_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "INFLATED_BYTES_MAX", 1024 * 1024)
    bomb = raw_file(_deflated(bytes(64 * 1024 * 1024)), DeflatedExplicitVRLittleEndian)

    assert len(bomb) < 100_000
    assert code_of(bomb, allow_deflated=True) == "header-too-large"


def test_a_deflated_data_set_that_is_cut_or_garbled_is_refused() -> None:
    whole = raw_file(_deflated(_encoded(one())), DeflatedExplicitVRLittleEndian)

    assert code_of(whole[:-20], allow_deflated=True) == "truncated"
    assert code_of(whole[:250] + b"\xff" * 50, allow_deflated=True) in {"broken", "truncated"}


# ------------------------------------------------------------------------------------------------- real files and noise

REFUSED = {
    "DICOMDIR": "uid-missing",
    "DICOMDIR-bigEnd": "uid-missing",
    "DICOMDIR-empty.dcm": "uid-missing",
    "DICOMDIR-implicit": "uid-missing",
    "DICOMDIR-nooffset": "truncated",
    "DICOMDIR-nopatient": "uid-missing",
    "DICOMDIR-reordered": "uid-missing",
    "ExplVR_BigEndNoMeta.dcm": "not-dicom",
    "ExplVR_LitEndNoMeta.dcm": "not-dicom",
    "JPEGLSNearLossless_08.dcm": "uid-missing",
    "JPEGLSNearLossless_16.dcm": "uid-missing",
    "MR_truncated.dcm": "truncated",
    "README": "not-dicom",
    "SC_rgb_jls_lossy_line.dcm": "uid-missing",
    "SC_rgb_jls_lossy_sample.dcm": "uid-missing",
    "SC_rgb_jpeg.dcm": "broken",
    "UN_sequence.dcm": "uid-missing",
    "empty_charset_LEI.dcm": "uid-missing",
    "meta_missing_tsyntax.dcm": "uid-missing",
    "nested_priv_SQ.dcm": "uid-missing",
    "no_meta.dcm": "not-dicom",
    "no_meta_group_length.dcm": "not-dicom",
    "priv_SQ.dcm": "uid-missing",
    "rtplan_truncated.dcm": "truncated",
    "rtstruct.dcm": "not-dicom",
}
"""Files of pydicom's own tests that are no whole instances, and why."""


def _real_files() -> list[Path]:
    files = sorted((CORPUS / "test_files").rglob("*"))
    return [path for path in files if path.is_file() and path.suffix in {"", ".dcm"}]


@pytest.mark.parametrize("path", _real_files(), ids=lambda p: p.name)
def test_a_real_file_reads_as_pydicom_reads_it_or_is_refused_for_a_reason(path: Path) -> None:
    data = path.read_bytes()
    if path.name in REFUSED:
        assert code_of(data, allow_deflated=True) == REFUSED[path.name]
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        header = read_header(data, allow_deflated=True)

    assert header.sop_instance_uid == reference.SOPInstanceUID
    assert header.patient.identifier == (reference.get("PatientID") or "")
    assert header.facts.get("Rows") == ({str(reference.Rows)} if "Rows" in reference else None)
    assert header.transfer_syntax_uid == reference.file_meta.TransferSyntaxUID


def _mutated(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data[: chance.randrange(132, len(data) + 1)] if chance.random() < 0.2 else data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(128, max(129, len(out) - 4))
        match chance.randrange(5):
            case 0:
                out[at : at + 1] = chance.randbytes(1)
            case 1:
                out[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\xf0\xff\xff\xff", bytes(4), b"\0\0\0\x80"))
            case 2:
                out[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 3:
                del out[at : at + chance.randrange(1, 9)]
            case 4:
                out[at : at + 4] = chance.choice((b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"))
    return bytes(out)


def test_whatever_the_bytes_only_our_own_refusal_comes_out() -> None:
    files = (
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "reportsi.dcm",
        "MR_small_RLE.dcm",
        "rtplan.dcm",
        "image_dfl.dcm",
    )
    bases = [(CORPUS / "test_files" / name).read_bytes() for name in files]
    bases += [(CORPUS / "charset_files" / "chrH31.dcm").read_bytes(), minimal(nested(9))]
    chance = random.Random(20261121)
    outcomes = {"read": 0, "refused": 0}
    for n in range(2_000):
        try:
            header = read_header(_mutated(bases[n % len(bases)][:6_000], chance), allow_deflated=True)
        except MalformedInstance:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
            assert all(c.isprintable() for c in header.patient.name)
    assert min(outcomes.values()) > 100, outcomes


def test_pixels_encapsulated_inside_an_item_are_walked() -> None:
    """An icon, compressed, in an item with a length: pydicom loses it when it writes such a file back (issue 2324)."""
    icon = element(
        0x7FE00010, "OB", implicit(ITEM, b"") + implicit(ITEM, bytes(8)) + implicit(SEQUENCE_END, b""), length=OPEN
    )

    assert read_header(minimal(element(0x00880200, "SQ", implicit(ITEM, icon))))
    assert code_of(minimal(element(0x00880200, "SQ", implicit(ITEM, icon[:-8])))) == "truncated"
