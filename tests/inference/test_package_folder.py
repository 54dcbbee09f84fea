"""What lies in a package's folder beside what its card lists, and what is kept of it."""

import os
from pathlib import Path

import pytest

from inference.card import keep_package, load_package
from inference.errors import PackageRefused
from tests.inference.builders import age_is_probability, score_package


def test_a_pipe_in_the_place_of_a_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")
    with pytest.raises(PackageRefused, match=r"model\.onnx: not a file"):
        load_package(folder)
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to("/dev/zero")
    with pytest.raises(PackageRefused, match=r"model\.onnx: not a file"):
        load_package(folder)


def test_a_package_is_kept_with_what_its_card_lists_and_nothing_else(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    (folder / "LICENSE.txt").write_text("MIT")
    (folder / "passwords").symlink_to("/etc/passwd")
    (folder / "more").mkdir()
    package = load_package(folder)
    keep_package(package, tmp_path / "kept" / "probe-1.0.0")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"probe-1.0.0"}
    assert {path.name for path in (tmp_path / "kept" / "probe-1.0.0").iterdir()} == {
        *("card.yaml", "model.onnx", "LICENSE.txt"),
    }
    assert load_package(tmp_path / "kept" / "probe-1.0.0").card == package.card


def test_a_package_that_changes_while_it_is_copied_is_not_kept(tmp_path: Path) -> None:
    folder = score_package(tmp_path / "probe", age_is_probability())
    package = load_package(folder)
    score_package(folder, age_is_probability(), deadline_s=9)
    with pytest.raises(PackageRefused, match="changed while it was copied"):
        keep_package(package, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
