"""What people say of discordances, and what is answered."""

from typing import Annotated, Literal

from pydantic import Field

from bridge.web.schemas.base import In, Out
from guarantee.declarations import Answer
from guarantee.incident import NOTE_CHARS_MAX, Grade

Note = Annotated[str, Field(min_length=1, max_length=NOTE_CHARS_MAX)]
Code = Annotated[str, Field(min_length=1, max_length=100)]


class ReportIn(In):
    """A discordance on a result."""

    grade: Grade
    reason: Note


class ReportedOut(Out):
    """The incident that was opened."""

    incident: str


class AnswersIn(In):
    """The answers to the form."""

    kind: Literal["answers"]
    answers: dict[str, Answer] = Field(min_length=1, max_length=50)


class DeclaredIn(In):
    """A declaration that was made outside."""

    kind: Literal["declared", "set-aside"]
    duty: Code
    note: Note = Field(description="its reference; or why it is not to be declared")


class ActionIn(In):
    """A corrective action."""

    kind: Literal["action"]
    note: Note
    due: str = Field(default="", max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$", examples=["2026-12-31"])


class DoneIn(In):
    """That a corrective action was done."""

    kind: Literal["done"]
    number: Code
    note: Note
