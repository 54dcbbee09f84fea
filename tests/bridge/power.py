"""A disk whose power can be cut: it knows what was flushed, and shows what could be left of the rest.

A file system may lose, of what was not flushed, the bytes, the names, both or neither. The extremes are made here:
every name is there and no byte that was not flushed (`without_bytes`), or no name that was not flushed either
(`without_names`, as of the last flush of anything: a journal keeps names in order and writes them together).
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

CHANGES: Final = ("open", "write", "pwrite", "ftruncate", "rename", "replace", "link", "symlink", "unlink", "mkdir")
FLUSHES: Final = ("fsync", "fdatasync")


class Disk:
    """Watches what happens below a folder.

    Args:
        before: called before each change and each flush: the power could go now.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, before: Callable[[], None]) -> None:
        self.root = root
        self._before = before
        self._dirty: dict[int, list[tuple[int, int]]] = {}
        self._named = self._names()
        for name in (*CHANGES, *FLUSHES):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Any) -> Any:
        def watched(*arguments: Any, **named: Any) -> Any:
            self._before()
            at = self._end_of(name, arguments)
            done = call(*arguments, **named)
            if name in FLUSHES:
                self._dirty.pop(os.fstat(arguments[0]).st_ino, None)
                self._named = self._names()
            elif at is not None:
                self._dirty.setdefault(os.fstat(arguments[0]).st_ino, []).append((at, done))
            return done

        return watched

    def _end_of(self, name: str, arguments: tuple[Any, ...]) -> int | None:
        match name:
            case "write":
                return os.lseek(arguments[0], 0, os.SEEK_CUR)
            case "pwrite":
                return int(arguments[2])
        return None

    def _names(self) -> dict[str, int]:
        return {str(path.relative_to(self.root)): path.lstat().st_ino for path in self.root.rglob("*")}

    def without_bytes(self, copy: Path) -> None:
        """Make ``copy`` what is left when every name was kept, and no byte that was not flushed."""
        _copy(self.root, copy)
        self._lose_bytes(copy)

    def without_names(self, copy: Path) -> None:
        """Make ``copy`` what is left when nothing was kept that was not flushed."""
        _copy(self.root, copy)
        self._lose_bytes(copy)
        now = self._names()
        for name in sorted(now.keys() - self._named.keys(), reverse=True):
            (copy / name).unlink()
        for name in self._named.keys() - now.keys():  # it was taken away, and that was not flushed
            inode = self._named[name]
            twin = next((copy / other for other, its in now.items() if its == inode and other in self._named), None)
            if twin is not None:
                (copy / name).hardlink_to(twin)

    def _lose_bytes(self, copy: Path) -> None:
        for path in self.root.rglob("*"):
            spans = self._dirty.get(path.lstat().st_ino, [])
            if path.is_file() and not path.is_symlink() and not spans:
                _copy_attributes(path, copy / path.relative_to(self.root))
            with (copy / path.relative_to(self.root)).open("r+b") if spans else _nothing() as file:
                for at, size in spans:
                    file.seek(at)
                    file.write(bytes(size))


def _copy(root: Path, copy: Path) -> None:
    """Copy a folder: two names of one file stay two names of one file."""
    inodes: dict[int, Path] = {}
    for path in sorted(root.rglob("*")):
        target, inode = copy / path.relative_to(root), path.lstat().st_ino
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif inode in inodes:
            target.hardlink_to(inodes[inode])
        else:
            shutil.copyfile(path, target)
            inodes[inode] = target


def _copy_attributes(path: Path, target: Path) -> None:
    """Copy what stands beside the bytes of a file, on file systems that have a place for it."""
    with suppress(OSError):
        for name in os.listxattr(path):
            os.setxattr(target, name, os.getxattr(path, name))


def _nothing() -> Any:
    return open(os.devnull, "r+b")  # noqa: PTH123 - a file like the others
