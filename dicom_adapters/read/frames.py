"""What all frames of a multi-frame image have alike: its functional groups (PS3.3, C.7.6.16.1), for a header's facts.

An enhanced image says once for all frames, or again for each, what an image of its own says at the top. A value counts
where it is said for all, or by every frame and in the same words; where frames differ there is none.
"""

from typing import Final

from pydicom.datadict import tag_for_keyword

from dicom_adapters.read.structure import Element

SHARED: Final = 0x52009229
EACH: Final = 0x52009230
"""Shared, and Per-Frame Functional Groups Sequence."""

_WANTED: Final = {
    tag_for_keyword(group): frozenset(tag_for_keyword(keyword) for keyword in keywords)
    for group, keywords in {
        "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
        "PlaneOrientationSequence": ("ImageOrientationPatient",),
        "FrameAnatomySequence": ("FrameLaterality",),
        "MRModifierSequence": ("InversionRecovery",),
    }.items()
}
_NONE: Final[frozenset[int]] = frozenset()


class CommonGroups:
    """Gathers what is common (structure.Groups). Of each element one value is held, however many frames there are."""

    def __init__(self) -> None:
        self._frames = 0
        self._said: dict[int, dict[int, Element | None]] = {SHARED: {}, EACH: {}}
        self._by: dict[int, int] = {}
        """How many frames say each element of their own."""

    def begin(self, place: int) -> None:
        """Count the frames."""
        self._frames += place == EACH

    def wanted(self, place: int, group: int) -> frozenset[int]:
        """Return which elements of a group are read."""
        return _WANTED.get(group, _NONE) if place in self._said else _NONE

    def keep(self, place: int, tag: int, element: Element) -> None:
        """Take one; a second value that is not the first leaves none."""
        said = self._said[place]
        if said.setdefault(tag, element) != element:
            said[tag] = None
        self._by[tag] = self._by.get(tag, 0) + (place == EACH)

    def common(self) -> dict[int, Element]:
        """Return the elements that hold for every frame."""
        shared, each = self._said[SHARED], self._said[EACH]
        found = dict(shared)
        for tag, element in each.items():
            is_said_by_all = self._by[tag] == self._frames
            found[tag] = element if is_said_by_all and shared.get(tag, element) == element else None
        return {tag: element for tag, element in found.items() if element is not None}

    def said(self) -> frozenset[int]:
        """Return the elements that some group says, whether or not they hold for every frame."""
        return frozenset(self._said[SHARED]) | frozenset(self._said[EACH])
