"""A model package: one folder with `card.yaml` and the ONNX files whose digests the card gives.

The card's own digest is taken over the bytes of `card.yaml`, so a threshold, a unit, a sentence of the report or
another ONNX file makes another model version: nothing about a model can change and keep its name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from guarantee.card import BurnedIn, Card, Regulatory, Trait
from guarantee.case import CaseKind
from guarantee.completeness import Incomplete
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.ids import Digest, digest, parse_digest
from guarantee.result import Mode, ModelVersion
from guarantee.rules import Condition
from inference import form
from inference.errors import PackageRefused
from inference.graph import Graph, Tensor, compare, read_graph
from inference.recipes.known import RECIPES, TOGETHER, Parameters

SCHEMA: Final = "aval.card/1"

CARD_FILE: Final = "card.yaml"
MODEL_FILE: Final = "model.onnx"
GOLDEN_FILE: Final = "golden.json"
LICENCE_FILE: Final = "LICENSE.txt"
"""Of the weights, where their licence asks for it: copied with the package, and read by nobody."""

SIGNATURE_FILE: Final = "signature.json"
"""Of the publisher (signature.py): copied with the package."""

FILES: Final = frozenset({MODEL_FILE, "preprocess.onnx", "postprocess.onnx", GOLDEN_FILE})
"""What a card may list. Everything listed is read, so that nothing unseen lies in a package."""

CARD_BYTES_MAX: Final = 256 * 1024
"""Largest card. Ours are 20 kB; a card is read by people."""

SIGNATURE_BYTES_MAX: Final = 1024
"""Largest signature. It has one form, of 207 bytes."""

MODEL_BYTES_MAX: Final = 1024**3
"""Largest file of a package, 1 GiB. It is held in memory twice while it loads; protobuf itself ends at 2 GiB."""

BATCH_MAX: Final = 64
"""Most cases of one run. Beyond it nothing is gained, and whoever comes waits longer for the run to end."""

_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION: Final = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure, as the developer reports it.

    Args:
        n: how many patients or examinations it was measured on.
        data: which ones.
    """

    label: Text
    value: Decimal
    n: int
    data: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """That a model may look at several cases in one run, stacked along the first axis of its input.

    Args:
        most: how many; all of them together within the card's deadline and memory.
    """

    most: int

    def __post_init__(self) -> None:
        if not 2 <= self.most <= BATCH_MAX:
            raise Malformed(f"a batch is of 2 to {BATCH_MAX} cases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`card.yaml`, key by key. README.md explains each."""

    schema: str
    name: str
    version: str
    label: Text
    manufacturer: str
    purpose: Text
    limits: tuple[Text, ...]
    regulatory: Regulatory
    kind: CaseKind
    mode: Mode
    policy: str
    envelope: tuple[Condition, ...]
    deadline_s: int
    memory_mb: int
    licence: str
    attribution: str
    figures: tuple[Figure, ...]
    files: Mapping[str, str]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    recipe: str
    parameters: object
    needs: tuple[Trait, ...] = ()
    burned_in: BurnedIn = BurnedIn.REFUSE
    incomplete: Incomplete = Incomplete.WAIT
    batch: Batch | None = None
    objectives_s: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise Malformed(f"a card of form {self.schema!r}; this version reads {SCHEMA!r}")
        if not _NAME.fullmatch(self.name) or not _VERSION.fullmatch(self.version):
            raise Malformed("a name is made of lower-case words joined by -, a version of numbers joined by .")
        if MODEL_FILE not in self.files or not self.files.keys() <= FILES:
            raise Malformed(f"files lists {MODEL_FILE}, and nothing but {sorted(FILES)}")
        for text in (*self.files.values(),):
            parse_digest(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A model version that may be run: its card, and where its bytes are.

    Args:
        files: digest of each file besides the card.
        inputs, outputs: of the model, as the card and the file both say.
    """

    card: Card
    folder: Path
    files: Mapping[str, Digest]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    recipe: str
    parameters: Parameters
    figures: tuple[Figure, ...]

    def read(self, name: str) -> bytes:
        """Return the bytes of a file that the card lists.

        Raises:
            PackageRefused: they are no longer what the card says.
        """
        data = read_file(self.folder / name, MODEL_BYTES_MAX)
        if digest(data) != self.files[name]:
            raise PackageRefused(f"{self.folder.name}/{name}: SHA-256 is {digest(data)}, the card says otherwise")
        return data

    def changes(self) -> list[str]:
        """Return what on disk is no longer what was loaded, one sentence each."""
        try:
            again = load_package(self.folder)
        except PackageRefused as error:
            return [str(error)]
        return (
            []
            if again.card.model == self.card.model
            else [f"{self.folder.name}/{CARD_FILE}: changed since it was loaded"]
        )


def load_package(folder: Path) -> Package:
    """Return the package in ``folder``, every file of it read and checked.

    Raises:
        PackageRefused: the message says which file, where in it, and why.
    """
    data = read_file(folder / CARD_FILE, CARD_BYTES_MAX)
    try:
        return _package(folder, data)
    except (PackageRefused, Malformed) as error:
        raise PackageRefused(f"{folder.name}/{CARD_FILE}: {error}") from error


def listed(data: bytes) -> Mapping[str, Digest]:
    """Return the files that the card in ``data`` lists, with the digest of each.

    Raises:
        PackageRefused: it is not a card.
    """
    try:
        said = form.read(Form, form.parse(data))
    except (PackageRefused, Malformed) as error:
        raise PackageRefused(f"{CARD_FILE}: {error}") from error
    return {name: parse_digest(text) for name, text in said.files.items()}


def keep_package(package: Package, target: Path) -> None:
    """Copy ``package`` to ``target``, whole or not at all: its card, what the card lists, its licence and signature.

    Nothing else of the folder is read: what a card does not list may be of any size, or a link to anywhere.

    Raises:
        PackageRefused: it changed since it was loaded.
        OSError: the disk refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".adding-") as made:
        for name in package.files:
            (Path(made) / name).write_bytes(package.read(name))
        (Path(made) / CARD_FILE).write_bytes(read_file(package.folder / CARD_FILE, CARD_BYTES_MAX))
        for name, bytes_max in ((LICENCE_FILE, CARD_BYTES_MAX), (SIGNATURE_FILE, SIGNATURE_BYTES_MAX)):
            if (package.folder / name).exists():
                (Path(made) / name).write_bytes(read_file(package.folder / name, bytes_max))
        if load_package(Path(made)).card.model != package.card.model:
            raise PackageRefused(f"{package.folder.name}/{CARD_FILE}: changed while it was copied")
        Path(made).chmod(0o755)
        Path(made).rename(target)


def _package(folder: Path, data: bytes) -> Package:
    said = form.read(Form, form.parse(data))
    if said.recipe not in RECIPES:
        raise PackageRefused(f"recipe: {said.recipe!r} is not one of {sorted(RECIPES)}")
    parameters = form.read(RECIPES[said.recipe], said.parameters, "parameters")
    if parameters.kind is not said.kind:
        raise PackageRefused(f"kind: the recipe {said.recipe} reads a {parameters.kind}, not a {said.kind}")
    if undeclared := sorted(str(trait) for trait in parameters.needs - set(said.needs)):
        raise PackageRefused(f"needs: the recipe {said.recipe} uses {undeclared}, which the card does not declare")
    if unknown := sorted(parameters.outputs - {tensor.name for tensor in said.outputs}):
        raise PackageRefused(f"outputs: the recipe {said.recipe} uses {unknown}, which the model does not have")
    if said.batch is not None:
        _require_batchable(said)
    package = Package(
        card=_card(said, parameters, digest(data)),
        folder=folder,
        files={name: parse_digest(text) for name, text in said.files.items()},
        inputs=said.inputs,
        outputs=said.outputs,
        recipe=said.recipe,
        parameters=parameters,
        figures=said.figures,
    )
    _check_files(package)
    return package


def _require_batchable(said: Form) -> None:
    """Return when several cases fit into one run. Whether each is then answered as it is alone, golden cases show."""
    if said.recipe not in TOGETHER:
        raise PackageRefused(f"batch: the recipe {said.recipe} takes one case in a run")
    if GOLDEN_FILE not in said.files:
        raise PackageRefused(f"batch: without {GOLDEN_FILE} nothing shows that a case is answered as it is alone")
    if len(said.inputs) != 1:
        raise PackageRefused("batch: cases are stacked in one input, and the model has several")
    for tensor in (*said.inputs, *said.outputs):
        if not tensor.shape or isinstance(tensor.shape[0], int):
            raise PackageRefused(f"batch: the first axis of {tensor.name} is fixed, so it does not count cases")


def _card(said: Form, parameters: Parameters, own: Digest) -> Card:
    model = ModelVersion(name=said.name, version=said.version, digest=parse_digest(said.files[MODEL_FILE]), card=own)
    return Card(
        model=model,
        label=said.label,
        manufacturer=said.manufacturer,
        purpose=said.purpose,
        limits=said.limits,
        regulatory=said.regulatory,
        kind=said.kind,
        envelope=said.envelope,
        policy=said.policy,
        mode=said.mode,
        thresholds=parameters.thresholds,
        deadline_s=said.deadline_s,
        memory_mb=said.memory_mb,
        licence=said.licence,
        attribution=said.attribution,
        needs=said.needs,
        burned_in=said.burned_in,
        incomplete=said.incomplete,
        batch_most=said.batch.most if said.batch else 1,
        objectives_s=said.objectives_s,
    )


def _check_files(package: Package) -> None:
    if missing := package.parameters.files - package.files.keys():
        raise PackageRefused(f"files: the recipe {package.recipe} also needs {sorted(missing)}")
    if stray := sorted({path.name for path in package.folder.glob("*.onnx")} - package.files.keys()):
        raise PackageRefused(f"files: {stray} lie in the folder and are not listed")
    for name in package.files:
        data = package.read(name)
        if name.endswith(".onnx"):
            _check_graph(package, name, data)


def _check_graph(package: Package, name: str, data: bytes) -> None:
    try:
        found: Graph = read_graph(data)
        if name == MODEL_FILE:
            compare(package.inputs, found.inputs, "inputs")
            compare(package.outputs, found.outputs, "outputs")
    except PackageRefused as error:
        raise PackageRefused(f"{name}: {error}") from error


def read_file(path: Path, bytes_max: int) -> bytes:
    """Return what a regular file holds: a pipe would be waited for, for ever, and a device has no end.

    Raises:
        PackageRefused: not a file, not readable, or larger than ``bytes_max``.
    """
    if path.exists() and not path.is_file():
        raise PackageRefused(f"{path.parent.name}/{path.name}: not a file")
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise PackageRefused(f"{path.parent.name}/{path.name}: {error.strerror}") from error
    if len(data) > bytes_max:
        raise PackageRefused(f"{path.parent.name}/{path.name}: more than {bytes_max} bytes")
    return data
