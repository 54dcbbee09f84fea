"""What we need to know of an instance, read from its header; pixels are never decoded here.

Facts for routing and eligibility (guarantee/rules.py), each a set of text; none names or numbers a patient:

    coded       Modality, SOPClassUID, TransferSyntaxUID, BodyPartExamined, ImageType, ScanningSequence,
                SequenceVariant, MRAcquisitionType, PhotometricInterpretation, BurnedInAnnotation,
                RecognizableVisualFeatures, PatientSex, Laterality (of the series or of the image),
                ImageOrientationPatient (six numbers as one text), RequestedProcedurePriority (of the order)
    device      Manufacturer, ManufacturerModelName
    counts      ImagesInAcquisition, AcquisitionNumber, NumberOfSlices, NumberOfTemporalPositions,
                NumberOfStudyRelatedInstances, NumberOfSeriesRelatedInstances: how much there should be
    numbers     Rows, Columns, SamplesPerPixel, NumberOfFrames, MagneticFieldStrength (T), SliceThickness,
                SpacingBetweenSlices, PixelSpacingRow, PixelSpacingColumn (mm), PatientAgeYears (whole years)

Of an enhanced multi-frame image, spacing, thickness, orientation, laterality and sequence are those of its functional
groups (frames.py), in the words of a single-frame image, where they hold for all of its frames.

Descriptions of series and protocol are left out: people write names into them. UIDs of the patient's study and of the
frame of reference are left out: they identify.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from mmap import mmap
from typing import Final, Literal

from pydicom.datadict import tag_for_keyword
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read import rejected
from dicom_adapters.read.frames import CommonGroups
from dicom_adapters.read.structure import HEADER_BYTES_MAX, Element, Encoding, walk
from dicom_adapters.read.text import codec, decode, person_name
from dicom_adapters.read.values import age_years, parse_day, parse_time, parse_uid, plain_number
from guarantee.case import CaseKind, Patient, Source
from guarantee.ids import Digest
from guarantee.judging import Rejection
from guarantee.rules import Facts
from guarantee.unit import Arrival

FILE_META_BYTES_MAX: Final = 1024 * 1024
"""Most file meta information, 1 MiB. It is about 200 bytes; a sender may add private information (0002,0102)."""

INFLATED_BYTES_MAX: Final = 256 * 1024 * 1024
"""Most bytes of a deflated data set once inflated, 256 MiB. Deflate grows a thousandfold; these are reports and small
images, where the transfer syntax is used at all."""

VALUES_MAX: Final = 16
"""Most values kept of one fact. ImageType has four or five."""

VALUE_CHARS_MAX: Final = 64
"""Longest value of a fact, as for LO (PS3.5, 6.2)."""

REMEMBERED_BYTES_MAX: Final = 16 * 1024
"""Most values of a header that is remembered for the next image of its series. They have about 1 kB."""

_META_AT: Final = 132
_EXECUTABLES: Final = (b"MZ", b"\x7fELF", b"#!")
DEFLATED: Final = frozenset({DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_SEX: Final = {"M": "M", "F": "F", "O": "O", "H": "M", "I": "O", "1": "M", "2": "F"}
"""PS3.3 C.7.1.1, and what French and HL7v2 sources write instead: H(omme), I(ndéterminé), 1, 2."""


_ECHOES: Final = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
"""Echo Pulse Sequence (0018,9008) in the words of Scanning Sequence (0018,0020)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One instance.

    Args:
        modality: (0008,0060); "" when absent.
        study_description: as received, on one line.
        started: study date and time, local, ISO 8601; only the date when the time is absent; "" without a date.
        facts: see the top of this file.
        rejects: what it takes out of use, when it is a rejection note.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    patient: Patient
    accession_number: str
    modality: str
    study_description: str
    started: str
    facts: Facts
    rejects: tuple[Rejection, ...] = ()


