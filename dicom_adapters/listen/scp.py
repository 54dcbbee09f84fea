"""The listener: C-ECHO and C-STORE (PS3.4, A and B), and what services.py adds.

An instance is answered with success only when its bytes and what its row says are durable and the row is committed.
All else is a failure, and recorded: a sender that hears success deletes its copy. What is answered: refusals.py. Who
may call: admission.py, tls.py. How much: rates.py, reception.py. How an instance becomes safe: keeping.py.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association

from dicom_adapters.associate.command import StoreRequest
from dicom_adapters.associate.reception import Budget, Overflow, Reception, Violation
from dicom_adapters.associate.refusals import NOT_ADMITTED, SUCCESS, Answer, answer_to, where
from dicom_adapters.associate.stream import TRANSFERRING
from dicom_adapters.associate.tls import Greeter, Listening, Refusal, certificate_of, server_context
from dicom_adapters.associate.upper_layer import Contexts, Handler, Server, SharedServer, storage_contexts
from dicom_adapters.listen.admission import Admission, Rejection, Sender, broken_request
from dicom_adapters.listen.conversation import Conversation
from dicom_adapters.listen.keeping import Announced, Keeper, Storing, rates_of
from dicom_adapters.listen.services import Caller, Reply, Serve, Service, answered
from dicom_adapters.read.values import parse_uid
from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from guarantee.errors import PortError, Unavailable
from guarantee.ports import Vault
from guarantee.unit import Arrival

SPARE_CONNECTIONS: Final = 20
"""Connections beyond Options.associations_max that are still heard, so that their peers get a proper rejection."""

ABORT_S: Final = 2.0
"""How long an aborted association may take to end when the listener stops, beyond Options.acse_timeout_s."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to listen.

    Args:
        aet: our AE title.
        port: 0 for any free one.
        senders: by calling AE title.
        accept_unknown: whether a calling AE title outside ``senders`` is let in, under the name "unknown:<AE title>".
        quarantine_unknown: whether it is let in under that name, and what it brings is held until a person admits it.
        require_called_aet: whether a peer must call us by our title.
        tls: how TLS is spoken; None when it is not.
        acse_timeout_s: for the request of a new connection, and for its end.
        network_timeout_s: silence after which an association is aborted.
        pdu_bytes_max: longest PDU we announce; larger ones cost less for each byte.
        instance_bytes_max: 1 GiB, an enhanced CT of 2,000 images. On pynetdicom's own path it is held in memory.
        receiving_bytes_max: of all associations together, received and not yet answered for.
        fast: whether instances are read straight from the connection (stream.py), or by pynetdicom.
        notes: whether the arrival of an instance is noted beside its bytes, so that its row need not be flushed.
        shared: file in which processes that listen on the same port count rates together; None for a port of our own.
        grace_s: how long open associations may finish when the listener stops.
    """

    aet: str
    host: str
    port: int
    site: str
    senders: Mapping[str, Sender]
    accept_unknown: bool = False
    quarantine_unknown: bool = False
    require_called_aet: bool = True
    tls: Listening | None = None
    associations_max: int = 100
    acse_timeout_s: float = 5.0
    dimse_timeout_s: float = 30.0
    network_timeout_s: float = 60.0
    pdu_bytes_max: int = 128 * 1024
    instance_bytes_max: int = 1024**3
    receiving_bytes_max: int = 2 * 1024**3
    allow_deflated: bool = False
    fast: bool = True
    notes: bool = True
    shared: Path | None = None
    grace_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the listener tells the inside. All are called from threads of the listener, several at a time.

    Args:
        receive: returns only when the arrival is committed; raises Unavailable when it is not.
        hang_up: an admitted association (its conversation) has ended once, and whether otherwise than by a release.
        turn_away: (sender, code, detail) of what was refused; no patient data.
    """

    receive: Callable[[Arrival], object]
    hang_up: Callable[[str, bool], object]
    turn_away: Callable[[str, str, str], object]


