"""The host's part of a model that runs on a server: load it there before its child starts, carry each run across."""

import threading
from importlib import import_module
from typing import TYPE_CHECKING

from guarantee.errors import ModelFailed, Unavailable
from inference.card import Package
from inference.errors import WireBroken
from inference.options import Triton
from inference.process import Relay
from inference.tensors import Array, buffers_of, read_arrays, write_heads
from inference.wire import REQUEST_BYTES_MAX, Message, pack

if TYPE_CHECKING:
    from inference.triton import Server


class Remote:
    """A server, connected to when the first model is started."""

    def __init__(self, options: Triton) -> None:
        self._options = options
        self._guard = threading.Lock()
        self._server: Server | None = None

    def relay(self, package: Package, deadline_s: float) -> Relay:
        """Load ``package`` on the server and return what carries a run of it there.

        Raises:
            ModelFailed, Unavailable: as Server.load; "provider-missing" without gRPC.
        """
        server = self._connected()
        server.load(package, deadline_s)

        def carry(asked: Message, left_s: float) -> list[memoryview]:
            try:
                inputs = _read(asked)
                found = server.run(package, inputs, left_s)
            except (ModelFailed, Unavailable) as error:
                return pack({"answer": type(error).__name__, "code": error.code, "detail": error.detail})
            arrays = {tensor.name: array for tensor, array in zip(package.outputs, found, strict=True)}
            return pack({"tensors": write_heads(arrays)}, buffers_of(arrays), bytes_max=REQUEST_BYTES_MAX)

        return carry

    def close(self) -> None:
        """End the connection."""
        with self._guard:
            if self._server is not None:
                self._server.close()

    def _connected(self) -> "Server":
        """Return the connection. gRPC is imported here: a worker without a server does without it."""
        with self._guard:
            if self._server is None:
                self._server = import_module("inference.triton").Server(self._options)
            return self._server


def _read(asked: Message) -> dict[str, Array]:
    match asked.header:
        case {"tensors": list() as plain}:
            return read_arrays(plain, asked.buffers)
    raise WireBroken("a run is asked for with tensors")
