"""The endorsed content as a DICOM structured report: Comprehensive 3D SR, template TID 1500 Measurement Report.

COMPLETE, VERIFIED and PRELIMINARY together say what it is: everything is there, a named person answers for it, and it
is not the radiologist's report. Every finding says whether it is present, absent or undetermined; an empty report never
reads as "normal".

Where things stand:

    a finding               one Measurement Group (findings.py); tracking identifier = the finding's key
    its label               TEXT (121106, DCM, "Comment") in the group
    whether it is there     CODE (121052, DCM, "Presence of property") in the group
    the text and mention    TEXT (121106, DCM, "Comment") in Qualitative Evaluations (TID 1500, row 14)
    the model's own limits  TEXT (caution, 99AVAL) in Qualitative Evaluations
    the content's digest    algorithm parameters of each group, and Contributing Equipment Sequence

Source: PS3.3, A.35.13; PS3.16, TID 1500, 1001, 1600; CID 100, 240, 7453.
"""

from collections.abc import Iterator
from typing import Any, Final

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage

from dicom_adapters.render.draft import UNVALIDATED, Draft, Subject, made_at, number_of, uid_of
from dicom_adapters.render.envelope import (
    Identity,
    Options,
    add_model,
    begin,
    date_time,
    in_language,
    model_maker,
    references,
    requests,
    series_label,
    shortened,
)
from dicom_adapters.render.findings import Findings, frames_of
from dicom_adapters.render.items import CAUTION, COMMENT, CONTAINS, QUALITATIVE, observer, person_name, text, wire_text
from dicom_adapters.render.segmentation import Segmentation
from dicom_adapters.render.source import Sources
from dicom_adapters.uids import derive_uid
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.opinion import Opinion
from guarantee.ports import Endorsed

LIBRARY_MAX: Final = 32
"""Most images described in the image library. The evidence lists all that were used; describing 600 takes 33 s."""

_VALIDATED: Final = Text(fr="mesures (IA validée)", en="measurements (validated AI)")
_SOURCE: Final = Code("260753009", "SCT", "Source")
_PROCEDURES: Final = {
    "CT": codes.cid100.CTUnspecifiedBodyRegion,
    "MR": codes.cid100.MRIUnspecifiedBodyRegion,
    "NM": codes.cid100.NMUnspecifiedBodyRegion,
    "PT": codes.cid100.PETUnspecifiedBodyRegion,
    "CR": codes.cid100.XRUnspecifiedBodyRegion,
    "DX": codes.cid100.XRUnspecifiedBodyRegion,
}
_LANGUAGES: Final = {
    "fr-FR": "French (France)",
    "en-GB": "English (United Kingdom)",
    "en-US": "English (United States)",
}
_SCHEMES: Final = (
    (
        "99RPPS",
        "1.2.250.1.71.4.2.1",
        "Répertoire partagé des professionnels de santé",
        "Agence du Numérique en Santé",
    ),
    ("99AVAL", "", "Aval", "Aval"),
)
"""Coding schemes that are not DICOM's: designator, OID, name, who answers for it. Source: ANS, NOS (IDNPS)."""


def build_report(subject: Subject, sources: Sources, segmentation: Segmentation | None, options: Options) -> Dataset:
    """Return the report of an endorsed content, or of a draft.

    Args:
        segmentation: what shows the content's segments; None when the site does not send one.

    Raises:
        Malformed: the content cannot be written without losing something.
        BlobMissing: the vault does not hold a source image.
    """
    card, at, source = subject.card, made_at(subject), sources.first
    identity = Identity(
        sop_class_uid=Comprehensive3DSRStorage,
        sop_instance_uid=uid_of("sr", subject, options.site_namespace),
        series_uid=uid_of("sr-series", subject, options.site_namespace),
        number=number_of(2, subject),
        modality="SR",
        description=UNVALIDATED if isinstance(subject, Draft) else series_label(subject, _VALIDATED),
    )
    dataset = begin(identity, model_maker(card, options), source=source, at=at, options=options)
    add_model(dataset, subject, source=source, at=at, options=options)
    _add_document(dataset, subject, source, options)
    tree = _Tree(subject, sources, segmentation, options)
    for element in tree.root():
        dataset.add(element)
    shown = [] if segmentation is None else [segmentation.dataset]
    dataset.CurrentRequestedProcedureEvidenceSequence = references(
        sources.study_uid,
        [
            *((s.group, s.kind, s.uid) for s in (*sources.focus, *(sources.named(uid) for uid in tree.referenced))),
            *((seg.SeriesInstanceUID, seg.SOPClassUID, seg.SOPInstanceUID) for seg in shown),
        ],
    )
    return dataset


