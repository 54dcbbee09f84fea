"""Read the file of routes and policies into values, or say what is wrong with it and in which line.

The forms below are the schema: ``schema_text()`` writes it as JSON Schema, for editors, into routing.schema.json.
"""

import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.policy import OnObjection, Policy, Role
from guarantee.result import Priority
from guarantee.rules import Condition, Route

SHIPPED: Final = Path(__file__).parent / "routing.yaml"

FILE_BYTES_MAX: Final = 1024 * 1024
"""Largest file of rules, 1 MiB: hundreds of routes fit in a tenth of it."""

FAULTS_MAX: Final = 100
"""Most faults told of one file: whoever corrects a hundred runs the check again."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Place = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a file of rules.

    Args:
        line: where, counted from 1.
        place: what, e.g. "routes.0.kind"; "" for the whole file.
    """

    line: int
    place: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.what}" if self.place else f"line {self.line}: {self.what}"


class RulesMalformed(Malformed):
    """The file of rules cannot be used; ``faults`` says every reason."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        super().__init__(f"{path}: {'; '.join(str(fault) for fault in faults[:3])}")
        self.faults = tuple(faults)


Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ValueForm(_Form):
    def value(self) -> object:
        """Return the value that this is the form of."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        """What the core refuses is told with its place."""
        try:
            self.value()
        except Malformed as error:
            raise ValueError(str(error)) from error
        return self


class _TextForm(_ValueForm):
    fr: str = Field(description="in French")
    en: str = Field(description="in English")

    def value(self) -> Text:
        """Return the text."""
        return Text(fr=self.fr, en=self.en)


class _ConditionForm(_ValueForm):
    """One condition on one fact; all that is said of it must hold."""

    fact: str = Field(description="a DICOM keyword (Modality), a FHIR name (Observation.code), Sender or Site")
    one_of: tuple[str, ...] = Field((), description="every value seen is one of these, without regard to case")
    has: tuple[str, ...] = Field((), description="these are all among the values seen")
    minimum: Decimal | None = Field(None, description="every value seen is a number not below this")
    maximum: Decimal | None = Field(None, description="every value seen is a number not above this")
    required: bool = Field(default=True, description="whether an absent fact fails")
    why: _TextForm = Field(description="what the condition says, in words")
    code: str = Field(description="stable word for the cause")

    def value(self) -> Condition:
        """Return the condition."""
        return Condition(**self.model_dump(exclude={"why"}), why=self.why.value())


class _RouteForm(_ValueForm):
    """Which models look at which cases, or must not."""

    name: Name = Field(description="told in traces and with each rejection; each name once")
    kind: CaseKind = Field(description="what it is for")
    when: tuple[_ConditionForm, ...] = Field((), description="all must hold, of the whole case")
    models: tuple[str, ...] = Field((), description="names; may be left out by a rule that rejects: then every model")
    priority: Priority = Field(Priority.ROUTINE, description="of the results; an order that says stat makes them stat")
    reject: _TextForm | None = Field(None, description="why these models do not run; holds wherever it is written")

    def value(self) -> Route:
        """Return the route."""
        return Route(
            name=self.name,
            kind=self.kind,
            when=tuple(condition.value() for condition in self.when),
            models=self.models,
            priority=self.priority,
            reject=self.reject.value() if self.reject else None,
        )


class _PolicyForm(_ValueForm):
    """How many people, and which, must agree before a result leaves."""

    id: str
    version: int
    readers: int
    roles: frozenset[Role]
    expires_after_s: int = Field(description="seconds a draft waits before it expires; time never approves")
    first_read: int = Field(0, description="share that is read before AI is shown, in per mille; 1000 for all")
    gesture: Literal["", "passkey"] = Field("", description="passkey: a sign-in alone signs no opinion")
    objection: OnObjection = Field(
        OnObjection.STOP, description="for a patient who objects to AI; stop: no model runs, hide: nothing is shown"
    )
    learners: Literal["", "cosign"] = Field("", description="cosign: who has a right to prepare may, a senior answers")

    def value(self) -> Policy:
        """Return the policy."""
        return Policy(**self.model_dump())


class _FileForm(_Form):
    """Routes and policies of one installation."""

    policies: tuple[_PolicyForm, ...]
    routes: tuple[_RouteForm, ...]


def schema_text() -> str:
    """Return the JSON Schema of the file, for editors and other tools: what routing.schema.json holds."""
    said = {"$schema": DIALECT, "$comment": "printed by `aval route schema`"} | _FileForm.model_json_schema()
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def read_rules(path: Path) -> tuple[tuple[Route, ...], tuple[Policy, ...]]:
    """Return the routes and the policies of a file.

    Raises:
        RulesMalformed: not YAML, an unknown key, a value that does not fit, or a policy that asks for nobody.
    """
    data = path.read_bytes()
    if len(data) > FILE_BYTES_MAX:
        raise RulesMalformed(path, [Fault(1, "", f"{len(data)} bytes; rules fit in {FILE_BYTES_MAX}")])
    try:
        tree = yaml.compose(data, _Loader)
        form = _FileForm.model_validate(_Loader.plain(data))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise RulesMalformed(path, list(_faults(error, tree))) from error
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or type(error).__name__
        line = mark.line + 1 if mark else 1
        raise RulesMalformed(path, [Fault(line, "", f"not YAML, or nested too deeply: {what}")]) from error
    if repeated := list(_repeated(form, tree)):
        raise RulesMalformed(path, repeated)
    return tuple(route.value() for route in form.routes), tuple(policy.value() for policy in form.policies)


def line_of(path: Path, place: Place) -> int:
    """Return the line of ``place`` in a file that :func:`read_rules` has read."""
    return _line(yaml.compose(path.read_bytes(), _Loader), place)


def _faults(error: ValidationError, tree: yaml.Node | None) -> Iterator[Fault]:
    for one in error.errors(include_url=False, include_input=False)[:FAULTS_MAX]:
        place: Place = one["loc"]
        yield Fault(_line(tree, place), ".".join(str(part) for part in place), one["msg"].removeprefix("Value error, "))


def _repeated(form: _FileForm, tree: yaml.Node | None) -> Iterator[Fault]:
    seen: set[str] = set()
    refs = [policy.value().ref for policy in form.policies]
    for n, ref in enumerate(refs):
        if ref in refs[:n]:
            place: Place = ("policies", n)
            yield Fault(
                _line(tree, place), f"policies.{n}", f"policy {ref} is written twice; another text is another version"
            )
    for n, route in enumerate(form.routes):
        if route.name in seen:
            yield Fault(_line(tree, ("routes", n, "name")), f"routes.{n}.name", f"two routes are called {route.name}")
        seen.add(route.name)


def _line(tree: yaml.Node | None, place: Place) -> int:
    """Return the line of what ``place`` names, or of the innermost part of it that is there."""
    node, line = tree, 1 if tree is None else tree.start_mark.line + 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if getattr(k, "value", None) == part), None)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a repeated key: the second would silently take the place of the first."""

    @classmethod
    def plain(cls, data: bytes) -> Any:
        """Return what ``data`` says."""
        return yaml.load(data, cls)  # noqa: S506 - a SafeLoader

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the library's signature
        seen: set[object] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else id(key)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} is written twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)
