"""OHIF as npm publishes it: kept between runs, checked by its digest each time."""

from pathlib import Path
from typing import Final

from bridge.wiring import ohif
from guarantee.errors import Refused, Unavailable
from tests.peers.base import PeerMissing

KEPT: Final = Path(__file__).parents[2] / ".peers" / "cache" / f"ohif-app-{ohif.VERSION}.tgz"


def package() -> bytes:
    """Return the package, from the cache or the registry.

    Raises:
        PeerMissing: neither has it.
    """
    if KEPT.is_file():
        return KEPT.read_bytes()
    try:
        data = ohif.fetch()
    except (Refused, Unavailable) as error:
        raise PeerMissing(str(error)) from error
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    beside = KEPT.with_suffix(".part")
    beside.write_bytes(data)
    beside.replace(KEPT)
    return data


class Ohif:
    """OHIF, unpacked."""

    def __init__(self, folder: Path) -> None:
        ohif.install(package(), folder)
        self.folder = folder / ohif.FOLDER

    def stop(self) -> None:
        """Nothing runs."""
