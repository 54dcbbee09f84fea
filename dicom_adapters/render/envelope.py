"""What every outgoing object carries around its content: identity, dates, equipment, character set.

Nothing here asks the time or draws a number: two renderings of the same decision are the same bytes.
"""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from io import BytesIO
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from highdicom.sr import CodedConcept
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dicom_adapters.destination import SYNTAXES
from dicom_adapters.render.draft import SEGMENT_MARK, Draft, Subject
from dicom_adapters.render.source import PATIENT_AND_STUDY
from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from guarantee.card import Card
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.inputs import Coded

LO_CHARS_MAX: Final = 64
"""Longest label (PS3.5, 6.2). Ours are shortened with an ellipsis; a patient's attribute never is."""

OUTPUTS: Final = ("seg", "sr")
"""What can be written, in the order it is sent: the report points at the segmentation, so it goes last."""

PROCESSING: Final = ("109102", "DCM", "Processing Equipment")
ACQUISITION: Final = ("109101", "DCM", "Acquisition Equipment")
"""CID 7005, Contributing Equipment Purposes of Reference."""

CONTENT_MARK: Final = re.compile(r"content_sha256=([0-9a-f]{64})")
"""How an object says which content it was made from: in its Contributing Equipment Sequence, and in the algorithm
parameters of its findings and segments."""

_SEPARATORS: Final = re.compile(r"[,=\\\s]+")
CHARSETS: Final = {"ISO_IR 6": "ascii", "ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8"}
"""The character sets that can be written, the smallest first, and Python's name of each."""

