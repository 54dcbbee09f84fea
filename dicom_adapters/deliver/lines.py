"""Associations with one archive, kept open a short while for the next delivery.

Opening an association costs an archive more than storing a report on it. So one that has done its work waits a few
seconds for the next; it is released when nobody comes, after so many uses, and when anything at all went wrong on it.
An archive may end a kept association at any moment: what was about to go over it then goes, once, over a new one. That
is harmless, because whatever goes over a line may go twice.

Source: PS3.8, 7 (association services); PS3.7, Annex D.3 (negotiation).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from pynetdicom import build_context, evt

from dicom_adapters.associate.tls import Calling
from dicom_adapters.associate.upper_layer import Requestor
from guarantee.errors import Declined, Unavailable

T = TypeVar("T")

Contexts: TypeAlias = tuple[tuple[str, str], ...]
"""(abstract syntax, transfer syntax) of each presentation context that is proposed; one transfer syntax each, so that
the answer says for each whether it is taken."""

USES_MAX: Final = 200
"""Most deliveries over one association: some archives file what they received when an association ends."""


class NotOffered(Exception):
    """The archive accepts none of the contexts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How one archive is called.

    Args:
        name: of the destination, for messages.
        tls: None to call it without.
        connect_s, associate_s, answer_s: to open a connection, to negotiate, for the answer to one request.
        idle_s: how long an association is kept for the next delivery; 0 to hang up after each.
    """

    name: str
    aet: str
    peer_aet: str
    host: str
    port: int
    tls: Calling | None
    connect_s: float
    associate_s: float
    answer_s: float
    idle_s: float

    @property
    def where(self) -> str:
        """The archive as messages name it."""
        return f"{self.name} ({self.peer_aet} at {self.host}:{self.port})"


@dataclass(slots=True, eq=False)
class _Line:
    association: Any
    contexts: Contexts
    uses: int = 0
    timer: threading.Timer | None = None


@dataclass(slots=True)
class Lines:
    """The associations with one archive. Safe to use from several threads: each line serves one at a time.

    Args:
        handlers: of pynetdicom's events, bound to each association.
    """

    peer: Peer
    handlers: Sequence[Any] = ()
    _idle: list[_Line] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def over(self, contexts: Contexts, work: Callable[[Any], T]) -> T:
        """Return what ``work`` returns, given an association that accepts some of ``contexts``.

        ``work`` may be called twice: when an association that was kept turns out to be gone. One that it ends itself
        is not kept.

        Raises:
            Unavailable: no connection, rejected, aborted; or as ``work`` raises.
            NotOffered: the archive accepts none of ``contexts``.
        """
        kept = self._take(contexts)
        if kept is not None:
            began = time.monotonic()
            try:
                return self._use(kept, work)
            except Unavailable as error:
                silent = time.monotonic() - began >= self.peer.answer_s  # it was there, and would be silent again
                if silent or error.code not in _LOST:
                    raise
        return self._use(_Line(self._opened(contexts), contexts), work)

    def close(self) -> None:
        """Release what is idle; nothing is kept any more."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            _hang_up(line)

    def _use(self, line: _Line, work: Callable[[Any], T]) -> T:
        keeps = False
        try:
            done = work(line.association)
        except Declined:
            keeps = True  # it was refused in so many words: the association is as good as before
            raise
        else:
            keeps = True
            return done
        finally:
            line.uses += 1
            if keeps and line.association.is_established:
                self._put_back(line)
            else:
                _hang_up(line)

    # ------------------------------------------------------------------------------------------------------- keeping

    def _take(self, contexts: Contexts) -> _Line | None:
        while True:
            with self._lock:
                line = next((line for line in reversed(self._idle) if line.contexts == contexts), None)
                if line is None:
                    return None
                self._idle.remove(line)
            if line.timer is not None:
                line.timer.cancel()
            if line.association.is_established:
                return line

    def _put_back(self, line: _Line) -> None:
        timer = threading.Timer(self.peer.idle_s, self._expire, [line])
        timer.daemon = True
        with self._lock:
            keeps = self.peer.idle_s > 0 and line.uses < USES_MAX and not self._closed
            if keeps:
                line.timer = timer
                self._idle.append(line)
                timer.start()
        if not keeps:
            _hang_up(line)

    def _expire(self, line: _Line) -> None:
        with self._lock:
            if line not in self._idle:
                return
            self._idle.remove(line)
        _hang_up(line)

    # ------------------------------------------------------------------------------------------------------- opening

    def _opened(self, contexts: Contexts) -> Any:
        peer, ae = self.peer, Requestor(self.peer.aet)
        ae.connection_timeout, ae.acse_timeout = peer.connect_s, peer.associate_s
        ae.dimse_timeout = peer.answer_s
        ae.network_timeout = max(peer.answer_s, 2 * peer.idle_s)
        opened = threading.Event()
        association = ae.associate(
            peer.host,
            peer.port,
            contexts=[build_context(abstract, syntax) for abstract, syntax in contexts],
            ae_title=peer.peer_aet,
            evt_handlers=[(evt.EVT_CONN_OPEN, lambda _: opened.set()), *self.handlers],
            tls_args=peer.tls.arguments(peer.host) if peer.tls else None,
        )
        if not association.is_established:
            raise self._unestablished(association) if opened.is_set() else self._unreached()
        return association

    def _unestablished(self, association: Any) -> Exception | type[Exception]:
        if association.is_rejected:
            words = f"{self.peer.where} rejected the association; does it know {self.peer.aet}?"
            return Unavailable("association-rejected", words)
        if association.rejected_contexts and not association.accepted_contexts:
            return NotOffered
        return Unavailable("association-aborted", f"{self.peer.where} ended the association while it was being opened")

    def _unreached(self) -> Exception:
        or_tls = ", or no TLS could be agreed on with it" if self.peer.tls else ""
        return Unavailable("no-connection", f"{self.peer.where} cannot be reached{or_tls}")


_LOST: Final = frozenset({"association-lost", "no-answer"})
"""What an association that is gone looks like to who sends over it."""


def _hang_up(line: _Line) -> None:
    if line.timer is not None:
        line.timer.cancel()
    if line.association.is_established:
        line.association.release()


def while_associated(request: Callable[..., T], *arguments: Any) -> T:
    """Return what ``request`` answers. pynetdicom raises RuntimeError when the peer has gone in the meantime.

    Raises:
        Unavailable: it has gone.
    """
    try:
        return request(*arguments)
    except RuntimeError as error:
        raise Unavailable("association-lost", "the archive ended the association") from error
