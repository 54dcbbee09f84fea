"""One exhibit: bytes that somebody sent, or could send, and what becomes of them at each door."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.dicom import samples

KEPT: Final = "kept"
"""Verdict of a door: taken."""

NEVER_SENT: Final = "never sent"
"""Verdict of the listener: no presentation context, so no C-STORE."""

SHOWN: Final = "shown"
"""Verdict of the desk: a picture."""

VOLUME: Final = "volume"
"""Verdict of the series: one regular grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One exhibit.

    Args:
        since: the day it came in, ISO 8601.
        why: one sentence: what it is, or what it would do to a reader that trusts it.
        files: makes its DICOM files; the first is the one that is broken, where only one is.
        read: of `read_header` for the first file: KEPT, or the code of MalformedInstance.
        sent: of C-STORE for the first file: KEPT, the code, or NEVER_SENT; "" where it is as ``read``.
        volume: of `read_volume` for all files: VOLUME, or the code of NotEligible; "" where nobody asks.
        frame: of `read_frame` for the first file: SHOWN, or the code; "" where nobody asks.
        patient: name as read from the first file; None where that is not the point.
        twin: name of a piece whose volume has the same digest; "" for none.
    """

    name: str
    since: str = "2026-11-27"
    why: str
    files: Callable[[], Sequence[bytes]]
    read: str = KEPT
    sent: str = ""
    volume: str = ""
    frame: str = ""
    patient: str | None = None
    twin: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def stored(self) -> str:
        """Verdict of the listener."""
        return self.sent or self.read


Change = Callable[[list[Dataset]], object]


def one(*more: bytes, syntax: str = ExplicitVRLittleEndian) -> Callable[[], list[bytes]]:
    """Return a maker of one file: the four UIDs, then ``more``."""
    uids = ((0x00080016, samples.CLASSES["CT"]), (0x00080018, "1.2.3.41"), (0x0020000D, "1.2.3.42"))
    head = b"".join(samples.element(tag, "UI", _even(uid)) for tag, uid in (*uids, (0x0020000E, "1.2.3.43")))
    return lambda: [samples.raw_file(head + b"".join(more), syntax)]


def changed(
    *changes: Change, modality: str = "CT", syntax: str = ExplicitVRLittleEndian, slices: int = 6
) -> Callable[[], list[bytes]]:
    """Return a maker of a small series with ``changes`` made to its data sets."""

    def make() -> list[bytes]:
        datasets = samples.series(modality, slices=slices, rows=32, columns=36)
        for change in changes:
            change(datasets)
        return samples.to_files(datasets, syntax)

    return make


def put(keyword: str, value: object, which: slice = slice(None)) -> Change:
    """Return a change: another value, or none at all, in some of the slices."""

    def change(datasets: list[Dataset]) -> None:
        for dataset in datasets[which]:
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return change


def written(keyword: str, vr: str, value: bytes, which: slice = slice(0, 1)) -> Callable[[], list[bytes]]:
    """Return a maker of a series where one element has bytes that no library would write."""
    return rewritten(lambda data: _overwritten(data, keyword, vr, value), which)


def rewritten(
    rewrite: Callable[[bytes], bytes], which: slice = slice(0, 1), *, modality: str = "CT"
) -> Callable[[], list[bytes]]:
    """Return a maker of a series where some files were changed after they were written."""

    def make() -> list[bytes]:
        files = changed(modality=modality)()
        files[which] = [rewrite(file) for file in files[which]]
        return files

    return make


def _overwritten(data: bytes, keyword: str, vr: str, value: bytes) -> bytes:
    """Put ``value`` in the place of an element with a short length."""
    tag = int(tag_for_keyword(keyword) or 0)
    group, number = tag >> 16, tag & 0xFFFF
    at = data.index(group.to_bytes(2, "little") + number.to_bytes(2, "little"), 300)
    end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    return data[:at] + samples.element(tag, vr, value) + data[end:]


def _even(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)
