"""The Vault port on a file system: bytes under their digest, durable before ``put`` returns.

A file is written under a temporary name, flushed, renamed to its digest, and its folders flushed: after a power cut a
name that exists holds whole bytes. No identifier from outside ever becomes a path.
"""

import contextlib
import hashlib
import os
import uuid
from pathlib import Path
from typing import Final

from guarantee.errors import BlobMissing, Unavailable
from guarantee.ids import Digest, digest, parse_digest

_TEMPORARY: Final = "incoming"


class FileVault:
    """The Vault port over one folder.

    Args:
        root: created when absent; names below it are ``ab/cd/<digest>``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        (root / _TEMPORARY).mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> Digest:
        """Keep ``data`` and return its digest, once it would survive a power cut.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        name = digest(data)
        target = self._place(name)
        try:
            if not target.exists():
                self._write(target, data)
            # Also for a name that was there: whoever wrote it may have died before its folders were flushed. Flushing
            # what is not dirty costs microseconds.
            for folder in (target.parent, target.parent.parent, self._root):
                _flush_folder(folder)
        except OSError as error:
            raise Unavailable("vault", f"the vault could not keep {len(data)} bytes: {error.strerror}") from error
        return name

    def _write(self, target: Path, data: bytes) -> None:
        temporary = self._root / _TEMPORARY / uuid.uuid4().hex
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_durably(temporary, data)
            temporary.rename(target)
        except OSError:
            with contextlib.suppress(OSError):  # the sweeper removes what a failing disk leaves
                temporary.unlink(missing_ok=True)
            raise

    def get(self, name: Digest) -> bytes:
        """Return the bytes, after checking them against their digest.

        Raises:
            BlobMissing: not held, or no longer what the digest says.
        """
        data = self._read(name)
        if hashlib.sha256(data).hexdigest() != name:
            raise BlobMissing("blob-damaged", f"blob {name[:12]}… is held, but its bytes changed on disk")
        return data

    def has(self, name: Digest) -> bool:
        """Return whether the bytes are held."""
        return self._place(name).exists()

    def path(self, name: Digest) -> Path:
        """Return the file that holds the bytes.

        Raises:
            BlobMissing: not held.
        """
        place = self._place(name)
        if not place.exists():
            raise BlobMissing("blob-missing", f"blob {name[:12]}… is not in the vault")
        return place

    def sweep(self, older_than_s: float, now_s: float) -> int:
        """Delete temporary files that a crash left behind; return how many."""
        removed = 0
        for path in (self._root / _TEMPORARY).iterdir():
            if now_s - path.stat().st_mtime > older_than_s:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _read(self, name: Digest) -> bytes:
        try:
            return self._place(name).read_bytes()
        except FileNotFoundError:
            raise BlobMissing("blob-missing", f"blob {name[:12]}… is not in the vault") from None
        except OSError as error:
            raise Unavailable("vault", f"the vault could not read: {error.strerror}") from error

    def _place(self, name: Digest) -> Path:
        parse_digest(name)
        return self._root / name[:2] / name[2:4] / name


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
