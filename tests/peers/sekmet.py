"""sekmet-fhir: a record system of another hand, with its own store, search and transactions."""

import shutil
import signal
from pathlib import Path

import httpx2

from tests.peers.base import Daemon, PeerMissing, folder, free_port, wait_until

PROGRAM = Path(__file__).parents[2] / ".peers" / "sekmet" / "bin" / "sekmet"

SETTINGS = """\
base_url: {url}
host: 127.0.0.1
port: {port}
data_dir: {home}/data
log_inbound: false
simulator: {{enabled: false}}
validation: {{inbound: strict}}
"""


class Sekmet:
    """One server on loopback, empty, without authentication.

    Args:
        more: lines of its settings beside ours.
    """

    def __init__(self, more: str = "") -> None:
        if not PROGRAM.exists():
            raise PeerMissing("sekmet-fhir is not installed; run `make peers`")
        self.home = folder("sekmet")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/fhir"
        self._settings = self.home / "settings.yaml"
        self._settings.write_text(SETTINGS.format(url=self.url, port=self.port, home=self.home) + more)
        self.daemon = self._start()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.daemon.stop(sign=signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same data."""
        self.daemon = self._start()

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self.daemon.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _start(self) -> Daemon:
        daemon = Daemon("sekmet", [str(PROGRAM), "serve", "-c", str(self._settings)], self.home, cwd=self.home)
        try:
            wait_until(self._answers, "sekmet", daemon.process)
        except PeerMissing as error:
            daemon.stop(sign=signal.SIGKILL)
            raise PeerMissing(f"{error}\n{daemon.tail()}") from error
        return daemon

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/metadata", timeout=5, trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False
