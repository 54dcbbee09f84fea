"""One endorsed result, and everything that may be said of it to its patient in plain words."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.flows.release import endorse
from guarantee.content import Content
from guarantee.errors import NotAllowed, Refused
from guarantee.ids import ResultId
from guarantee.opinion import Opinion
from guarantee.ports import Catalogue, Endorsed, Store, Vault
from guarantee.states import ResultState

EXPLAINED = frozenset({ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED})
"""What a clinician stands behind. A draft is explained to nobody, and neither is what was rejected or taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """What an explanation needs.

    Args:
        verify: returns when an opinion carries a seal of ours.
    """

    store: Store
    vault: Vault
    catalogue: Catalogue
    verify: Callable[[Opinion], None]


def explained(result_id: ResultId, tools: Explaining) -> Endorsed:
    """Return what may be said of a result: what was endorsed, by those who endorsed exactly that.

    Raises:
        NotAllowed: nobody endorsed it, or it was taken back.
        Forged: an opinion behind it carries no seal of ours.
        Refused: the model's card is no longer here, or the vault holds something else.
    """
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        case = unit.cases.get(result.case)
        decision = unit.gate.decision(result_id)
        opinions = unit.gate.opinions(result_id)
    if decision is None or decision.content is None or result.state not in EXPLAINED:
        raise NotAllowed(f"result {result_id} is {result.state}: only what a clinician endorsed is explained")
    behind = tuple(opinion for opinion in opinions if opinion.statement.content == decision.content)
    for opinion in behind:
        tools.verify(opinion)
    content = Content.from_bytes(tools.vault.get(decision.content))
    if content.digest != decision.content:
        raise Refused(f"what the vault holds is not what was decided on result {result_id}")
    return endorse(
        result=result,
        case=case,
        content=content,
        decision=decision,
        opinions=behind,
        vault=tools.vault,
        catalogue=tools.catalogue,
    )
