"""The Vault port on an S3-compatible object store: for listeners, workers and desks that share no disk.

    <prefix>ab/<digest>    what is asked for, the same layout as a folder of files
    <prefix>probe          what `aval check` writes, reads and deletes

A blob is held when the store has confirmed it, and the store has compared it with its digest (bucket.py). Objects are
written once and never deleted; the same bytes again are looked at, and written again only when the store's are damaged.
"""

import hashlib
import mmap
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.vault import multipart
from bridge.vault.body import Body
from bridge.vault.bucket import Bucket
from bridge.vault.cache import Cache
from bridge.vault.disk import free_bytes, missing, refusals, require_room, write_all
from bridge.vault.spool import Spool, SpoolFile
from guarantee.errors import BlobMissing
from guarantee.ids import Digest, parse_digest
from guarantee.ports import Incoming

UPLOAD_S: Final = 86_400.0
"""Age at which an upload in parts was left by a crash, one day: the largest instance that we take is sent in less."""

READS: Final = 2
"""How often an object is read that is not what its digest says, before it counts as damaged: the network may have
been what changed it."""


class ObjectVault:
    """The Vault port over one bucket.

    Args:
        root: local folder of this machine, for spool and cache; created when absent.
        prefix: begins every key; "" or it ends in "/".
        reserve_bytes: free space on the local disk below which ``begin`` takes nothing.
        cache_bytes: size of the local copies.
        spool_bytes: size of what may be on its way at once.
        part_bytes: what is larger than two of these is sent in parts.
    """

    def __init__(
        self,
        bucket: Bucket,
        root: Path,
        *,
        prefix: str = "",
        reserve_bytes: int = 0,
        cache_bytes: int,
        spool_bytes: int,
        part_bytes: int = multipart.PART_BYTES,
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._root = root
        self._reserve_bytes = reserve_bytes
        self._part_bytes = part_bytes
        self._spool = Spool(root / "spool", spool_bytes)
        self._cache = Cache(root / "cache", cache_bytes)

    # ---------------------------------------------------------------------------------------------------- what comes

    def begin(self) -> Incoming:
        """Begin to take bytes.

        Raises:
            Unavailable: too little space, or the disk refuses.
        """
        require_room(self._root, self._reserve_bytes)
        return IncomingObject(self._spool.begin(), self.keep)

    def put(self, data: bytes) -> Digest:
        """Keep ``data`` and return its digest, once the store has confirmed it.

        Raises:
            Unavailable: the store does not confirm it.
        """
        return self.keep(Body.of(data))

    def keep(self, body: Body) -> Digest:
        """Write ``body`` under its digest, unless the store holds it.

        Raises:
            Unavailable: not confirmed.
        """
        name = Digest(body.digest)
        key = self.key(name)
        with refusals(f"send {body.size} bytes"):
            if body.size > 2 * self._part_bytes:
                if not self.holds(name):
                    multipart.upload(self.bucket, key, body, self._part_bytes)
            elif not self.bucket.put(key, body, only_new=True) and not self.holds(name):
                self.bucket.put(key, body, only_new=False)
        return name

    def free_bytes(self) -> int:
        """Return how much more the local disk holds."""
        return free_bytes(self._root)

    # ------------------------------------------------------------------------------------------------- what is there

    def get(self, name: Digest) -> bytes:
        """Return the bytes, after checking them against their digest.

        Raises:
            BlobMissing: the store does not hold them, or holds others.
            Unavailable: the store does not answer.
        """
        parse_digest(name)
        with refusals("keep a copy"):
            data = self._cache.read(name)
            return self._fetched(name).read_bytes() if data is None else data

    def has(self, name: Digest) -> bool:
        """Return whether the store holds the bytes; it is asked each time, the copies say nothing.

        Raises:
            Unavailable: the store does not answer.
        """
        return self.bucket.size(self.key(name)) is not None

    def path(self, name: Digest) -> Path:
        """Return a local copy, which stays for a minute at least; fetched when there is none.

        Raises:
            BlobMissing: the store does not hold the bytes, or holds others.
            Unavailable: the store does not answer.
        """
        parse_digest(name)
        with refusals("keep a copy"):
            return self._cache.path(name) or self._fetched(name)

    def holds(self, name: Digest) -> bool:
        """Return whether the store holds the bytes, and they are what the digest says; all of them are read."""
        read = _Reading()
        return self.bucket.fetch(self.key(name), read.hash) and read.digest == name

    def key(self, name: Digest) -> str:
        """Return the key of a blob."""
        parse_digest(name)
        return f"{self.prefix}{name[:2]}/{name}"

    def _fetched(self, name: Digest) -> Path:
        with self._cache.fetching() as beside:
            for _ in range(READS):
                read = _Reading(beside)
                if not self.bucket.fetch(self.key(name), read.keep):
                    raise missing(name)
                if read.digest == name:
                    return self._cache.add(beside, name)
        raise BlobMissing("blob-damaged", f"blob {name[:12]}… is held, but its bytes changed in the object store")

    # ----------------------------------------------------------------------------------------- what a crash left behind

    def recover(self) -> None:
        """Make room in the cache; nothing that was acknowledged is anywhere but in the store."""
        self._cache.make_room(time.time())

    def sweep(self, older_than_s: float, now_s: float) -> int:
        """Give up uploads that a crash left, and make room in the cache; return how many of both went.

        Args:
            older_than_s: what was begun since then, or within UPLOAD_S, may still be on its way.
            now_s: the time.

        Raises:
            Unavailable: the store does not say which uploads there are.
        """
        gone = self._cache.make_room(now_s)
        begun_before = datetime.fromtimestamp(now_s - max(older_than_s, UPLOAD_S), UTC)
        for upload in multipart.unfinished(self.bucket, self.prefix):
            if upload.begun_at < begun_before and upload.key.startswith(self.prefix):
                multipart.abort(self.bucket, upload.key, upload.id)
                gone += 1
        return gone

    def close(self) -> None:
        """Close the connections."""
        self.bucket.close()


class IncomingObject:
    """An object that is being received.

    Args:
        keep: sends the bytes and returns their digest.
    """

    def __init__(self, file: SpoolFile, keep: Callable[[Body], Digest]) -> None:
        self._file = file
        self._keep = keep

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``; see guarantee.ports.Incoming."""
        self._file.write(data)

    def view(self) -> AbstractContextManager[bytes | mmap.mmap]:
        """Lend what was written; see guarantee.ports.Incoming."""
        return self._file.view()

    is_noted = False
    """Never: a store keeps bytes, and notes would be asked for one by one."""

    def keep(self, note: bytes = b"") -> Digest:  # noqa: ARG002 - there is no place for it
        """Send the bytes, and return their digest once the store has confirmed them."""
        name = self._keep(self._file.body())
        self.discard()
        return name

    def discard(self) -> None:
        """Forget the bytes."""
        self._file.close()


class _Reading:
    """One read of an object.

    Args:
        place: file to write it to, for ``keep``.
    """

    def __init__(self, place: Path | None = None) -> None:
        self._place = place
        self.digest = ""

    def hash(self, pieces: Iterator[bytes]) -> None:
        found = hashlib.sha256()
        for piece in pieces:
            found.update(piece)
        self.digest = found.hexdigest()

    def keep(self, pieces: Iterator[bytes]) -> None:
        if self._place is None:
            raise ValueError("no place to keep it")
        with self._place.open("wb", buffering=0) as file:
            self.hash(_written(pieces, file.fileno()))


def _written(pieces: Iterator[bytes], descriptor: int) -> Iterator[bytes]:
    for piece in pieces:
        write_all(descriptor, piece)
        yield piece
