"""The process that runs one model version, and nothing else: ``python -I -m inference.child FOLDER``.

It trusts its host, not its model. Order matters: libraries first, then limits, then the model's bytes are given to
ONNX Runtime, which from there on can open nothing.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, TypeAlias

from guarantee.canonical import Json
from guarantee.errors import ModelFailed, NotEligible, PortError, Unavailable
from guarantee.ports import Proposal
from guarantee.runs import Spent
from inference import limits
from inference.card import MODEL_FILE, Package, load_package
from inference.errors import PackageRefused, WireBroken
from inference.messages import Buffers, read_inputs, read_together, write_proposal
from inference.options import CPU
from inference.remote import RemoteSession
from inference.session import Session, SessionOptions
from inference.together import propose_together
from inference.wire import EXIT_MEMORY, EXIT_WIRE, REQUEST_BYTES_MAX, Message, pack, receive, send

Ask: TypeAlias = Callable[[Message], Message]


class Model:
    """A loaded package."""

    def __init__(self, package: Package, options: SessionOptions, language: str, ask: Ask | None = None) -> None:
        """Shut the doors and load every ONNX file of ``package``.

        Args:
            ask: gives the host a question; None when the network runs in this process too.

        Raises:
            ModelFailed, Unavailable: as Session.
        """
        self._package = package
        self._language = language
        # By name, and only this one: scipy takes half of a child's start, and a score does without it.
        self._recipe = import_module(f"inference.recipes.{package.recipe.replace('-', '_')}")
        self._cpu_s = float(package.card.deadline_s * (options.threads + 1))
        data = {name: package.read(name) for name in package.files if name.endswith(".onnx")}
        # A GPU driver maps hundreds of GiB of address space and opens device files during the run: on a GPU these two
        # limits would only stop the driver, and the deadline and the GPU's own memory limit remain.
        if options.providers[0] == CPU:
            limits.limit_memory(package.card.memory_mb)
            limits.close_the_doors()
        here = {name: content for name, content in data.items() if ask is None or name != MODEL_FILE}
        self._sessions: dict[str, Session | RemoteSession] = {name: Session(here[name], options) for name in here}
        if ask is not None:
            self._sessions[MODEL_FILE] = RemoteSession(package.inputs, package.outputs, ask)

    def propose(self, request: Message) -> Proposal:
        """Return what the model says of the inputs in ``request``, and how long it took.

        Raises:
            NotEligible, ModelFailed, Malformed, MemoryError.
        """
        limits.limit_cpu(self._cpu_s)
        began = time.monotonic()
        laps = self._sessions[MODEL_FILE].laps
        laps.clear()
        inputs = read_inputs(request.header, request.buffers)
        proposal: Proposal = self._recipe.propose(inputs, self._package.parameters, self._sessions, self._language)
        return replace(proposal, spent=_spent(began, laps, time.monotonic()))

    def propose_together(self, plain: Sequence[Json]) -> list[Proposal | NotEligible]:
        """Return what the model says of each of several records; what they took, each of them took.

        Raises:
            ModelFailed, Malformed, MemoryError: nothing is said of any.
        """
        limits.limit_cpu(self._cpu_s)
        began = time.monotonic()
        session = self._sessions[MODEL_FILE]
        session.laps.clear()
        many = read_together(plain)
        answers = propose_together(self._recipe, many, self._package.parameters, session, self._language)
        spent = _spent(began, session.laps, time.monotonic())
        return [one if isinstance(one, NotEligible) else replace(one, spent=spent) for one in answers]


def _spent(began: float, laps: Sequence[tuple[float, float]], ended: float) -> Spent:
    """Return the parts of a run; a recipe that answered without its model spent it all before."""
    first = laps[0][0] if laps else ended
    last = laps[-1][1] if laps else ended
    return Spent(preprocess_s=first - began, predict_s=last - first, postprocess_s=ended - last)


def answer(model: Model, request: Message) -> tuple[dict[str, Json], Buffers]:
    """Return header and buffers of the answer; whatever goes wrong becomes a word and a sentence without values."""
    try:
        match request.header:
            case {"together": list() as many}:
                return {"answer": "together", "each": [_said(one) for one in model.propose_together(many)]}, ()
        header, buffers = write_proposal(model.propose(request))
    except (NotEligible, ModelFailed, Unavailable) as error:
        return _refusal(error), ()
    except MemoryError:
        return _refusal(ModelFailed("memory", "the run needs more memory than the card allows")), ()
    except Exception as error:  # noqa: BLE001 - the process boundary: the host turns it into ModelFailed, by name only
        return _refusal(ModelFailed("nonsense", f"the recipe could not read the model ({type(error).__name__})")), ()
    return {"answer": "proposal", "proposal": header}, buffers


def _said(answer: Proposal | NotEligible) -> dict[str, Json]:
    """Return one of several answers. A record's has no masks, so nothing travels beside it."""
    if isinstance(answer, NotEligible):
        return _refusal(answer)
    return {"answer": "proposal", "proposal": write_proposal(answer)[0]}


def main(arguments: Sequence[str]) -> int:
    """Serve one host until it closes the pipe; return the exit status."""
    limits.die_with_parent()
    limits.give_way()
    requests, answers = _pipes()
    try:
        start = receive(requests, 0)
        if start is None:
            return 0
        model = _load(Path(arguments[0]), start.header, requests, answers)
        while model is not None and (request := receive(requests, REQUEST_BYTES_MAX)) is not None:
            send(answers, pack(*answer(model, request)))
    except MemoryError:
        return EXIT_MEMORY
    except WireBroken:
        return EXIT_WIRE
    return 0


def _ask(message: Message, requests: BufferedReader, answers: BufferedWriter) -> Message:
    """Give the host a question in the middle of its own, and return its answer."""
    send(answers, pack(message.header, message.buffers))
    said = receive(requests, REQUEST_BYTES_MAX)
    if said is None:
        raise BrokenPipeError
    return said


def _load(folder: Path, said: Mapping[str, Any], requests: BufferedReader, answers: BufferedWriter) -> Model | None:
    try:
        package = _same_package(folder, said)
        options = SessionOptions(
            threads=said["threads"], providers=tuple(said["providers"]), shrink=package.recipe == "volume-mask"
        )
        ask = partial(_ask, requests=requests, answers=answers) if said["remote"] else None
        model = Model(package, options, said["language"], ask)
    except PackageRefused as error:
        send(answers, pack(_refusal(Unavailable("package-changed", str(error)))))
    except (ModelFailed, Unavailable) as error:
        send(answers, pack(_refusal(error)))
    else:
        send(answers, pack({"answer": "ready"}))
        return model
    return None


def _same_package(folder: Path, said: Mapping[str, Any]) -> Package:
    package = load_package(folder)
    if (package.card.model.card, package.card.model.digest) != (said["card"], said["model"]):
        raise PackageRefused("the package on disk is not the one the host has loaded; restart the host")
    return package


def _refusal(error: PortError) -> dict[str, Json]:
    return {"answer": type(error).__name__, "code": error.code, "detail": error.detail}


def _pipes() -> tuple[BufferedReader, BufferedWriter]:
    """Return requests and answers; what a library prints goes to standard error, never between our messages."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(0, "rb"), os.fdopen(answers, "wb")


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except BrokenPipeError:
        status = EXIT_WIRE
    # Not sys.exit: ONNX Runtime's threads and our limits make an orderly end of the interpreter slow or noisy.
    os._exit(status)
