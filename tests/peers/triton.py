"""Triton Inference Server: the real server, with a stand-in for its ONNX Runtime backend (triton_backend/)."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

from tests.peers.base import Daemon, PeerMissing, folder, free_port, listens, wait_until
from tests.peers.certificates import Pair

HOME: Final = Path(__file__).parents[2] / ".peers" / "triton"


class TritonServer:
    """One server on loopback, without a model.

    Args:
        pair: its certificate, for TLS.
        control: whether it takes models that we give it ("explicit") or not ("none").
    """

    def __init__(self, pair: Pair | None = None, control: str = "explicit") -> None:
        packages = HOME / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        self._packages = packages
        if not (packages / "pytriton").exists():
            raise PeerMissing("Triton is not installed; run `make peers`")
        self.home = folder("triton")
        self._furnish()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._command = [
            *(str(self._place / "bin" / "tritonserver"), "--model-repository", str(self.home / "models")),
            *("--model-control-mode", control, "--backend-directory", str(self.home / "backends")),
            *("--allow-http", "false", "--allow-metrics", "false", "--disable-auto-complete-config"),
            *("--grpc-address", "127.0.0.1", "--grpc-port", str(self.port), "--exit-timeout-secs", "5"),
            *("--pinned-memory-pool-byte-size", "0"),
        ]
        if pair is not None:
            files = ("--grpc-server-cert", str(pair.certificate), "--grpc-server-key", str(pair.key))
            self._command += ["--grpc-use-ssl", "true", *files]
        self.daemon = self._start()

    @property
    def _place(self) -> Path:
        return self._packages / "pytriton" / "tritonserver"

    def kill(self) -> None:
        """End it as a power cut would."""
        self.daemon.stop(sign=signal.SIGKILL)

    def restart(self) -> None:
        """Start it again; it holds no model then."""
        self.daemon = self._start()

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self.daemon.stop(sign=signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def _furnish(self) -> None:
        (self.home / "models").mkdir()
        shutil.copytree(self._place / "backends" / "python", self.home / "backends" / "python")
        stub = f"{sys.version_info.major}.{sys.version_info.minor}/triton_python_backend_stub"
        shutil.copy(self._place / "python_backend_stubs" / stub, self.home / "backends" / "python")
        for program in (self._place / "bin" / "tritonserver", self.home / "backends/python/triton_python_backend_stub"):
            program.chmod(0o755)
        ours = self.home / "backends" / "onnxruntime"
        shutil.copytree(Path(__file__).parent / "triton_backend", ours)
        (ours / "packages.txt").write_text(str(self._packages))

    def _start(self) -> Daemon:
        libraries = str(self._packages / "nvidia_pytriton.libs")
        daemon = Daemon("triton", self._command, self.home, env={**os.environ, "LD_LIBRARY_PATH": libraries})
        try:
            wait_until(lambda: listens(self.port), "triton", daemon.process)
        except PeerMissing as error:
            daemon.stop(sign=signal.SIGKILL)
            raise PeerMissing(f"{error}\n{daemon.tail()}") from error
        return daemon
