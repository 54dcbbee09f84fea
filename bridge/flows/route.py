"""Which models look at a case, by rules that are data; and why a model does not."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guarantee.card import Card
from guarantee.case import Case, CaseKind
from guarantee.ids import Digest
from guarantee.ports import Catalogue
from guarantee.result import Cause, Result, result_id
from guarantee.rules import Condition, Facts, Route, first_unmet
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
class Choice:
    """What one model does with a case.

    Args:
        focus: the series it looks at; "" for the whole record.
        refusal: why it does not run; None when it does.
    """

    card: Card
    focus: str
    refusal: Cause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One rule held against one case.

    Args:
        unmet: the first condition that does not hold; None when the case takes this route.
        choices: its models, without those that an earlier route has chosen already.
    """

    rule: Route
    unmet: Condition | None
    choices: tuple[Choice, ...]


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
    tried = try_rules(case.kind, case.site, inputs, routing=routing, catalogue=catalogue)
    return tuple(
        Routed(result=_queued(case, manifest, choice, one.rule, routing), refusal=choice.refusal, route=one.rule.name)
        for one in tried
        for choice in one.choices
    )


def try_rules(
    kind: CaseKind, site: str, inputs: Sequence[Input], *, routing: Routing, catalogue: Catalogue
) -> tuple[Tried, ...]:
    """Hold every rule for this kind of case against it; nothing is changed."""
    known = facts_of_case(site, inputs)
    series = facts_by_series(kind, inputs)
    chosen: set[str] = set()
    found = []
    for rule in routing.routes:
        if rule.kind is not kind:
            continue
        unmet = first_unmet(rule.when, known)
        models = [name for name in dict.fromkeys(rule.models) if name not in chosen] if unmet is None else []
        cards = [card for name in models if (card := catalogue.card(name)) is not None]
        chosen.update(models)
        found.append(Tried(rule=rule, unmet=unmet, choices=tuple(_chosen(card, series) for card in cards)))
    return tuple(found)


def _chosen(card: Card, series: Mapping[str, Facts]) -> Choice:
    focus, refusal = choose(card, series)
    return Choice(card=card, focus=focus, refusal=refusal)


def facts_of_case(site: str, inputs: Sequence[Input]) -> Facts:
    """Return what is known of the case as a whole."""
    return merge([used.facts for used in inputs]) | {"Site": frozenset({site})}


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


def _queued(case: Case, manifest: Digest, choice: Choice, rule: Route, routing: Routing) -> Result:
    model = choice.card.model
    return Result(
        id=result_id(case.id, model),
        case=case.id,
        model=model,
        focus=choice.focus,
        mode=choice.card.mode,
        priority=rule.priority,
        policy=routing.policies[choice.card.policy],
        manifest=manifest,
        identity_version=case.identity_version,
        state=ResultState.QUEUED,
        version=0,
        draft=None,
        cause=None,
    )
