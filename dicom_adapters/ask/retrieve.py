"""Instances fetched from an archive: WADO-RS, C-GET, or C-MOVE to our own listener (PS3.18, 10.4; PS3.4, C.4.2-3).

What is asked for is what is missing: whole series where nothing of them is here, single instances elsewhere. What comes
is believed no more than what is sent to us; what does not come is seen by asking again what is here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import build_context, build_role, evt
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove

from dicom_adapters.ask import qido
from dicom_adapters.ask.cfind import Peer, answers, associate, hang_up, hexadecimal
from dicom_adapters.ask.dicomweb import Web
from dicom_adapters.ask.query import Listed
from dicom_adapters.ask.suboperations import Part, Receiver, Take
from dicom_adapters.associate.upper_layer import Requestor, survive_disorder
from dicom_adapters.listen.custody import Custody
from dicom_adapters.read.multipart import Begin, BrokenBody, Data, End, Parts, content_type
from guarantee.errors import Declined, PortError, Unavailable

INSTANCES_ASKED: Final = 64
"""Most instances named in one C-GET or C-MOVE; a list of UIDs has to fit into one element."""

WADO_TYPE: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'

_PENDING: Final = frozenset({0xFF00, 0xFF01})
_WARNING: Final = 0xB000
_PLAIN: Final = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_OTHERS: Final = (
    "1.2.840.10008.1.2.2",  # big endian
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first order
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.5",  # RLE
)
_CONTEXTS_MAX: Final = 127  # odd numbers from 1 to 255, one of them for the question itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What is missing of one series.

    Args:
        is_whole: whether nothing of the series is here.
    """

    series_uid: str
    missing: tuple[Listed, ...]
    is_whole: bool


def gaps(listed: Iterable[Listed], held: frozenset[str]) -> tuple[Gap, ...]:
    """Return what is missing of each series, given the SOP Instance UIDs that are here."""
    by_series: dict[str, list[Listed]] = defaultdict(list)
    for each in listed:
        by_series[each.series_uid].append(each)
    found = []
    for series_uid, instances in by_series.items():
        missing = tuple(each for each in instances if each.sop_instance_uid not in held)
        if missing:
            found.append(Gap(series_uid=series_uid, missing=missing, is_whole=len(missing) == len(instances)))
    return tuple(found)


# ----------------------------------------------------------------------------------------------------------- WADO-RS


def by_wado(web: Web, study_uid: str, missing: Sequence[Gap], custody: Custody, take: Take) -> None:
    """Fetch by WADO-RS, each instance as the archive stores it.

    Raises:
        Unavailable: no answer, or one that is not what was asked for.
    """
    for gap in missing:
        series = qido.place(study_uid, gap.series_uid)
        instances = [qido.place(study_uid, gap.series_uid, each.sop_instance_uid) for each in gap.missing]
        for path in [series] if gap.is_whole else instances:
            with web.stream(path, WADO_TYPE) as answer:
                if answer is not None:  # an instance that is gone since it was listed is missing at the end
                    _take_parts(*answer, custody, take)


def _take_parts(kind: str, pieces: Iterator[bytes], custody: Custody, take: Take) -> None:
    boundary = content_type(kind).boundary
    if not boundary:
        raise Unavailable("unreadable-answer", "the archive answered with something else than parts")
    parts, part = Parts(boundary), None
    try:
        for piece in pieces:
            for event in parts.feed(piece):
                match event:
                    case Begin():
                        part = Part(custody.file())
                    case Data(data) if part is not None:
                        part.write(data)
                    case End() if part is not None:
                        take(part.name, part.whole)
                        part = None
        parts.close()
    except BrokenBody as error:
        raise Unavailable("unreadable-answer", f"the archive answered with a broken body: {error}") from error
    finally:
        if part is not None:
            part.taking.discard()


# ------------------------------------------------------------------------------------------------------------- C-GET


