"""The source images of an endorsed case, as the header of an outgoing object needs them.

Real archives hold headers that our objects must not repeat as they are: attributes of type 2 left out, the sex "U",
text in six character sets. ``normalised`` reads one instance and returns what may be copied; the stored bytes are
never touched. Text is decoded by text.py, not by pydicom, which would warn with the patient's words.

Free text about the patient (comments, alerts, history) is not copied: no outgoing object needs it.
"""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Final

from pydicom import config, dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.image.decode import frame_count, open_header
from dicom_adapters.image.geometry import FrameHeader, looked_up
from dicom_adapters.read.headers import Header, read_header
from dicom_adapters.read.text import TEXT_CHARS_MAX, codec, decode
from dicom_adapters.render.draft import Subject
from guarantee.case import CaseKind, Source
from guarantee.errors import Malformed, NotEligible
from guarantee.identity import Likeness, likeness
from guarantee.ids import Digest
from guarantee.mask import frame_of

Read = Callable[[Digest], bytes]
"""Returns the bytes of a digest, as Vault.get does."""

TYPE_2: Final = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
"""Written in every object, empty when the source has none. PS3.3, C.7.1.1 and C.7.2.1."""

PATIENT_AND_STUDY: Final = (
    *TYPE_2,
    *("IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "TypeOfPatientID", "OtherPatientIDsSequence"),
    *("OtherPatientNames", "PatientBirthTime", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("DeidentificationMethodCodeSequence", "StudyInstanceUID", "StudyDescription", "IssuerOfAccessionNumberSequence"),
    *("ReferringPhysicianIdentificationSequence", "ProcedureCodeSequence", "PatientAge", "PatientSize"),
    *("PatientWeight", "AdmissionID", "IssuerOfAdmissionIDSequence", "TimezoneOffsetFromUTC"),
)
"""What every object of a study repeats: Patient, General Study and Patient Study modules (PS3.3, C.7.1 and C.7.2).

The French national identifier (INS) travels in Other Patient IDs Sequence and stays there: it never becomes the
Patient ID. Timezone Offset From UTC says what the copied dates and times mean."""

_SERIES_AND_IMAGE: Final = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "BodyPartExamined", "Laterality"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "InstitutionName"),
    *("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "StationName"),
)
_GEOMETRY: Final = (
    ("PlanePositionSequence", ("ImagePositionPatient",)),
    ("PlaneOrientationSequence", ("ImageOrientationPatient",)),
    ("PixelMeasuresSequence", ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices")),
)
"""Where a frame says what a single image says on top (PS3.3, C.7.6.16.2)."""

_GROUPS: Final = ("NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_WANTED: Final = tuple(tag_for_keyword(keyword) for keyword in (*PATIENT_AND_STUDY, *_SERIES_AND_IMAGE))
_TEXT: Final = frozenset({"SH", "LO", "PN", "ST", "LT", "UC", "UT"})
_BINARY: Final = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "AT"})
_DECIMAL: Final = frozenset({"DS", "IS"})
_NUMBER: Final = re.compile(r" *[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)? *|")
_CHARACTER_SET: Final = 0x00080005
_ONE_PERSON: Final = frozenset({Likeness.IDENTICAL, Likeness.COMPATIBLE})


class Sources:
    """The inputs of one case. Headers are read when they are asked for, and once.

    Args:
        subject: of a study; a record has no images to refer to.
        read: returns the bytes of a digest.

    Raises:
        Malformed: not a study, or the series in focus is not among its inputs.
    """

    def __init__(self, subject: Subject, read: Read) -> None:
        if subject.case.kind is not CaseKind.STUDY or not subject.result.focus:
            raise Malformed(f"result {subject.result.id} is not about images: there is no DICOM study to add to")
        self._case = subject.case
        self._read = read
        self._by_uid = {source.uid: source for source in subject.sources}
        self._images: dict[str, Dataset] = {}
        self._frames: dict[str, list[Dataset]] = {}
        self._others: set[str] = set()
        self.focus = tuple(source for source in subject.sources if source.group == subject.result.focus)
        if not self.focus:
            raise Malformed(f"the series in focus of result {subject.result.id} is not among the inputs of its case")

    @property
    def study_uid(self) -> str:
        """Study Instance UID of the case."""
        return self._case.uid

    @property
    def first(self) -> Dataset:
        """The header whose patient and study attributes every outgoing object repeats: one of the case's patient.

        Raises:
            Malformed: the series in focus is of somebody else.
        """
        for source in self.focus:
            header = self.image(source.uid)
            if source.uid not in self._others:
                return header
        raise Malformed(f"no image in focus names the patient of case {self._case.id}; nothing is written")

    def named(self, uid: str) -> Source:
        """Return the input with this SOP Instance UID.

        Raises:
            Malformed: the case has none: a draft may only point at what the model was given.
        """
        source = self._by_uid.get(uid)
        if source is None:
            raise Malformed(f"the content points at an image that is not among the {len(self._by_uid)} inputs")
        return source

    def image(self, uid: str) -> Dataset:
        """Return the normalised header of one input.

        Raises:
            Malformed: not an input, not what the manifest says, or of another patient than the case, unless a person
                has admitted the case with that.
            BlobMissing: the vault does not hold it.
        """
        if uid not in self._images:
            self._images[uid] = self._load(self.named(uid))
        return self._images[uid]

    def frame(self, name: str) -> Dataset:
        """Return the header of the image that a mask calls ``name``: a frame has its own geometry.

        Raises:
            Malformed: as :meth:`image`; the instance has no such frame, or does not say where its frames lie.
            BlobMissing: the vault does not hold it.
        """
        uid, number = frame_of(name)
        image = self.image(uid)
        if not number:
            return image
        if uid not in self._frames:
            self._frames[uid] = frame_headers(self._read(self.named(uid).digest), image)
        if number > len(self._frames[uid]):
            raise Malformed(f"a mask lies on frame {number} of an image that has {len(self._frames[uid])}")
        return self._frames[uid][number - 1]

    def _load(self, source: Source) -> Dataset:
        data = self._read(source.digest)
        header = _header(data)
        found = (header.sop_instance_uid, header.series_instance_uid, header.sop_class_uid, header.study_instance_uid)
        if found != (source.uid, source.group, source.kind, self._case.uid):
            raise Malformed(f"input {source.digest[:12]}… is not the instance that the manifest says")
        if likeness(self._case.patient, header.patient) not in _ONE_PERSON:
            self._others.add(source.uid)
        if source.uid in self._others and not self._case.admitted:
            raise Malformed(
                f"input {source.digest[:12]}… names another patient than case {self._case.id}; nothing is written. "
                "Receive the study again under the right identity, or admit it"
            )
        return normalised(data)


def normalised(data: bytes) -> Dataset:
    """Return what may be copied from the header of ``data``, a DICOM file; pixels are left out.

    Attributes of type 2 are present, the sex is M, F, O or empty, text is text. A value that breaks its value
    representation is kept as it is: it is the patient's, not ours to correct.

    Raises:
        Malformed: not readable, or an attribute too long to be copied whole.
    """
    sex = _header(data).patient.sex
    raw = dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=list(_WANTED))
    header = _copied(raw, _codec(raw, codec("")))
    for keyword in TYPE_2:
        if keyword not in header:
            setattr(header, keyword, "")
    header.PatientSex = sex
    return header


