"""C-ECHO: does a peer answer, does it know us? And what does it take? For ``aval check`` and ``aval destinations``."""

from pydicom.uid import UID
from pynetdicom.sop_class import Verification

from dicom_adapters.associate.tls import Calling
from dicom_adapters.associate.upper_layer import Requestor
from dicom_adapters.deliver.lines import Lines, NotOffered, Peer
from dicom_adapters.destination import OURS, SYNTAXES
from guarantee.errors import Unavailable


def echo(*, aet: str, peer_aet: str, host: str, port: int, timeout_s: float, tls: Calling | None = None) -> None:
    """Return when the peer answers a C-ECHO with success (PS3.4 A.4).

    Raises:
        Unavailable: no connection, TLS could not be agreed on, the association was refused, or another answer.
    """
    entity = Requestor(aet)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout_s
    entity.add_requested_context(Verification)
    tls_args = tls.arguments(host) if tls else None
    association = entity.associate(host, port, ae_title=peer_aet, tls_args=tls_args)
    if not association.is_established:
        why = "refused the association: does it know our title?" if association.is_rejected else "did not answer"
        raise Unavailable("echo-failed", f"{peer_aet} at {host}:{port} {why}")
    try:
        status = association.send_c_echo().get("Status")
    finally:
        association.release()
    if status != 0x0000:
        raise Unavailable("echo-failed", f"{peer_aet} at {host}:{port} answered C-ECHO with {status!r}")


def takes(*, aet: str, peer_aet: str, host: str, port: int, timeout_s: float, tls: Calling | None = None) -> str:
    """Return in which transfer syntaxes a peer takes each class of ours, in words; nothing is sent.

    Raises:
        Unavailable: no connection, or the association was refused.
    """
    waits = dict.fromkeys(("connect_s", "associate_s", "answer_s"), timeout_s)
    peer = Peer(name=peer_aet, aet=aet, peer_aet=peer_aet, host=host, port=port, tls=tls, idle_s=0.0, **waits)
    contexts = tuple((sop_class, syntax) for sop_class in OURS for syntax in SYNTAXES.values())
    try:
        found = Lines(peer).over(contexts, lambda association: list(association.accepted_contexts))
    except NotOffered:
        found = []
    accepted = {(context.abstract_syntax, context.transfer_syntax[0]) for context in found}
    return "; ".join(
        f"{UID(sop_class).name}: "
        + (", ".join(name for name, syntax in SYNTAXES.items() if (sop_class, syntax) in accepted) or "not taken")
        for sop_class in OURS
    )
