"""What crosses into a model's process: pixels, geometry and the traits its card declares, under names of our own.

A model needs no identity. Images are numbered instead of named by their SOP Instance UIDs, references to the record
become ordinals, words that people wrote beside a code are left here, times are moved so that the moment of gathering is
always the same one, and age and sex cross only when the card says that the model needs them. The answer is translated
back here, so what a reader sees names the real images, sources and times.

``write_inputs`` (messages.py) takes a View and nothing else: there is no way to send what was not looked at here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from guarantee.card import Card, Trait
from guarantee.content import KeyImage, Used
from guarantee.errors import Malformed
from guarantee.inputs import Coded, Inputs, Reading, Record, Slice, Volume
from guarantee.mask import Grid
from guarantee.ports import Proposal, ProposedSegment

GATHERED_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""When every record was gathered, as a model sees it. Ages of readings, the one thing that counts, are unchanged."""

SOURCE_DIGITS: Final = 6
"""Digits of a source's ordinal: ordinals sort as the references they stand for, as text."""

MODALITY: Final = re.compile("[A-Z][A-Z0-9]{1,3}")
"""What a modality may look like in order to cross: the defined terms of images have two to four characters (PS3.3,
C.7.3.1.1.1). Anything else is text that somebody typed."""

UNKNOWN_UNIT: Final = "?"
"""Instead of a unit that the card does not know: the model's side then says that the unit is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One case as a model sees it, and what its names stand for.

    Args:
        inputs: what crosses.
        images: each image's own UID by its number.
        readings: each reading as it was sent, by the reference and code the model sees.
        later: how much later than the model thinks everything happened.
    """

    inputs: Inputs
    images: Mapping[str, Slice]
    readings: Mapping[tuple[str, str], Reading]
    later: timedelta = timedelta()

    def restore(self, proposal: Proposal) -> Proposal:
        """Return what a model said of its view, about the real case.

        Raises:
            Malformed: it names an image or a reading that it was not given, or a time beyond the calendar.
        """
        return replace(
            proposal,
            segments=tuple(self._segment(segment) for segment in proposal.segments),
            key_images=tuple(self._key_image(image) for image in proposal.key_images),
            inputs=tuple(self._used(used) for used in proposal.inputs),
        )

    def _segment(self, segment: ProposedSegment) -> ProposedSegment:
        grid = segment.mask.grid
        frames = tuple(self._image(name).name for name in grid.frames)
        mask = replace(segment.mask, grid=Grid(frames=frames, rows=grid.rows, columns=grid.columns))
        return replace(segment, mask=mask)

    def _key_image(self, image: KeyImage) -> KeyImage:
        real = self._image(image.sop_instance_uid)
        return replace(image, sop_instance_uid=real.sop_instance_uid, frame=real.frame or image.frame)

    def _image(self, name: str) -> Slice:
        if name not in self.images:
            raise Malformed("an image is named that was not given")
        return self.images[name]

    def _used(self, used: Used) -> Used:
        reading = self.readings.get((used.source, used.code.code))
        if reading is not None:
            return Used(  # not replace(): a record has dozens, and it would double what they cost
                label=used.label,
                code=reading.code,
                value=used.value,
                unit=used.unit,
                taken_at=reading.taken_at,
                source=reading.source,
            )
        if used.source.startswith(_PREFIX):
            raise Malformed("a reading is named that was not given")
        try:
            taken_at = None if used.taken_at is None else used.taken_at + self.later
        except OverflowError as error:
            raise Malformed("a time is named that no calendar has") from error
        return replace(used, taken_at=taken_at)


_PREFIX: Final = "reading/"


def view_of(inputs: Inputs, card: Card, readings: frozenset[tuple[str, str]]) -> View:
    """Return what the model of ``card`` may see of ``inputs``.

    Args:
        readings: LOINC code and UCUM unit of each reading that the model understands. No other reading crosses, and no
            other unit: both are text that somebody sent.
    """
    if isinstance(inputs, Volume):
        return _of_volume(inputs, card)
    return _of_record(inputs, card, readings)


def _of_volume(volume: Volume, card: Card) -> View:
    images = {str(number): image for number, image in enumerate(volume.slices, start=1)}
    seen = tuple(Slice(sop_class_uid=image.sop_class_uid, sop_instance_uid=name) for name, image in images.items())
    age = volume.patient_age_years if Trait.AGE in card.needs else None
    tells = Trait.MODALITY in card.needs and MODALITY.fullmatch(volume.modality)
    modality = volume.modality if tells else ""  # others judge it by the envelope, outside
    inputs = replace(volume, slices=seen, patient_age_years=age, modality=modality)
    return View(inputs=inputs, images=images, readings={})


def _of_record(record: Record, card: Card, known: frozenset[tuple[str, str]]) -> View:
    codes = {code for code, _ in known}
    later = record.at - GATHERED_AT
    wanted = [reading for reading in record.readings if reading.code.code in codes]
    names = _ordinals([reading.source for reading in wanted])
    pairs = [(seen, reading) for reading in wanted for seen in _seen(reading, names[reading.source], later, known)]
    return View(
        inputs=Record(
            readings=tuple(seen for seen, _ in pairs),
            age_years=record.age_years if Trait.AGE in card.needs else None,
            sex=record.sex if Trait.SEX in card.needs else "",
            at=GATHERED_AT,
        ),
        images={},
        readings={(seen.source, seen.code.code): reading for seen, reading in pairs},
        later=later,
    )


def _ordinals(sources: Sequence[str]) -> dict[str, str]:
    """Return a name for each source; names sort as the sources do, so that ties fall as they would have."""
    return {source: f"{_PREFIX}{n:0{SOURCE_DIGITS}}" for n, source in enumerate(sorted(set(sources)), start=1)}


def _seen(reading: Reading, name: str, later: timedelta, known: frozenset[tuple[str, str]]) -> Iterator[Reading]:
    """Yield the reading as the model sees it; one from before the calendar began is too old for any model."""
    code = Coded(code=reading.code.code, scheme=reading.code.scheme, meaning=reading.code.code)
    try:
        taken_at = reading.taken_at - later
    except OverflowError:
        return
    unit = reading.unit if (reading.code.code, reading.unit) in known else UNKNOWN_UNIT
    yield Reading(code=code, value=reading.value, unit=unit, source=name, taken_at=taken_at.astimezone(UTC))
