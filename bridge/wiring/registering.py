"""A package becomes known: compared with the version it follows, and put where its life begins. Journaled both."""

from datetime import datetime
from typing import Final

from bridge.db.registry import Entry
from bridge.db.store import SqlUnit
from bridge.wiring.publishers import Origin
from guarantee.lifecycle import INSTALLER, Line, Stage, beginning
from guarantee.revalidation import Comparison, compare, predecessor
from inference.card import Package
from inference.facts import facts

GIVEN: Final = Stage.PILOT
"""What the models that come with Aval are given by the installer, and a routine with it: the demonstration and a new
installation run them, each draft reviewed. The appointment says that nobody of the hospital granted it.
A later version that comes with Aval begins where the table says, like everybody's."""


def register(package: Package, origin: Origin, unit: SqlUnit, at: datetime, *, begin: Stage | None = None) -> None:
    """Make ``package`` known, and begin its life unless somebody did; what is known already stays as it is.

    The first version of a model that comes with Aval is put in routine too.

    Args:
        unit: of the database's owner.
        begin: where its life begins; None for where the table says (guarantee/lifecycle.py).

    Raises:
        Malformed: the same name and version is known with other bytes.
    """
    model = package.card.model
    own, found = facts(package), compared(package, unit)
    entry = Entry(
        parts=own.parts,
        before=found.before,
        changed=found.changed,
        level=found.level,
        publisher=origin.publisher,
        key=origin.key if origin.is_trusted else "",
    )
    unit.registry.register_model(model, at, entry)
    if unit.lives.of(model.id):
        return
    is_first = origin.word == "shipped" and not found.before
    stage = begin or (GIVEN if is_first else beginning(found.level, _stage(found.before, unit)))
    reason = f"{found.level}: {', '.join(found.changed) or 'new'}, after {found.before or 'nothing'}"
    unit.lives.add(Line(model=model.id, n=1, stage=stage, by=INSTALLER, reason=reason, at=at))
    if is_first and stage is GIVEN:
        unit.registry.appoint_first(model, at)


def compared(package: Package, unit: SqlUnit) -> Comparison:
    """Return what ``package`` changes: as it was found when it was made known, or as it would be found now."""
    model = package.card.model
    known = unit.registry.entry(model.id)
    if known is not None:
        return known.compared(model.id)
    own = facts(package)
    return compare(predecessor(model, unit.registry.facts(model.name)), own)


def _stage(model_id: str, unit: SqlUnit) -> Stage | None:
    lines = unit.lives.of(model_id) if model_id else ()
    return lines[-1].stage if lines else None
