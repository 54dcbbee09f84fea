"""Small files that must be whole or absent: keys, anchors, configuration."""

import contextlib
import os
from pathlib import Path


def write_secret(path: Path, data: bytes) -> None:
    """Write ``data`` to a new file that only its owner can read. An existing file is left alone."""
    _write(path, data, mode=0o600, replace=False)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` over ``path``: after a crash it holds the old bytes or the new ones, never half of them."""
    _write(path, data, mode=0o644, replace=True)


def append_line(path: Path, line: str) -> None:
    """Append one line, durably. The beginning of a line that a power cut tore is taken away first."""
    with path.open("ab") as file:
        _cut_torn_line(path, file.tell())
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> list[str]:
    """Return the lines that were written whole; none when there is no such file."""
    if not path.exists():
        return []
    text = path.read_bytes()
    return text[: text.rfind(b"\n") + 1].decode("utf-8", errors="replace").splitlines()


def _cut_torn_line(path: Path, size: int) -> None:
    """Shorten only what is torn: a place that can only be appended to is never shortened otherwise."""
    whole = path.read_bytes().rfind(b"\n") + 1
    if whole < size:
        os.truncate(path, whole)


def _write(path: Path, data: bytes, *, mode: int, replace: bool) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        temporary.replace(path)
        return
    with contextlib.suppress(FileExistsError):  # somebody else was first: theirs stays
        path.hardlink_to(temporary)
    temporary.unlink()
