"""One question to a child and what its answer means: to the model's side a view, back to the host a proposal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from guarantee.canonical import Json
from guarantee.case import CaseKind
from guarantee.errors import Malformed, ModelFailed, NotEligible, PortError, Unavailable
from guarantee.inputs import Inputs, Volume
from guarantee.ports import Proposal
from inference.card import Package
from inference.errors import WireBroken
from inference.messages import Buffers, read_proposal, write_inputs
from inference.process import Child
from inference.view import View, view_of

DETAIL_CHARS_MAX: Final = 300
"""Longest sentence taken from a child."""

_ERRORS: Final[Mapping[str, type[PortError]]] = {
    "NotEligible": NotEligible,
    "ModelFailed": ModelFailed,
    "Unavailable": Unavailable,
}
_CODE: Final = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked about one case, written out.

    Args:
        view: to read the answer by.
    """

    package: Package
    view: View
    header: dict[str, Json]
    buffers: Buffers

    @classmethod
    def of(cls, inputs: Inputs, package: Package) -> "Question":
        """Return the question about ``inputs``.

        Raises:
            NotEligible: "kind", or "too-large" when a number has more digits than are ever written.
        """
        card = package.card
        if isinstance(inputs, Volume) is not (card.kind is CaseKind.STUDY):
            raise NotEligible("kind", f"{card.model.id} reads a {card.kind}")
        view = view_of(inputs, card, package.parameters.readings)
        try:
            header, buffers = write_inputs(view)
        except Malformed as error:
            raise NotEligible("too-large", f"{card.model.id}: {error}") from error
        return cls(package=package, view=view, header=header, buffers=buffers)

    def put(self, child: Child) -> Proposal:
        """Ask ``child`` and return what it says.

        Raises:
            NotEligible, ModelFailed, Unavailable: as ModelHost.run.
        """
        card = self.package.card
        try:
            answer = child.ask(self.header, self.buffers, deadline_s=card.deadline_s)
        except WireBroken as error:
            raise NotEligible("too-large", f"{card.model.id}: {error}") from error
        return self.read(answer.header, answer.buffers)

    def read(self, said: Mapping[str, Any], buffers: Sequence[memoryview]) -> Proposal:
        """Return the proposal that a child said of this case.

        Raises:
            NotEligible, ModelFailed, Unavailable: it said that instead, or nothing that is understood.
        """
        model = self.package.card.model.id
        match said:
            case {"answer": "proposal", "proposal": dict() as header}:
                try:
                    return read_proposal(header, buffers, self.view)
                except Malformed as error:
                    raise ModelFailed("nonsense", f"{model}: {error}"[:DETAIL_CHARS_MAX]) from error
        raise refusal(said, model)


def put_together(child: Child, questions: Sequence[Question]) -> list[Proposal | NotEligible]:
    """Ask ``child`` several questions of one package at once, and return what it says of each.

    Raises:
        ModelFailed: nothing is said of any; "too-large" when they do not fit into one message.
        Unavailable: as ModelHost.run.
    """
    card = questions[0].package.card
    try:
        together: dict[str, Json] = {"together": [question.header for question in questions]}
        answer = child.ask(together, deadline_s=card.deadline_s)
    except WireBroken as error:
        raise ModelFailed("too-large", f"{card.model.id}: {error}") from error
    match answer.header:
        case {"answer": "together", "each": list() as each} if len(each) == len(questions):
            return [_one(question, said) for question, said in zip(questions, each, strict=True)]
    raise refusal(answer.header, card.model.id)


def _one(question: Question, said: Any) -> Proposal | NotEligible:
    try:
        return question.read(said, ())
    except NotEligible as error:
        return error


def refusal(said: Any, model: str) -> PortError:
    """Return the error that a child's answer names; "nonsense" when it is none of ours."""
    match said:
        case {"answer": str(kind), "code": str(code), "detail": str(detail)} if kind in _ERRORS and _CODE.fullmatch(
            code
        ):
            return _ERRORS[kind](code, f"{model}: {detail}"[:DETAIL_CHARS_MAX])
    return ModelFailed("nonsense", f"{model} answered what no child of ours says")
