"""A reviewed case leaves under a pseudonym, with what was endorsed of it: who and why is recorded first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.flows.infer import used_sources
from bridge.flows.release import endorse
from guarantee.case import Case, CaseKind, Manifest
from guarantee.content import Content
from guarantee.decision import Decision
from guarantee.errors import NotAllowed, Refused
from guarantee.exports import Export
from guarantee.ids import Digest, ResultId
from guarantee.opinion import Opinion
from guarantee.ports import Catalogue, Clock, Endorsed, Rendered, Store, Vault
from guarantee.preparation import Preparation
from guarantee.result import Result
from guarantee.states import ResultState

EXPORTABLE: Final = frozenset({ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED, ResultState.REJECTED})
"""A result that a clinician decided on, and that was not taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What an export needs.

    Args:
        render: what was endorsed, as DICOM objects.
        verify: returns when an opinion carries a seal of ours.
    """

    store: Store
    vault: Vault
    clock: Clock
    catalogue: Catalogue
    render: Callable[[Endorsed], Sequence[Rendered]]
    verify: Callable[[Opinion], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A decided result, and everything that may be taken out of it.

    Args:
        images: digests of the images that the model was given.
        objects: the segmentation and the report of what was endorsed; none when the reader rejected it.
    """

    result: Result
    case: Case
    decision: Decision
    images: tuple[Digest, ...]
    objects: tuple[Rendered, ...]


def reviewed(result_id: ResultId, tools: Exporting) -> Reviewed:
    """Return what may be taken out of a decided result.

    Raises:
        NotAllowed: nobody decided, or the result was taken back, or it is not about images.
        Forged: an opinion behind the decision carries no seal of ours.
        Refused: the model's card is no longer here.
    """
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        case = unit.cases.get(result.case)
        decision = unit.gate.decision(result_id)
        opinions = unit.gate.opinions(result_id)
        prepared = unit.preparations.of(result_id)
    if decision is None or result.state not in EXPORTABLE:
        raise NotAllowed(
            f"result {result_id} is {result.state}: only what was decided, and not taken back, is exported"
        )
    if case.kind is not CaseKind.STUDY:
        raise NotAllowed(f"result {result_id} is about a record; there are no images to export")
    for opinion in opinions:
        tools.verify(opinion)
    manifest = Manifest.from_bytes(tools.vault.get(result.manifest))
    return Reviewed(
        result=result,
        case=case,
        decision=decision,
        images=tuple(source.digest for source in used_sources(manifest, case.kind, result.focus)),
        objects=_objects(result, case, decision, (opinions, prepared), tools),
    )


def _objects(
    result: Result,
    case: Case,
    decision: Decision,
    said: tuple[Sequence[Opinion], Preparation | None],
    tools: Exporting,
) -> tuple[Rendered, ...]:
    if decision.content is None:
        return ()
    content = Content.from_bytes(tools.vault.get(decision.content))
    if content.digest != decision.content:
        raise Refused(f"what the vault holds is not what was decided on result {result.id}")
    endorsed = endorse(
        result=result,
        case=case,
        content=content,
        decision=decision,
        opinions=said[0],
        preparation=said[1],
        vault=tools.vault,
        catalogue=tools.catalogue,
    )
    return tuple(tools.render(endorsed))


def record(case: Reviewed, *, by: str, reason: str, profile: str, tools: Exporting) -> Export:
    """Record that a case is about to be taken out, and return the record.

    Raises:
        NotAllowed: the result was taken back meanwhile.
        Malformed: nobody, or no reason.
    """
    export = Export(
        result=case.result.id,
        decision=case.decision.id,
        by=by,
        reason=reason,
        profile=profile,
        objects=len(case.images) + len(case.objects),
        at=tools.clock.now(),
    )
    with tools.store.transaction(f"export:{by}") as unit:
        if unit.results.get(case.result.id).state not in EXPORTABLE:
            raise NotAllowed(f"result {case.result.id} was taken back meanwhile; nothing is exported")
        unit.gate.add_export(export)
    return export
