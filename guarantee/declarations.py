"""What may have to be declared of an incident, to whom, and until when: a table of duties, and a short form.

The table is data, in French as those who declare read it, with its source and the day it was checked (printed in
README.md). It is help, not legal advice. Answers open duties and start clocks; they never close one: what no answer
points to stays on the list until a named person says, with a reason, that it is not to be declared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from guarantee.canonical import canonical, parse_canonical
from guarantee.errors import Malformed
from guarantee.incident import File, Kind

CHECK_EVERY: Final = timedelta(days=183)
"""After this long without a check of its source, a duty says so (six months)."""


class Answer(StrEnum):
    """What the form knows."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


QUESTIONS: Final[Mapping[str, str]] = {
    "serious-harm": "Décès, mise en jeu du pronostic vital ou déficit fonctionnel permanent, survenu ou probable ?",
    "death": "La personne est-elle décédée ?",
    "damage": "La personne a-t-elle subi un dommage, même passager, imputable aux soins ?",
    "device": "Le logiciel ou un autre dispositif médical est-il en cause, ou peut-il l'être ?",
    "risk": "Cela aurait-il pu, ou pourrait-il ailleurs, causer un dommage grave ?",
    "high-risk-ai": "Le système d'IA est-il à haut risque au sens du règlement (UE) 2024/1689 ?",
    "rights": "Des droits fondamentaux ont-ils été atteints (discrimination, par exemple) ?",
    "security": "Y a-t-il eu un incident de sécurité du système d'information ?",
    "data": "Des données personnelles ont-elles été divulguées, altérées ou rendues indisponibles ?",
    "data-risk": "En résulte-t-il un risque élevé pour les personnes dont ce sont les données ?",
}
"""The short form. "Unknown" is an answer: the clock runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One declaration.

    Args:
        when: each set of questions that together point to it, when all of them are answered yes.
        within: how long there is, from when the incident was known here; None for "sans délai", counted as a day.
        source: the text, and what could not be read in it when it was checked.
    """

    code: str
    name: str
    to: str
    when: tuple[frozenset[str], ...]
    within: timedelta | None
    delay: str
    source: str
    checked_on: date


_CHECKED: Final = date(2026, 11, 21)


def _all(*questions: str) -> frozenset[str]:
    return frozenset(questions)