def frame_headers(data: bytes, image: Dataset) -> list[Dataset]:
    """Return the header of each frame of ``data``, a DICOM file, over what all share.

    Args:
        image: its normalised header.

    Raises:
        Malformed: a frame does not say where it lies.
    """
    raw = open_header(data, _GROUPS)
    try:
        return [_framed(frame, image) for frame in FrameHeader.of(raw, frame_count(raw))]
    except NotEligible as error:
        raise Malformed(f"the frames of a source cannot be told apart: {error.code}") from error


def _framed(frame: FrameHeader, image: Dataset) -> Dataset:
    framed = Dataset()
    framed.update(image)
    for group, keywords in _GEOMETRY:
        item = frame.item(group)
        for keyword in keywords:
            if looked_up(item, keyword) is not None:
                framed.add(item[keyword])
    return framed


def _header(data: bytes) -> Header:
    try:
        return read_header(data)
    except MalformedInstance as error:
        raise Malformed(f"a stored instance cannot be read: {error.code}") from error


def _copied(source: Dataset, first: str) -> Dataset:
    """Return a copy of ``source`` with its text decoded; private elements are left out.

    Args:
        first: codec of the text, as text.codec returns it.
    """
    target = Dataset()
    for tag in sorted(source.keys()):
        if tag.is_private or tag == _CHARACTER_SET:
            continue
        element = _element(source, tag, first)
        if element is not None:
            target.add(element)
    return target


def _element(source: Dataset, tag: BaseTag, first: str) -> DataElement | None:
    """Return one element, or None when it holds a number that is none."""
    vr = dictionary_VR(tag)
    if vr in _BINARY:
        return source[tag]
    if vr == "SQ":
        items = [_copied(item, _codec(item, first)) for item in source[tag].value]
        return DataElement(tag, vr, Sequence(items))
    value = source.get_item(tag).value or b""
    text = decode(value, first if vr in _TEXT else "latin_1")
    if len(text) >= TEXT_CHARS_MAX:
        raise Malformed(f"{keyword_for_tag(tag)} of a source is {len(value)} bytes long; it is not copied in part")
    if vr in _DECIMAL and not all(_NUMBER.fullmatch(number) for number in text.split("\\")):
        return None
    return DataElement(tag, vr, text, validation_mode=config.IGNORE)


def _codec(dataset: Dataset, inherited: str) -> str:
    """Return the codec that ``dataset`` declares, or the one it inherits (PS3.3, C.12.1.1.2)."""
    if _CHARACTER_SET not in dataset:
        return inherited
    declared = dataset[_CHARACTER_SET].value
    return codec(declared if isinstance(declared, str) else "\\".join(declared or ()))
