"""The DICOM listener's doors and services, from settings and flows."""

from functools import partial

from bridge.config import Settings
from bridge.flows import intake, notices
from bridge.flows.commitments import Commitments
from bridge.wiring.parts import Parts
from dicom_adapters.listen.commitment_scp import CommitmentService, Place
from dicom_adapters.listen.commitment_scp import Options as CommitmentOptions
from dicom_adapters.listen.notices import NoticeDoors, Notices, Relay


def services(parts: Parts) -> tuple[Notices, CommitmentService]:
    """Return what the listener serves beside C-ECHO and C-STORE."""
    store, clock = parts.store("intake"), parts.clock
    notice_doors = NoticeDoors(
        announce=partial(notices.announce, store=store, clock=clock, actor="scp"),
        announced_by=partial(notices.announced_by, store=store),
    )
    commitment = CommitmentService(
        commitment_options(parts.settings),
        parts.vault,
        held=partial(notices.held, store=store),
        book=Commitments(
            store=store,
            clock=clock,
            actor="scp",
            turn_away=partial(intake.turn_away, "scp", store=store, clock=clock),
        ),
    )
    return (Notices(parts.vault, notice_doors, relay(parts.settings)), commitment)


def relay(settings: Settings) -> Relay | None:
    """Return where MPPS messages are passed on to."""
    mine = settings.scp.mpps_relay
    return Relay(our_aet=settings.scp.aet, aet=mine.aet, host=mine.host, port=mine.port) if mine else None


def commitment_options(settings: Settings) -> CommitmentOptions:
    """Return where senders listen for answers."""
    places = {
        sender.aet: Place(host=sender.host, port=sender.port)
        for sender in settings.scp.senders.values()
        if sender.host and sender.port
    }
    return CommitmentOptions(our_aet=settings.scp.aet, places=places)