def read_header(
    data: bytes | mmap,
    *,
    sop_class_uid: str = "",
    sop_instance_uid: str = "",
    allow_deflated: bool = False,
    written: tuple[str, int] | None = None,
) -> Header:
    """Return the header of ``data``, a whole DICOM file (PS3.10).

    Args:
        sop_class_uid, sop_instance_uid: what was announced, e.g. by the C-STORE request; "" for nothing.
        allow_deflated: whether to inflate a deflated data set, up to INFLATED_BYTES_MAX.
        written: transfer syntax, and offset of the data set, where we wrote the file meta information ourselves just
            now (part10.py): reading it costs a third of reading the header.

    Raises:
        MalformedInstance: see errors.py for the codes.
    """
    syntax, start = written or _read_file_meta(data)
    if syntax in DEFLATED:
        if not allow_deflated or syntax != DeflatedExplicitVRLittleEndian:
            raise MalformedInstance("deflated", "deflated data sets are not accepted here")
        data, start = _inflate(data, start), 0
    encoding = Encoding(implicit=syntax == ImplicitVRLittleEndian, little=syntax != ExplicitVRBigEndian)
    groups = CommonGroups()
    found = walk(data, start, encoding, _WANTED, groups=groups)
    if said := groups.said():
        found = {tag: element for tag, element in found.items() if tag not in said} | groups.common()
    shared = tuple((tag, element) for tag, element in found.items() if tag not in _EACH_ITS_OWN)
    own = {tag: element for tag, element in found.items() if tag in _EACH_ITS_OWN}
    is_short = sum(len(element.value) for _, element in shared) <= REMEMBERED_BYTES_MAX
    read = _header_of_series if is_short else _header_of_series.__wrapped__
    header = replace(read(syntax, encoding, shared), sop_instance_uid=_Fields(own, encoding).uid("SOPInstanceUID"))
    if header.sop_class_uid == rejected.CLASS:
        if len(data) - start > HEADER_BYTES_MAX:  # it is read whole, by pydicom
            raise MalformedInstance("header-too-large", "a key object selection is all header; this one is too long")
        rejects = rejected.read_rejections(
            data[start:], implicit=encoding.implicit, little=encoding.little, note=header.sop_instance_uid
        )
        header = replace(header, rejects=rejects)
    announced = (sop_class_uid or header.sop_class_uid, sop_instance_uid or header.sop_instance_uid)
    if announced != (header.sop_class_uid, header.sop_instance_uid):
        raise MalformedInstance("class-mismatch", "the data set is not the instance that the request announced")
    return header


def to_arrival(
    header: Header, *, digest: Digest, site: str, sender: str, conversation: str, doubt: str = ""
) -> Arrival:
    """Return the arrival of an instance whose bytes the vault keeps as ``digest``.

    Args:
        doubt: why its case must be held, whatever it says; "" when it need not be.
    """
    return Arrival(
        kind=CaseKind.STUDY,
        uid=header.study_instance_uid,
        source=Source(
            uid=header.sop_instance_uid, group=header.series_instance_uid, kind=header.sop_class_uid, digest=digest
        ),
        site=site,
        patient=header.patient,
        order=header.accession_number,
        modality=header.modality,
        description=header.study_description,
        started=header.started,
        encounter="",
        facts=header.facts,
        sender=sender,
        conversation=conversation,
        doubt=doubt,
        rejects=header.rejects,
    )


# ---------------------------------------------------------------------------------------------------- file to values


def _read_file_meta(data: bytes | mmap) -> tuple[str, int]:
    """Return the transfer syntax and the offset of the data set. Source: PS3.10, 7.1."""
    head = data[_META_AT : _META_AT + 12]
    if data[128:132] != b"DICM" or len(head) < 12 or head[:8] != b"\x02\0\0\0UL\x04\0":
        raise MalformedInstance("not-dicom", "no DICOM file: preamble, prefix or group length is missing")
    if data[:4].startswith(_EXECUTABLES):
        raise MalformedInstance("executable", "the preamble is that of a program; such files are not kept")
    size = int.from_bytes(head[8:], "little")
    start = _META_AT + 12 + size
    if size > FILE_META_BYTES_MAX or start > len(data):
        raise MalformedInstance("truncated", "the file meta information is longer than the file, or than we read")
    meta = _Fields(
        walk(data[_META_AT:start], 0, Encoding(implicit=False), _SYNTAX, only_group=0x0002), Encoding(implicit=False)
    )
    return meta.uid("TransferSyntaxUID"), start


