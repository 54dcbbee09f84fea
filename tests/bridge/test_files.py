"""Small files that must be whole or absent."""

import os
import stat
from pathlib import Path

import pytest

from bridge.files import append_line, write_secret, write_whole


def test_a_secret_is_its_owners_alone_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_secret(path, b"first")
    write_secret(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays"


def test_a_write_that_fails_leaves_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aval.toml"
    write_whole(path, b"old")

    def refuse(_descriptor: int) -> None:
        raise OSError("disk")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="disk"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_lines_are_appended_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_line(path, "a")
    append_line(path, "b")
    assert path.read_text() == "a\nb\n"


def test_a_line_that_a_power_cut_tore_is_not_glued_to_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("a\nhalf a li")
    append_line(path, "b")
    assert path.read_text() == "a\nb\n"
