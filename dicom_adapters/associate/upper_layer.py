"""What we change of pynetdicom, all of it through the classes it lets a server be made of.

`Handler.make_association` decides which path an association's instances take: pynetdicom's, or stream.py.
"""

import logging
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from socketserver import BaseServer
from typing import Any, Final

from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, build_context, evt
from pynetdicom.association import Association
from pynetdicom.fsm import InvalidEventError
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from dicom_adapters.associate.reception import limit_pdus
from dicom_adapters.associate.stream import Service, Stream
from dicom_adapters.associate.tls import Greeter
from dicom_adapters.read.headers import DEFLATED
from dicom_adapters.read.values import CONVERSION_ERRORS

_EXPLICIT_FIRST: Final = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")

_log = logging.getLogger(__name__)


class Contexts(list[PresentationContext]):
    """Presentation contexts that every association shares.

    pynetdicom copies them deeply for each association: 170 classes of 40 syntaxes take 80 ms. Nothing changes them.
    """

    def __deepcopy__(self, memo: object) -> "Contexts":
        return self


@cache
def storage_contexts(*, allow_deflated: bool) -> Contexts:
    """Return verification, and every storage class in every transfer syntax, explicit VR little endian preferred.

    pynetdicom's own order prefers implicit VR, which makes senders drop the value representations of private elements.
    """
    refused = DEFLATED - {DeflatedExplicitVRLittleEndian} if allow_deflated else DEFLATED
    others = [str(syntax) for syntax in ALL_TRANSFER_SYNTAXES if syntax not in refused | {*_EXPLICIT_FIRST}]
    syntaxes = [*_EXPLICIT_FIRST, *others]
    contexts = [build_context(str(each.abstract_syntax), syntaxes) for each in AllStoragePresentationContexts]
    return Contexts([*contexts, build_context(Verification, list(_EXPLICIT_FIRST))])


class Requestor(AE):  # type: ignore[misc]
    """An application entity that asks for associations: it keeps each answer, and reads no PDU longer than
    reception.PDU_BYTES_MAX, nor one that takes longer than PDU_S.
    """

    def associate(self, addr: str, port: int, *, evt_handlers: Sequence[Any] = (), **how: Any) -> Association:
        """Ask for an association, and return it whatever became of that."""
        handlers = [*evt_handlers, (evt.EVT_CONN_OPEN, lambda event: limit_pdus(event.assoc))]
        return keep_answers(super().associate(addr, port, evt_handlers=handlers, **how))

    def _create_socket(self, assoc: Association, address: Any, tls_args: Any) -> AssociationSocket:
        """Return a socket that is closed, connected or not."""
        made = _Socket(assoc, address=address)
        made.tls_args = tls_args
        return made


class _Socket(AssociationSocket):  # type: ignore[misc]
    def _shutdown_socket(self) -> None:
        """Close it too: pynetdicom leaves that to the garbage collector where there is nothing to shut down."""
        super()._shutdown_socket()
        if self.socket is not None:
            self.socket.close()


def keep_answers(association: Association) -> Association:
    """Make ``association``, which we asked for, keep each answer for whoever waits for it; return it.

    pynetdicom's reactor thread looks for requests of the peer in the queue that answers arrive in. It is meant to pause
    while we wait for one, but a thread that was held up between "may I go on?" and "I am not paused" goes on, takes the
    answer and drops it; the requester then waits until its time is up. A busy machine shows it every few thousand
    requests.
    """
    provider = association.dimse
    take = provider.get_msg

    def get_msg(block: bool = False) -> Any:  # noqa: FBT001, FBT002 - pynetdicom's own signature
        return (None, None) if not block and _is_answer_next(provider.msg_queue) else take(block=block)

    provider.get_msg = get_msg
    return association


@contextmanager
def answers_kept(association: Association) -> Iterator[None]:
    """Keep answers for whoever waits for one now; for an association that the peer asked for and goes on to use."""
    take = association.dimse.get_msg
    keep_answers(association)
    try:
        yield
    finally:
        association.dimse.get_msg = take


def _is_answer_next(messages: Any) -> bool:
    """Return whether the next message is an answer, or the word that there will be none (None, on an abort)."""
    try:
        _, message = messages.queue[0]
    except IndexError:
        return False
    return message is None or message.is_valid_response


def survive_disorder(association: Association) -> None:
    """Make ``association`` end when its state machine fails: at a message that cannot be decoded, or when our own word
    comes into a state that has none for it, e.g. an acceptance after the peer has already broken the protocol (Evt7 in
    Sta13; PS3.8, Table 9-10).

    pynetdicom's thread would die of it, with a traceback, and the connection stay open until the silence is too long.
    """
    machine, acse = association.dul.state_machine, association.acse
    act, negotiate = machine.do_action, acse.negotiate_association

    def end(error: Exception, **found: str) -> None:
        _log.warning("association.disordered", extra=found | {"error": type(error).__name__})
        association.is_aborted = True
        association.is_established = False
        association._kill = True  # noqa: SLF001 - as pynetdicom's reactor does; kill() waits for that very reactor
        association.dul.kill_dul()

    def do_action(event: str) -> None:
        try:
            act(event)
        except (InvalidEventError, *CONVERSION_ERRORS) as error:
            end(error, event=event, state=machine.current_state)

    def negotiate_association() -> None:
        try:
            negotiate()
        except CONVERSION_ERRORS as error:
            end(error, state=machine.current_state)

    acse.negotiate_association = negotiate_association
    machine.do_action = do_action


class Server(ThreadedAssociationServer):  # type: ignore[misc]
    """Accepts connections, each on a thread of its own."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def service_actions(self) -> None:
        """Do nothing; pynetdicom collects all garbage here, under load, every 60 rounds."""

    def handle_error(self, *_: object) -> None:
        """Log which error a connection ended with; the stock method prints it whole."""
        kind = sys.exc_info()[0]
        _log.error("connection.failed", extra={"error": kind.__name__ if kind else ""})

    def stop_accepting(self) -> None:
        """Close the listening socket; open associations go on."""
        BaseServer.shutdown(self)
        self.server_close()


class SharedServer(Server):
    """One of several processes that accept connections on one port (SO_REUSEPORT)."""

    def server_bind(self) -> None:
        """Bind beside the others."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


class Handler(RequestHandler):  # type: ignore[misc]
    """One connection.

    Args:
        converse: serves it, and returns when it has ended.
    """

    request: Any

    def __init__(self, converse: Callable[["Handler"], None], *arguments: Any) -> None:
        self._converse = converse
        super().__init__(*arguments)

    def handle(self) -> None:
        """Serve the connection."""
        # Answers are small: without this each may wait 40 ms for the peer's delayed acknowledgement.
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._converse(self)

    @property
    def address(self) -> str:
        """The peer's address."""
        return str(self.client_address[0])

    def greet(self, greeter: Greeter, silence_s: float) -> None:
        """Find out what the peer speaks; from then on it may be silent for ``silence_s``, in the middle of a PDU too.

        Raises:
            Refusal: nothing that we speak.
        """
        self.request = greeter.greet(self.request)
        self.request.settimeout(silence_s)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return isinstance(self.request, ssl.SSLSocket)

    def make_association(self, service: Service | None) -> Association:
        """Return the association of this connection, not yet started.

        Args:
            service: takes instances by the fast path; None for pynetdicom's own path.
        """
        association = self._create_association()
        if service is None:
            limit_pdus(association)
        else:
            Stream(association, self.request, service)
        survive_disorder(association)
        return association

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.server.shutdown_request(self.request)