class Listener:
    """Listens for associations and hands each instance to the doors.

    Args:
        vault: must be durable when what came in is kept.
        services: what is served beside C-ECHO and C-STORE.
    """

    def __init__(self, options: Options, vault: Vault, doors: Doors, services: Sequence[Service] = ()) -> None:
        self._options = options
        self._services = services
        rates = rates_of(options.senders.values(), options.shared)
        self._keeper = Keeper(vault, doors.receive, rates, options)
        self._doors = doors
        self._budget = Budget(options.receiving_bytes_max)
        self._admission = Admission(
            aet=options.aet,
            senders=options.senders,
            accept_unknown=options.accept_unknown,
            quarantine_unknown=options.quarantine_unknown,
            require_called_aet=options.require_called_aet,
            associations_max=options.associations_max,
        )
        self._open: dict[Association, Conversation] = {}
        self._admitting = threading.Lock()
        self._changed = threading.Condition()
        self._servers: list[Server] = []

    def start(self) -> None:
        """Bind, and listen in threads of its own.

        Raises:
            Unavailable: the address cannot be bound.
        """
        # pynetdicom quotes AE titles, UIDs and whole exceptions of ours; we log what may be known.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        tls, plain = self._options.tls, Greeter(None, only=False)
        if tls is None:
            self._listen(self._options.port, plain)
        else:
            context = server_context(tls.identity, client_certificates=tls.client_certificates)
            if tls.port is not None:
                self._listen(self._options.port, plain)
                self._listen(tls.port, Greeter(context, only=True, handshake_s=tls.handshake_s))
            else:
                self._listen(self._options.port, Greeter(context, only=tls.only, handshake_s=tls.handshake_s))
        _log.info("listener.started", extra={"aet": self._options.aet, "ports": self._ports()})

    def _listen(self, port: int, greeter: Greeter) -> None:
        options = self._options
        try:
            server = _entity(options).make_server(
                (options.host, port),
                contexts=Contexts(
                    [
                        *storage_contexts(allow_deflated=options.allow_deflated),
                        *(context for service in self._services for context in service.contexts),
                    ]
                ),
                evt_handlers=[
                    (evt.EVT_REQUESTED, self._admit),
                    (evt.EVT_PDU_RECV, self._inspect),
                    (evt.EVT_C_STORE, self._store),
                    *((event, self._serve, [s]) for each in self._services for event, s in each.handlers.items()),
                ],
                server_class=SharedServer if options.shared else Server,
                request_handler=partial(Handler, partial(self._converse, greeter)),
            )
        except OSError as error:
            self.stop()
            raise Unavailable("listener", f"cannot listen on {options.host}:{port}: {error.strerror}") from error
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.1,), name="dicom-listener", daemon=True).start()

    def _ports(self) -> list[int]:
        return [int(server.server_address[1]) for server in self._servers]

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if not self._servers:
            raise Unavailable("listener", "the listener has not been started")
        return self._ports()[0]

    @property
    def tls_port(self) -> int:
        """The port that TLS is spoken on; that of ``port`` when there is no other."""
        return self.port and self._ports()[-1]

    def stop(self) -> None:
        """Stop accepting, let open associations finish for ``grace_s``, then abort them; return when all ended."""
        if not self._servers:
            return
        for server in self._servers:
            server.stop_accepting()
        if not self._wait_until_idle(self._options.grace_s):
            for association in self._admitted():
                association.abort(block=False)  # the blocking form closes the connection before the word is out
            if not self._wait_until_idle(self._options.acse_timeout_s + ABORT_S):
                _log.error("listener.stuck", extra={"associations": len(self._admitted())})
        for service in self._services:
            service.stop()
        self._servers.clear()
        _log.info("listener.stopped")

    def _wait_until_idle(self, timeout_s: float) -> bool:
        """Return whether all associations ended in time. A connection that asked for none ends by acse_timeout_s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._admitted(), timeout_s)

    def _admitted(self, sender: str = "") -> list[Association]:
        """Return the admitted associations, of one sender or of all."""
        return [a for a, talk in list(self._open.items()) if talk.sender and talk.sender == (sender or talk.sender)]

    # -------------------------------------------------------------------------------------------- one connection

    def _converse(self, greeter: Greeter, handler: Handler) -> None:
        """Serve one connection until it has ended, on the thread that accepted it."""
        if len(self._open) >= self._options.associations_max + SPARE_CONNECTIONS:
            handler.hang_up()
            self._turn_away("unknown", "too-many-connections", f"connection from {handler.address} closed")
            return
        try:
            handler.greet(greeter, self._options.network_timeout_s)
        except Refusal as error:
            handler.hang_up()
            if error.code:
                self._turn_away("unknown", error.code, f"connection from {handler.address} closed: {error.detail}")
            return
        association = handler.make_association(self if self._options.fast else None)
        reception = Reception(self._budget, self._options.instance_bytes_max)
        conversation = Conversation(
            id=str(uuid.uuid4()),
            address=handler.address,
            reception=reception,
            is_encrypted=handler.is_encrypted,
            certificate=certificate_of(handler.request),
        )
        self._open[association] = conversation
        try:
            association.start()
            association.join()
        finally:
            handler.hang_up()  # pynetdicom leaves some sockets to the garbage collector
            reception.release()
            self._end(association, conversation)

    def _end(self, association: Association, conversation: Conversation) -> None:
        try:
            if conversation.sender:
                self._doors.hang_up(conversation.id, not association.is_released)
        except PortError as error:
            # Nobody waits for it: a conversation that falls silent is taken for ended by the sweeper.
            _log.warning("conversation.end-not-recorded", extra={"conversation": conversation.id, "code": error.code})
        finally:
            with self._changed:
                del self._open[association]
                self._changed.notify_all()

    def _admit(self, event: Any) -> None:
        """Let the association in, or reject it. pynetdicom goes on when a handler raises: so nothing may be raised."""
        conversation = self._open[event.assoc]
        request = event.assoc.requestor.primitive
        calling, called = str(request.calling_ae_title).strip(), str(request.called_ae_title).strip()
        caller = self._admission.caller(calling)
        call = conversation.call(calling, called)
        with self._admitting:  # counted and admitted in one step: two calls at one instant do not share a place
            try:
                rejection = broken_request(request, call) or self._admission.rejection(
                    call, admitted=len(self._admitted()), of_sender=len(self._admitted(caller.name))
                )
            except Exception as error:  # noqa: BLE001 - the boundary to pynetdicom: whatever it is, the door stays shut
                rejection = Rejection(code="unexpected", detail=where(error), answer=(1, 1, 1))
            if rejection is None:
                conversation.admit(caller)
                return
        event.assoc.acse.send_reject(*rejection.answer)
        self._turn_away(caller.name, rejection.code, rejection.detail)
        event.assoc.kill()  # waits until the rejection has gone out

    # ---------------------------------------------------------------------------------------------- one instance

    def _inspect(self, event: Any) -> None:
        """Look at a PDU before it is decoded; abort the association when it is beyond every limit."""
        values = getattr(event.pdu, "presentation_data_value_items", None)
        if values is None:
            return
        conversation = self._open[event.assoc]
        if conversation.is_aborted or event.assoc.dul.state_machine.current_state != TRANSFERRING:
            values.clear()
            return
        try:
            conversation.reception.inspect([v.presentation_data_value for v in values], event.assoc.dimse.message)
        except Violation as error:
            values.clear()  # nothing is left for pynetdicom to decode
            self.cut_off(event.assoc, error)

    def _store(self, event: Any) -> Dataset:
        """Answer a C-STORE request, once the instance is safe or refused."""
        conversation = self._open.get(event.assoc)
        if conversation is None or not conversation.sender:
            return _status(NOT_ADMITTED)
        try:
            self._keep(event, conversation)
        except Exception as error:  # noqa: BLE001 - the boundary to pynetdicom: never success, never a crash
            return _status(self._answer(conversation, error))
        finally:
            conversation.reception.release()
        return _status(SUCCESS)

    def _serve(self, event: Any, serve: Serve) -> Reply:
        """Answer a request of another service."""
        conversation = self._open.get(event.assoc)
        if conversation is None or not conversation.sender:
            return NOT_ADMITTED.status, None
        caller = Caller(name=conversation.sender, aet=str(event.assoc.requestor.ae_title).strip())
        try:
            return answered(serve, event, caller, self._turn_away)
        finally:
            conversation.reception.release()

    def _keep(self, event: Any, conversation: Conversation) -> None:
        request = event.request
        if isinstance(request.DataSet, Overflow):
            raise request.DataSet.refusal
        announced = Announced(
            sop_class_uid=parse_uid(str(request.AffectedSOPClassUID), "Affected SOP Class UID"),
            sop_instance_uid=parse_uid(str(request.AffectedSOPInstanceUID), "Affected SOP Instance UID"),
            context_class_uid=str(event.context.abstract_syntax),
            transfer_syntax_uid=str(event.context.transfer_syntax),
        )
        incoming = self._keeper.begin(announced)
        try:
            with request.DataSet.getbuffer() as received:
                incoming.write(received)
            request.DataSet.truncate(0)  # a large instance would stay in memory a second time
            self._keeper.keep(incoming, announced, conversation)
        finally:
            incoming.discard()

    def begin(self, association: Association, context: Any, request: StoreRequest) -> Storing | None:
        """Begin to take an instance that comes by the fast path; None to leave it to pynetdicom (stream.Service)."""
        conversation = self._open[association]
        if not conversation.sender:
            return None
        announced = Announced(
            sop_class_uid=request.sop_class_uid,
            sop_instance_uid=request.sop_instance_uid,
            context_class_uid=str(context.abstract_syntax),
            transfer_syntax_uid=str(context.transfer_syntax[0]),
        )
        return Storing(self._keeper, announced, conversation, partial(self._answer, conversation))

    def cut_off(self, association: Association, violation: Violation) -> None:
        """Abort an association whose peer breaks a limit (stream.Service)."""
        conversation = self._open[association]
        conversation.is_aborted = True
        association.abort(block=False)
        self._turn_away(conversation.sender, violation.code, f"association aborted: {violation.detail}")

    def _answer(self, conversation: Conversation, error: Exception | None) -> Answer:
        """Return what to answer; record a refusal."""
        answer = answer_to(error)
        if answer.code:
            self._turn_away(conversation.sender, answer.code, answer.detail)
        return answer

    def _turn_away(self, sender: str, code: str, detail: str) -> None:
        _log.warning("turned-away", extra={"sender": sender, "code": code})
        try:
            self._doors.turn_away(sender, code, detail)
        except Exception as error:  # noqa: BLE001 - the refusal stands whether or not it could be written down
            _log.error("turned-away.not-recorded", extra={"sender": sender, "code": code, "error": where(error)})


def _entity(options: Options) -> AE:
    entity = AE(ae_title=options.aet)
    entity.acse_timeout = options.acse_timeout_s
    entity.dimse_timeout = options.dimse_timeout_s
    entity.network_timeout = options.network_timeout_s
    entity.maximum_pdu_size = options.pdu_bytes_max
    entity.maximum_associations = options.associations_max + SPARE_CONNECTIONS  # we count for ourselves, and record
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return entity


def _status(answer: Answer) -> Dataset:
    """Return ``answer`` as pynetdicom wants it."""
    status = Dataset()
    status.Status = answer.status
    if answer.comment:
        status.ErrorComment = answer.comment
    return status
