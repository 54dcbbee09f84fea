"""Which models look at a case, by rules that are data; and why a model does not.

Three ways not to run, and they are told apart: a rule of the site rejects (excluded, code "rule"), the case lies
outside the model's card (excluded, with the code of the card's condition), or no rule takes the case at all (the case
itself is marked NO_ROUTE). None of them is a failure: "failed" means that a model did run, or should have.

Rules name models; which version of a model looks at a case, and whether for care or in shadow mode, is in the database
(guarantee/rollout.py). A version that ought to run and that this process does not hold is a failure: MISSING.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from guarantee.card import Card
from guarantee.case import Case, CaseKind
from guarantee.ids import Digest
from guarantee.lifecycle import Stage, allowed
from guarantee.ports import Catalogue
from guarantee.result import Cause, Mode, Priority, Result, result_id
from guarantee.rollout import Assigned, Part, Rollout
from guarantee.rules import Condition, Facts, Route, first_unmet, ordered_stat
from guarantee.states import ResultState
from guarantee.unit import Input

NO_ROUTE: Final = "no-route"
"""Cause of a complete case that no rule takes: nothing looks at it, and a person can see that."""

BY_RULE: Final = "rule"
"""Code of the cause of a result that a rule of the site rejected; the detail names the rule and its reason."""

MISSING: Final = "model-missing"
"""Code of the cause of a result whose version a process does not hold."""
NOT_GRANTED: Final = "not-granted"
"""Code of the cause of a result of a version that nobody has let run yet; no reader sees it: it is in shadow."""

FRAMES_DIGITS_MAX: Final = 7
"""Longest Number of Frames that is believed. Ten million images are a file of terabytes."""


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
    """What one model version does with a case.

    Args:
        focus: the series it looks at; "" for the whole record.
        refusal: why it does not run; None when it does.
        assigned: why it is this version, and in which mode.
        stage: where the version stands in its life; None when nobody began it.
    """

    card: Card
    focus: str
    refusal: Cause | None
    assigned: Assigned
    stage: Stage | None = None

    @property
    def mode(self) -> Mode:
        """For care, or in shadow mode: a card or a stage that says shadow is obeyed whatever else is said."""
        asked = Mode.SHADOW if Mode.SHADOW in {self.card.mode, self.assigned.mode} else Mode.CARE
        return allowed(self.stage, asked) or Mode.SHADOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One rule held against one case.

    Args:
        unmet: the first condition that does not hold; None when the case takes this route.
        choices: its models, without those that an earlier route has chosen already; () for a rule that rejects.
        priority: of their results.
        ordered: the fact by which the order asks for them at once; "" when the priority is the rule's.
    """

    rule: Route
    unmet: Condition | None
    choices: tuple[Choice, ...]
    priority: Priority
    ordered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A result to be, and why it is excluded, if it is."""

    result: Result
    card: Card
    refusal: Cause | None
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A case that rules are held against; it need not exist yet.

    Args:
        uid: Study Instance UID, or what the record calls the stay.
    """

    kind: CaseKind
    uid: str
    site: str


def asked(case: Case) -> Asked:
    """Return a case as rules see it."""
    return Asked(kind=case.kind, uid=case.uid, site=case.site)


def route(
    case: Case,
    manifest: Digest,
    inputs: Sequence[Input],
    *,
    routing: Routing,
    catalogue: Catalogue,
    rollout: Rollout,
    order_facts: Facts,
) -> tuple[Routed, ...]:
    """Return what should happen with a complete case, each version once, in the order of the rules.

    Args:
        order_facts: what rules are told of its orders (guarantee/orders.py).
    """
    tried = try_rules(
        asked(case), inputs, routing=routing, catalogue=catalogue, rollout=rollout, order_facts=order_facts
    )
    return tuple(
        Routed(
            result=_queued(case, manifest, choice, one, routing),
            card=choice.card,
            refusal=choice.refusal,
            route=one.rule.name,
        )
        for one in tried
        for choice in one.choices
    )


