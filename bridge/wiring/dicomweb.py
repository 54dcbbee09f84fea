"""The door of DICOMweb storage, from the settings."""

from functools import partial

from bridge.config import Settings
from bridge.flows import intake
from bridge.wiring.outside import rate
from bridge.wiring.parts import Parts
from dicom_adapters.listen.custody import Custody
from dicom_adapters.listen.stow import Door, Doors, Options, Sender


def custody(parts: Parts) -> Custody:
    """Return where instances go that came through another door than the listener."""
    settings = parts.settings
    return Custody(vault=parts.vault, site=settings.site.name, instance_bytes_max=settings.stow.instance_bytes_max)


def stow_door(parts: Parts) -> Door:
    """Return the door; with no sender configured it lets nobody in."""
    store = parts.store("intake")
    doors = Doors(
        receive=partial(intake.receive, store=store, clock=parts.clock, actor="stow"),
        hang_up=partial(intake.hang_up, broken_off=False, store=store, clock=parts.clock, actor="stow"),
        turn_away=partial(intake.turn_away, "stow", store=store, clock=parts.clock),
    )
    return Door(stow_options(parts.settings), custody(parts), doors)


def stow_options(settings: Settings) -> Options:
    """Return who may post, and how much."""
    senders = [
        Sender(
            name=name,
            networks=sender.addresses,
            token=sender.token.get_secret_value(),
            site=sender.site,
            rate=rate(sender),
        )
        for name, sender in settings.stow.senders.items()
    ]
    return Options(senders=senders, requests_max=settings.stow.requests_max)
