"""Read the file of routes and policies into values."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.policy import Policy, Role
from guarantee.result import Priority
from guarantee.rules import Condition, Route

SHIPPED: Final = Path(__file__).parent / "routing.yaml"

FILE_BYTES_MAX: Final = 1024 * 1024
"""Largest file of rules, 1 MiB: hundreds of routes fit in a tenth of it."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _TextForm(_Form):
    fr: str
    en: str


class _ConditionForm(_Form):
    fact: str
    one_of: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    required: bool = True
    why: _TextForm
    code: str

    def value(self) -> Condition:
        """Return the condition."""
        plain = self.model_dump(exclude={"why"})
        return Condition(**plain, why=Text(fr=self.why.fr, en=self.why.en))


class _RouteForm(_Form):
    name: str
    kind: CaseKind
    when: tuple[_ConditionForm, ...] = ()
    models: tuple[str, ...]
    priority: Priority = Priority.ROUTINE

    def value(self) -> Route:
        """Return the route."""
        return Route(
            name=self.name,
            kind=self.kind,
            when=tuple(condition.value() for condition in self.when),
            models=self.models,
            priority=self.priority,
        )


class _PolicyForm(_Form):
    id: str
    version: int
    readers: int
    roles: frozenset[Role]
    expires_after_s: int

    def value(self) -> Policy:
        """Return the policy."""
        return Policy(**self.model_dump())


class _FileForm(_Form):
    policies: tuple[_PolicyForm, ...]
    routes: tuple[_RouteForm, ...]


def read_rules(path: Path) -> tuple[tuple[Route, ...], tuple[Policy, ...]]:
    """Return the routes and the policies of a file.

    Raises:
        Malformed: not YAML, an unknown key, a value that does not fit, or a policy that asks for nobody.
    """
    data = path.read_bytes()
    if len(data) > FILE_BYTES_MAX:
        raise Malformed(f"{path} has {len(data)} bytes; rules fit in {FILE_BYTES_MAX}")
    try:
        form = _FileForm.model_validate(_yaml(data))
    except (yaml.YAMLError, RecursionError) as error:
        raise Malformed(f"{path} is not YAML, or nested too deeply: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"{path}: {place}: {first['msg']}") from error
    policies = tuple(policy.value() for policy in form.policies)
    refs = [policy.ref for policy in policies]
    for ref in refs:
        if refs.count(ref) > 1:
            raise Malformed(f"{path}: policy {ref} is written twice; another text is another version")
    return tuple(route.value() for route in form.routes), policies


def _yaml(data: bytes) -> Any:
    return yaml.safe_load(data)