def try_rules(
    case: Asked,
    inputs: Sequence[Input],
    *,
    routing: Routing,
    catalogue: Catalogue,
    rollout: Rollout,
    order_facts: Facts,
) -> tuple[Tried, ...]:
    """Hold every rule for this kind of case against it; nothing is changed."""
    known = {**facts_of_case(case.site, inputs), **order_facts}
    series = facts_by_series(case.kind, inputs)
    held = [(rule, first_unmet(rule.when, known)) for rule in routing.routes if rule.kind is case.kind]
    rejecting = [rule for rule, missing in held if missing is None and rule.reject is not None]
    chosen: set[str] = set()
    found = []
    for rule, missing in held:
        takes = missing is None and rule.reject is None
        models = [name for name in dict.fromkeys(rule.models) if name not in chosen] if takes else []
        versions = [found for name in models for found in _versions(name, case, catalogue, rollout)]
        chosen.update(models)
        ordered = ordered_stat(known) if takes else ""
        found.append(
            Tried(
                rule=rule,
                unmet=missing,
                choices=tuple(_chosen(version, series, rejecting) for version in versions),
                priority=Priority.STAT if ordered else rule.priority,
                ordered=ordered,
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """A version that is to look at a case; ``held`` says whether this process holds its package."""

    card: Card
    assigned: Assigned
    held: bool
    stage: Stage | None


def _versions(name: str, case: Asked, catalogue: Catalogue, rollout: Rollout) -> list[_Version]:
    """Return the versions of a model that look at a case, that of care first; [] for a model that is not installed.

    The card of the version in use stands in for that of one which is not held here: the result must have a policy.
    """
    in_use = catalogue.card(name)
    if in_use is None:
        return []
    assigned = rollout.assigned(name, case.site, case.kind, case.uid)
    if not assigned:
        in_use = catalogue.card_of(rollout.foremost(name, in_use.model.id)) or in_use
        only = Assigned(model=in_use.model.id, mode=Mode.CARE, part=Part.ROUTINE)
        return [_Version(card=in_use, assigned=only, held=True, stage=rollout.stage(only.model))]
    found = []
    for one in assigned:
        card = catalogue.card_of(one.model)
        stands_in = replace(in_use, model=rollout.known[one.model])
        stage = rollout.stage(one.model)
        found.append(_Version(card=card or stands_in, assigned=one, held=card is not None, stage=stage))
    return found


def _chosen(version: _Version, series: Mapping[str, Facts], rejecting: Sequence[Route]) -> Choice:
    card = version.card
    focus, refusal = choose(card, series)
    refusal = refusal or _not_granted(card, version.stage)
    if not version.held:
        detail = f"{card.model.id} is to run and this process does not hold it: install it here and restart"
        refusal = Cause(code=MISSING, detail=detail)
    ruled_out = (_by_rule(rule) for rule in rejecting if rule.rejects(card.model.name))
    why = next(ruled_out, refusal)
    return Choice(card=card, focus=focus, refusal=why, assigned=version.assigned, stage=version.stage)


def _not_granted(card: Card, stage: Stage | None) -> Cause | None:
    """Return why a version that stands at ``stage`` does not run at all, or None."""
    if allowed(stage, card.mode) is not None:
        return None
    where = f"is at {stage}: aval models advance" if stage else "is not known here yet: restart, or aval migrate"
    return Cause(code=NOT_GRANTED, detail=f"{card.model.id} {where}")


def _by_rule(rule: Route) -> Cause:
    why = rule.reject.en if rule.reject else ""
    return Cause(code=BY_RULE, detail=f"{rule.name}: {why}")


def facts_of_case(site: str, inputs: Sequence[Input]) -> Facts:
    """Return what is known of the case as a whole, with the names of the site and of those who sent it."""
    senders = frozenset(used.sender for used in inputs if used.sender)
    return merge([used.facts for used in inputs]) | {"Site": frozenset({site}), "Sender": senders}


def facts_by_series(kind: CaseKind, inputs: Sequence[Input]) -> dict[str, Facts]:
    """Return what is known of each series, with its number of images, each frame one; for a record, of everything at
    once.
    """
    groups: dict[str, list[Input]] = defaultdict(list)
    for used in inputs:
        groups[used.source.group if kind is CaseKind.STUDY else ""].append(used)
    return {
        group: merge([used.facts for used in members])
        | {"ImageCount": frozenset({str(sum(_frames(used.facts) for used in members))})}
        for group, members in groups.items()
    }


def _frames(facts: Facts) -> int:
    """Return how many images one instance is: what it says, or one where it says nothing that is a number."""
    said = facts.get("NumberOfFrames", frozenset({"1"}))
    counts = [int(text) for text in said if text.isascii() and text.isdecimal() and len(text) <= FRAMES_DIGITS_MAX]
    return max([1, *counts])


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


def _queued(case: Case, manifest: Digest, choice: Choice, tried: Tried, routing: Routing) -> Result:
    model, shadow = choice.card.model, choice.mode is Mode.SHADOW
    return Result(
        id=result_id(case.id, model),
        case=case.id,
        model=model,
        focus=choice.focus,
        mode=choice.mode,
        priority=Priority.ROUTINE if shadow else tried.priority,  # nobody waits for it, and it must delay nobody
        policy=routing.policies[choice.card.policy],
        manifest=manifest,
        identity_version=case.identity_version,
        state=ResultState.QUEUED,
        version=0,
        draft=None,
        cause=None,
    )