# ------------------------------------------------------------------------------------------------------- the document


def _add_document(dataset: Dataset, subject: Subject, source: Dataset, options: Options) -> None:
    """Add SR Document General (PS3.3, C.17.2)."""
    dataset.PreliminaryFlag = "PRELIMINARY"
    if isinstance(subject, Draft):
        dataset.CompletionFlag = "PARTIAL"
        dataset.CompletionFlagDescription = UNVALIDATED
        dataset.VerificationFlag = "UNVERIFIED"
    else:
        _add_verification(dataset, subject, source, options)
    attestors = [] if isinstance(subject, Draft) else _attestors(subject, source, options)
    dataset.ParticipantSequence = [_participant(subject, source, options), *attestors]
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    dataset.CodingSchemeIdentificationSequence = [_scheme(*scheme) for scheme in _SCHEMES]
    if requests(source):
        dataset.ReferencedRequestSequence = requests(source)


def _add_verification(dataset: Dataset, endorsed: Endorsed, source: Dataset, options: Options) -> None:
    french = not endorsed.content.language.startswith("en")
    dataset.CompletionFlag = "COMPLETE"
    dataset.CompletionFlagDescription = (
        "Résultat IA validé par un praticien" if french else "AI result validated by a clinician"
    )
    dataset.VerificationFlag = "VERIFIED"
    dataset.VerifyingObserverSequence = [_verifier(opinion, source, options) for opinion in _verifiers(endorsed)]


def _verifiers(endorsed: Endorsed) -> list[Opinion]:
    """Return the opinions that endorse exactly this content, oldest first."""
    found = [o for o in endorsed.opinions if o.statement.content == endorsed.content.digest]
    if not found:
        raise Malformed(f"nobody has endorsed the content of result {endorsed.result.id}; it cannot be written")
    return found


def _verifier(opinion: Opinion, source: Dataset, options: Options) -> Dataset:
    """Return one item of Verifying Observer Sequence (0040,A073)."""
    reader = opinion.statement.reader
    name = reader.name.replace("^", " ")
    item = Dataset()
    item.VerifyingObserverName = person_name(reader)
    item.VerifyingOrganization = shortened(reader.organisation)
    item.VerificationDateTime = date_time(opinion.statement.signed_at, source, options)
    item.VerifyingObserverIdentificationCodeSequence = [
        sr.CodedConcept(reader.professional_id, "99RPPS", shortened(name))
    ]
    return item


def _participant(subject: Subject, source: Dataset, options: Options) -> Dataset:
    """Return who wrote it: the machine. Who answers for it is in Verifying Observer Sequence."""
    card = subject.card
    item = Dataset()
    item.ParticipationType = "SOURCE"
    item.ParticipationDateTime = date_time(made_at(subject), source, options)
    item.ObserverType = "DEV"
    item.StationName = shortened(options.software.instance, 16)
    item.DeviceUID = _device_uid(subject, options)
    item.Manufacturer = shortened(card.manufacturer)
    item.ManufacturerModelName = shortened(card.model.name)
    item.InstitutionName = shortened(options.organisation)
    item.InstitutionCodeSequence = []
    return item


def _attestors(endorsed: Endorsed, source: Dataset, options: Options) -> Iterator[Dataset]:
    """Yield the learner whose text was co-signed: below the level of a verifying observer (PS3.3, C.17.2)."""
    learner, prepared = endorsed.preparer, endorsed.preparation
    if learner is None or prepared is None:
        return
    item = Dataset()
    item.ParticipationType = "ATTEST"
    item.ParticipationDateTime = date_time(prepared.statement.signed_at, source, options)
    item.ObserverType = "PSN"
    item.PersonName = person_name(learner)
    item.PersonIdentificationCodeSequence = [
        sr.CodedConcept(learner.professional_id, "99RPPS", shortened(learner.name.replace("^", " ")))
    ]
    item.InstitutionName = shortened(learner.organisation)
    item.InstitutionCodeSequence = []
    yield item


def _device_uid(subject: Subject, options: Options) -> str:
    return derive_uid(options.site_namespace, "device", subject.card.model.id, subject.card.model.digest)


def _scheme(designator: str, oid: str, name: str, organisation: str) -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator = designator
    if oid:
        item.CodingSchemeUID = oid
    item.CodingSchemeName = name
    item.CodingSchemeResponsibleOrganization = organisation
    return item


# ----------------------------------------------------------------------------------------------------------- the tree


