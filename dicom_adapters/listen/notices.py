"""Notices of what there should be: Instance Availability Notification and Modality Performed Procedure Step, as SCP.

Both shorten the wait of a study that is all here, and explain one that is not. They are believed as far as the table of
guarantee/completeness.py goes: what they announce can delay a study, never hold it for ever.

    N-CREATE, IAN    an archive lists instances and whether it has them          PS3.4, Annex R
    N-CREATE, MPPS   a modality has begun a step of these studies                PS3.4, F.7.2.1
    N-SET, MPPS      … has finished it, with the list of its images, or given up PS3.4, F.7.2.2

A modality speaks to one MPPS system. Where that is us, each message is passed on to another one first (``relay``),
under the same identifier, and the modality hears the other's answer: we only listen.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import build_context, evt
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import InstanceAvailabilityNotification, ModalityPerformedProcedureStep

from dicom_adapters.associate.upper_layer import Requestor
from dicom_adapters.errors import RequestRefused
from dicom_adapters.listen.services import (
    DUPLICATE_INSTANCE,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
    RESOURCES,
    SUCCESS,
    Caller,
    Reply,
    Serve,
    read_dataset,
)
from dicom_adapters.read.nested import INVALID_VALUE, REFERENCES_MAX, code, items, uid
from guarantee.completeness import Basis, Status
from guarantee.judging import Expectation, to_list
from guarantee.ports import Vault

STUDIES_MAX: Final = 20
"""Most studies of one performed procedure step. A group case (one acquisition for several requests) has a few."""

RELAY_S: Final = 10.0
"""Longest wait for each answer of the system that MPPS messages are passed on to; a modality waits for ours."""

_HERE: Final = frozenset({"ONLINE", "NEARLINE", "OFFLINE", ""})
"""Instance Availability (0008,0056) of what exists; what is UNAVAILABLE is not waited for."""

_FINAL: Final = {"COMPLETED": Status.SAID, "DISCONTINUED": Status.DISCONTINUED}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Another MPPS system."""

    our_aet: str
    aet: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDoors:
    """What notices tell the inside.

    Args:
        announce: study, and what was announced of it; returns only when it is committed.
        announced_by: what one source announced, each with its study.
    """

    announce: Callable[[str, Sequence[Expectation]], object]
    announced_by: Callable[[str], Sequence[tuple[str, Expectation]]]


