"""Everything that the museum shows, by name."""

from typing import Final

from tests.museum.images import IMAGES
from tests.museum.piece import Piece
from tests.museum.stacks import STACKS
from tests.museum.structures import STRUCTURES
from tests.museum.words import WORDS

ROOMS: Final = (STRUCTURES, WORDS, IMAGES, STACKS)

PIECES: Final[dict[str, Piece]] = {piece.name: piece for room in ROOMS for piece in room}
