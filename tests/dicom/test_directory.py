"""A folder or a DICOMDIR gives its own files and nothing else, whatever its names say."""

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.directory import files_of, opened

ABSENT = object()


def dicomdir(references: Sequence[object], syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return a DICOMDIR with a record for each reference."""
    dataset = Dataset()
    dataset.FileSetID = "TEST"
    dataset.DirectoryRecordSequence = []
    for reference in references:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        if reference is not ABSENT:
            record.add_new("ReferencedFileID", "CS", reference)
        dataset.DirectoryRecordSequence.append(record)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.file_meta.TransferSyntaxUID = syntax
    out = BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def listed(folder: Path, references: Sequence[object]) -> dict[str, str]:
    """Return what a DICOMDIR in ``folder`` gives: the code of each file's refusal, or the path below the folder."""
    (folder / "DICOMDIR").write_bytes(dicomdir(references))
    given = files_of(folder / "DICOMDIR")
    return {each.name: str(each.path.relative_to(folder)) if each.path else each.code for each in given}


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A folder with a file outside it that must not be read."""
    folder = tmp_path / "medium"
    (folder / "A").mkdir(parents=True)
    (folder / "A" / "1").write_bytes(b"one")
    (folder / "A" / "2").write_bytes(b"two")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def test_a_dicomdir_gives_what_it_lists(medium: Path) -> None:
    references = [["A", "1"], ABSENT, ["A", "2"], ["A", "3"]]
    assert listed(medium, references) == {"A/1": "A/1", "A/2": "A/2", "A/3": "missing"}


def test_names_in_small_letters_are_found(medium: Path) -> None:
    (medium / "im").mkdir()
    (medium / "im" / "one.dcm").touch()
    assert listed(medium, [["IM", "ONE.DCM"]]) == {"IM/ONE.DCM": "im/one.dcm"}


@pytest.mark.parametrize(
    "reference",
    [
        ["..", "secret"],
        ["A", "..", "..", "secret"],
        "..\\secret",
        "../secret",
        "/etc/passwd",
        ["", "etc", "passwd"],
        ["A", "", "1"],
        [".", "A", "1"],
        "C:",
        ["A"] * 9,
        "A" * 65,
        "",
    ],
)
def test_a_dicomdir_leads_nowhere_else(medium: Path, reference: object) -> None:
    (code,) = listed(medium, [reference]).values()
    assert code in {"outside", "missing"}
    assert code == "outside" or reference in ("", "..\\secret")


@pytest.mark.parametrize("link", ["A/link", "B"])
def test_a_link_is_not_followed(medium: Path, link: str) -> None:
    (medium / link).symlink_to(medium.parent / "secret" if link == "A/link" else medium.parent)
    reference = [*link.split("/"), *([] if link == "A/link" else ["secret"])]
    assert set(listed(medium, [reference]).values()) == {"link"}
    assert {each.name: each.code for each in files_of(medium)} == {"A/1": "", "A/2": "", link: "link"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-dicom"),
        (bytes(2000), "not-dicom"),
        (dicomdir([["A", "1"]], ImplicitVRLittleEndian), "not-dicom"),
        (dicomdir([["A", "1"]])[:-3], "truncated"),
        (dicomdir([["A", "1"]]).replace(b"1.2.840.10008.1.3.10", b"1.2.840.10008.1.3.11"), "not-dicom"),
    ],
)
def test_what_is_no_dicomdir_is_said(medium: Path, data: bytes, code: str) -> None:
    (medium / "DICOMDIR").write_bytes(data)
    with pytest.raises(MalformedInstance) as raised:
        files_of(medium / "DICOMDIR")
    assert raised.value.code == code


def test_a_folder_gives_its_files_in_order_and_not_its_index(medium: Path) -> None:
    (medium / "DICOMDIR").write_bytes(dicomdir([]))
    assert [each.name for each in files_of(medium)] == ["A/1", "A/2"]


def test_a_folder_that_cannot_be_read_is_said(medium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (medium / "B").mkdir()
    scan = os.scandir

    def refuse(place: str) -> object:
        if Path(place).name == "B":
            raise PermissionError(13, "Permission denied", place)
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    assert {each.name: each.code for each in files_of(medium)} == {"A/1": "", "A/2": "", "B": "unreadable"}


def test_one_file_is_one_file(medium: Path) -> None:
    assert [(each.name, each.path) for each in files_of(medium / "A" / "1")] == [("1", medium / "A" / "1")]
    with pytest.raises(FileNotFoundError):
        files_of(medium / "nothing")


def test_what_has_become_a_link_or_a_pipe_is_not_read(medium: Path) -> None:
    os.mkfifo(medium / "pipe")
    with pytest.raises(MalformedInstance, match="no-file"):
        read(medium / "pipe")
    (medium / "link").symlink_to(medium.parent / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        read(medium / "link")
    assert read(medium / "A" / "1") == b"one"


def read(path: Path) -> bytes:
    with opened(path) as file:
        return file.read()
