"""A result: one model version on one revision of a case, and how it advances."""

from dataclasses import dataclass, replace
from enum import StrEnum

from guarantee.errors import Malformed
from guarantee.ids import CaseId, Digest, ResultId, derive, parse_digest
from guarantee.states import RESULT_LIFE, ResultState, ResultVerb, step


class Mode(StrEnum):
    """Whether anybody outside the AI committee may ever see the result. Fixed at birth."""

    CARE = "care"
    SHADOW = "shadow"


class Priority(StrEnum):
    """Clinical priority, as the order says it; never the model's opinion."""

    ROUTINE = "routine"
    STAT = "stat"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Exactly which model: its bytes and its card.

    Args:
        name: e.g. "brain-extractor".
        version: e.g. "1.0.0".
        digest: of the ONNX file.
        card: digest of the card; a changed threshold or pre-processing changes it.
    """

    name: str
    version: str
    digest: Digest
    card: Digest

    def __post_init__(self) -> None:
        parse_digest(self.digest)
        parse_digest(self.card)
        if not self.name or not self.version or "@" in self.name:
            raise Malformed("a model version has a name (without @) and a version")

    @property
    def id(self) -> str:
        """Name and version, e.g. "brain-extractor@1.0.0"."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a result is in a state that a person must understand.

    Args:
        code: stable word, translated on screen, e.g. "slices-missing".
        detail: one plain sentence without patient data; "" when the code says it all.
    """

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One model version on one revision of a case.

    Args:
        focus: Series Instance UID the model was chosen for; "" for a record.
        policy: "id@version" of the review policy, frozen here.
        manifest, identity_version: of the case when the result was queued; compared again before anything leaves.
        draft: digest of the proposed content; written once.
        attempts: how many times a worker has started on it.
    """

    id: ResultId
    case: CaseId
    model: ModelVersion
    focus: str
    mode: Mode
    priority: Priority
    policy: str
    manifest: Digest
    identity_version: int
    state: ResultState
    version: int
    draft: Digest | None
    cause: Cause | None
    attempts: int = 0

    def after(self, verb: ResultVerb, *, draft: Digest | None = None, cause: Cause | None = None) -> "Result":
        """Return this result one step later.

        Raises:
            NotAllowed: RESULT_LIFE has no such step.
            Malformed: a draft where there must be none, or none where there must be one; a silent failure.
        """
        state = step(RESULT_LIFE, self.state, verb, f"result {self.id}")
        if (verb is ResultVerb.DRAFT) != (draft is not None):
            raise Malformed(f"result {self.id}: exactly the verb {ResultVerb.DRAFT} brings a draft, {verb} does not")
        if verb in _EXPLAINED and cause is None:
            raise Malformed(f"result {self.id}: {verb} needs a cause; a person will read it")
        return replace(self, state=state, version=self.version + 1, draft=draft or self.draft, cause=cause)


_EXPLAINED = frozenset(
    {ResultVerb.EXCLUDE, ResultVerb.FAIL, ResultVerb.EXPIRE, ResultVerb.OVERTAKE, ResultVerb.RETRACT, ResultVerb.REJECT}
)


def result_id(case: CaseId, model: ModelVersion) -> ResultId:
    """Return the identifier that this model version on this revision always has."""
    return ResultId(derive("result", case, model.id, model.digest, model.card))
