"""STOW-RS as an origin server: instances that are posted, one request at a time (PS3.18, 10.5). No web framework.

What it promises a sender is what the listener promises: an instance that the answer names as stored is durable in the
vault and its row is committed. The body is read as it comes; at no time more than one instance of it is held.

    status  when
    200     every instance is kept
    202     some are; the others are named with the reason (FailureReason as at the listener: see refusals.py)
    400     the body is not what its Content-Type says, or holds no instance
    401     no configured sender has this address and token
    406     an answer in neither of the two forms that we write
    409     no instance is kept, for reasons that lie with them
    413     more than one request, or one instance, may hold
    415     not multipart/related of application/dicom; a content coding
    503     nothing is kept, for a reason that lies with us: send again, after Retry-After seconds
"""

import hmac
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from dicom_adapters.associate.refusals import RETRY_LATER, Answer, answer_to
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.listen.admission import Sender as Networks
from dicom_adapters.listen.custody import Custody, Taking
from dicom_adapters.listen.rates import Rate, Rates
from dicom_adapters.listen.stow_answer import Failure, Named, Reply, Trouble, answer, form_of
from dicom_adapters.read.multipart import Begin, BrokenBody, Data, End, Event, Parts, content_type
from dicom_adapters.read.values import parse_uid
from guarantee.errors import GuaranteeError, PortError
from guarantee.unit import Arrival

REASONS: Final[Mapping[str, int]] = {
    "study-mismatch": 0xA900,
    "deflated": 0xC122,
    "refused": 0x0110,
    "unexpected": 0x0110,
}
"""FailureReason where it is not the listener's status: no other study can be named there, and "referenced transfer
syntax not supported" and "processing failure" are words of this service (PS3.18, Table 10.5.3-1; PS3.3, C.14-1)."""

COMMIT_EVERY: Final = 64
"""Instances whose rows are committed together. One transaction for each would cost more than writing its bytes."""

FLUSHERS: Final = 8
"""Threads that make instances durable, for all requests: a disk flushes several in hardly more time than one."""

FLUSHING_MAX: Final = 16
"""Instances of one request that wait to be durable; each is an open file."""

