"""What was announced of a case, in the database and in the headers of its images, as the decision table wants it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from guarantee.completeness import Announced, Basis
from guarantee.errors import BlobMissing
from guarantee.ids import Digest
from guarantee.judging import Expectation, from_list
from guarantee.ports import Vault
from guarantee.rules import Facts
from guarantee.unit import Input

COUNT_MAX: Final = 1_000_000
"""Largest count in a header that is believed. The largest studies seen have some 20,000 images."""


def announced(told: Sequence[Expectation], rejected: frozenset[str], vault: Vault) -> Iterator[Announced]:
    """Yield what was announced; what a rejection note took away since is no longer waited for."""
    for said in told:
        listed = None if said.listed is None else _read(said.listed, vault) - rejected
        yield Announced(
            basis=said.basis,
            group=said.group,
            instances=said.instances if listed is None else len(listed),
            listed=listed,
            status=said.status,
        )


def _read(listed: Digest, vault: Vault) -> frozenset[str]:
    """Return a list that was kept; an empty one when it is gone, so that it holds nothing up."""
    try:
        return from_list(vault.get(listed))
    except BlobMissing:
        return frozenset()


def from_headers(inputs: Sequence[Input], *, heed_acquisitions: bool) -> Iterator[Announced]:
    """Yield what the headers of the images themselves announce (PS3.3, C.7.3.1, C.7.6.1; PS3.4, C.3.4).

    Args:
        heed_acquisitions: whether counts of acquisitions are believed; some devices count otherwise.
    """
    total = max((_count(used.facts, "NumberOfStudyRelatedInstances") for used in inputs), default=0)
    if total:
        yield Announced(basis=Basis.HEADER, group="", instances=total)
    series: dict[str, list[Facts]] = defaultdict(list)
    for used in inputs:
        series[used.source.group].append(used.facts)
    for group, members in series.items():
        counted = max(_count(facts, "NumberOfSeriesRelatedInstances") for facts in members)
        if counted:
            yield Announced(basis=Basis.HEADER, group=group, instances=counted)
        hinted = _hinted(members) if heed_acquisitions else 0
        if hinted:
            yield Announced(basis=Basis.HINT, group=group, instances=hinted)


def _hinted(members: Sequence[Facts]) -> int:
    """Return how many images the counts of acquisitions make of a series; 0 when they say nothing usable.

    Images in Acquisition (0020,1002) is of one acquisition; a series of two has twice as many. But some devices number
    every image as an acquisition and count the series: as many images as the largest count are then enough. An image of
    several frames counts frames, so nothing is made of it.
    """
    if any(_count(facts, "NumberOfFrames") > 1 for facts in members):
        return 0
    by_acquisition: dict[str, int] = {}
    for facts in members:
        number = next(iter(facts.get("AcquisitionNumber", ())), "")
        by_acquisition[number] = max(by_acquisition.get(number, 0), _count(facts, "ImagesInAcquisition"))
    if any(by_acquisition.values()):
        largest = max(by_acquisition.values())
        return largest if len(members) == largest else sum(by_acquisition.values())
    return max(_slices(facts) for facts in members)


def _slices(facts: Facts) -> int:
    """Return Number of Slices (0054,0081), for each of Number of Temporal Positions (0020,0105)."""
    return _count(facts, "NumberOfSlices") * max(1, _count(facts, "NumberOfTemporalPositions"))


def _count(facts: Mapping[str, frozenset[str]], name: str) -> int:
    values = [int(value) for value in facts.get(name, ()) if value.isascii() and value.isdigit()]
    largest = max(values, default=0)
    return largest if largest <= COUNT_MAX else 0
