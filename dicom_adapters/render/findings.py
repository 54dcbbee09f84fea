"""One finding as a measurement group of a report.

    TID 1411    with a segment, or with several regions
    TID 1410    with one region
    TID 1501    without a place

Source: PS3.16, TID 1410, 1411, 1501, 300, 4019; PS3.3, C.18.6 (spatial coordinates).
"""

from typing import Any, Final

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from dicom_adapters.render.draft import Draft, Subject
from dicom_adapters.render.envelope import Options, coded, in_language, parameters
from dicom_adapters.render.items import COMMENT, PRESENCE, PRESENCES, observer, text
from dicom_adapters.render.segmentation import Segmentation, tracking
from dicom_adapters.render.source import Sources
from guarantee.codec import decimal_text
from guarantee.content import Finding, Origin, Quantity, Region
from guarantee.errors import Malformed

NUMBER_CHARS_MAX: Final = 16
"""Longest decimal string (DS, PS3.5 6.2). A number that needs more is refused, not rounded."""

READER_FINDING: Final = ("99AVAL", "reader-finding")
"""Type of a finding that no model proposed; guarantee/amend.py gives it. Such a finding names no algorithm."""


class Findings:
    """Writes the findings of one content.

    Args:
        segmentation: what shows the segments; None when the site does not send one.
    """

    def __init__(self, subject: Subject, sources: Sources, segmentation: Segmentation | None, options: Options) -> None:
        self._subject = subject
        self._sources = sources
        self._segmentation = segmentation
        self._options = options

    def group(self, finding: Finding) -> Dataset:
        """Return the measurement group of ``finding``.

        Raises:
            Malformed: something of it cannot be written whole.
        """
        key, uid = tracking(finding, self._subject, self._options)
        is_readers_own = (finding.type.scheme, finding.type.code) == READER_FINDING
        common = {
            "tracking_identifier": sr.TrackingIdentifier(uid=uid, identifier=key),
            "finding_category": coded(finding.category),
            "finding_type": coded(finding.type),
            "finding_sites": [_site(finding)] if finding.site else None,
            "algorithm_id": None if is_readers_own else self._algorithm(finding),
            "measurements": [self._measurement(quantity, finding) for quantity in finding.quantities],
            "qualitative_evaluations": [sr.QualitativeEvaluation(PRESENCE, PRESENCES[finding.presence])],
        }
        group: Dataset = self._placed(finding, common)[0]
        if finding.origin is Origin.PERSON:
            for place, item in enumerate(self._person(finding), start=2):  # behind the two tracking items
                group.ContentSequence.insert(place, item)
        group.ContentSequence.append(text(COMMENT, in_language(finding.label, self._subject.content.language)))
        return group

    def _person(self, finding: Finding) -> Any:
        """Return who answers for a finding that a person changed."""
        if isinstance(self._subject, Draft):
            raise Malformed(f"finding {finding.key} is a person's, in a draft that no person has seen")
        return observer(self._subject.reader)

    def _placed(self, finding: Finding, common: dict[str, Any]) -> Any:
        """Return the template that fits where the finding is."""
        if finding.segment is not None and finding.regions:
            raise Malformed(f"finding {finding.key} has a segment and regions; a report shows one of them")
        if finding.segment is not None and self._segmentation is not None:
            segment = sr.ReferencedSegment(
                sop_class_uid=self._segmentation.dataset.SOPClassUID,
                sop_instance_uid=self._segmentation.dataset.SOPInstanceUID,
                segment_number=self._segmentation.numbers[finding.segment],
                source_series=sr.SourceSeriesForSegmentation(self._segmentation.series),
            )
            return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common)
        regions = [self._region(region) for region in finding.regions]
        if len(regions) == 1:
            return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=regions[0], **common)
        if regions:
            return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_regions=regions, **common)
        return sr.MeasurementsAndQualitativeEvaluations(**common)

    def _region(self, region: Region) -> Any:
        """Return a point, or a closed outline whose last point repeats the first (PS3.3, C.18.6.1.2)."""
        image = self._sources.image(region.sop_instance_uid)
        if image.SOPClassUID != region.sop_class_uid:
            raise Malformed("a region names another SOP class than its image has")
        points = [float(point) for point in region.points]
        kind = "POINT" if len(points) == 2 else "POLYLINE"
        if kind == "POLYLINE" and points[:2] != points[-2:]:
            points += points[:2]
        source = sr.SourceImageForRegion(region.sop_class_uid, region.sop_instance_uid, frames_of(image, region.frame))
        return sr.ImageRegion(kind, np.asarray(points, np.float32).reshape(-1, 2), source)

    def _algorithm(self, finding: Finding) -> Any:
        card = self._subject.card
        found = parameters(self._subject)
        if finding.score is not None and finding.threshold is not None:
            found |= {"score": decimal_text(finding.score), "score_threshold": decimal_text(finding.threshold)}
        return sr.AlgorithmIdentification(
            name=card.model.name,
            version=card.model.version,
            manufacturer=card.manufacturer,
            family=codes.cid7162.ArtificialIntelligence,
            parameters=[f"{name}={value}" for name, value in found.items()],
        )

    def _measurement(self, quantity: Quantity, finding: Finding) -> Any:
        """Return a number as it was endorsed, digit by digit.

        In a finding that a person changed, the numbers that stayed the model's name the model again.
        """
        number = decimal_text(quantity.value)
        if len(number) > NUMBER_CHARS_MAX:
            raise Malformed(f"a number of finding {finding.key} needs more than {NUMBER_CHARS_MAX} characters")
        is_models_own = finding.origin is Origin.PERSON and quantity.origin is Origin.MODEL
        algorithm = self._algorithm(finding) if is_models_own else None
        measurement = sr.Measurement(coded(quantity.concept), 0, coded(quantity.unit), algorithm_id=algorithm)
        measurement[0].MeasuredValueSequence[0].NumericValue = number  # highdicom would write a float's digits
        return measurement


def frames_of(image: Dataset, frame: int) -> list[int] | None:
    """Return the frame to name, or None for an image that has only one (PS3.3, C.18.4.1).

    Raises:
        Malformed: the image has no such frame.
    """
    count = int(image.get("NumberOfFrames") or 1)
    if not 1 <= frame <= count:
        raise Malformed(f"the content points at frame {frame} of an image that has {count}")
    return [frame] if count > 1 else None


def _site(finding: Finding) -> Any:
    laterality = coded(finding.laterality) if finding.laterality else None
    return sr.FindingSite(coded(finding.site), laterality) if finding.site else None