FAILURES_MAX: Final = 1000
"""Refused instances after which the rest of a request is not read: each is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A system that may post.

    Args:
        networks: where it may call from, e.g. ("10.2.0.0/16",); () for anywhere.
        token: bearer token that it must present; "" for none.
        site: where its images are made, for routing and stops; "" for the installation's.
        rate: how much it may bring.
    """

    name: str
    networks: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    site: str = ""
    rate: Rate = field(default_factory=Rate)

    def is_recognised(self, presented: str, address: str) -> bool:
        """Return whether somebody at ``address`` who presents a token is this sender."""
        place = Networks(name=self.name, networks=self.networks)
        fits = hmac.compare_digest((presented if self.token else "").encode(), self.token.encode())
        return fits and bool(address) and place.may_call_from(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much may be posted.

    Args:
        request_bytes_max: of one body, 64 GiB; a study of 20,000 CT images is 10 GiB.
        parts_max: of one body.
        requests_max: open at once, each with up to one instance in memory.
    """

    senders: Sequence[Sender]
    request_bytes_max: int = 64 * 1024**3
    parts_max: int = 20_000
    requests_max: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the door tells the inside. All are called from several threads.

    Args:
        receive: returns only when the arrivals are committed together; raises Unavailable when they are not.
        hang_up: a request that took several transactions (its conversation) has ended.
        turn_away: (sender, code, detail) of what was refused; no patient data.
    """

    receive: Callable[[Sequence[Arrival]], object]
    hang_up: Callable[[str], object]
    turn_away: Callable[[str, str, str], object]


class Door:
    """Opens a session for each request."""

    def __init__(self, options: Options, custody: Custody, doors: Doors) -> None:
        self.options, self.custody, self.doors = options, custody, doors
        self.flushers = ThreadPoolExecutor(FLUSHERS, thread_name_prefix="stow-flush")
        self.rates = Rates()
        self._open = threading.BoundedSemaphore(options.requests_max)

    def open(self, study_uid: str, headers: Mapping[str, str], address: str) -> "Session | Reply":
        """Return a session that takes the body; or an answer, when the body need not be read.

        Args:
            study_uid: from the URL; "" when it names none.
            headers: with lower-case names.
            address: where it came from.
        """
        form, sender = form_of(headers.get("accept", "")), self._who(headers, address)
        if sender is None:
            detail = "no configured sender has this address and token"
            return self._refuse("", Trouble(401, "sender-unknown", detail), form)
        trouble = self._trouble(study_uid, headers, form)
        if trouble is None and not self._open.acquire(blocking=False):
            trouble = Trouble(503, "too-many-requests", "too many requests are open; send again later")
        if trouble is not None:
            return self._refuse(sender.name, trouble, form)
        boundary = content_type(headers["content-type"]).boundary
        return Session(self, sender=sender, study_uid=study_uid, boundary=boundary, form=form)

    def leave(self) -> None:
        """Count a session as ended."""
        self._open.release()

    def _refuse(self, sender: str, trouble: Trouble, form: str) -> Reply:
        with _best_effort():
            self.doors.turn_away(sender, trouble.code, trouble.detail)
        return answer((), (), trouble, form=form)

    def _trouble(self, study_uid: str, headers: Mapping[str, str], form: str) -> Trouble | None:
        if not form:
            return Trouble(406, "accept", "answers are application/dicom+json or application/dicom+xml")
        kind = content_type(headers.get("content-type", ""))
        if kind.media != "multipart/related" or kind.type not in {"", "application/dicom"}:
            return Trouble(415, "content-type", 'a body is multipart/related; type="application/dicom"')
        if headers.get("content-encoding", "identity").lower() != "identity":
            return Trouble(415, "content-encoding", "a body comes as it is: no content coding is taken")
        if not kind.boundary:
            return Trouble(400, "no-boundary", "the Content-Type names no boundary")
        if _length(headers) > self.options.request_bytes_max:
            return Trouble(413, "request-too-large", f"more than {self.options.request_bytes_max} bytes")
        return _wrong_uid(study_uid) if study_uid else None

    def _who(self, headers: Mapping[str, str], address: str) -> Sender | None:
        presented = headers.get("authorization", "").removeprefix("Bearer ")
        return next((one for one in self.options.senders if one.is_recognised(presented, address)), None)


class Session:
    """One request: feed it the body, then ask for the answer; close it in any case."""

    def __init__(self, door: Door, *, sender: Sender, study_uid: str, boundary: str, form: str) -> None:
        self._door: Door | None = door
        self._options, self._custody, self._doors = door.options, door.custody, door.doors
        self._flushers = door.flushers
        self._sender, self._site = sender.name, sender.site
        self._count = partial(door.rates.take, sender.name, sender.rate)
        self._study_uid, self._form = study_uid, form
        self._conversation = str(uuid.uuid4())
        self._parts = Parts(boundary)
        self._size = self._begun = 0
        self._taking: Taking | None = None
        self._flushing: deque[tuple[Taking, Future[Arrival]]] = deque()
        self._ready: list[Arrival] = []
        self._is_heard = False
        self._stored: list[Named] = []
        self._failed: list[Failure] = []
        self._trouble: Trouble | None = None

    def feed(self, data: bytes) -> bool:
        """Take a piece of the body; return whether more of it is wanted."""
        self._size += len(data)
        if self._size > self._options.request_bytes_max:
            self._stop(Trouble(413, "request-too-large", f"more than {self._options.request_bytes_max} bytes"))
        try:
            for event in self._parts.feed(data) if self._trouble is None else ():
                self._on(event)
                if self._trouble is not None:
                    break
        except BrokenBody as error:
            self._stop(Trouble(400, "body-broken", f"{error}"))
        return self._trouble is None

    def finish(self) -> Reply:
        """Return the answer, once everything that it names as stored is."""
        if self._trouble is None:
            try:
                self._parts.close()
            except BrokenBody as error:
                self._stop(Trouble(400, "body-broken", f"{error}"))
        self._settle(0)
        if not self._is_heard:  # all of it in one transaction: nothing needs to know that more is coming, and then not
            self._ready = [replace(each, conversation="") for each in self._ready]
        self._commit(self._ready)
        self._ready = []
        return answer(self._stored, self._failed, self._trouble, form=self._form)

    def cut(self, code: str, detail: str) -> Reply:
        """Return the answer to a body that came no further; what is whole stays."""
        self._stop(Trouble(408, code, detail))
        return self.finish()

    def close(self) -> None:
        """Let go of what was not kept, and note that the request has ended; harmless when done twice."""
        if self._taking is not None:
            self._taking.discard()
            self._taking = None
        self._settle(0)
        if self._door is not None:
            self._door.leave()
            self._door = None
            if self._is_heard:
                with _best_effort():
                    self._doors.hang_up(self._conversation)

    # ------------------------------------------------------------------------------------------------------- one part

    def _on(self, event: Event) -> None:
        match event:
            case Begin(headers):
                self._begin_part(headers)
            case Data(piece) if self._taking is not None:
                self._step(self._taking, partial(self._taking.write, piece))
            case End() if self._taking is not None:
                self._step(self._taking, partial(self._end_part, self._taking))
                self._settle(FLUSHING_MAX)
                if len(self._ready) >= COMMIT_EVERY:
                    self._commit_ready()

    def _begin_part(self, headers: Mapping[str, str]) -> None:
        self._begun += 1
        kind = content_type(headers.get("content-type", "application/dicom")).media
        coded = headers.get("content-encoding", "identity").lower() != "identity"
        plain = headers.get("content-transfer-encoding", "binary").lower() in {"binary", "8bit", "7bit"}
        if self._begun > self._options.parts_max:
            self._stop(Trouble(413, "too-many-parts", f"more than {self._options.parts_max} parts"))
        elif kind != "application/dicom" or coded or not plain:
            self._stop(Trouble(415, "part-type", "a part is application/dicom, without any coding"))
        else:
            self._taking = self._custody.file()

    def _end_part(self, taking: Taking) -> None:
        self._count(taking.size)
        taking.check(self._study_uid)
        keep = partial(taking.keep, sender=self._sender, conversation=self._conversation, site=self._site)
        self._flushing.append((taking, self._flushers.submit(keep)))
        self._taking = None

    def _settle(self, left: int) -> None:
        """Wait until no more than ``left`` instances are not yet durable."""
        while len(self._flushing) > left:
            taking, flushed = self._flushing.popleft()
            self._step(taking, lambda flushed=flushed: self._ready.append(flushed.result()))  # type: ignore[misc]

    def _step(self, taking: Taking, step: Callable[[], object]) -> None:
        why = _why_not(step)
        if why is not None:
            taking.discard()
            if self._taking is taking:
                self._taking = None
            meta = taking.meta
            name = Named(class_uid=meta.sop_class_uid, instance_uid=meta.sop_instance_uid) if meta else None
            self._fail(name, why)

    def _commit_ready(self) -> None:
        ready, self._ready, self._is_heard = self._ready, [], True
        self._commit(ready)

    def _commit(self, ready: Sequence[Arrival]) -> None:
        if not ready:
            return
        why = _why_not(partial(self._doors.receive, ready))
        if why is None:
            self._stored.extend(map(_named, ready))
        elif why.status == RETRY_LATER or len(ready) == 1:
            for one in ready:
                self._fail(_named(one), why)
        else:  # one that is refused must not take the others with it
            for one in ready:
                self._commit([one])

    def _fail(self, name: Named | None, why: Answer) -> None:
        self._failed.append(Failure(name=name, reason=why.status, code=why.code))
        with _best_effort():
            self._doors.turn_away(self._sender, why.code, why.detail)
        if len(self._failed) >= FAILURES_MAX:
            self._stop(
                Trouble(409, "too-many-failures", f"{FAILURES_MAX} instances were refused; the rest is not read")
            )

    def _stop(self, trouble: Trouble) -> None:
        if self._trouble is None:
            self._trouble = trouble
            with _best_effort():
                self._doors.turn_away(self._sender, trouble.code, trouble.detail)
        if self._taking is not None:
            self._taking.discard()
            self._taking = None


def _why_not(step: Callable[[], object]) -> Answer | None:
    """Run ``step``; return what its exception means for the instance, or None when it went well."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - the boundary to hostile bytes: recorded, and never success
        why = answer_to(error)
        return replace(why, status=REASONS.get(why.code, why.status))
    return None


@contextmanager
def _best_effort() -> Iterator[None]:
    """A refusal stands, and a request has ended, whether or not it could be written down."""
    try:
        yield
    except (PortError, GuaranteeError):
        return


def _named(arrival: Arrival) -> Named:
    return Named(class_uid=arrival.source.kind, instance_uid=arrival.source.uid)


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _wrong_uid(study_uid: str) -> Trouble | None:
    try:
        parse_uid(study_uid, "the study of the URL")
    except MalformedInstance as error:
        return Trouble(400, error.code, error.detail)
    return None
