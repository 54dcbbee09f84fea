"""UPS-RS as a performer: work is looked for, claimed, and ended on a server that keeps the list.

Nothing about a workitem is kept here. The Transaction UID that proves a claim is derived from the workitem's own UID,
so a performer that was killed knows its claims again by asking; one whose claim was taken away is told by a conflict.

A server is asked at its configured address and nowhere else: retrieval addresses of a workitem are not followed.

Source: PS3.18, 11 (Worklist Service); PS3.4, CC.2 (states, what a final state requires); IHE AIW-I.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_adapters.ask.dicomweb import Web, parse
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.values import parse_uid
from guarantee.errors import Declined, Unavailable

Json: TypeAlias = Mapping[str, Any]

WORKITEM_BYTES_MAX: Final = 4 * 1024 * 1024
"""Largest workitem that is read, 4 MiB: a thousand referenced instances have some 200 kB."""

WORKITEMS_MAX: Final = 200
"""Most workitems looked at in one round; the next round sees the rest."""

MEDIA: Final = "application/dicom+json"

FAILURE: Final = ("110501", "Equipment failure")
UNSPECIFIED: Final = ("110513", "Discontinued for unspecified reason")
"""Why a step was discontinued: PS3.16, CID 9300."""

_TAKEN: Final = frozenset({400, 403, 404, 409, 410})
"""What a server answers when a workitem is not ours to change: wrong state, wrong Transaction UID, or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code of a station or a workitem, e.g. ("AVAL", "99CHU")."""

    value: str
    scheme: str
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to work for one server.

    Args:
        url: root of the service; "/workitems" follows.
        token: bearer token; "" for none.
        station: who we are: Scheduled Station Name Code of the workitems that are for us.
        requester: AE title written after "/state/", as dcm4chee wants it; "" for the standard's form.
        transaction: derives the Transaction UID of our claim on a workitem.
    """

    url: str
    station: Code
    transaction: Callable[[str], str]
    token: str = field(default="", repr=False)
    requester: str = ""
    silence_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workitem:
    """One unified procedure step.

    Args:
        codes: Scheduled Workitem Codes.
        stations: Scheduled Station Name Codes: who it is for.
        study_uids: of its input information, each once.
        priority: "HIGH", "MEDIUM", "LOW" or "".
        started: when we began, as the workitem says (DT); "" before.
    """

    uid: str
    state: str
    codes: tuple[Code, ...]
    stations: tuple[Code, ...]
    study_uids: tuple[str, ...]
    priority: str
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One object that came of a step, and the archive that holds it."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    aet: str


class Worklist:
    """The workitems of one server that are for us.

    Raises:
        Declined: the address is not http or https.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._web = Web(options.url, options.silence_s, options.token)

    def in_state(self, state: str) -> tuple[Workitem, ...]:
        """Return the workitems in a state that are addressed to our station.

        Raises:
            Unavailable: no answer, or one that is no search result.
        """
        station = f"{_tag('ScheduledStationNameCodeSequence')}.{_tag('CodeValue')}"
        asked = urlencode(
            [
                (_tag("ProcedureStepState"), state),
                (station, self._options.station.value),
                ("includefield", "all"),
                ("limit", str(WORKITEMS_MAX)),
            ]
        )
        found = [item for item in self._listed(f"/workitems?{asked}") if item is not None]
        return tuple(item for item in found if item.state == state and self._is_for_us(item))

    def _is_for_us(self, item: Workitem) -> bool:
        """Look again: a server that ignores a key must not make us take other people's work."""
        ours = self._options.station
        return any((one.value, one.scheme) == (ours.value, ours.scheme) for one in item.stations)

    def claim(self, item: Workitem, now: datetime) -> bool:
        """Take a scheduled workitem; return False when somebody else has it.

        Raises:
            Unavailable: no answer; whether it is ours is seen in the next round.
        """
        return self._change(item.uid, "IN PROGRESS") and self.report(item, 0, "claimed", now)

    def report(self, item: Workitem, percent: int, word: str, now: datetime) -> bool:
        """Say how far a workitem is; return False when it is not ours.

        Args:
            word: for people, without anything about the patient or the result.

        Raises:
            Unavailable: no answer.
        """
        return self._update(item.uid, {**_progress(percent, word), **self._performed(item, now, ())})

    def complete(self, item: Workitem, outputs: Sequence[Output], now: datetime) -> bool:
        """End a workitem with what came of it; return False when it is not ours.

        Raises:
            Unavailable: no answer; doing it again is harmless.
        """
        said = {**_progress(100, "released"), **self._performed(item, now, outputs, ended=True)}
        return self._update(item.uid, said) and self._change(item.uid, "COMPLETED")

    def cancel(self, item: Workitem, reason: str, now: datetime, *, failed: bool = False) -> bool:
        """End a workitem of which nothing comes; return False when it is not ours.

        Args:
            reason: in stable words, without anything about the patient.
            failed: whether something broke, rather than being decided.

        Raises:
            Unavailable: no answer; doing it again is harmless.
        """
        value, meaning = FAILURE if failed else UNSPECIFIED
        code = _code(Code(value=value, scheme="DCM", meaning=meaning))
        progress = {
            **_element("ProcedureStepCancellationDateTime", _moment(now)),
            **_element("ReasonForCancellation", reason[:1024]),
            **_items("ProcedureStepDiscontinuationReasonCodeSequence", code),
        }
        said = _items("ProcedureStepProgressInformationSequence", progress)
        return self._update(item.uid, {**said, **self._performed(item, now, (), ended=True)}) and self._change(
            item.uid, "CANCELED"
        )

    # ------------------------------------------------------------------------------------------------- transactions

    def _change(self, uid: str, state: str) -> bool:
        """Change a workitem's state (PS3.18, 11.7)."""
        said = {**_element("TransactionUID", self._options.transaction(uid)), **_element("ProcedureStepState", state)}
        requester = f"/{quote(self._options.requester, safe='')}" if self._options.requester else ""
        return self._send("PUT", f"/workitems/{quote(uid, safe='')}/state{requester}", said)

    def _update(self, uid: str, said: Json) -> bool:
        """Modify a workitem (PS3.18, 11.6)."""
        transaction = self._options.transaction(uid)
        return self._send("POST", f"/workitems/{quote(uid, safe='')}?{transaction}", said)

    def _send(self, method: str, path: str, said: Json) -> bool:
        status = self._web.send(method, path, json.dumps([said]).encode(), MEDIA)
        if status in _TAKEN:
            return False
        if status in {401, 405, 415}:
            raise Declined("ups-status", f"the worklist server answered with HTTP status {status}")
        if not 200 <= status < 300:
            raise Unavailable("ups-status", f"the worklist server answered with HTTP status {status}")
        return True

    def _listed(self, path: str) -> Iterator[Workitem | None]:
        answer = self._web.get(path, MEDIA, WORKITEM_BYTES_MAX)
        if answer is None or not answer[1]:
            return
        found = parse(answer[1])
        try:
            yield from (_workitem(each) for each in found[:WORKITEMS_MAX])
        except (TypeError, AttributeError, LookupError) as error:
            raise Unavailable("unreadable-answer", "the worklist server answered with something else") from error

    def _performed(
        self, item: Workitem, now: datetime, outputs: Sequence[Output], *, ended: bool = False
    ) -> dict[str, Any]:
        """Return who did it, when, and what came of it (PS3.4, CC.2.5.1.3: required in a final state)."""
        end = _element("PerformedProcedureStepEndDateTime", _moment(now)) if ended else {}
        performed = {
            **_items("PerformedWorkitemCodeSequence", *(_code(code) for code in item.codes)),
            **_items("PerformedStationNameCodeSequence", _code(self._options.station)),
            **_element("PerformedProcedureStepStartDateTime", item.started or _moment(now)),
            **end,
            **_items("OutputInformationSequence", *_outputs(outputs)),
        }
        return _items("UnifiedProcedureStepPerformedProcedureSequence", performed)


