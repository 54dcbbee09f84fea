"""What our objects say when they are parsed again, by pydicom and from their bytes alone.

Independent of how they were written: nothing is taken from the writers but the names of concepts. Numbers come back in
plain notation, as the report's decimal strings hold them ("412.50" stays "412.50"; "4.125E2" becomes "412.5").
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import read_header
from dicom_adapters.render.envelope import CONTENT_MARK
from dicom_adapters.render.items import COMMENT, PRESENCE, PRESENCES, QUALITATIVE, plain_text
from dicom_adapters.render.segmentation import read_masks
from dicom_adapters.render.spelling import repertoire_of
from guarantee.codec import decimal_text
from guarantee.errors import Malformed
from guarantee.ids import parse_digest
from guarantee.ports import ReadBack, Rendered

_MEASUREMENTS: Final = Code("126010", "DCM", "Imaging Measurements")
_GROUP: Final = Code("125007", "DCM", "Measurement Group")
_KEY: Final = Code("112039", "DCM", "Tracking Identifier")
_FINDING: Final = Code("121071", "DCM", "Finding")
_SEGMENT: Final = Code("121191", "DCM", "Referenced Segment")
_PARAMETERS: Final = Code("111002", "DCM", "Algorithm Parameters")


def read_back(objects: Sequence[Rendered]) -> ReadBack:
    """Return what ``objects`` say.

    Raises:
        Malformed: one cannot be read, says nothing of the kind, or they name different contents.
    """
    found: dict[str, Dataset] = {}
    for rendered in objects:
        dataset = _parsed(rendered)
        if dataset.SOPClassUID in found:
            raise Malformed("one package holds one object of each class")
        found[dataset.SOPClassUID] = dataset
    try:
        return _read(found)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise Malformed(f"an object does not have the form it was written in: {type(error).__name__}") from error


def _parsed(rendered: Rendered) -> Dataset:
    try:
        header = read_header(rendered.data)  # walks every length first: pydicom reads past a cut without a word
    except MalformedInstance as error:
        raise Malformed(f"object {rendered.name} is not a DICOM file: {error.code}") from error
    if header.sop_instance_uid != rendered.uid:
        raise Malformed(f"object {rendered.name} holds another instance than it is called")
    return dcmread(BytesIO(rendered.data))


def _read(found: dict[str, Dataset]) -> ReadBack:
    unknown = found.keys() - {Comprehensive3DSRStorage, SegmentationStorage}
    report, segmentation = found.get(Comprehensive3DSRStorage), found.get(SegmentationStorage)
    if unknown or not found:
        raise Malformed(f"a package of results holds reports and segmentations, not {sorted(unknown)}")
    if report is not None:
        _require_shown(report, segmentation)
    groups = [] if report is None else list(_groups(report))
    marks = {mark for dataset in found.values() for mark in _marks(dataset)}
    if len(marks) != 1:
        raise Malformed(f"the objects name {len(marks)} contents; they were made from one")
    return ReadBack(
        content=parse_digest(marks.pop()),
        findings=None if report is None else tuple(_finding(group) for group in groups),
        quantities=None if report is None else tuple(number for group in groups for number in _numbers(group)),
        masks=None if segmentation is None else read_masks(segmentation),
        text=None if report is None else _words(report),
        repertoire="" if report is None else repertoire_of(report),
    )


def _require_shown(report: Dataset, segmentation: Dataset | None) -> None:
    """Return when every segment that the report points at is in the segmentation beside it."""
    segments = set() if segmentation is None else {int(item.SegmentNumber) for item in segmentation.SegmentSequence}
    for item in _all(report):
        if _is(item, _SEGMENT):
            reference = item.ReferencedSOPSequence[0]
            uid = None if segmentation is None else segmentation.SOPInstanceUID
            if reference.ReferencedSOPInstanceUID != uid or reference.ReferencedSegmentNumber not in segments:
                raise Malformed("the report points at a segment that is not in this package")


def _marks(dataset: Dataset) -> Iterator[str]:
    """Yield every digest of a content that the object names; each object must name one."""
    places = [item.get("ContributionDescription", "") for item in dataset.ContributingEquipmentSequence]
    segments = dataset.get("SegmentSequence", [])
    places += [item.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters for item in segments]
    places += [item.TextValue for item in _all(dataset) if _is(item, _PARAMETERS)]
    found = [match[1] for place in places for match in CONTENT_MARK.finditer(str(place))]
    if not found:
        raise Malformed("an object does not say which content it was made from")
    yield from found


# ------------------------------------------------------------------------------------------------------ content items


def _groups(report: Dataset) -> Iterator[Dataset]:
    for container in _children(report, _MEASUREMENTS):
        yield from _children(container, _GROUP)


def _finding(group: Dataset) -> tuple[str, str, str]:
    value = _code(_only(group, PRESENCE).ConceptCodeSequence[0])
    presence = {code.value: presence for presence, code in PRESENCES.items()}[value]
    return str(_only(group, _KEY).TextValue), _code(_only(group, _FINDING).ConceptCodeSequence[0]), str(presence)


def _numbers(group: Dataset) -> Iterator[tuple[str, str, str, str]]:
    key = str(_only(group, _KEY).TextValue)
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            (value,) = item.MeasuredValueSequence
            number = decimal_text(Decimal(str(value.NumericValue)))
            yield key, _code(item.ConceptNameCodeSequence[0]), number, _code(value.MeasurementUnitsCodeSequence[0])


def _words(report: Dataset) -> str:
    return plain_text(str(_only(_only(report, QUALITATIVE), COMMENT).TextValue))


def _only(parent: Dataset, name: Code) -> Dataset:
    found = list(_children(parent, name))
    if len(found) != 1:
        raise Malformed(f"{len(found)} items named {name.meaning} where there is one")
    return found[0]


def _children(parent: Dataset, name: Code) -> Iterator[Dataset]:
    return (item for item in parent.get("ContentSequence", []) if _is(item, name))


def _all(parent: Dataset) -> Iterator[Dataset]:
    for item in parent.get("ContentSequence", []):
        yield item
        yield from _all(item)


def _is(item: Dataset, name: Code) -> bool:
    concept = item.get("ConceptNameCodeSequence")
    if not concept:
        return False
    return (_code(concept[0]), str(concept[0].CodingSchemeDesignator)) == (name.value, name.scheme_designator)


def _code(item: Dataset) -> str:
    """Return the code, from whichever attribute its length put it in (PS3.3, 8.8)."""
    for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue"):
        if item.get(keyword):
            return str(item[keyword].value)
    raise Malformed("a coded item has no code")
