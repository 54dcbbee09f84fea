"""A discordance is reported; what its grade sets off of itself happens in the same transaction.

The stop and the freeze of a D4 are committed with the report: there is no moment at which the one is known and the
other is not in force. People do the rest, line by line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.flows import holds
from bridge.flows.holds import NEVER, Triggers
from guarantee.declarations import BY_CODE, Answer, answers_text, open_duties
from guarantee.errors import Malformed, NotEntitled
from guarantee.ids import ResultId, derive
from guarantee.incident import (
    OVERSEERS,
    TABLE,
    Effect,
    File,
    Freeze,
    Grade,
    Incident,
    Kind,
    Line,
    Thaw,
    incident_id,
    require_closable,
    require_may,
)
from guarantee.opinion import Reader
from guarantee.ports import Clock, Store
from guarantee.unit import Unit

DISCORDANCE: Final = "discordance"
"""Name of the trigger in the reason of a stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the flow works with.

    Args:
        triggers: what the site set of the holds that add up; its ``say`` words the reason of every automatic stop.
    """

    store: Store
    clock: Clock
    triggers: Triggers = NEVER


def report(result: ResultId, grade: Grade, reason: str, reader: Reader, tools: Tools) -> File:
    """Report a discordance; stop and freeze with it when the table says so.

    Raises:
        Absent: there is no such result.
        NotEntitled, Malformed: as guarantee/incident.py says.
    """
    require_may(Kind.GRADE, reader.role, None)
    with tools.store.transaction(f"incident:{reader.login}") as unit:
        now = tools.clock.now()
        unit.results.get(result)
        caught = not unit.incidents.was_accepted(result)
        made = Incident(
            id=incident_id(result, reader.login, now), result=result, by=reader.login, caught=caught, at=now
        )
        line = _line(made.id, 1, Kind.GRADE, reader, tools, word=str(grade), note=reason)
        unit.incidents.report(made, line)
        _follow(made, grade, reader, unit, tools)
        return unit.incidents.get(made.id)


def grade_again(incident: str, grade: Grade, reason: str, reader: Reader, tools: Tools) -> File:
    """Append another grade; a higher one sets off what it would have set off at first. Nothing is undone by a lower."""
    with tools.store.transaction(f"incident:{reader.login}") as unit:
        file = _append(unit, incident, Kind.GRADE, reader, tools, word=str(grade), note=reason)
        _follow(file.incident, grade, reader, unit, tools)
        return unit.incidents.get(incident)


def answer_form(incident: str, answers: Mapping[str, Answer], reader: Reader, tools: Tools) -> File:
    """Append the answers of the form; those given before stay, and the last ones count."""
    if not answers:
        raise Malformed("no question is answered")
    return _write(incident, Kind.ANSWERS, reader, tools, note=answers_text(answers))


def ask_action(incident: str, what: str, due: str, reader: Reader, tools: Tools) -> File:
    """Append a corrective action; its number is the next one."""
    with tools.store.transaction(f"incident:{reader.login}") as unit:
        number = str(len(unit.incidents.get(incident).of(Kind.ACTION)) + 1)
        return _append(unit, incident, Kind.ACTION, reader, tools, subject=number, word=due, note=what)


def say_done(incident: str, number: str, what: str, reader: Reader, tools: Tools) -> File:
    """Append that an action was done."""
    return _write(incident, Kind.DONE, reader, tools, subject=number, note=what)


def say_declared(incident: str, duty: str, reference: str, note: str, reader: Reader, tools: Tools) -> File:
    """Append that a declaration was made, outside: the software sends none."""
    return _write(incident, Kind.DECLARED, reader, tools, subject=_known(duty), word=reference, note=note)


def set_aside(incident: str, duty: str, reason: str, reader: Reader, tools: Tools) -> File:
    """Append that a person judged that this is not to be declared, and why."""
    return _write(incident, Kind.SET_ASIDE, reader, tools, subject=_known(duty), note=reason)


def close(incident: str, effect: str, reader: Reader, tools: Tools, *, second: str = "") -> File:
    """Close an incident.

    Args:
        effect: how it was checked that what was done has an effect.
        second: the other person, whose code was checked; needed from D3 on.

    Raises:
        NotAllowed: something is left to do (guarantee/incident.py: require_closable).
    """
    with tools.store.transaction(f"incident:{reader.login}") as unit:
        file = unit.incidents.get(incident)
        require_may(Kind.CLOSED, reader.role, file)
        require_closable(file, second=second, open_duties=open_duties(file))
        return _append(unit, incident, Kind.CLOSED, reader, tools, note=effect, second=second)


def reopen(incident: str, reason: str, reader: Reader, tools: Tools) -> File:
    """Open a closed incident again."""
    return _write(incident, Kind.REOPENED, reader, tools, note=reason)


def freeze(incident: str, reader: Reader, tools: Tools) -> tuple[Freeze, ...]:
    """Freeze the evidence of an incident by hand: a D4 does it of itself. Return the freezes in force."""
    if reader.role not in OVERSEERS:
        raise NotEntitled(f"a {reader.role} freezes nothing; {', '.join(sorted(OVERSEERS))} do")
    with tools.store.transaction(f"incident:{reader.login}") as unit:
        _freeze(unit.incidents.get(incident).incident, reader, unit, tools)
        return unit.incidents.frozen(incident)


def lift(incident: str, reason: str, readers: tuple[Reader, Reader], tools: Tools) -> int:
    """Lift every freeze of an incident, by two people; return how many.

    Raises:
        NotEntitled: one of them oversees nothing.
        Malformed: the two are one, or nothing is frozen.
    """
    first, second = readers
    if not {first.role, second.role} <= OVERSEERS:
        raise NotEntitled(f"{', '.join(sorted(OVERSEERS))} lift a freeze, two of them")
    with tools.store.transaction(f"incident:{first.login}") as unit:
        frozen = unit.incidents.frozen(incident)
        if not frozen:
            raise Malformed(f"nothing is frozen for incident {incident}")
        for one in frozen:
            now = tools.clock.now()
            unit.incidents.thaw(Thaw(freeze=one.id, by=first.login, second=second.login, reason=reason, at=now))
        return len(frozen)


def _write(incident: str, kind: Kind, reader: Reader, tools: Tools, **said: Any) -> File:
    with tools.store.transaction(f"incident:{reader.login}") as unit:
        return _append(unit, incident, kind, reader, tools, **said)


def _append(unit: Unit, incident: str, kind: Kind, reader: Reader, tools: Tools, **said: Any) -> File:
    file = unit.incidents.get(incident)
    require_may(kind, reader.role, file)
    unit.incidents.add(_line(incident, len(file.lines) + 1, kind, reader, tools, **said))
    return unit.incidents.get(incident)


def _line(incident: str, n: int, kind: Kind, reader: Reader, tools: Tools, **said: Any) -> Line:
    return Line(incident=incident, n=n, kind=kind, by=reader.login, role=reader.role, at=tools.clock.now(), **said)


def _known(duty: str) -> str:
    if duty not in BY_CODE:
        raise Malformed(f"no declaration is called {duty!r}; there are {', '.join(BY_CODE)}")
    return duty


def _follow(made: Incident, grade: Grade, reader: Reader, unit: Unit, tools: Tools) -> None:
    """Do what the table says happens of itself, as far as it is not in force already."""
    effects = TABLE[grade].effects
    result, now = unit.results.get(made.result), tools.clock.now()
    if Effect.FREEZE in effects and not unit.incidents.frozen(made.id):
        _freeze(made, reader, unit, tools)
    if Effect.STOP in effects:
        reason = tools.triggers.say(DISCORDANCE, grade=str(grade), incident=made.id[:8])
        holds.suspend(result, reader.login, reason, unit, now)
    elif grade.is_serious:
        holds.after_discordance(result, tools.triggers, unit, now)


def _freeze(made: Incident, reader: Reader, unit: Unit, tools: Tools) -> None:
    case = unit.cases.get(unit.results.get(made.result).case)
    now = tools.clock.now()
    key = derive("freeze", made.id, now.isoformat())
    unit.incidents.freeze(Freeze(id=key, incident=made.id, kind=case.kind, uid=case.uid, by=reader.login, at=now))
