"""Enhanced multi-frame images made of single-frame series: one instance, its frames in any order."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage, EnhancedPETImageStorage

from tests.dicom.samples import uid

CLASSES: Final = {"CT": EnhancedCTImageStorage, "MR": EnhancedMRImageStorage, "PT": EnhancedPETImageStorage}

_PER_FRAME: Final = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope"),
    *("RescaleIntercept", "InstanceNumber", "SOPInstanceUID"),
)


def enhanced(datasets: Sequence[Dataset], order: Sequence[int] = (), *, name: str = "enhanced") -> Dataset:
    """Return the slices of one series as one multi-frame image.

    Args:
        order: index of the slice that each frame shows; () for their own order.
    """
    slices = [datasets[index] for index in order or range(len(datasets))]
    image = deepcopy(slices[0])
    for keyword in _PER_FRAME:
        if keyword in image:
            del image[keyword]
    image.SOPClassUID = CLASSES[image.Modality]
    image.SOPInstanceUID = uid(name, slices[0].SeriesInstanceUID)
    image.InstanceNumber = 1
    image.NumberOfFrames = len(slices)
    image.SharedFunctionalGroupsSequence = [_shared(slices[0])]
    image.PerFrameFunctionalGroupsSequence = [_own(frame, n) for n, frame in enumerate(slices, start=1)]
    image.PixelData = b"".join(frame.PixelData for frame in slices)
    return image


def _shared(frame: Dataset) -> Dataset:
    item, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = frame.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = frame.PixelSpacing, frame.SliceThickness
    item.PlaneOrientationSequence, item.PixelMeasuresSequence = [orientation], [measures]
    return item


def _own(frame: Dataset, number: int) -> Dataset:
    item, content, position, values = Dataset(), Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber, content.TemporalPositionIndex = "1", number, 1
    content.DimensionIndexValues = [1, number]
    position.ImagePositionPatient = frame.ImagePositionPatient
    item.FrameContentSequence, item.PlanePositionSequence = [content], [position]
    if "RescaleSlope" in frame:
        values.RescaleSlope, values.RescaleIntercept = frame.RescaleSlope, frame.RescaleIntercept
        values.RescaleType = "HU" if frame.Modality == "CT" else "US"
        item.PixelValueTransformationSequence = [values]
    return item
