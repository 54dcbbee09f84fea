"""``aval fetch``: what an archive holds of a study and we do not, through the same intake as what is sent."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from bridge.config import ConfigError
from bridge.wiring.inflow import Inflow
from bridge.wiring.parts import Parts
from dicom_adapters.ask import retrieve
from dicom_adapters.ask.query import ListedStudy, Source
from dicom_adapters.ask.retrieve import Gap
from guarantee.case import CaseKind
from guarantee.errors import Declined

WAYS: Final = ("auto", "wado", "get", "move")
"""How to fetch: by DICOMweb where there is one, otherwise by C-GET, otherwise by C-MOVE to our listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of one study.

    Args:
        listed: instances that the archive lists.
        wanted: those that were not here.
        missing: SOP Instance UIDs that are still not here.
    """

    study_uid: str
    listed: int
    wanted: int
    missing: tuple[str, ...]


def fetch(study_uid: str, source: Source, way: str, inflow: Inflow, parts: Parts) -> Fetched:
    """Fetch what is missing of a study.

    Raises:
        Declined: the archive does not do what was asked.
        Unavailable: it does not answer, or nothing can be kept now.
    """
    listed = source.instances(study_uid)
    missing = retrieve.gaps(listed, _held(study_uid, parts))
    if missing:
        _bring(study_uid, source, way, missing, inflow, parts)
        inflow.commit()
    left = retrieve.gaps(listed, _held(study_uid, parts))
    return Fetched(
        study_uid=study_uid,
        listed=len(listed),
        wanted=sum(len(gap.missing) for gap in missing),
        missing=tuple(each.sop_instance_uid for gap in left for each in gap.missing),
    )


def priors_of(study_uid: str, source: Source, parts: Parts) -> tuple[ListedStudy, ...]:
    """Return the other studies that the archive lists of the patient of a study that is known here.

    Raises:
        ConfigError: no such study is known here.
        Declined: the patient cannot be asked for exactly.
        Unavailable: no answer.
    """
    with parts.store("intake").reading() as unit:
        case = unit.cases.latest(CaseKind.STUDY, study_uid)
    if case is None:
        raise ConfigError(f"study {study_uid} is not known here: fetch it first, then its patient's others")
    found = source.studies_of(case.patient.identifier, case.patient.issuer)
    return tuple(study for study in found if study.study_uid != study_uid)


def _bring(study_uid: str, source: Source, way: str, missing: tuple[Gap, ...], inflow: Inflow, parts: Parts) -> None:
    take = partial(inflow.take, study_uid=study_uid)
    if way == "wado" or (way == "auto" and source.web is not None):
        if source.web is None:
            raise ConfigError(f"source {source.options.name} has no dicomweb_url")
        retrieve.by_wado(source.web, study_uid, missing, inflow.custody, take)
        return
    if way != "move":
        try:
            retrieve.by_get(source.peer, study_uid, missing, inflow.custody, take)
        except Declined:
            if way == "get":
                raise
        else:
            return
    retrieve.by_move(source.peer, study_uid, missing, parts.settings.scp.aet)


def _held(study_uid: str, parts: Parts) -> frozenset[str]:
    with parts.store("intake").reading() as unit:
        return frozenset(each.source.uid for each in unit.cases.inputs(CaseKind.STUDY, study_uid))
