"""A model that runs elsewhere, as the child sees it: it asks its host, through the pipes that it has anyway.

So the child's doors stay shut: no socket is opened behind them, whatever the package holds.
"""

import time
from collections.abc import Callable, Sequence

from guarantee.errors import ModelFailed, Unavailable
from inference.errors import WireBroken
from inference.graph import Tensor
from inference.tensors import Array, buffers_of, read_arrays, require_declared, write_heads
from inference.wire import Message


class RemoteSession:
    """Takes the place of a Session."""

    def __init__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], ask: Callable[[Message], Message]) -> None:
        """Ask by ``ask``, which gives the host a question and returns its answer."""
        self._ask = ask
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.laps: list[tuple[float, float]] = []
        """As of a Session; the way to the server and back is part of the run."""

    def run(self, **inputs: Array) -> tuple[Array, ...]:
        """Return the outputs, in order.

        Raises:
            ModelFailed, Unavailable: as the host said, or not the type and shape that the model declares.
        """
        began = time.monotonic()
        said = self._ask(Message(header={"answer": "run", "tensors": write_heads(inputs)}, buffers=buffers_of(inputs)))
        self.laps.append((began, time.monotonic()))
        match said.header:
            case {"tensors": list() as plain}:
                found = read_arrays(plain, said.buffers)
            case {"answer": "Unavailable", "code": str(code), "detail": str(detail)}:
                raise Unavailable(code, detail)
            case {"code": str(code), "detail": str(detail)}:
                raise ModelFailed(code, detail)
            case _:
                raise WireBroken("the host did not say what became of the run")
        for tensor, array in zip(self.outputs, list(found.values()), strict=True):
            require_declared(tensor, array)
        return tuple(found.values())