class Notices:
    """Both services.

    Args:
        relay: where MPPS messages are passed on to; None for nowhere.
    """

    def __init__(self, vault: Vault, doors: NoticeDoors, relay: Relay | None = None) -> None:
        self._vault = vault
        self._doors = doors
        self._relay = relay

    @property
    def contexts(self) -> Sequence[PresentationContext]:
        """Both classes."""
        return [build_context(InstanceAvailabilityNotification), build_context(ModalityPerformedProcedureStep)]

    @property
    def handlers(self) -> Mapping[Any, Serve]:
        """N-CREATE and N-SET."""
        return {evt.EVT_N_CREATE: self._create, evt.EVT_N_SET: self._set}

    def stop(self) -> None:
        """Nothing is under way between two messages."""

    def _create(self, event: Any, caller: Caller) -> Reply:
        request = event.request
        said = read_dataset(request, event.context, "AttributeList")
        if event.context.abstract_syntax == InstanceAvailabilityNotification:
            self._available(said, caller)
            return SUCCESS, None
        step = uid(_named(request.AffectedSOPInstanceUID), "SOPInstanceUID")
        return self._begin(step, said)

    # ------------------------------------------------------------------------------------------------------- IAN

    def _available(self, said: Dataset, caller: Caller) -> None:
        study = uid(said, "StudyInstanceUID")
        listed = {
            uid(series, "SeriesInstanceUID"): [
                uid(item, "ReferencedSOPInstanceUID")
                for item in items(series, "ReferencedSOPSequence")
                if code(item, "InstanceAvailability") in _HERE
            ]
            for series in items(said, "ReferencedSeriesSequence")
        }
        self._doors.announce(study, self._lists(f"ian:{caller.name}", listed))

    # ------------------------------------------------------------------------------------------------------ MPPS

    def _begin(self, step: str, said: Dataset) -> Reply:
        studies = dict.fromkeys(
            uid(item, "StudyInstanceUID") for item in items(said, "ScheduledStepAttributesSequence")
        )
        if not 0 < len(studies) <= STUDIES_MAX:
            raise RequestRefused(INVALID_VALUE, "no-study", f"the step names {len(studies)} studies")
        if code(said, "PerformedProcedureStepStatus") != "IN PROGRESS":
            raise RequestRefused(INVALID_VALUE, "step-status", "a step begins as IN PROGRESS")
        source = f"mpps:{step}"
        status = self._passed_on(lambda peer: peer.send_n_create(said, ModalityPerformedProcedureStep, step))
        if status is None and self._doors.announced_by(source):
            raise RequestRefused(DUPLICATE_INSTANCE, "step-known", "this step has begun before")
        if not status:
            for study in studies:
                self._doors.announce(study, [self._state(source, Status.IN_PROGRESS)])
        return status or SUCCESS, None

    def _set(self, event: Any, _caller: Caller) -> Reply:
        said = read_dataset(event.request, event.context, "ModificationList")
        step = uid(_named(event.request.RequestedSOPInstanceUID), "SOPInstanceUID")
        source = f"mpps:{step}"
        status = self._passed_on(lambda peer: peer.send_n_set(said, ModalityPerformedProcedureStep, step))
        known = self._doors.announced_by(source)
        states = {study: one.status for study, one in known if not one.group}
        if status is None:
            _require_open(states)
        if not status:
            self._go_on(source, states, said)
        return status or SUCCESS, None

    def _go_on(self, source: str, states: Mapping[str, Status], said: Dataset) -> None:
        final = _FINAL.get(code(said, "PerformedProcedureStepStatus"))
        listed = {
            uid(series, "SeriesInstanceUID"): [uid(item, "ReferencedSOPInstanceUID") for item in _images(series)]
            for series in items(said, "PerformedSeriesSequence")
        }
        # The images of a step for several requests may lie in any of their studies: nobody says which.
        lists = self._lists(source, listed) if len(states) == 1 else []
        for study in states:
            self._doors.announce(study, [*lists, *([self._state(source, final)] if final else [])])

    # ---------------------------------------------------------------------------------------------------- inside

    def _lists(self, source: str, listed: Mapping[str, Sequence[str]]) -> list[Expectation]:
        many = sum(len(names) for names in listed.values())
        if many > REFERENCES_MAX:
            raise RequestRefused(RESOURCES, "notice-too-large", f"{many} instances; at most {REFERENCES_MAX}")
        return [replace(self._list(source, names), group=series) for series, names in listed.items()]

    def _list(self, source: str, names: Iterable[str]) -> Expectation:
        once = frozenset(names)
        return Expectation(
            source=source,
            group="",
            basis=Basis.LIST,
            status=Status.SAID,
            instances=len(once),
            listed=self._vault.put(to_list(once)),
        )

    def _state(self, source: str, status: Status) -> Expectation:
        return replace(self._list(source, ()), status=status)

    def _passed_on(self, send: Callable[[Any], tuple[Dataset, Dataset | None]]) -> int | None:
        """Return the status that the other system answered; None when there is none to ask.

        Raises:
            RequestRefused: it does not answer. The modality must send again, or the step would be lost there.
        """
        relay = self._relay
        if relay is None:
            return None
        entity = Requestor(relay.our_aet)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = RELAY_S
        entity.add_requested_context(ModalityPerformedProcedureStep)
        association = entity.associate(relay.host, relay.port, ae_title=relay.aet)
        try:
            status = send(association)[0].get("Status") if association.is_established else None
        except (RuntimeError, ValueError):  # the association ended, or the context was not accepted
            status = None
        finally:
            if association.is_established:
                association.release()
        if status is None:
            _log.warning("mpps.not-passed-on", extra={"aet": relay.aet})
            raise RequestRefused(PROCESSING_FAILURE, "relay-silent", f"{relay.aet} does not answer; send again later")
        return int(status)


def _named(value: object) -> Dataset:
    named = Dataset()
    named.SOPInstanceUID = str(value or "")
    return named


def _images(series: Dataset) -> Iterator[Dataset]:
    yield from items(series, "ReferencedImageSequence")
    yield from items(series, "ReferencedNonImageCompositeSOPInstanceSequence")


def _require_open(states: Mapping[str, Status]) -> None:
    if not states:
        raise RequestRefused(NO_SUCH_INSTANCE, "step-unknown", "no such step has begun here")
    if Status.IN_PROGRESS not in states.values():
        raise RequestRefused(PROCESSING_FAILURE, "step-ended", "the step may no longer be updated")
