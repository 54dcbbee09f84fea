"""How models run on this machine. Filled by bridge.wiring; nothing heavy is imported here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from guarantee.errors import Malformed

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {"cpu": (CPU,), "cuda": (CUDA, CPU)}
"""What a person may ask for. Behind CUDA stands the CPU, for the operators that have no CUDA form (trees, shapes)."""

NO_TELEMETRY: Final[Mapping[str, str]] = {"ORT_DISABLE_TELEMETRY": "1"}
"""ONNX Runtime sends usage data to its maker from version 1.29 on, on Linux too, from the moment it is imported, and
keeps a device identifier in the home folder. Only this variable, set before the import, stops all of it; the call
`disable_telemetry_events` comes too late. Source: Privacy.md of the wheel, "Disabling Telemetry".
"""

THREADS_MAX: Final = 256
"""Most threads of one model. Beyond it a number is a typing error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How models run on this machine.

    Args:
        threads: processor threads of one model.
        providers: ONNX Runtime's execution providers, the wanted one first; if it is not there, nothing runs.
        language: of the proposed reports, e.g. "fr-FR" or "en-GB"; the part before the hyphen chooses the text.
        children_max: processes kept warm; each holds 150 MB and up.
    """

    threads: int = 2
    providers: tuple[str, ...] = (CPU,)
    language: str = "fr-FR"
    children_max: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= THREADS_MAX or self.children_max < 1 or not self.providers:
            raise Malformed(f"1 to {THREADS_MAX} threads, at least one child and one provider")
        if self.language.split("-", maxsplit=1)[0] not in {"fr", "en"}:
            raise Malformed(f"reports are proposed in French or English, not {self.language!r}")
