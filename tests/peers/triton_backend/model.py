"""What Triton's ONNX Runtime backend does, for the server of the tests, whose wheel does not have that backend."""

import os
import sys
from pathlib import Path

sys.path[:0] = (Path(__file__).parent / "packages.txt").read_text().splitlines()
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402 - from the folder that was just named
import onnxruntime  # noqa: E402
import triton_python_backend_utils as server  # noqa: E402


class TritonPythonModel:
    """One model, as the server loaded it."""

    @staticmethod
    def auto_complete_config(config):
        return config

    def initialize(self, args):
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        if args["model_instance_kind"] != "CPU":
            raise RuntimeError("there is no GPU")
        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._inputs = [found.name for found in self._session.get_inputs()]
        self._outputs = [found.name for found in self._session.get_outputs()]

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        given = {name: server.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
        try:
            found = self._session.run(self._outputs, given)
        except Exception as error:  # noqa: BLE001 - the boundary to the server
            return server.InferenceResponse(error=server.TritonError(str(error)))
        said = [
            server.Tensor(name, np.ascontiguousarray(array)) for name, array in zip(self._outputs, found, strict=True)
        ]
        return server.InferenceResponse(said)
