"""A Triton Inference Server as the place where a model's network runs: loaded, asked and refused by the host.

The child stays what it is: it prepares and reads the answer with its doors shut, and says to its host "run this"
(remote.py). Only the host speaks to the server, and the only module that imports gRPC is this one.

Which bytes the server holds is known because we gave them: each start of a child sends the model itself, under a name
that holds its digests, and reads back that the server's configuration names the same. The server's own folders are
not read. Whoever may load models there could replace them; it belongs behind the same wall as the workers.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from guarantee.errors import ModelFailed, PortError, Unavailable
from inference.card import MODEL_FILE, Package
from inference.errors import WireBroken
from inference.graph import Tensor
from inference.kserve import SERVICE, read_infer, read_parameters, write_infer, write_load, write_named
from inference.options import Triton
from inference.tensors import DATATYPES, Array
from inference.wire import ANSWER_BYTES_MAX

try:
    import grpc
except ImportError as error:
    raise Unavailable("provider-missing", "gRPC is not installed: install the extra `triton`") from error

HEAD_BYTES_MAX: Final = 64 * 1024
"""Room for names and shapes beside the numbers of an answer."""

DIGEST: Final = "aval_model"
CARD: Final = "aval_card"

_WORDS: Final[Mapping[grpc.StatusCode, Callable[[str], PortError]]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: lambda of: ModelFailed("timeout", f"{of}: the server did not answer in time"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: lambda of: ModelFailed("too-large", f"{of}: question or answer is too large"),
    grpc.StatusCode.UNAVAILABLE: lambda of: Unavailable("server-missing", f"{of}: the server does not answer"),
    grpc.StatusCode.NOT_FOUND: lambda of: Unavailable("server-missing", f"{of}: the server no longer holds it"),
    grpc.StatusCode.CANCELLED: lambda of: Unavailable("closed", f"{of}: the connection was closed"),
    grpc.StatusCode.UNAUTHENTICATED: lambda of: Unavailable("server-missing", f"{of}: the server refuses us"),
    grpc.StatusCode.PERMISSION_DENIED: lambda of: Unavailable("server-missing", f"{of}: the server refuses us"),
    grpc.StatusCode.UNIMPLEMENTED: lambda of: Unavailable("server-missing", f"{of}: the server does not load models"),
}
"""What a status means. The server's own words are never repeated: they can hold values of the input."""


class Server:
    """One server, asked by any thread."""

    def __init__(self, options: Triton) -> None:
        """Open a connection; nothing is sent before it is needed.

        Raises:
            Unavailable: a certificate cannot be read.
        """
        self._options = options
        limits = [
            ("grpc.max_receive_message_length", ANSWER_BYTES_MAX + HEAD_BYTES_MAX),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),  # a proxy of the environment must not see images
            ("grpc.enable_retries", 0),  # the flow repeats, and counts its attempts
        ]
        self._channel = (
            grpc.insecure_channel(options.address, limits)
            if options.authorities is None
            else grpc.secure_channel(options.address, _credentials(options), limits)
        )

    def load(self, package: Package, deadline_s: float) -> None:
        """Give the server the model of ``package``.

        Raises:
            ModelFailed: "not-loaded" or "timeout".
            Unavailable: it does not answer, loads nothing, or does not confirm which model it holds.
        """
        model = package.card.model
        name, config = name_of(package), configuration(package, self._options)
        self._ask("RepositoryModelLoad", write_load(name, config, package.read(MODEL_FILE)), package, deadline_s)
        held = self._ask("ModelConfig", write_named(name), package, deadline_s)
        try:
            said = read_parameters(held)
        except WireBroken as error:
            raise Unavailable("server-missing", f"{model.id}: {error}") from error
        if (said.get(DIGEST), said.get(CARD)) != (model.digest, model.card):
            raise Unavailable("package-changed", f"{model.id}: the server does not say that it holds this very model")

    def run(self, package: Package, inputs: Mapping[str, Array], deadline_s: float) -> tuple[Array, ...]:
        """Return the outputs, in the order of the card.

        Raises:
            ModelFailed: "timeout", "too-large", "run-refused" or "nonsense".
            Unavailable: the server does not answer, or was started again and holds nothing.
        """
        name, outputs = name_of(package), package.outputs
        asked = write_infer(name, inputs, [tensor.name for tensor in outputs])
        answer = self._ask("ModelInfer", asked, package, deadline_s)
        try:
            return read_infer(answer, name, outputs)
        except WireBroken as error:
            raise ModelFailed("nonsense", f"{package.card.model.id}: {error}") from error

    def close(self) -> None:
        """End the connection, and every question that waits on it."""
        self._channel.close()

    def _ask(self, verb: str, message: bytes, package: Package, deadline_s: float) -> bytes:
        model = package.card.model.id
        try:
            call = self._channel.unary_unary(f"{SERVICE}/{verb}", request_serializer=None, response_deserializer=None)
            return bytes(call(message, timeout=max(0.0, deadline_s)))
        except grpc.RpcError as error:
            word = _WORDS.get(error.code())
            if word is not None:
                raise word(model) from None
            code = "run-refused" if verb == "ModelInfer" else "not-loaded"
            raise ModelFailed(code, f"{model}: the server refused the model ({error.code().name})") from None
        except ValueError:  # "Cannot invoke RPC on closed channel!"
            raise Unavailable("closed", "the worker is shutting down") from None


def name_of(package: Package) -> str:
    """Return what the model of ``package`` is called on the server: another card or another network, another name."""
    model = package.card.model
    digests = "-".join(digest.rpartition(":")[2][:16] for digest in (model.digest, model.card))
    return f"aval-{model.name}-{model.version}-{digests}"


def configuration(package: Package, options: Triton) -> str:
    """Return the server's configuration of a model: exactly the inputs and outputs of the card, on one kind of device.

    The kind is said, never left to the server: it would take the CPU without a word where no GPU is.
    """
    model = package.card.model
    said: dict[str, Any] = {
        "name": name_of(package),
        "backend": "onnxruntime",
        "max_batch_size": 0,
        "input": [_declared(tensor) for tensor in package.inputs],
        "output": [_declared(tensor) for tensor in package.outputs],
        "instance_group": [{"kind": "KIND_GPU" if options.device == "gpu" else "KIND_CPU", "count": 1}],
        "parameters": {DIGEST: {"string_value": model.digest}, CARD: {"string_value": model.card}},
    }
    return json.dumps(said)


def _declared(tensor: Tensor) -> dict[str, Any]:
    dims = [length if isinstance(length, int) else -1 for length in tensor.shape]
    return {"name": tensor.name, "data_type": f"TYPE_{DATATYPES[tensor.dtype]}", "dims": dims}


def _credentials(options: Triton) -> grpc.ChannelCredentials:
    try:
        authorities, key, certificate = (
            None if file is None else file.read_bytes()
            for file in (options.authorities, options.key, options.certificate)
        )
    except OSError as error:
        raise Unavailable("provider-missing", f"a certificate of models.triton: {error.strerror}") from error
    return grpc.ssl_channel_credentials(authorities, key, certificate)
