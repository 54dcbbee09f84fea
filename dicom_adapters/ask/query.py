"""What an archive says it holds of a study: for counting what should have come, and for fetching what did not.

DICOMweb where it is configured, C-FIND otherwise. A question about a patient is asked by C-FIND alone: in a URL, the
identifier would stand in the log of every server on the way.

Source: PS3.4, C.6.2 (Study Root) and PS3.18, 10.6.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from dicom_adapters.ask import cfind, qido
from dicom_adapters.ask.cfind import Peer
from dicom_adapters.ask.dicomweb import Web
from dicom_adapters.associate.tls import Calling
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.values import parse_uid
from guarantee.errors import Declined, Unavailable

IDENTIFIER_CHARS_MAX: Final = 64
"""Longest Patient ID and issuer (LO: PS3.5, 6.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to ask one archive.

    Args:
        name: of the source in the configuration.
        aet, host, port: the archive, for C-FIND; port 0 when it has DICOMweb alone.
        our_aet: our title when we ask.
        dicomweb_url: root of its DICOMweb service; "" for none.
        token: bearer token for it; "" for none.
        silence_s: longest wait for a connection and for each message.
        whole_s: longest answer to one question.
        tls: how it is called by TLS for C-FIND; None to call it without.
    """

    name: str
    aet: str = ""
    host: str = ""
    port: int = 0
    our_aet: str = "AVAL"
    dicomweb_url: str = ""
    token: str = field(default="", repr=False)
    silence_s: float = 10.0
    whole_s: float = 60.0
    tls: Calling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One instance that an archive lists."""

    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStudy:
    """One study that an archive lists.

    Args:
        date: YYYYMMDD; "" when the archive does not say.
        modalities: as the archive wrote them, separated by backslashes.
    """

    study_uid: str
    date: str
    modalities: str


class Source:
    """One archive that can be asked.

    Raises:
        Declined: the DICOMweb address is not http or https, or there is no address at all.
    """

    def __init__(self, options: Options) -> None:
        if not options.dicomweb_url and not options.port:
            raise Declined("no-address", f"source {options.name} has neither a DICOM port nor a DICOMweb address")
        self.options = options
        self.web = Web(options.dicomweb_url, options.whole_s, options.token) if options.dicomweb_url else None
        self.peer = Peer(
            our_aet=options.our_aet,
            aet=options.aet,
            host=options.host,
            port=options.port,
            silence_s=options.silence_s,
            whole_s=options.whole_s,
            tls=options.tls,
        )

    def count_instances(self, study_uid: str) -> dict[str, int]:
        """Return how many instances the archive holds of each series of the study; {} when it does not know it.

        Number of Series Related Instances (0020,1209) where the archive says it; otherwise its instances are listed.

        Raises:
            Unavailable: no answer, or one that cannot be read.
        """
        series = self._find("SERIES", (study_uid,), ("SeriesInstanceUID", "NumberOfSeriesRelatedInstances"))
        said = {each["SeriesInstanceUID"]: each["NumberOfSeriesRelatedInstances"] for each in series}
        if all(text.isascii() and text.isdigit() for text in said.values()):
            return {_uid(series_uid): int(text) for series_uid, text in said.items()}
        return dict(Counter(listed.series_uid for listed in self.instances(study_uid)))

    def instances(self, study_uid: str) -> tuple[Listed, ...]:
        """Return every instance that the archive lists of the study, each once.

        Raises:
            Unavailable: no answer, or one that cannot be read.
        """
        found: dict[str, Listed] = {}
        for each in self._find("SERIES", (study_uid,), ("SeriesInstanceUID",)):
            series_uid = _uid(each["SeriesInstanceUID"])
            for one in self._find("IMAGE", (study_uid, series_uid), ("SOPInstanceUID", "SOPClassUID")):
                name, kind = _uid(one["SOPInstanceUID"]), _uid(one["SOPClassUID"])
                found[name] = Listed(series_uid=series_uid, sop_instance_uid=name, sop_class_uid=kind)
        return tuple(found.values())

    def studies_of(self, patient_id: str, issuer: str) -> tuple[ListedStudy, ...]:
        """Return the studies that the archive lists of a patient, oldest first.

        Args:
            issuer: of the identifier; "" for a patient that came without one. An archive that says another issuer
                speaks of another patient.

        Raises:
            Declined: no C-FIND address, or an identifier that would match others too.
            Unavailable: no answer, or one that cannot be read.
        """
        _require_exact(patient_id)
        if not self.options.port:
            raise Declined(
                "no-c-find", f"source {self.options.name} has no DICOM port: a patient is asked for by C-FIND"
            )
        wanted = ("StudyInstanceUID", "StudyDate", "ModalitiesInStudy", "PatientID", "IssuerOfPatientID")
        matches = cfind.find(self.peer, "STUDY", {"PatientID": patient_id}, wanted)
        studies = {
            ListedStudy(
                study_uid=_uid(each["StudyInstanceUID"]), date=each["StudyDate"], modalities=each["ModalitiesInStudy"]
            )
            for each in matches
            if each["PatientID"] == patient_id
            and (not each["IssuerOfPatientID"] or each["IssuerOfPatientID"] == issuer)
        }
        return tuple(sorted(studies, key=lambda study: (study.date, study.study_uid)))

    def _find(self, level: str, uids: tuple[str, ...], wanted: tuple[str, ...]) -> list[dict[str, str]]:
        if self.web is not None:
            path = qido.place(*uids) + {"SERIES": "/series", "IMAGE": "/instances"}[level]
            return qido.search(self.web, path, wanted[0], wanted, whole_s=self.options.whole_s)
        where = dict(zip(("StudyInstanceUID", "SeriesInstanceUID"), uids, strict=False))
        return cfind.find(self.peer, level, where, wanted)


def _uid(text: str) -> str:
    try:
        return parse_uid(text, "a UID of the answer")
    except MalformedInstance as error:
        raise Unavailable("unreadable-answer", f"the archive listed something without a UID: {error.code}") from error


def _require_exact(patient_id: str) -> None:
    """``*`` and ``?`` match others (PS3.4, C.2.2.2.4), a backslash several; other letters need a character set."""
    fits = patient_id.isascii() and patient_id.isprintable() and 0 < len(patient_id) <= IDENTIFIER_CHARS_MAX
    if not fits or set(patient_id) & {"*", "?", "\\"}:
        raise Declined("identifier-form", "this patient's identifier cannot be asked for exactly; nothing was asked")
