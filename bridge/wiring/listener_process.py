"""The DICOM listener, with what answers questions that a listener before it was asked."""

from bridge.runner import Loop
from dicom_adapters.listen.scp import Listener


class ListenerProcess:
    """The DICOM listener as a process.

    Args:
        catching_up: answers what was asked of a process that ended.
    """

    name = "scp"

    def __init__(self, listener: Listener, catching_up: Loop) -> None:
        self.listener = listener
        self._catching_up = catching_up

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.listener.port

    def start(self) -> None:
        """Listen."""
        self.listener.start()
        self._catching_up.start()

    def stop(self) -> None:
        """Let open associations finish."""
        self._catching_up.stop()
        self.listener.stop()