def _outputs(outputs: Sequence[Output]) -> Iterator[Json]:
    for one in outputs:
        reference = {
            **_element("ReferencedSOPClassUID", one.sop_class_uid),
            **_element("ReferencedSOPInstanceUID", one.sop_instance_uid),
        }
        yield {
            **_element("TypeOfInstances", "DICOM"),
            **_element("StudyInstanceUID", one.study_uid),
            **_element("SeriesInstanceUID", one.series_uid),
            **_items("ReferencedSOPSequence", reference),
            **_items("DICOMRetrievalSequence", _element("RetrieveAETitle", one.aet)),
        }


# ----------------------------------------------------------------------------------------------------- DICOM as JSON


def _workitem(said: Json) -> Workitem | None:
    """Return a workitem of a search result; None when it has no proper UID."""
    studies = dict.fromkeys(_text(item, "StudyInstanceUID") for item in _sequence(said, "InputInformationSequence"))
    performed = _sequence(said, "UnifiedProcedureStepPerformedProcedureSequence")
    try:
        uid = parse_uid(_text(said, "SOPInstanceUID"), "the UID of a workitem")
        study_uids = tuple(parse_uid(study, "the UID of an input") for study in studies if study)
    except MalformedInstance:
        return None
    return Workitem(
        uid=uid,
        state=_text(said, "ProcedureStepState"),
        codes=_codes(said, "ScheduledWorkitemCodeSequence"),
        stations=_codes(said, "ScheduledStationNameCodeSequence"),
        study_uids=study_uids,
        priority=_text(said, "ScheduledProcedureStepPriority"),
        started=next((_text(item, "PerformedProcedureStepStartDateTime") for item in performed), ""),
    )


def _codes(said: Json, keyword: str) -> tuple[Code, ...]:
    return tuple(
        Code(
            value=_text(item, "CodeValue"),
            scheme=_text(item, "CodingSchemeDesignator"),
            meaning=_text(item, "CodeMeaning"),
        )
        for item in _sequence(said, keyword)
    )


def _text(said: Json, keyword: str) -> str:
    values = said.get(_tag(keyword), {}).get("Value") or [""]
    return str(values[0])


def _sequence(said: Json, keyword: str) -> Sequence[Json]:
    items = said.get(_tag(keyword), {}).get("Value") or ()
    return [item for item in items if isinstance(item, dict)]


def _progress(percent: int, word: str) -> dict[str, Any]:
    said = {**_element("ProcedureStepProgress", str(percent)), **_element("ProcedureStepProgressDescription", word)}
    return _items("ProcedureStepProgressInformationSequence", said)


def _code(code: Code) -> dict[str, Any]:
    return {
        **_element("CodeValue", code.value),
        **_element("CodingSchemeDesignator", code.scheme),
        **_element("CodeMeaning", code.meaning or code.value),
    }


def _element(keyword: str, value: str) -> dict[str, Any]:
    vr = dictionary_VR(keyword)
    return {_tag(keyword): {"vr": vr, "Value": [float(value) if vr == "DS" else value]}}


def _items(keyword: str, *items: Json) -> dict[str, Any]:
    return {_tag(keyword): {"vr": "SQ", **({"Value": list(items)} if items else {})}}


def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


def _moment(at: datetime) -> str:
    """Return a moment as DT, in UTC (PS3.5, 6.2)."""
    return at.strftime("%Y%m%d%H%M%S.%f+0000")
