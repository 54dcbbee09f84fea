"""What a PACS and a modality say of the patient's images without sending them, right and wrong."""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    MRImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from dicom_adapters.associate.upper_layer import keep_answers
from tests.canary import patient

UIDS = (patient.STUDY_UID, f"{patient.STUDY_UID}.{patient.FAMILY}", f"../{patient.IDENTIFIER}", patient.WORDS)
"""The study's own, and names where a UID belongs."""


def announce_everything(port: int) -> None:
    """Send availability, procedure steps and questions of commitment under each of UIDS."""
    entity = AE("SCANNER1")
    for each in (InstanceAvailabilityNotification, ModalityPerformedProcedureStep, StorageCommitmentPushModel):
        entity.add_requested_context(each)
    for uid in UIDS:
        for ask in (_available, _performed, _committed):
            association = keep_answers(entity.associate("127.0.0.1", port, ae_title="AVAL"))
            assert association.is_established
            try:
                ask(association, uid)
            finally:
                if association.is_established:
                    association.release()


def _available(association: Any, uid: str) -> None:
    notice, series = _about(uid), Dataset()
    series[0x0020000E] = _raw(0x0020000E, uid)
    series.ReferencedSOPSequence = [_referenced(uid)]
    series.ReferencedSOPSequence[0].InstanceAvailability = "ONLINE"
    notice.ReferencedSeriesSequence = [series]
    association.send_n_create(notice, InstanceAvailabilityNotification, generate_uid())


def _performed(association: Any, uid: str) -> None:
    step, scheduled = _about(uid), _about(uid)
    step.PatientName, step.PatientID = patient.NAME, patient.IDENTIFIER
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.PerformedProcedureStepDescription = patient.WORDS
    step.ScheduledStepAttributesSequence = [scheduled]
    step.PerformedSeriesSequence = []
    name = generate_uid()
    association.send_n_create(step, ModalityPerformedProcedureStep, name)
    step.PerformedProcedureStepStatus = patient.FAMILY
    association.send_n_set(step, ModalityPerformedProcedureStep, name)


def _committed(association: Any, uid: str) -> None:
    wanted = Dataset()
    wanted.TransactionUID = generate_uid()
    wanted.ReferencedSOPSequence = [_referenced(uid)]
    association.send_n_action(wanted, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)


def _about(uid: str) -> Dataset:
    about = Dataset()
    about[0x0020000D] = _raw(0x0020000D, uid)
    about.ReferencedPerformedProcedureStepSequence = []
    return about


def _referenced(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = MRImageStorage
    item[0x00081155] = _raw(0x00081155, uid)
    return item


def _raw(tag: int, value: str) -> Any:
    """Return a UID element whatever its value is: pydicom itself warns of one that is none."""
    made = Dataset()
    made.add_new(tag, "UI", patient.STUDY_UID)
    made[tag]._value = value
    return made[tag]
