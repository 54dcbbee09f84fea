"""A model's card as a person reads it on a terminal, in French or English."""

from collections.abc import Iterator, Sequence
from typing import Any

from bridge.web.i18n import Language
from bridge.web.model_words import FACETS, LEVELS, NONE, ORIGINS, PARTS, SINCE, STAGES, STATES
from bridge.wiring.models import Life
from guarantee.content import Text
from guarantee.lifecycle import Stage
from guarantee.revalidation import Comparison
from guarantee.rules import Condition
from inference.card import GOLDEN_FILE, Package
from inference.golden import cases


def card_text(package: Package, life: Life, language: Language) -> str:
    """Return the card of ``package`` for a person."""
    card = package.card
    head = f"{card.model.id}  {language.choose(card.label)}"
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
        "stage": life.stage,
        "stages": [
            {"stage": str(line.stage), "at": line.at, "by": line.by, "reason": line.reason} for line in life.lines
        ],
        "appointments": [
            {"step": str(line.step), "at": line.at, "by": line.by, "second": line.second, "reason": line.reason}
            for line in life.appointments
        ],
        "origin": {"word": life.origin.word, "publisher": life.origin.publisher, "key": life.origin.key},
        "change": change_value(life.change),
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
        "batch_most": card.batch_most,
        "golden_cases": len(cases(package)),
        "digests": {"card.yaml": card.model.card, **package.files},
        "licence": card.licence,
        "attribution": card.attribution,
    }


def _parts(package: Package, life: Life, language: Language) -> Iterator[tuple[str, Sequence[str]]]:
    card = package.card
    yield "state", [" – ".join(filter(None, (language.text(STATES[life.state]), life.why)))]
    yield "stage", [language.text(STAGES[life.stage])] if life.stage else []
    yield "lines", _signatures(life)
    yield "origin", [language.text(ORIGINS[life.origin.word], publisher=life.origin.publisher, key=life.origin.key)]
    yield "change", _changed(life.change, language)
    yield "revalidation", [language.text(LEVELS[life.change.level])]
    yield "routes", life.routes
    yield "purpose", [language.choose(card.purpose)]
    yield "limits", [language.choose(limit) for limit in card.limits]
    yield "when", [_condition(condition, language) for condition in card.envelope]
    yield "status", [language.choose(card.regulatory.statement)]
    yield "maker", [card.manufacturer]
    yield (
        "figures",
        [f"{language.choose(f.label)}: {f.value} (n = {f.n}; {language.choose(f.data)})" for f in package.figures],
    )
    yield "thresholds", [f"{name} {value}" for name, value in card.thresholds.items()]
    yield "policy", [f"{card.policy}, {card.mode}"]
    yield "needs", [", ".join(map(str, card.needs))] if card.needs else []
    yield "limits_of_a_run", [f"{card.deadline_s} s, {card.memory_mb} MiB"]
    yield "golden", [str(len(cases(package)))] if GOLDEN_FILE in package.files else []
    yield "digests", [f"{digest}  {name}" for name, digest in {"card.yaml": card.model.card, **package.files}.items()]
    yield "licence", [card.licence, card.attribution]


def _said(name: str, found: Sequence[str], language: Language) -> str:
    """Return one line for one value or none, a list for several."""
    head = language.text(PARTS[name])
    if len(found) > 1:
        return "\n".join([f"{head}:", *(f"  - {line}" for line in found)])
    return f"{head}: {found[0] if found else language.text(NONE)}"


def _signatures(life: Life) -> list[str]:
    """Return who put a version where, oldest first: its own lines, and its appointments."""
    found = [(line.at, f"{line.stage}, {line.by}: {line.reason}") for line in life.lines]
    for line in life.appointments:
        who = " + ".join(filter(None, (line.by, line.second)))
        found.append((line.at, f"{Stage.ROUTINE} ({line.step}), {who}: {line.reason}"))
    return [f"{at:%Y-%m-%d} {said}" for at, said in sorted(found, key=lambda one: one[0])]


def _changed(change: Comparison, language: Language) -> list[str]:
    if not change.before:
        return []
    parts = ", ".join(language.text(FACETS[facet]) for facet in change.changed) or language.text(NONE)
    return [language.text(SINCE, version=change.before, parts=parts)]


def change_value(change: Comparison) -> dict[str, Any]:
    """Return what a version changes, for a script."""
    changed = [str(facet) for facet in change.changed]
    return {"before": change.before, "after": change.after, "changed": changed, "level": str(change.level)}


def _condition(condition: Condition, language: Language) -> str:
    return f"{condition.fact}: {language.choose(condition.why)}"


def _both(text: Text) -> dict[str, str]:
    return {"fr": text.fr, "en": text.en}
