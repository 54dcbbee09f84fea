"""A segmentation on the grid of its source images, as bytes whose digest a draft can carry.

Form: the line ``AVALMASK1``, one line of canonical JSON (frames, rows, columns), then for each frame its pixels row by
row, one bit a pixel, lowest bit first, padded to a whole byte. Not compressed: two machines must give the same bytes.
"""

from dataclasses import dataclass
from typing import Final

from guarantee.canonical import canonical, parse_canonical
from guarantee.codec import from_plain, to_plain
from guarantee.errors import Malformed

_MAGIC: Final = b"AVALMASK1"


def frame_name(sop_instance_uid: str, frame: int) -> str:
    """Return the name of one image: its SOP Instance UID, then ``#`` and the number of a frame among several.

    Args:
        frame: from 1; 0 for an instance that is one image.
    """
    return f"{sop_instance_uid}#{frame}" if frame else sop_instance_uid


def frame_of(name: str) -> tuple[str, int]:
    """Return the SOP Instance UID and the frame that ``name`` gives; see :func:`frame_name`.

    Raises:
        Malformed: not such a name.
    """
    uid, mark, number = name.partition("#")
    if mark and not (number.isascii() and number.isdecimal() and not number.startswith("0")):
        raise Malformed("a frame is named by its number, from 1")
    return uid, int(number or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Which images, and how large.

    Args:
        frames: names of images as :func:`frame_name` gives them, in the order of the mask's frames.
    """

    frames: tuple[str, ...]
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise Malformed(f"a grid has rows and columns, not {self.rows} x {self.columns}")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return (self.rows * self.columns + 7) // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """One bit per pixel of the source images."""

    grid: Grid
    bits: bytes

    def __post_init__(self) -> None:
        if len(self.bits) != len(self.grid.frames) * self.grid.frame_bytes:
            raise Malformed("the bits of a mask do not fit its grid")
        spare = -(self.grid.rows * self.grid.columns) % 8
        if any(last >> (8 - spare) for last in self.bits[self.grid.frame_bytes - 1 :: self.grid.frame_bytes]):
            raise Malformed("the bits that pad a frame to a whole byte are zero")

    @property
    def count(self) -> int:
        """How many pixels are set."""
        return int.from_bytes(self.bits).bit_count()

    def frame(self, index: int) -> bytes:
        """Return the packed bits of one frame."""
        size = self.grid.frame_bytes
        return self.bits[index * size : (index + 1) * size]

    def to_bytes(self) -> bytes:
        """Return the bytes that the vault keeps."""
        return b"\n".join((_MAGIC, canonical(to_plain(self.grid)), self.bits))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Mask":
        """Return the mask that ``data`` writes.

        Raises:
            Malformed: not a mask.
        """
        magic, _, rest = data.partition(b"\n")
        header, _, bits = rest.partition(b"\n")
        if magic != _MAGIC:
            raise Malformed("these bytes are not a mask")
        return cls(grid=from_plain(Grid, parse_canonical(header)), bits=bits)
