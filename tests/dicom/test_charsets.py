"""A name in each of DICOM's character sets reads as it was meant, by two readers that share no tables with us."""

import subprocess
import warnings
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_adapters.read.headers import read_header
from dicom_adapters.render.source import normalised
from tests.dicom.charsets import ANNEXES, TERMS, Sample
from tests.dicom.samples import element, raw_file
from tests.peers.fixtures import tool

ALL = (*TERMS, *ANNEXES)
CT = b"1.2.840.10008.5.1.4.1.1.2"


def file_of(sample: Sample) -> bytes:
    """Return a file whose patient has this name."""
    padded = sample.declared.encode() + b" " * (len(sample.declared) % 2)
    return raw_file(
        (element(0x00080005, "CS", padded) if sample.declared else b"")
        + element(0x00080016, "UI", CT + b"\0")
        + element(0x00080018, "UI", b"1.2\0")
        + element(0x00100010, "PN", sample.written + b" " * (len(sample.written) % 2))
        + element(0x0020000D, "UI", b"1.2\0")
        + element(0x0020000E, "UI", b"1.2\0")
    )


def name_in(data: bytes) -> str:
    """Return the name as pydicom reads it; it warns with the patient's words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(dcmread(BytesIO(data))["PatientName"].value).rstrip("=")


def test_every_defined_term_has_its_sample() -> None:
    """PS3.3, Tables C.12-2 to C.12-5: the single-byte sets with and without extensions, the four multi-byte ones, the
    three without extensions."""
    single = {"6", "13", "100", "101", "109", "110", "126", "127", "138", "144", "148", "166", "203"}
    terms = {f"ISO_IR {n}" for n in (*single, "192")} | {
        f"ISO 2022 IR {n}" for n in (*single, *["87", "149", "159", "58"])
    }
    said = {value for sample in TERMS for value in sample.declared.split("\\")}

    assert said == terms | {"", "GB18030", "GBK"}


@pytest.mark.parametrize("sample", ALL, ids=lambda s: s.declared or "none")
def test_a_name_reads_as_it_was_meant_and_leaves_as_it_was_meant(sample: Sample) -> None:
    data = file_of(sample)

    assert read_header(data).patient.name == sample.read
    assert str(normalised(data).PatientName).rstrip("=") == sample.read


@pytest.mark.parametrize("sample", [s for s in ALL if s.pydicom], ids=lambda s: s.declared or "none")
def test_pydicom_reads_the_same(sample: Sample) -> None:
    assert name_in(file_of(sample)) == sample.read


def test_dcmtk_reads_the_same(tmp_path: Path) -> None:
    dcmconv = tool("dcmconv")
    known = [sample for sample in ALL if sample.dcmtk]
    for n, sample in enumerate(known):
        given, made = tmp_path / f"{n}.dcm", tmp_path / f"{n}-utf8.dcm"
        given.write_bytes(file_of(sample))
        done = subprocess.run([dcmconv, "+U8", str(given), str(made)], capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, (sample.declared, done.stderr)
        assert name_in(made.read_bytes()) == sample.read, sample.declared
    assert len(known) > 30


def test_a_delimiter_ends_an_extension() -> None:
    """PS3.5, 6.1.2.5.3: after it, the first set holds again, whatever the sender escaped to."""
    written = b"\x1b-F" + "Ωμεγα".encode("iso8859_7") + b"^Zo\xe9"
    sample = Sample(declared="ISO 2022 IR 100\\ISO 2022 IR 126", written=written, read="Ωμεγα^Zoé")

    assert read_header(file_of(sample)).patient.name == sample.read


@pytest.mark.parametrize("sample", [s for s in ANNEXES if not s.written.isascii()], ids=lambda s: s.declared or "none")
def test_a_name_under_every_wrong_set_is_text_all_the_same(sample: Sample) -> None:
    for declared in {other.declared for other in ALL}:
        name = read_header(file_of(Sample(declared=declared, written=sample.written, read=""))).patient.name
        assert name.isprintable()
        assert name