DUTIES: Final[tuple[Duty, ...]] = (
    Duty(
        code="fei",
        name="Fiche d'événement indésirable (FEI)",
        to="Direction qualité et gestion des risques de l'établissement",
        when=(frozenset(),),
        within=None,
        delay="sans délai",
        source="procédure interne de l'établissement",
        checked_on=_CHECKED,
    ),
    Duty(
        code="eigs-1",
        name="Événement indésirable grave associé à des soins, première partie",
        to="Agence régionale de santé, par le portail des signalements",
        when=(_all("serious-harm"), _all("death")),
        within=None,
        delay="sans délai",
        source="CSP L. 1413-14, R. 1413-67 et suivants ; pages des ARS",
        checked_on=_CHECKED,
    ),
    Duty(
        code="eigs-2",
        name="Événement indésirable grave associé à des soins, seconde partie (analyse et mesures)",
        to="Agence régionale de santé, par le portail des signalements",
        when=(_all("serious-harm"), _all("death")),
        within=timedelta(days=90),
        delay="3 mois",
        source="CSP R. 1413-67 et suivants ; pages des ARS (3 mois, comptés ici comme 90 jours)",
        checked_on=_CHECKED,
    ),
    Duty(
        code="materiovigilance",
        name="Incident, ou risque d'incident grave, de matériovigilance",
        to="Correspondant local de matériovigilance, qui transmet à l'ANSM ; fabricant informé",
        when=(_all("device", "serious-harm"), _all("device", "death"), _all("device", "risk")),
        within=None,
        delay="sans délai",
        source="CSP L. 5212-2 ; règlement (UE) 2017/745, art. 87",
        checked_on=_CHECKED,
    ),
    Duty(
        code="ai-act-26",
        name="Incident grave ou risque d'un système d'IA à haut risque (déployeur)",
        to="Fournisseur d'abord, puis importateur ou distributeur, et autorité de surveillance du marché",
        when=(_all("high-risk-ai", "serious-harm"), _all("high-risk-ai", "death"), _all("high-risk-ai", "risk")),
        within=None,
        delay="immédiatement",
        source="règlement (UE) 2024/1689, art. 26, § 5 ; dates d'application à vérifier sur EUR-Lex",
        checked_on=_CHECKED,
    ),
    Duty(
        code="ai-act-73",
        name="Notification d'incident grave (fournisseur ; déployeur si le fournisseur ne peut être joint)",
        to="Autorité de surveillance du marché de l'État membre",
        when=(_all("high-risk-ai", "serious-harm"), _all("high-risk-ai", "rights")),
        within=timedelta(days=15),
        delay="15 jours au plus",
        source="règlement (UE) 2024/1689, art. 73 ; pour un dispositif médical, limité aux droits fondamentaux",
        checked_on=_CHECKED,
    ),
    Duty(
        code="ai-act-73-death",
        name="Notification d'incident grave, en cas de décès",
        to="Autorité de surveillance du marché de l'État membre",
        when=(_all("high-risk-ai", "death"),),
        within=timedelta(days=10),
        delay="10 jours au plus",
        source="règlement (UE) 2024/1689, art. 73 ; délai cité de mémoire, à vérifier dans le texte",
        checked_on=_CHECKED,
    ),
    Duty(
        code="security",
        name="Incident significatif de sécurité du système d'information",
        to="Agence régionale de santé et CERT Santé, par le portail des signalements",
        when=(_all("security"),),
        within=None,
        delay="sans délai",
        source="CSP L. 1111-8-2",
        checked_on=_CHECKED,
    ),
    Duty(
        code="gdpr-33",
        name="Violation de données à caractère personnel",
        to="CNIL",
        when=(_all("data"),),
        within=timedelta(hours=72),
        delay="72 heures après en avoir pris connaissance",
        source="règlement (UE) 2016/679, art. 33",
        checked_on=_CHECKED,
    ),
    Duty(
        code="gdpr-34",
        name="Communication de la violation aux personnes concernées",
        to="Personnes concernées",
        when=(_all("data", "data-risk"),),
        within=None,
        delay="dans les meilleurs délais",
        source="règlement (UE) 2016/679, art. 34",
        checked_on=_CHECKED,
    ),
    Duty(
        code="patient",
        name="Information de la personne après un dommage",
        to="Personne concernée, ou ses ayants droit",
        when=(_all("damage"), _all("serious-harm"), _all("death")),
        within=timedelta(days=15),
        delay="15 jours au plus tard après la découverte du dommage",
        source="CSP L. 1142-4 ; délai cité de mémoire, à vérifier dans le texte",
        checked_on=_CHECKED,
    ),
)
"""Every declaration the form knows. Changing a row is changing what a hospital is reminded of: say who checked it."""

AT_ONCE: Final = timedelta(days=1)
"""What "sans délai" is counted as, so that it can be overdue."""

BY_CODE: Final[Mapping[str, Duty]] = {duty.code: duty for duty in DUTIES}


class Standing(StrEnum):
    """How one duty of an incident stands."""

    APPLIES = "applies"
    OPEN = "open"
    NOT_POINTED_AT = "not-pointed-at"
    DECLARED = "declared"
    SET_ASIDE = "set-aside"


SETTLED: Final = frozenset({Standing.DECLARED, Standing.SET_ASIDE})
"""What a named person settled."""

