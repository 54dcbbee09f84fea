"""The door of DICOMweb storage, from the settings."""

from functools import partial

from bridge.flows import intake
from bridge.wiring.parts import Parts
from dicom_adapters.custody import Custody
from dicom_adapters.stow import Door, Doors, Options, Sender


def custody(parts: Parts) -> Custody:
    """Return where instances go that came through another door than the listener."""
    settings = parts.settings
    return Custody(vault=parts.vault, site=settings.site.name, instance_bytes_max=settings.stow.instance_bytes_max)


def stow_door(parts: Parts) -> Door:
    """Return the door; with no sender configured it lets nobody in."""
    store, mine = parts.store("intake"), parts.settings.stow
    senders = [
        Sender(name=name, networks=sender.addresses, token=sender.token.get_secret_value(), site=sender.site)
        for name, sender in mine.senders.items()
    ]
    doors = Doors(
        receive=partial(intake.receive, store=store, clock=parts.clock, actor="stow"),
        hang_up=partial(intake.hang_up, broken_off=False, store=store, clock=parts.clock, actor="stow"),
        turn_away=partial(intake.turn_away, "stow", store=store, clock=parts.clock),
    )
    return Door(Options(senders=senders, requests_max=mine.requests_max), custody(parts), doors)
