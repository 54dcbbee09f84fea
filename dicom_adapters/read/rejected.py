"""What an incoming rejection note takes out of use: a key object selection whose title says so.

    113001  Rejected for Quality Reasons            hidden from reading: no model looks at them any more
    113037  Rejected for Patient Safety Reasons     the same
    113038  Incorrect Modality Worklist Entry       the same: they belong to another patient or exam, and come again
    113039  Data Retention Policy Expired           the same; what was computed from them stays true

Source: IHE RAD TF, Imaging Object Change Management; PS3.3, C.17.6; PS3.16, CID 7010 and TID 2010.
"""

from io import BytesIO
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from dicom_adapters.errors import MalformedInstance, RequestRefused
from dicom_adapters.read.nested import REFERENCES_MAX, code, items, uid
from guarantee.judging import REJECTION_TITLES, Rejection

CLASS: Final = str(KeyObjectSelectionDocumentStorage)


def read_rejections(data: bytes, *, implicit: bool, little: bool, note: str) -> tuple[Rejection, ...]:
    """Return what a key object selection rejects, study by study; () when its title is another one.

    Args:
        data: the data set, without file meta information, whose structure is known to be harmless.
        note: its SOP Instance UID.

    Raises:
        MalformedInstance: "rejection-unreadable"; a note that cannot be obeyed must not be answered with success.
    """
    try:
        dataset = read_dataset(BytesIO(data), implicit, little)
        titles = {code(each, "CodeValue") for each in items(dataset, "ConceptNameCodeSequence") if _is_dcm(each)}
        known = titles & REJECTION_TITLES
        return tuple(_rejections(dataset, note, min(known))) if known else ()
    except RequestRefused as refusal:
        raise MalformedInstance("rejection-unreadable", refusal.detail) from refusal


def _is_dcm(concept: Dataset) -> bool:
    return code(concept, "CodingSchemeDesignator") == "DCM"


def _rejections(dataset: Dataset, note: str, title: str) -> list[Rejection]:
    studies: dict[str, set[str]] = {}
    for study in items(dataset, "CurrentRequestedProcedureEvidenceSequence"):
        named = studies.setdefault(uid(study, "StudyInstanceUID"), set())
        for series in items(study, "ReferencedSeriesSequence"):
            named.update(uid(item, "ReferencedSOPInstanceUID") for item in items(series, "ReferencedSOPSequence"))
    many = sum(len(named) for named in studies.values())
    if not 0 < many <= REFERENCES_MAX:
        raise MalformedInstance("rejection-unreadable", f"it names {many} instances; 1 to {REFERENCES_MAX}")
    return [Rejection(study=study, uids=frozenset(named), note=note, title=title) for study, named in studies.items()]