_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4])([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """This installation, as Contributing Equipment.

    Args:
        instance: identifier of the installation, e.g. "chu-exemple-01".
    """

    manufacturer: str
    model: str
    version: str
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one site writes its objects.

    Args:
        site_namespace: see uids.derive_uid.
        organisation: Institution Name of the equipment that writes.
        outputs: some of OUTPUTS.
        series_number_base: series are numbered from here: +1 segmentation, +2 report, +101 rejection note.
        charset: ISO_IR 192, or ISO_IR 100 or ISO_IR 6 for an old archive. An object whose text does not fit (œ, ’ and ≥
            do not) is written in the next larger set that holds it: see spelling.py.
        transliterate: whether our own words are respelled first (guarantee/respelling.py), never a person's name.
        transfer_syntax: what the archive takes: "explicit" or "implicit" VR, little endian. What is sealed in one is
            never encoded anew.
        zone: where the site is, for dates and times without an offset, e.g. "Europe/Paris".
    """

    site_namespace: uuid.UUID
    organisation: str
    software: Software
    outputs: tuple[str, ...] = OUTPUTS
    series_number_base: int = 9000
    charset: str = "ISO_IR 192"
    transliterate: bool = False
    transfer_syntax: str = "explicit"
    zone: str = "Europe/Paris"

    def __post_init__(self) -> None:
        if not self.outputs or self.outputs != tuple(name for name in OUTPUTS if name in self.outputs):
            raise Malformed(f"outputs are some of {OUTPUTS}, in this order, not {self.outputs}")
        if self.charset not in CHARSETS:
            raise Malformed(f"character sets that can be written are {', '.join(CHARSETS)}, not {self.charset!r}")
        if self.transfer_syntax not in SYNTAXES:
            raise Malformed(f"objects are written in {' or '.join(SYNTAXES)} VR, not {self.transfer_syntax!r}")
        if self.zone not in available_timezones():
            raise Malformed(f"{self.zone!r} is not a time zone that this machine knows, e.g. Europe/Paris")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which object this is.

    Args:
        number: added to the base of the series numbers.
        description: of the series.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    number: int
    modality: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """General Equipment: what made the object."""

    manufacturer: str
    model: str
    version: str
    serial: str


def model_maker(card: Card, options: Options) -> Maker:
    """Return the model as the equipment that made an object; the serial number is this installation's."""
    return Maker(
        manufacturer=card.manufacturer,
        model=card.model.name,
        version=card.model.version,
        serial=options.software.instance,
    )


def parameters(subject: Subject) -> dict[str, str]:
    """Return what the algorithm was run with, by name. Readers split this on "," and "=", so no value holds them."""
    card = subject.card
    name = "draft_sha256" if isinstance(subject, Draft) else "content_sha256"
    found: dict[str, str] = {name: subject.content.digest, "onnx_sha256": card.model.digest}
    found |= {f"threshold_{name}": value for name, value in sorted(card.thresholds.items())}
    return {_SEPARATORS.sub("_", name): _SEPARATORS.sub("_", value) for name, value in found.items()}


def series_label(subject: Subject, what: Text) -> str:
    """Return a series description that begins with "IA" and ends with ``what``; the model's name gives way."""
    language = subject.content.language
    ending = f" - {in_language(what, language)}"
    return f"IA {shortened(in_language(subject.card.label, language), LO_CHARS_MAX - 3 - len(ending))}{ending}"


def segment_label(label: Text, subject: Subject) -> str:
    """Return the label of a segment; a draft's says so, for it stands beside the picture."""
    words = in_language(label, subject.content.language)
    if isinstance(subject, Draft):
        return shortened(words, LO_CHARS_MAX - len(SEGMENT_MARK)) + SEGMENT_MARK
    return shortened(words)


def begin(identity: Identity, maker: Maker, *, source: Dataset, at: datetime, options: Options) -> Dataset:
    """Return a data set with the modules that all our objects share.

    Args:
        source: normalised header whose patient and study attributes are repeated.
        at: when the content was endorsed, or the result withdrawn.

    Source: PS3.3, C.7.1 to C.7.5 and C.12.1.
    """
    local = at.astimezone(zone_of(source, options))
    dataset = Dataset()
    for keyword in PATIENT_AND_STUDY:
        if keyword in source:
            dataset.add(deepcopy(source[keyword]))  # a person name keeps the bytes it was last written as
    if not _OFFSET.fullmatch(source.get("TimezoneOffsetFromUTC", "")):
        dataset.pop("TimezoneOffsetFromUTC", None)
    dataset.SOPClassUID = identity.sop_class_uid
    dataset.SOPInstanceUID = identity.sop_instance_uid
    dataset.SeriesInstanceUID = identity.series_uid
    dataset.SeriesNumber = options.series_number_base + identity.number
    dataset.SeriesDescription = shortened(identity.description)
    dataset.Modality = identity.modality
    dataset.InstanceNumber = 1
    dataset.InstanceCreationDate = dataset.ContentDate = local.strftime("%Y%m%d")
    dataset.InstanceCreationTime = dataset.ContentTime = local.strftime("%H%M%S.%f")
    dataset.Manufacturer = shortened(maker.manufacturer)
    dataset.ManufacturerModelName = shortened(maker.model)
    dataset.SoftwareVersions = shortened(maker.version)
    dataset.DeviceSerialNumber = shortened(maker.serial)
    dataset.InstitutionName = shortened(options.organisation)
    return dataset


def add_model(dataset: Dataset, subject: Subject, *, source: Dataset, at: datetime, options: Options) -> None:
    """Add who acquired, who computed and who wrote, and whether the model is a product.

    Source: PS3.3, C.12.1 (Contributing Equipment Sequence, Content Qualification), C.7.5.1 (UDI Sequence).
    """
    card = subject.card
    dataset.ContentQualification = "PRODUCT" if card.regulatory.status == "ce" else "RESEARCH"
    if card.regulatory.udi:
        device = Dataset()
        device.UniqueDeviceIdentifier = card.regulatory.udi
        dataset.UDISequence = [device]
    model = Maker(
        manufacturer=card.manufacturer,
        model=card.model.name,
        version=card.model.version,
        serial=f"sha256:{card.model.digest[:48]}",
    )
    dataset.ContributingEquipmentSequence = [
        *acquisition(source),
        _equipment(PROCESSING, model, "AI model inference (ONNX)", ""),
        written_by(options, _said_of(subject), date_time(at, source, options)),
    ]


def acquisition(source: Dataset) -> list[Dataset]:
    """Return the device that made the source images, when they say which."""
    if not source.get("Manufacturer"):
        return []
    item = _purpose(ACQUISITION)
    for keyword in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeviceSerialNumber", "StationName"):
        if source.get(keyword):
            item.add(source[keyword])
    item.ContributionDescription = "Acquisition of the source images"
    return [item]


def _said_of(subject: Subject) -> str:
    digest = subject.content.digest
    if isinstance(subject, Draft):
        return f"Encoding of a draft that nobody has endorsed; draft_sha256={digest}"
    return endorsed_content(digest)


def endorsed_content(digest: str) -> str:
    """Return how an object names what it was made from: a content, or the notice of a withdrawal."""
    return f"Encoding of endorsed content; content_sha256={digest}"


def written_by(options: Options, what: str, when: str) -> Dataset:
    """Return this installation as contributing equipment, naming what it wrote.

    Args:
        what: it wrote, e.g. `endorsed_content`.
    """
    software = options.software
    maker = Maker(
        manufacturer=software.manufacturer, model=software.model, version=software.version, serial=software.instance
    )
    return _equipment(PROCESSING, maker, what, when)


def _equipment(purpose: tuple[str, str, str], maker: Maker, description: str, when: str) -> Dataset:
    item = _purpose(purpose)
    item.Manufacturer = shortened(maker.manufacturer)
    item.ManufacturerModelName = shortened(maker.model)
    item.SoftwareVersions = shortened(maker.version)
    item.DeviceSerialNumber = shortened(maker.serial)
    item.ContributionDescription = description
    if when:
        item.ContributionDateTime = when
    return item


def _purpose(code: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [CodedConcept(*code)]
    return item


# ------------------------------------------------------------------------------------------------ dates, codes, text


def zone_of(source: Dataset, options: Options) -> tzinfo:
    """Return the zone of the dates and times that are copied from ``source``; ours are written in the same."""
    stated = _OFFSET.fullmatch(source.get("TimezoneOffsetFromUTC", ""))
    if not stated:
        return ZoneInfo(options.zone)
    offset = timedelta(hours=int(stated[2]), minutes=int(stated[3]))
    return timezone(-offset if stated[1] == "-" else offset)


def date_time(at: datetime, source: Dataset, options: Options) -> str:
    """Return ``at`` as DT with its offset from UTC, e.g. 20261121101500.000000+0100."""
    return at.astimezone(zone_of(source, options)).strftime("%Y%m%d%H%M%S.%f%z")


def coded(code: Coded) -> Any:
    """Return the item of a code sequence.

    Raises:
        Malformed: the designator is longer than DICOM can write.
    """
    if len(code.scheme) > 16:
        raise Malformed(f"coding scheme {code.scheme!r} is longer than the 16 characters of a designator")
    return CodedConcept(code.code, code.scheme, shortened(code.meaning))


def in_language(text: Text, language: str) -> str:
    """Return a label in the language of the content, French unless it says otherwise."""
    return text.en if language.startswith("en") else text.fr


def shortened(label: str, chars: int = LO_CHARS_MAX) -> str:
    """Return one of *our own* labels on one line, without the backslash that separates values, with an ellipsis when it
    is longer than ``chars``."""
    line = " ".join(label.replace("\\", "/").split())
    return line if len(line) <= chars else line[: chars - 1].rstrip() + "…"


# ------------------------------------------------------------------------------------------------- references, bytes


def references(study_uid: str, objects: Iterable[tuple[str, str, str]]) -> list[Dataset]:
    """Return the items of an evidence sequence.

    Args:
        objects: (series, SOP class, SOP instance) of each; repeated ones are listed once.

    Source: PS3.3, C.17.2.1 (Hierarchical SOP Instance Reference Macro).
    """
    by_series: dict[str, list[Dataset]] = defaultdict(list)
    for series, sop_class, sop_instance in dict.fromkeys(objects):
        by_series[series].append(reference(sop_class, sop_instance))
    study = Dataset()
    study.StudyInstanceUID = study_uid
    study.ReferencedSeriesSequence = []
    for series, items in by_series.items():
        item = Dataset()
        item.SeriesInstanceUID = series
        item.ReferencedSOPSequence = items
        study.ReferencedSeriesSequence.append(item)
    return [study]


def reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """Return one item of a SOP Instance Reference Macro (PS3.3, 10.8)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def requests(source: Dataset) -> list[Dataset]:
    """Return Referenced Request Sequence (0040,A370): the order behind the study; empty when there is none."""
    if not source.AccessionNumber:
        return []
    item = Dataset()
    item.StudyInstanceUID = source.StudyInstanceUID
    item.add(source["AccessionNumber"])
    for keyword in ("ReferencedStudySequence", "RequestedProcedureCodeSequence"):
        setattr(item, keyword, [])
    for keyword in (
        *("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest"),
        *("RequestedProcedureID", "RequestedProcedureDescription"),
    ):
        setattr(item, keyword, "")
    return [item]


def encode(dataset: Dataset, options: Options) -> bytes:
    """Return ``dataset`` as a DICOM file in the destination's transfer syntax, the same bytes every time.

    Args:
        dataset: with its character set chosen (spelling.py).

    Source: PS3.10, 7.1.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(SYNTAXES[options.transfer_syntax])
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    out = BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()
