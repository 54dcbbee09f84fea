"""Hostile and broken files: what is refused, and that nothing but our own refusal can come out."""

import random
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
)

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read import headers
from dicom_adapters.read.headers import read_header
from dicom_adapters.read.structure import DEPTH_MAX, ELEMENTS_MAX, HEADER_BYTES_MAX, Element, Encoding, _Walker, walk
from tests.dicom import samples
from tests.dicom.samples import element, encoded, implicit, minimal, raw_file

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


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("tag", [0x00080016, 0x00080018, 0x0020000D, 0x0020000E])
def test_an_instance_without_one_of_its_names_is_refused(tag: int) -> None:
    dataset = one()
    data = samples.to_file(dataset)
    del dataset[tag]

    assert code_of(raw_file(encoded(dataset))) == "uid-missing"
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

    assert code_of(raw_file(stray + encoded(one()))) == "stray-group"


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


def _deflated(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


def test_a_deflated_data_set_is_refused_unless_asked_for() -> None:
    data = raw_file(_deflated(encoded(one())), DeflatedExplicitVRLittleEndian)

    assert code_of(data) == "deflated"
    assert read_header(data, allow_deflated=True).patient.identifier == "SAMPLE-0001"


def test_a_jpip_reference_is_refused_always() -> None:
    data = raw_file(_deflated(encoded(one())), "1.2.840.10008.1.2.4.95")

    assert code_of(data, allow_deflated=True) == "deflated"


def test_a_deflate_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "INFLATED_BYTES_MAX", 1024 * 1024)
    bomb = raw_file(_deflated(bytes(64 * 1024 * 1024)), DeflatedExplicitVRLittleEndian)

    assert len(bomb) < 100_000
    assert code_of(bomb, allow_deflated=True) == "header-too-large"


def test_a_deflated_data_set_that_is_cut_or_garbled_is_refused() -> None:
    whole = raw_file(_deflated(encoded(one())), DeflatedExplicitVRLittleEndian)

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


def test_stepping_over_plain_elements_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortcut and the step that it spares say the same of anything, in both byte orders."""
    chance = random.Random(20261127)
    body = samples.data_set_of(samples.to_file(samples.series("CT", slices=1)[0]))
    both = 0
    for number in range(3000):
        data = bytearray(body)
        for _ in range(chance.choice((0, 1, 2, 6))):
            at = chance.randrange(len(data) if number % 3 else 400)
            data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        encoding = Encoding(implicit=False, little=number % 5 != 0)
        wanted = frozenset({0x00080018, 0x00080060, 0x00100020, 0x00280010})
        shortcut = verdict(bytes(data), encoding, wanted)
        with monkeypatch.context() as without:
            without.setattr(_Walker, "_run_over_plain", lambda *_: None)
            assert verdict(bytes(data), encoding, wanted) == shortcut
        both += isinstance(shortcut, dict)
    assert 300 < both < 2700


def verdict(data: bytes, encoding: Encoding, wanted: frozenset[int]) -> dict[int, Element] | str:
    try:
        return walk(data, 0, encoding, wanted)
    except MalformedInstance as error:
        return str(error)