def by_get(peer: Peer, study_uid: str, missing: Sequence[Gap], custody: Custody, take: Take) -> None:
    """Fetch by C-GET: the archive sends on the association on which we ask.

    Raises:
        Declined: the archive offers no C-GET, or refuses it.
        Unavailable: no answer, or nothing can be kept now.
    """
    classes = sorted({each.sop_class_uid for gap in missing for each in gap.missing})
    receiver = Receiver(custody, take)
    entity = _entity(peer)
    contexts = [build_context(StudyRootQueryRetrieveInformationModelGet), *_storage(classes)]
    association = associate(
        entity,
        peer,
        contexts=contexts,
        ext_neg=[build_role(each, scp_role=True) for each in classes[:_CONTEXTS_MAX]],
        evt_handlers=[(evt.EVT_C_STORE, receiver.store), (evt.EVT_PDU_RECV, receiver.read)],
    )
    survive_disorder(association)  # an answer of ours may meet an association that we have just aborted
    try:
        ask = partial(association.send_c_get, query_model=StudyRootQueryRetrieveInformationModelGet)
        _ask_all(association, StudyRootQueryRetrieveInformationModelGet, ask, study_uid, missing, receiver)
    finally:
        if receiver.error is None:
            hang_up(association)
        else:
            _break_off(association)
        receiver.close()


def _break_off(association: Any) -> None:
    """End an association whose archive is still sending: it would not hear a request to release."""
    association.abort(block=False)
    association.kill()  # returns when the archive has closed the connection, or after silence_s
    if association.dul.socket is not None:
        association.dul.socket.close()


def _storage(classes: Sequence[str]) -> list[PresentationContext]:
    """Return contexts for each class: one for each way to compress where they all fit, so that none is converted."""
    if len(classes) * (1 + len(_OTHERS)) > _CONTEXTS_MAX:
        return [build_context(each, [*_PLAIN, *_OTHERS]) for each in classes[:_CONTEXTS_MAX]]
    ways = [[*_PLAIN], *([other] for other in _OTHERS)]
    return [build_context(each, way) for each in classes for way in ways]


# ------------------------------------------------------------------------------------------------------------ C-MOVE


def by_move(peer: Peer, study_uid: str, missing: Sequence[Gap], destination: str) -> None:
    """Ask the archive to send to our own listener, and return when it says that it has.

    Args:
        destination: AE title of the listener; the archive must know it.

    Raises:
        Declined: the archive offers no C-MOVE, or does not know the listener.
        Unavailable: no answer.
    """
    model = StudyRootQueryRetrieveInformationModelMove
    association = associate(_entity(peer), peer, contexts=[build_context(model)])
    try:
        ask = partial(association.send_c_move, move_aet=destination, query_model=model)
        _ask_all(association, model, ask, study_uid, missing, None)
    finally:
        hang_up(association)


def _entity(peer: Peer) -> Requestor:
    entity = Requestor(peer.our_aet)
    entity.connection_timeout = entity.acse_timeout = peer.silence_s
    entity.dimse_timeout = entity.network_timeout = peer.whole_s  # an archive on tape takes its time for the first one
    return entity


def _ask_all(
    association: Any,
    model: str,
    ask: Callable[[Dataset], Iterator[tuple[Dataset, Dataset | None]]],
    study_uid: str,
    missing: Sequence[Gap],
    receiver: Receiver | None,
) -> None:
    if model not in {context.abstract_syntax for context in association.accepted_contexts}:
        raise Declined("not-offered", "the archive does not offer this way to fetch")
    for query in _queries(study_uid, missing):
        for status, _ in answers(partial(ask, query)):
            code = status.get("Status")
            if receiver is not None and receiver.error is not None:
                raise receiver.error
            if code not in _PENDING and code not in {0x0000, _WARNING}:  # a warning: some could not be sent
                raise _refusal(code)


def _refusal(code: int | None) -> PortError:
    if code is None:
        return Unavailable("no-answer", "the archive did not finish its answer")
    detail = f"the archive ended with status {hexadecimal(code)}"
    if code in {0x0122, 0xA801, 0xA900}:
        return Declined("retrieve-refused", f"{detail}: does it know our AE title, host and port?")
    return Unavailable("retrieve-failed", detail)


def _queries(study_uid: str, missing: Sequence[Gap]) -> Iterator[Dataset]:
    for gap in missing:
        names = [each.sop_instance_uid for each in gap.missing]
        groups = [names[at : at + INSTANCES_ASKED] for at in range(0, len(names), INSTANCES_ASKED)]
        for group in [[]] if gap.is_whole else groups:
            query = Dataset()
            query.QueryRetrieveLevel = "IMAGE" if group else "SERIES"
            query.StudyInstanceUID = study_uid
            query.SeriesInstanceUID = gap.series_uid
            if group:
                query.SOPInstanceUID = group
            yield query
