"""Which models look at a case, by rules that are data; and why a model does not."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guarantee.card import Card
from guarantee.case import Case, CaseKind
from guarantee.ids import Digest
from guarantee.ports import Catalogue
from guarantee.result import Cause, Priority, Result, result_id
from guarantee.rules import Facts, Route, matching
from guarantee.states import ResultState
from guarantee.unit import Input


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The rules in force.

    Args:
        policies: id of each review policy to its current "id@version".
    """

    routes: tuple[Route, ...]
    policies: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A result to be, and why it is excluded, if it is."""

    result: Result
    refusal: Cause | None
    route: str


def route(
    case: Case, manifest: Digest, inputs: Sequence[Input], *, routing: Routing, catalogue: Catalogue
) -> tuple[Routed, ...]:
    """Return what should happen with a complete case, each model once, in the order of the rules."""
    series = facts_by_series(case.kind, inputs)
    found: dict[str, Routed] = {}
    for rule in matching(routing.routes, case.kind, facts_of_case(case, inputs)):
        for name in rule.models:
            card = catalogue.card(name)
            if card is not None and name not in found:
                focus, refusal = choose(card, series)
                result = _queued(case, manifest, card, focus, rule.priority, routing.policies[card.policy])
                found[name] = Routed(result=result, refusal=refusal, route=rule.name)
    return tuple(found.values())


def facts_of_case(case: Case, inputs: Sequence[Input]) -> Facts:
    """Return what is known of the case as a whole."""
    known = merge([used.facts for used in inputs])
    known["Site"] = frozenset({case.site})
    return known


def facts_by_series(kind: CaseKind, inputs: Sequence[Input]) -> dict[str, Facts]:
    """Return what is known of each series, with its number of images; for a record, of everything at once."""
    groups: dict[str, list[Input]] = defaultdict(list)
    for used in inputs:
        groups[used.source.group if kind is CaseKind.STUDY else ""].append(used)
    return {
        group: merge([used.facts for used in members]) | {"ImageCount": frozenset({str(len(members))})}
        for group, members in groups.items()
    }


def merge(many: Sequence[Facts]) -> dict[str, frozenset[str]]:
    """Return every name with every value seen."""
    merged: dict[str, set[str]] = defaultdict(set)
    for facts in many:
        for name, values in facts.items():
            merged[name] |= values
    return {name: frozenset(values) for name, values in merged.items()}


def choose(card: Card, series: Mapping[str, Facts]) -> tuple[str, Cause | None]:
    """Return the series a model looks at: the largest one inside its envelope, or the largest one and why not."""
    largest_first = sorted(series, key=lambda group: (-_images(series[group]), group))
    refusals = {group: card.refusal(series[group]) for group in largest_first}
    for group, refusal in refusals.items():
        if refusal is None:
            return group, None
    return largest_first[0], refusals[largest_first[0]]


def _images(facts: Facts) -> int:
    (count,) = facts["ImageCount"]
    return int(count)


def _queued(case: Case, manifest: Digest, card: Card, focus: str, priority: Priority, policy: str) -> Result:
    return Result(
        id=result_id(case.id, card.model),
        case=case.id,
        model=card.model,
        focus=focus,
        mode=card.mode,
        priority=priority,
        policy=policy,
        manifest=manifest,
        identity_version=case.identity_version,
        state=ResultState.QUEUED,
        version=0,
        draft=None,
        cause=None,
    )
