"""C-FIND as a client: what an archive lists at one level, within limits (PS3.4, C.4.1; Study Root).

Only codes, dates, numbers and UIDs are asked for, and values are taken as the bytes that came: pydicom would warn with
those that it does not like.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_adapters.associate.tls import Calling
from dicom_adapters.associate.upper_layer import Requestor
from guarantee.errors import Unavailable

MATCHES_MAX: Final = 100_000
"""Most matches read of one question. Studies of 20,000 instances exist (cardiac CT, perfusion)."""

_PENDING: Final = frozenset({0xFF00, 0xFF01})
_SUCCESS: Final = 0x0000


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An archive that answers DIMSE queries.

    Args:
        our_aet, aet: calling and called AE title.
        silence_s: longest wait for a connection and for each message.
        whole_s: longest answer as a whole.
        tls: how it is called by TLS; None to call it without.
    """

    our_aet: str
    aet: str
    host: str
    port: int
    silence_s: float
    whole_s: float
    tls: Calling | None = None


def find(peer: Peer, level: str, where: Mapping[str, str], wanted: Sequence[str]) -> list[dict[str, str]]:
    """Return the ``wanted`` values of every match, by keyword; "" for what a match does not say.

    Args:
        level: STUDY, SERIES or IMAGE.
        where: exact values to match, by keyword.

    Raises:
        Unavailable: no association, no complete answer, or too much of one.
    """
    entity = Requestor(peer.our_aet)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = peer.silence_s
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = associate(entity, peer)
    try:
        return matches(association, level, where, wanted, whole_s=peer.whole_s)
    finally:
        hang_up(association)


def matches(
    association: Association, level: str, where: Mapping[str, str], wanted: Sequence[str], *, whole_s: float
) -> list[dict[str, str]]:
    """Return as :func:`find` does, asked over an association that is there.

    Args:
        whole_s: longest answer as a whole.

    Raises:
        Unavailable: it has ended, or no complete answer came, or too much of one.
    """
    query, deadline = _query(level, where, wanted), time.monotonic() + whole_s
    found: list[dict[str, str]] = []
    for status, match in answers(partial(association.send_c_find, query, StudyRootQueryRetrieveInformationModelFind)):
        code = status.get("Status")
        if code == _SUCCESS:
            return found
        if code not in _PENDING or match is None:
            raise Unavailable("query-failed", f"C-FIND ended with status {hexadecimal(code)}")
        found.append({keyword: _text(match, keyword) for keyword in wanted})
        if len(found) > MATCHES_MAX or time.monotonic() > deadline:
            association.abort()
            raise Unavailable("answer-too-large", f"C-FIND had no end after {len(found)} matches")
    raise Unavailable("no-answer", "the archive did not finish its answer to C-FIND")


def associate(entity: Requestor, peer: Peer, **more: Any) -> Association:
    """Return an association with ``peer``.

    Raises:
        Unavailable: no connection, or the association was refused.
    """
    tls_args = peer.tls.arguments(peer.host) if peer.tls else None
    association = entity.associate(peer.host, peer.port, ae_title=peer.aet, tls_args=tls_args, **more)
    if not association.is_established:
        why = "refused the association: does it know our title?" if association.is_rejected else "did not answer"
        raise Unavailable("no-association", f"{peer.aet} at {peer.host}:{peer.port} {why}")
    return association


def answers(ask: Callable[[], Iterator[tuple[Dataset, Dataset | None]]]) -> Iterator[tuple[Dataset, Dataset | None]]:
    """Yield (status, match) of each answer to one question.

    Raises:
        Unavailable: the association ended before the question, or offers no context for it.
    """
    try:
        yield from ask()
    except (RuntimeError, ValueError) as error:  # what pynetdicom raises before it sends anything
        raise Unavailable("association-lost", "the association ended before the question was asked") from error


def hang_up(association: Association) -> None:
    """Release an association that is still established."""
    if association.is_established:
        association.release()


def _query(level: str, where: Mapping[str, str], wanted: Sequence[str]) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword in wanted:
        setattr(query, keyword, "")
    for keyword, value in where.items():
        setattr(query, keyword, value)
    return query


def _text(match: Dataset, keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    value = match.get_item(tag).value if tag in match else b""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
    return text.strip("\0 ")


def hexadecimal(code: int | None) -> str:
    """Return a DIMSE status as it is written in the standard, "none" for no status."""
    return "none" if code is None else f"0x{code:04X}"
