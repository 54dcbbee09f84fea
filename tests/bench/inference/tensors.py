"""The tensors that a recipe gives its sessions, recorded once, so that a bare loop runs on exactly the same ones."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from guarantee.inputs import Inputs
from inference.card import MODEL_FILE, Package
from inference.golden import cases
from inference.registry import Registry, shipped
from inference.session import Array, Session, SessionOptions

LANGUAGE: Final = "fr-FR"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one session."""

    file: str
    inputs: Mapping[str, Array]


class Recording:
    """A session that notes what it is given."""

    def __init__(self, file: str, session: Session, calls: list[Call]) -> None:
        self._file, self._session, self._calls = file, session, calls

    def run(self, **inputs: Array) -> tuple[Array, ...]:
        self._calls.append(Call(self._file, inputs))
        return self._session.run(**inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@dataclass(slots=True)
class Bare:
    """The sessions of one model and the calls that one case makes of them.

    Args:
        inputs: the first golden case that has an answer.
    """

    package: Package
    inputs: Inputs
    sessions: Mapping[str, Session]
    calls: list[Call]

    def once_s(self) -> float:
        """Run every call once, and return how long that took, in seconds."""
        began = time.perf_counter()
        for call in self.calls:
            self.sessions[call.file].run(**call.inputs)
        return time.perf_counter() - began

    @property
    def model_calls(self) -> list[Call]:
        """The calls of the model itself, without pre- and post-processing graphs."""
        return [call for call in self.calls if call.file == MODEL_FILE]


def bare(name: str, threads: int) -> Bare:
    """Return the sessions of a shipped model, warm, with the calls of its first golden case that has an answer."""
    registry = Registry.load(shipped())
    card = registry.card(name)
    package = registry.package(card.model.id) if card else None
    assert package is not None
    inputs = next(case for case in cases(package) if case.expect.not_eligible is None).inputs()
    options = SessionOptions(threads=threads, shrink=package.recipe == "volume-mask")
    files = [file for file in package.files if file.endswith(".onnx")]
    sessions = {file: Session(package.read(file), options) for file in files}
    calls: list[Call] = []
    recording = {file: Recording(file, session, calls) for file, session in sessions.items()}
    recipe = import_module(f"inference.recipes.{package.recipe.replace('-', '_')}")
    recipe.propose(inputs, package.parameters, recording, LANGUAGE)
    return Bare(package, inputs, sessions, calls)
