"""The rules held against what is installed: names that nobody has, facts that nobody tells."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bridge.rules_file import Fault, Place, RulesMalformed, line_of, read_rules
from dicom_adapters.read import headers
from fhir_adapters import inbound
from guarantee.case import CaseKind
from guarantee.policy import Policy
from guarantee.ports import Catalogue
from guarantee.rules import Route

FACTS: Final = {
    CaseKind.STUDY: headers.FACTS | {"Site", "Sender"},
    CaseKind.RECORD: inbound.FACTS | {"Site", "Sender"},
}
"""What a route may ask of a case. A condition on anything else never holds, and nobody would see why."""


def misnamed(routes: Sequence[Route], policies: Sequence[Policy], catalogue: Catalogue) -> Iterator[tuple[Place, str]]:
    """Yield each model or policy that the routes name and that is not there, with its place in the file."""
    ids = {policy.id for policy in policies}
    for n, route in enumerate(routes):
        for m, name in enumerate(route.models):
            place: Place = ("routes", n, "models", m)
            card = catalogue.card(name)
            if card is None and "@" in name:
                said = "which version is in routine, and which is tried, is said by `aval models`, never by a rule"
                yield place, f"route {route.name} names {name!r}: a rule names a model without its version; {said}"
            elif card is None:
                yield place, f"route {route.name} names model {name!r}, which is not installed (`aval models list`)"
            elif card.kind is not route.kind:
                yield place, f"route {route.name} is for {route.kind} cases, model {name} is not"
            elif card.policy not in ids:
                yield place, f"the card of {name} asks for policy {card.policy!r}, which no rule file defines"


def check(path: Path, catalogue: Catalogue) -> list[Fault]:
    """Return every fault of a file of rules, with its line; [] when an installation with ``catalogue`` can use it."""
    try:
        routes, policies = read_rules(path)
    except RulesMalformed as error:
        return list(error.faults)
    found = [*misnamed(routes, policies, catalogue), *_untold(routes)]
    return [Fault(line_of(path, place), ".".join(map(str, place)), what) for place, what in found]


def _untold(routes: Sequence[Route]) -> Iterator[tuple[Place, str]]:
    for n, route in enumerate(routes):
        for m, condition in enumerate(route.when):
            if condition.fact not in FACTS[route.kind]:
                known = ", ".join(sorted(FACTS[route.kind]))
                yield (
                    ("routes", n, "when", m, "fact"),
                    f"nothing tells {condition.fact!r} of a {route.kind}, so this never holds; there are {known}",
                )
