"""A package as one file: the same bytes anywhere, and nothing but those bytes is read."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from guarantee.opinion import Seal
from inference import archive
from inference.card import Package, load_package
from inference.errors import PackageRefused
from inference.signature import payload, read_signature
from tests.inference.archives import HOSTILE, plain
from tests.inference.builders import age_is_probability, examined_package, score_package

SEAL = Seal(key="0123456789abcdef", signature="ab" * 64)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """A package with a licence."""
    folder = score_package(tmp_path / "probe", age_is_probability())
    (folder / "LICENSE.txt").write_text("MIT")
    return load_package(folder)


def files(package: Package) -> dict[str, bytes]:
    return {name: (package.folder / name).read_bytes() for name in ("card.yaml", "model.onnx", "LICENSE.txt")}


def test_an_archive_is_what_it_was_packed_from_and_nothing_else(package: Package, tmp_path: Path) -> None:
    (package.folder / "notes.txt").write_text("mine")
    archive.pack(package, tmp_path / "probe.avalmodel", SEAL)
    with tarfile.open(tmp_path / "probe.avalmodel", "r:") as read:
        assert read.getnames() == ["card.yaml", "signature.json", "model.onnx", "LICENSE.txt"]
    with archive.opened(tmp_path / "probe.avalmodel", beside=tmp_path / "models") as unpacked:
        assert unpacked.card == package.card
        assert read_signature(unpacked) == SEAL
        assert payload(unpacked) == payload(package)
        assert not unpacked.folder.is_relative_to(package.folder)
    assert list((tmp_path / "models").iterdir()) == []


def test_the_bytes_follow_from_the_package_alone(tmp_path: Path) -> None:
    """The expected digest was written down once: another machine, another Python or another day gives the same."""
    (tmp_path / "package").mkdir()
    content = {"card.yaml": b"a card", "model.onnx": bytes(range(256)) * 3}
    for name, size in (("card.yaml", 6), ("model.onnx", 768)):
        assert len(archive.header(name, size)) == archive.BLOCK
    made = plain(content)
    assert hashlib.sha256(made).hexdigest() == "e51c1f6ba23c1c8a152e5730c1202e440be1d0e72117d256cb7f9b9c17181f88"
    with tarfile.open(fileobj=io.BytesIO(made), mode="r:") as read:
        members = {member.name: read.extractfile(member).read() for member in read}  # type: ignore[union-attr]
        assert members == content
        assert {(m.mode, m.uid, m.gid, m.mtime, m.uname, m.gname) for m in read} == {(0o644, 0, 0, 0, "", "")}


def test_two_copies_of_a_folder_give_one_archive(package: Package, tmp_path: Path) -> None:
    again = score_package(tmp_path / "elsewhere" / "another-name", age_is_probability())
    (again / "LICENSE.txt").write_text("MIT")
    (again / "model.onnx").chmod(0o600)
    archive.pack(package, tmp_path / "one", None)
    archive.pack(load_package(again), tmp_path / "other", None)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes() == plain(files(package))


def test_an_archive_is_never_written_over_and_never_half(package: Package, tmp_path: Path) -> None:
    target = tmp_path / "out" / "probe.avalmodel"
    target.parent.mkdir()
    target.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        archive.pack(package, target, None)
    target.unlink()
    (package.folder / "model.onnx").write_bytes(b"changed")
    with pytest.raises(PackageRefused, match=r"model\.onnx: SHA-256"):
        archive.pack(package, target, None)
    (package.folder / "card.yaml").write_bytes(b"changed")
    with pytest.raises(PackageRefused, match=r"card\.yaml: changed since it was loaded"):
        archive.pack(package, target, None)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_with_file_and_place(name: str, package: Package, tmp_path: Path) -> None:
    make, said = HOSTILE[name]
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "hostile.avalmodel").write_bytes(make(files(package)))
    before = set(tmp_path.rglob("*"))
    with (
        pytest.raises(PackageRefused, match=rf"^hostile\.avalmodel: .*{said}"),
        archive.opened(tmp_path / "hostile.avalmodel", beside=place),
    ):
        pytest.fail("it was opened")
    assert set(tmp_path.rglob("*")) == before


def test_what_an_archive_may_hold_in_all_is_limited(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.pack(package, tmp_path / "one.avalmodel", None)
    monkeypatch.setattr(archive, "ARCHIVE_BYTES_MAX", len((package.folder / "card.yaml").read_bytes()) + 10)
    with pytest.raises(PackageRefused, match="more than"):
        archive.pack(package, tmp_path / "again", None)
    (tmp_path / "new").mkdir()
    with pytest.raises(PackageRefused, match=r"model\.onnx at byte \d+: \d+ bytes; at most 10 of this file here"):
        archive.unpack(tmp_path / "one.avalmodel", tmp_path / "new")


def test_a_pipe_and_a_device_are_no_archives() -> None:
    with pytest.raises(PackageRefused, match="not a file"):
        archive.unpack(Path("/dev/zero"), Path("/nowhere"))


def test_every_byte_of_a_signed_archive_counts(package: Package, tmp_path: Path) -> None:
    """Flipped anywhere, the archive is refused, is another model version, or no longer bears out its signature."""
    path = tmp_path / "probe.avalmodel"
    archive.pack(package, path, SEAL)
    honest = path.read_bytes()
    signed = payload(package)
    passed = []
    for at in range(0, len(honest), 7):
        path.write_bytes(honest[:at] + bytes([honest[at] ^ 1]) + honest[at + 1 :])
        try:
            with archive.opened(path, beside=tmp_path) as found:
                same = payload(found) == signed and read_signature(found) == SEAL
        except PackageRefused:
            continue
        if same:
            passed.append(at)
    assert passed == []


def test_a_package_with_golden_cases_goes_through_as_well(tmp_path: Path) -> None:
    packed = load_package(examined_package(tmp_path / "examined", says=12, expects=12))
    archive.pack(packed, tmp_path / "examined.avalmodel", None)
    with archive.opened(tmp_path / "examined.avalmodel") as found:
        assert found.files == packed.files
