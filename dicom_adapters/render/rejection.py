"""The word of a withdrawal: a rejection note, a key object selection that lists what is taken back.

Title (113037, DCM, "Rejected for Patient Safety Reasons"): archives that follow IHE IOCM hide what it lists; the title
for quality (113001) leaves it visible in common archives. Patient and study attributes are those of the objects that
were sent, so the note reaches the same study even when the sources are gone.

Source: PS3.3, A.35.4 and C.17.6; PS3.16, TID 2010 and CID 7011; IHE RAD TF, Imaging Object Change Management.
"""

from collections.abc import Iterator
from typing import Final

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import KeyObjectSelectionDocumentStorage, SegmentationStorage

from dicom_adapters.render.envelope import (
    Identity,
    Maker,
    Options,
    begin,
    date_time,
    endorsed_content,
    in_language,
    references,
    requests,
    series_label,
    written_by,
)
from dicom_adapters.render.items import CONTAINS, observer, text, wire_text
from dicom_adapters.render.source import Read, normalised
from dicom_adapters.uids import derive_uid
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.ports import Withdrawn
from guarantee.release import WithdrawalReason

REJECTED: Final = Code("113037", "DCM", "Rejected for Patient Safety Reasons")
_DESCRIPTION: Final = Code("113012", "DCM", "Key Object Description")

REASONS: Final = {
    WithdrawalReason.WRONG_PATIENT: Text(fr="mauvais patient", en="wrong patient"),
    WithdrawalReason.WRONG_RESULT: Text(fr="résultat erroné", en="wrong result"),
    WithdrawalReason.MODEL_DEFECT: Text(fr="défaut du système d’IA", en="defect of the AI system"),
    WithdrawalReason.SUPERSEDED: Text(fr="remplacé par un autre résultat", en="replaced by another result"),
    WithdrawalReason.OTHER: Text(fr="autre motif", en="other reason"),
}
"""What a person reads at the archive."""


def build_rejection(withdrawn: Withdrawn, read: Read, options: Options) -> Dataset:
    """Return the rejection note for everything of ``withdrawn.package`` that is DICOM.

    Args:
        read: returns the bytes of what was sent.

    Raises:
        Malformed: there is nothing to take back, or it cannot be read.
        BlobMissing: the vault no longer holds what was sent.
    """
    sent = [normalised(read(p.digest)) for p in withdrawn.package.parts if p.media_type == "application/dicom"]
    if not sent:
        raise Malformed(f"release {withdrawn.release}: the package holds no DICOM object to take back")
    source, notice = sent[0], withdrawn.notice
    identity = Identity(
        sop_class_uid=KeyObjectSelectionDocumentStorage,
        sop_instance_uid=derive_uid(options.site_namespace, "rejection", withdrawn.release),
        series_uid=derive_uid(options.site_namespace, "rejection-series", withdrawn.release),
        number=101,
        modality="KO",
        description=series_label(withdrawn.original, Text(fr="retrait", en="withdrawal")),
    )
    software = options.software
    maker = Maker(
        manufacturer=software.manufacturer, model=software.model, version=software.version, serial=software.instance
    )
    dataset = begin(identity, maker, source=source, at=notice.at, options=options)
    when = date_time(notice.at, source, options)
    dataset.ContributingEquipmentSequence = [written_by(options, endorsed_content(digest(notice.to_bytes())), when)]
    dataset.ReferencedPerformedProcedureStepSequence = []
    if requests(source):
        dataset.ReferencedRequestSequence = requests(source)
    for element in _root(withdrawn, sent, options):
        dataset.add(element)
    dataset.CurrentRequestedProcedureEvidenceSequence = references(
        source.StudyInstanceUID, [(o.SeriesInstanceUID, o.SOPClassUID, o.SOPInstanceUID) for o in sent]
    )
    return dataset


def _root(withdrawn: Withdrawn, sent: list[Dataset], options: Options) -> Dataset:
    root = sr.ContainerContentItem(name=REJECTED, template_id="2010")
    described = text(_DESCRIPTION, wire_text(_description(withdrawn)))
    listed = [_listed(item) for item in sent]
    root.ContentSequence = [*_observers(withdrawn, options), described, *listed]
    for item in listed:  # TID 2010, rows 8 to 10: references have no concept name, but highdicom wants one
        del item.ConceptNameCodeSequence
    return root


def _observers(withdrawn: Withdrawn, options: Options) -> Iterator[Dataset]:
    """Yield who takes it back, when that is one of the readers, and what writes it."""
    readers = {o.statement.reader.login: o.statement.reader for o in withdrawn.original.opinions}
    if withdrawn.notice.by in readers:
        yield from observer(readers[withdrawn.notice.by], role=None)
    software = options.software
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derive_uid(options.site_namespace, "software", software.instance),
        name=software.model,
        manufacturer_name=software.manufacturer,
        model_name=software.model,
        serial_number=software.instance,
    )
    yield from sr.ObserverContext(codes.DCM.Device, device)


def _description(withdrawn: Withdrawn) -> str:
    """Return who took it back and why, for a person at the archive."""
    notice, language = withdrawn.notice, withdrawn.original.content.language
    words = Text(
        fr=f"Résultat d’IA retiré ({REASONS[notice.reason].fr}) : {notice.comment.strip()} [{notice.by}]",
        en=f"AI result withdrawn ({REASONS[notice.reason].en}): {notice.comment.strip()} [{notice.by}]",
    )
    return in_language(words, language)


def _listed(sent: Dataset) -> Dataset:
    kind = sr.ImageContentItem if sent.SOPClassUID == SegmentationStorage else sr.CompositeContentItem
    item: Dataset = kind(REJECTED, sent.SOPClassUID, sent.SOPInstanceUID, relationship_type=CONTAINS)
    return item
