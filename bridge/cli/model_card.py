"""A model's card as a person reads it on a terminal, in French or English."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bridge.wiring.models import Life, State
from guarantee.content import Text
from guarantee.rules import Condition
from inference.card import GOLDEN_FILE, Package
from inference.golden import cases

_WORDS: Final = {
    "state": Text(fr="État", en="State"),
    "routes": Text(fr="Règles qui l'appellent", en="Routes that use it"),
    "purpose": Text(fr="Usage prévu", en="Purpose"),
    "limits": Text(fr="Limites", en="Limits"),
    "when": Text(fr="Conditions d'usage", en="Conditions of use"),
    "status": Text(fr="Statut réglementaire", en="Regulatory status"),
    "maker": Text(fr="Fabricant", en="Manufacturer"),
    "figures": Text(fr="Mesuré par le fabricant", en="Measured by the manufacturer"),
    "thresholds": Text(fr="Seuils", en="Thresholds"),
    "policy": Text(fr="Règle de relecture", en="Review policy"),
    "needs": Text(fr="Reçoit aussi", en="Is also told"),
    "limits_of_a_run": Text(fr="Un calcul", en="A run"),
    "golden": Text(fr="Cas de référence", en="Golden cases"),
    "digests": Text(fr="Empreintes SHA-256", en="SHA-256 digests"),
    "licence": Text(fr="Licence et origine", en="Licence and origin"),
    "none": Text(fr="aucun", en="none"),
}

STATES: Final = {
    State.ROUTED: Text(fr="en service", en="in use"),
    State.INSTALLED: Text(fr="installé, aucune règle ne l'appelle", en="installed, no route uses it"),
    State.STOPPED: Text(fr="suspendu", en="stopped"),
    State.RETIRED: Text(fr="retiré", en="retired"),
}


def card_text(package: Package, life: Life, language: str) -> str:
    """Return the card of ``package`` for a person.

    Args:
        language: "fr" or "en".
    """
    card = package.card
    head = f"{card.model.id}  {_of(card.label, language)}"
    lines = [_said(name, found, language) for name, found in _parts(package, life, language)]
    return "\n".join([head, "", *lines])


def card_value(package: Package, life: Life) -> dict[str, Any]:
    """Return the same for a script, both languages in it."""
    card = package.card
    return {
        "id": card.model.id,
        "state": str(life.state),
        "why": life.why,
        "routes": list(life.routes),
        "label": _both(card.label),
        "manufacturer": card.manufacturer,
        "purpose": _both(card.purpose),
        "limits": [_both(limit) for limit in card.limits],
        "conditions": [{"fact": c.fact, "code": c.code, "why": _both(c.why)} for c in card.envelope],
        "regulatory": {"status": card.regulatory.status, "statement": _both(card.regulatory.statement)},
        "kind": str(card.kind),
        "mode": str(card.mode),
        "policy": card.policy,
        "thresholds": dict(card.thresholds),
        "deadline_s": card.deadline_s,
        "memory_mb": card.memory_mb,
        "golden_cases": len(cases(package)),
        "digests": {"card.yaml": card.model.card, **package.files},
        "licence": card.licence,
        "attribution": card.attribution,
    }


def _parts(package: Package, life: Life, language: str) -> Iterator[tuple[str, Sequence[str]]]:
    card = package.card
    yield "state", [" – ".join(filter(None, (_of(STATES[life.state], language), life.why)))]
    yield "routes", life.routes
    yield "purpose", [_of(card.purpose, language)]
    yield "limits", [_of(limit, language) for limit in card.limits]
    yield "when", [_condition(condition, language) for condition in card.envelope]
    yield "status", [_of(card.regulatory.statement, language)]
    yield "maker", [card.manufacturer]
    yield (
        "figures",
        [f"{_of(f.label, language)}: {f.value} (n = {f.n}; {_of(f.data, language)})" for f in package.figures],
    )
    yield "thresholds", [f"{name} {value}" for name, value in card.thresholds.items()]
    yield "policy", [f"{card.policy}, {card.mode}"]
    yield "needs", [", ".join(map(str, card.needs))] if card.needs else []
    yield "limits_of_a_run", [f"{card.deadline_s} s, {card.memory_mb} MiB"]
    yield "golden", [str(len(cases(package)))] if GOLDEN_FILE in package.files else []
    yield "digests", [f"{digest}  {name}" for name, digest in {"card.yaml": card.model.card, **package.files}.items()]
    yield "licence", [card.licence, card.attribution]


def _said(name: str, found: Sequence[str], language: str) -> str:
    """Return one line for one value or none, a list for several."""
    head = _of(_WORDS[name], language)
    if len(found) > 1:
        return "\n".join([f"{head}:", *(f"  - {line}" for line in found)])
    return f"{head}: {found[0] if found else _of(_WORDS['none'], language)}"


def _condition(condition: Condition, language: str) -> str:
    return f"{condition.fact}: {_of(condition.why, language)}"


def _of(text: Text, language: str) -> str:
    return text.fr if language == "fr" else text.en


def _both(text: Text) -> dict[str, str]:
    return {"fr": text.fr, "en": text.en}
