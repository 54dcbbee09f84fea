"""How models run on this machine. Filled by bridge.wiring; nothing heavy is imported here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from guarantee.errors import Malformed

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {"cpu": (CPU,), "cuda": (CUDA, CPU), "triton": (CPU,)}
"""What a person may ask for. Behind CUDA stands the CPU, for the operators that have no CUDA form (trees, shapes). With
Triton the network runs on the server; what samples images before and after it stays here, on the CPU."""

NO_TELEMETRY: Final[Mapping[str, str]] = {"ORT_DISABLE_TELEMETRY": "1"}
"""ONNX Runtime sends usage data to its maker from version 1.29 on, on Linux too, from the moment it is imported, and
keeps a device identifier in the home folder. Only this variable, set before the import, stops all of it; the call
`disable_telemetry_events` comes too late. Source: Privacy.md of the wheel, "Disabling Telemetry".
"""

THREADS_MAX: Final = 256
"""Most threads of one model. Beyond it a number is a typing error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triton:
    """A Triton Inference Server.

    Args:
        address: "host:port" of its gRPC door.
        device: what it must run models on; it refuses to load them when that is not there.
        authorities: PEM, who signs its certificate; None for a connection without TLS.
        certificate, key: PEM, by which it knows us; None where it does not ask.
    """

    address: str
    device: Literal["cpu", "gpu"] = "cpu"
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How models run on this machine.

    Args:
        threads: processor threads of one model.
        providers: ONNX Runtime's execution providers, the wanted one first; if it is not there, nothing runs.
        language: of the proposed reports, e.g. "fr-FR" or "en-GB"; the part before the hyphen chooses the text.
        children_max: processes kept warm; each holds 150 MB and up.
        triton: the server on which networks run; None to run them here.
    """

    threads: int = 2
    providers: tuple[str, ...] = (CPU,)
    language: str = "fr-FR"
    children_max: int = 4
    triton: Triton | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= THREADS_MAX or self.children_max < 1 or not self.providers:
            raise Malformed(f"1 to {THREADS_MAX} threads, at least one child and one provider")
        if self.language.split("-", maxsplit=1)[0] not in {"fr", "en"}:
            raise Malformed(f"reports are proposed in French or English, not {self.language!r}")