def _inflate(data: bytes | mmap, start: int) -> bytes:
    """Return the inflated data set. Source: PS3.5, A.5."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(memoryview(data)[start:], INFLATED_BYTES_MAX)
    except zlib.error as error:
        raise MalformedInstance("broken", "the deflated data set cannot be inflated") from error
    if not inflater.eof:
        code = "header-too-large" if len(inflated) == INFLATED_BYTES_MAX else "truncated"
        raise MalformedInstance(code, f"the deflated data set has no end within {INFLATED_BYTES_MAX} bytes")
    return inflated


@lru_cache(maxsize=256)
def _header_of_series(syntax: str, encoding: Encoding, elements: tuple[tuple[int, Element], ...]) -> "Header":
    """Return a header without the name of its instance: the images of a series share the rest, and one is read."""
    return _Fields(dict(elements), encoding).header(syntax)


class _Fields:
    """Values of elements by keyword."""

    def __init__(self, elements: dict[int, Element], encoding: Encoding) -> None:
        self._elements = elements
        self._order: Literal["little", "big"] = "little" if encoding.little else "big"
        self._codec = codec(" ".join(self.codes("SpecificCharacterSet")[:1]))

    def header(self, syntax: str) -> Header:
        sex = _SEX.get(self.code("PatientSex").upper(), "")
        birth, begun = parse_day(self.code("PatientBirthDate")), parse_day(self.code("StudyDate"))
        return Header(
            sop_class_uid=self.uid("SOPClassUID"),
            sop_instance_uid="",
            series_instance_uid=self.uid("SeriesInstanceUID"),
            study_instance_uid=self.uid("StudyInstanceUID"),
            transfer_syntax_uid=syntax,
            patient=Patient(
                identifier=self.identifier("PatientID"),
                issuer=self.identifier("IssuerOfPatientID"),
                name=person_name(self.text("PatientName")),
                birth_date=birth.isoformat() if birth else "",
                sex=sex,
            ),
            accession_number=self.identifier("AccessionNumber"),
            modality=self.code("Modality"),
            study_description=self.text("StudyDescription"),
            started=self._started(begun),
            facts=self._facts(syntax, sex, birth, begun),
        )

    def _started(self, begun: date | None) -> str:
        moment = parse_time(self.code("StudyTime"))
        if begun is None:
            return ""
        return f"{begun.isoformat()}T{moment.isoformat()}" if moment else begun.isoformat()

    def _facts(self, syntax: str, sex: str, birth: date | None, begun: date | None) -> Facts:
        rows, columns = (*self.numbers("PixelSpacing"), "", "")[:2]
        years = age_years(self.code("PatientAge"), birth, begun)
        found: dict[str, list[str]] = {name: read(self, name) for name, read in _PLAIN.items()}
        found |= {
            "TransferSyntaxUID": [syntax],
            "PatientSex": [sex],
            "Laterality": [*self.codes("Laterality"), *self.codes("ImageLaterality"), *self._frame_laterality()],
            "ScanningSequence": self.codes("ScanningSequence") if self.code("ScanningSequence") else self._pulses(),
            "PixelSpacingRow": [rows],
            "PixelSpacingColumn": [columns],
            "ImageOrientationPatient": ["\\".join(self.numbers("ImageOrientationPatient", places=4))],
            "PatientAgeYears": ["" if years is None else str(int(years))],
        }
        facts = {name: frozenset(v[:VALUE_CHARS_MAX] for v in values if v) for name, values in found.items()}
        return {name: values for name, values in facts.items() if values}

    def _frame_laterality(self) -> list[str]:
        """Return the side that all frames show; an unpaired part (U) has none, as in a single-frame image."""
        return [side for side in self.codes("FrameLaterality") if side != "U"]

    def _pulses(self) -> list[str]:
        """Return what an enhanced MR image says in the place of Scanning Sequence (PS3.3, C.8.13.4 and C.8.13.5.2)."""
        echoes = _ECHOES.get(self.code("EchoPulseSequence"), ())
        planar = ["EP"] if self.code("EchoPlanarPulseSequence") == "YES" else []
        return [*echoes, *planar, *(["IR"] if self.code("InversionRecovery") == "YES" else [])]

    def codes(self, keyword: str) -> list[str]:
        """Return the values of a coded element (CS, IS, AS, UI), padding removed."""
        text = decode(self._value(keyword), "latin_1")
        return [value.strip() for value in text.split("\\")[:VALUES_MAX]]

    def code(self, keyword: str) -> str:
        return self.codes(keyword)[0]

    def text(self, keyword: str) -> str:
        return decode(self._value(keyword), self._codec)

    def identifier(self, keyword: str) -> str:
        """Return text that must stay distinct: what the declared set does not hold is read byte by byte.

        With a replacement character in the place of each, two patients would have one identifier.
        """
        text = self.text(keyword)
        return decode(self._value(keyword), "latin_1") if "\ufffd" in text else text

    def texts(self, keyword: str) -> list[str]:
        return [self.text(keyword)]

    def integers(self, keyword: str) -> list[str]:
        """Return the value of an unsigned short (US)."""
        value = self._value(keyword)
        return [str(int.from_bytes(value, self._order))] if len(value) == 2 else []

    def numbers(self, keyword: str, places: int | None = None) -> list[str]:
        """Return the values of a decimal string (DS) in plain notation; [] when one is not a number."""
        values = [plain_number(code, places) for code in self.codes(keyword)]
        return values if all(values) else []

    def uid(self, keyword: str) -> str:
        element = self._elements.get(tag_for_keyword(keyword))
        if element is not None and element.vr not in {"UI", "UN"}:  # pydicom would make a number or a tag of it
            raise MalformedInstance("uid-form", f"{keyword} has another value representation than a UID")
        return parse_uid(self._value(keyword).decode("latin-1"), keyword)

    def _value(self, keyword: str) -> bytes:
        element = self._elements.get(tag_for_keyword(keyword))
        return b"" if element is None else element.value


_PLAIN: Final[dict[str, Callable[[_Fields, str], list[str]]]] = {
    **dict.fromkeys(
        (
            *("Modality", "SOPClassUID", "BodyPartExamined", "ImageType", "ScanningSequence", "SequenceVariant"),
            *("MRAcquisitionType", "PhotometricInterpretation", "BurnedInAnnotation", "NumberOfFrames"),
            *("RecognizableVisualFeatures", "RequestedProcedurePriority"),
            *("ImagesInAcquisition", "AcquisitionNumber", "NumberOfTemporalPositions"),
            *("NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances"),
        ),
        _Fields.codes,
    ),
    **dict.fromkeys(("Manufacturer", "ManufacturerModelName"), _Fields.texts),
    **dict.fromkeys(("Rows", "Columns", "SamplesPerPixel", "NumberOfSlices"), _Fields.integers),
    **dict.fromkeys(("MagneticFieldStrength", "SliceThickness", "SpacingBetweenSlices"), _Fields.numbers),
}

FACTS: Final = frozenset(
    {
        *_PLAIN,
        *("TransferSyntaxUID", "PatientSex", "Laterality", "PixelSpacingRow", "PixelSpacingColumn"),
        *("ImageOrientationPatient", "PatientAgeYears"),
    }
)
"""Every name that ``Header.facts`` may have."""

_WANTED: Final = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        *("SpecificCharacterSet", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "AccessionNumber"),
        *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge"),
        *("StudyDescription", "StudyDate", "StudyTime", "PixelSpacing", "ImageOrientationPatient"),
        *("Laterality", "ImageLaterality", "EchoPulseSequence", "EchoPlanarPulseSequence", *_PLAIN),
        # not read here; but what places an image or makes its values is written once, or readers differ in which counts
        *("ImagePositionPatient", "FrameOfReferenceUID", "RescaleSlope", "RescaleIntercept", "BitsAllocated"),
        *("BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration"),
    )
)
_EACH_ITS_OWN: Final = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        *("SOPInstanceUID", "ImagePositionPatient", "RescaleSlope", "RescaleIntercept", "BitsAllocated"),
        *("BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration"),
    )
)
"""What the images of a series do not share, or nothing is read of."""

_SYNTAX: Final = frozenset({tag_for_keyword("TransferSyntaxUID")})
