"""Stops: any habilitated clinician suspends a model in a second; nobody restarts it alone.

Stops are appended, never edited. What is in force follows from the last line of each scope. A stop covers results that
already exist: they are *held*, visible, and neither decided nor sent until the scope resumes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.errors import Malformed, NotEntitled
from guarantee.ids import ResultId
from guarantee.policy import Role
from guarantee.result import ModelVersion

RESUMERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN, Role.COMMITTEE, Role.ENGINEER})
"""Who resumes what was stopped: two of them, and not engineers alone. To stop asks for no role."""


def require_may_resume(first: Role, second: Role) -> None:
    """Return when people of these roles resume together.

    Raises:
        NotEntitled: one of them does not, or both are engineers: somebody answers for patients, or for the committee.
    """
    if not {first, second} <= RESUMERS or {first, second} == {Role.ENGINEER}:
        raise NotEntitled(
            f"two of {', '.join(sorted(RESUMERS))} resume what was stopped, not engineers alone; "
            f"these are a {first} and a {second}"
        )


class Scope(StrEnum):
    """What a stop covers."""

    ALL = "all"
    MODEL = "model"
    VERSION = "version"
    SITE = "site"
    DEVICE = "device"


class Action(StrEnum):
    """What a line says."""

    STOP = "stop"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One line of the append-only list.

    Args:
        target: model name, "name@version", site, or the name of the sender of a case's inputs; "" for ALL.
        by: who says so.
        second: the other person, for a resumption; "" for a stop, which one person may give.
    """

    scope: Scope
    target: str
    action: Action
    by: str
    second: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if (self.scope is Scope.ALL) != (self.target == ""):
            raise Malformed(f"a stop of scope {self.scope} has {'no' if self.scope is Scope.ALL else 'a'} target")
        if not self.by or not self.reason.strip():
            raise Malformed("a stop or a resumption says who and why")
        if self.action is Action.RESUME and self.second in {"", self.by}:
            raise Malformed("two different people resume what was stopped")

    def covers(self, model: ModelVersion, site: str, devices: Collection[str] = ()) -> bool:
        """Return whether a result of ``model`` at ``site`` is concerned.

        Args:
            devices: who sent the inputs of its case; empty where a version is meant and no result of it.
        """
        return {
            Scope.ALL: True,
            Scope.MODEL: self.target == model.name,
            Scope.VERSION: self.target == model.id,
            Scope.SITE: self.target == site,
            Scope.DEVICE: self.target in devices,
        }[self.scope]

    def suspends(self, model_id: str) -> bool:
        """Return whether the version "name@version" is covered wherever it works; a stop of one site is not that."""
        name = model_id.partition("@")[0]
        return (self.scope, self.target) in {(Scope.ALL, ""), (Scope.MODEL, name), (Scope.VERSION, model_id)}


def in_force(lines: Iterable[Stop]) -> tuple[Stop, ...]:
    """Return the stops in force, given every line, oldest first."""
    last: dict[tuple[Scope, str], Stop] = {}
    for line in lines:
        last[line.scope, line.target] = line
    return tuple(line for line in last.values() if line.action is Action.STOP)


class Stops(Protocol):
    """The append-only list of stops."""

    def lines(self) -> tuple[Stop, ...]:
        """Return every line, oldest first."""

    def over(self, result: ResultId) -> tuple[Stop, ...]:
        """Return the stops in force that cover a result."""

    def add(self, stop: Stop) -> None:
        """Append a line."""
