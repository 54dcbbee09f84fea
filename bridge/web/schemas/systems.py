"""Stops, cards, readiness."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from bridge.web.schemas.base import In, Out, TimeText
from bridge.web.schemas.content import ModelOut, TextOut
from guarantee.case import CaseKind
from guarantee.opinion import COMMENT_CHARS_MAX
from guarantee.result import Mode
from guarantee.stops import Scope


class StopOut(Out):
    """A stop in force."""

    scope: Scope
    target: str
    by: str
    reason: str
    at: TimeText


class StopIn(In):
    """One person is enough to stop."""

    action: Literal["stop"]
    scope: Scope
    target: str = Field(default="", max_length=200)
    reason: str = Field(min_length=1, max_length=COMMENT_CHARS_MAX)


class SecondIn(In):
    """The other person."""

    login: str = Field(min_length=1, max_length=200)
    code: str = Field(min_length=1, max_length=32)


class ResumeIn(In):
    """Two people resume."""

    action: Literal["resume"]
    scope: Scope
    target: str = Field(default="", max_length=200)
    reason: str = Field(min_length=1, max_length=COMMENT_CHARS_MAX)
    second: SecondIn


class RegulatoryOut(Out):
    """Regulatory status, as the manufacturer declares it."""

    status: str
    device_class: str
    udi: str
    statement: TextOut


class CardOut(Out):
    """A model's card."""

    model: ModelOut
    label: TextOut
    manufacturer: str
    purpose: TextOut
    limits: tuple[TextOut, ...]
    regulatory: RegulatoryOut
    kind: CaseKind
    policy: str
    mode: Mode
    thresholds: Mapping[str, str]
    licence: str
    attribution: str


class ReadyOut(Out):
    """Whether this process can work."""

    ready: bool
    waiting_for: tuple[str, ...]