class _Tree:
    """The content tree of one report.

    Args:
        referenced: SOP Instance UIDs of the images it points at, filled while it is built.
    """

    def __init__(self, subject: Subject, sources: Sources, segmentation: Segmentation | None, options: Options) -> None:
        self._subject = subject
        self._content = subject.content
        self._sources = sources
        self._findings = Findings(subject, sources, segmentation, options)
        self._options = options
        regions = (region for finding in self._content.findings for region in finding.regions)
        images = [(image.sop_instance_uid, image.frame) for image in self._content.key_images]
        images += [(region.sop_instance_uid, region.frame) for region in regions]
        self._images = tuple(dict.fromkeys(images))
        self.referenced = tuple(dict.fromkeys(uid for uid, _ in self._images))

    def root(self) -> Dataset:
        root = sr.ContainerContentItem(name=codes.cid7021.ImagingMeasurementReport, template_id="1500")
        root.ContentSequence = [*self._context(), *self._library(), *self._measurements(), self._evaluations()]
        return root

    def _context(self) -> Iterator[Dataset]:
        """Yield language, observers and procedure (TID 1500, rows 2 to 4)."""
        language = self._content.language
        yield from sr.LanguageOfContentItemAndDescendants(
            sr.CodedConcept(language, "RFC5646", _LANGUAGES.get(language, language))
        )
        if not isinstance(self._subject, Draft):
            yield from observer(self._subject.reader)  # one: readers cannot tell whose attributes follow a second name
        yield from self._device()
        procedure = _PROCEDURES.get(self._sources.first.get("Modality", ""), codes.cid100.ImagingProcedure)
        yield sr.CodeContentItem(codes.DCM.ProcedureReported, procedure, sr.RelationshipTypeValues.HAS_CONCEPT_MOD)

    def _device(self) -> Any:
        card = self._subject.card
        device = sr.DeviceObserverIdentifyingAttributes(
            uid=_device_uid(self._subject, self._options),
            name=card.model.name,
            manufacturer_name=card.manufacturer,
            model_name=card.model.id,
            serial_number=card.regulatory.udi or None,
        )
        return sr.ObserverContext(codes.DCM.Device, device)

    def _library(self) -> list[Dataset]:
        """Return the image library: key images, and images with a region (TID 1600)."""
        groups: dict[tuple[str, str], list[Dataset]] = {}
        for uid, frame in self._images[:LIBRARY_MAX]:
            image = self._sources.image(uid)
            item = sr.ImageContentItem(
                _SOURCE, image.SOPClassUID, uid, frames_of(image, frame), relationship_type=CONTAINS
            )
            groups.setdefault((image.get("Modality", ""), image.get("FrameOfReferenceUID", "")), []).append(item)
        if not groups:
            return []
        library = sr.ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=CONTAINS)
        library.ContentSequence = [_library_group(*key, items) for key, items in groups.items()]
        return [library]

    def _measurements(self) -> list[Dataset]:
        if not self._content.findings:
            return []
        container = sr.ContainerContentItem(codes.DCM.ImagingMeasurements, relationship_type=CONTAINS)
        container.ContentSequence = [self._findings.group(finding) for finding in self._content.findings]
        return [container]

    def _evaluations(self) -> Dataset:
        """Return what is said in words (TID 1500, rows 12 and 14)."""
        language = self._content.language
        container = sr.ContainerContentItem(QUALITATIVE, relationship_type=CONTAINS)
        container.ContentSequence = [
            text(COMMENT, wire_text(self._words())),
            *(text(CAUTION, in_language(caution, language)) for caution in self._content.cautions),
        ]
        return container

    def _words(self) -> str:
        """Return the report. Under a draft the mention is left out: nobody has said yet that the patient was told."""
        if isinstance(self._subject, Draft):
            return f"{UNVALIDATED}\n\n{self._content.report.rstrip()}"
        return self._content.full_text


def _library_group(modality: str, frame_of_reference: str, images: list[Dataset]) -> Dataset:
    """Return images that share what is said of them (TID 1602)."""
    group = sr.ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=CONTAINS)
    known = {getattr(codes.cid29, name).value: getattr(codes.cid29, name) for name in codes.cid29.dir()}
    context = sr.RelationshipTypeValues.HAS_ACQ_CONTEXT
    shared: list[Dataset] = []
    if modality in known:
        shared.append(sr.CodeContentItem(codes.DCM.Modality, known[modality], context))
    if frame_of_reference:
        shared.append(sr.UIDRefContentItem(codes.DCM.FrameOfReferenceUID, frame_of_reference, context))
    group.ContentSequence = [*shared, *images]
    return group