RUNNING: Final = frozenset({Standing.APPLIES, Standing.OPEN})
"""What the clock runs for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One duty of one incident.

    Args:
        until: when it must be declared.
        by, said: who settled it, and the reference or the reason; "" before.
    """

    duty: Duty
    standing: Standing
    until: datetime
    by: str = ""
    said: str = ""

    def is_overdue(self, now: datetime) -> bool:
        """Return whether it should have been declared before ``now``, as far as the answers say."""
        return self.standing in RUNNING and self.until < now


def timers(file: File) -> tuple[Timer, ...]:
    """Return every duty of an incident; none where nobody must look: below D3, as long as the form is empty."""
    line = file.last(Kind.ANSWERS)
    if line is None and not file.grade.is_serious:
        return ()
    answers = parse_answers(line.note) if line else {}
    return tuple(_timer(duty, answers, file) for duty in DUTIES)


def open_duties(file: File) -> tuple[str, ...]:
    """Return the codes of the duties that nobody settled."""
    return tuple(timer.duty.code for timer in timers(file) if timer.standing not in SETTLED)


def is_late(file: File, now: datetime) -> bool:
    """Return whether any clock of an incident ran out before ``now``: that of people, or that of a declaration."""
    return file.is_overdue(now) or any(timer.is_overdue(now) for timer in timers(file))


def answers_text(answers: Mapping[str, Answer]) -> str:
    """Return the answers as they are kept: canonical JSON.

    Raises:
        Malformed: an unknown question.
    """
    unknown = answers.keys() - QUESTIONS.keys()
    if unknown:
        raise Malformed(f"the form does not ask {sorted(unknown)[0]!r}; it asks {', '.join(QUESTIONS)}")
    return canonical({key: str(value) for key, value in answers.items()}).decode()


def parse_answers(text: str) -> Mapping[str, Answer]:
    """Return kept answers.

    Raises:
        Malformed: they are not what the form asks.
    """
    kept = parse_canonical(text.encode())
    if not isinstance(kept, dict) or not set(kept) <= set(QUESTIONS):
        raise Malformed("these are not answers to the form")
    if not all(word in set(Answer) for word in kept.values()):
        raise Malformed(f"an answer is one of {', '.join(Answer)}")
    return {question: Answer(str(word)) for question, word in kept.items()}


def unchecked(now: date) -> tuple[Duty, ...]:
    """Return the duties whose source nobody has checked for six months."""
    return tuple(duty for duty in DUTIES if now - duty.checked_on > CHECK_EVERY)


def _timer(duty: Duty, answers: Mapping[str, Answer], file: File) -> Timer:
    until = file.incident.at + (AT_ONCE if duty.within is None else duty.within)
    said = [line for line in file.of(Kind.DECLARED, Kind.SET_ASIDE) if line.subject == duty.code]
    if said:
        last = said[-1]
        standing = Standing.DECLARED if last.kind is Kind.DECLARED else Standing.SET_ASIDE
        return Timer(duty=duty, standing=standing, until=until, by=last.by, said=last.word or last.note)
    return Timer(duty=duty, standing=_pointed_at(duty, answers), until=until)


def _pointed_at(duty: Duty, answers: Mapping[str, Answer]) -> Standing:
    """Return what the answers say: yes to all of a set points at it; no to one of each does not; else it is open."""
    known = [{answers.get(question, Answer.UNKNOWN) for question in asked} for asked in duty.when]
    if any(said <= {Answer.YES} for said in known):
        return Standing.APPLIES
    return Standing.NOT_POINTED_AT if all(Answer.NO in said for said in known) else Standing.OPEN


def printed() -> str:
    """Return the table of duties for README.md."""
    rows = ["| déclaration | à qui | dès que | délai | source, lue le |", "| --- | --- | --- | --- | --- |"]
    for duty in DUTIES:
        when = " ; ".join(" et ".join(f"`{word}`" for word in sorted(asked)) for asked in duty.when if asked)
        rows.append(
            f"| `{duty.code}` {duty.name} | {duty.to} | {when or 'toujours'} | {duty.delay} "
            f"| {duty.source} ({duty.checked_on.isoformat()}) |"
        )
    return "\n".join(rows)
