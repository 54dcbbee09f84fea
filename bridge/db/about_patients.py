"""What is kept of one patient: for every table how its rows are found, or why it holds none.

A patient is asked about under a number and who gave it. Merges that the record told of are followed (``mentions``), and
nothing else is: a name finds nobody. A table that is not declared here fails a test.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, tuple_, union

from bridge.db import tables
from guarantee.canonical import canonical
from guarantee.content import Text

NUMBERS_MAX: Final = 1_000
"""Most numbers that merges may lead to: a patient has a handful; more is a feed that names everybody at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One number of the patient, and who gave it."""

    issuer: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose rows are looked for.

    Args:
        numbers: of the patient, merges followed.
        unissued: whether cases whose number came without its authority are theirs too.
    """

    numbers: tuple[Named, ...]
    unissued: bool = False

    def under(self, issuer: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that two columns hold one of the numbers."""
        return or_(*(and_(value == one.value, issuer == one.issuer) for one in self.numbers))

    @cached_property
    def _of_cases(self) -> ColumnElement[bool]:
        cases = tables.cases.c
        issued = self.under(cases.patient_issuer, cases.patient_identifier)
        if not self.unissued:
            return issued
        values = [one.value for one in self.numbers]
        return or_(issued, and_(cases.patient_issuer == "", cases.patient_identifier.in_(values)))

    def cases(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return ``columns`` of the patient's cases."""
        return select(*columns).where(self._of_cases)

    def results(self) -> Select[Any]:
        """Return the identifiers of the patient's results."""
        return select(tables.results.c.id).where(tables.results.c.case_id.in_(self.cases(tables.cases.c.id)))

    def of_result(self, table: Any, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return ``columns`` of the rows of a table that names a result."""
        return select(*columns).where(table.c.result_id.in_(self.results()))

    def spelled(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that canonical JSON in ``column`` names one of the numbers: as a patient, or alone."""
        return or_(*(column.contains(text, autoescape=True) for one in self.numbers for text in _spellings(one)))


def _spellings(number: Named) -> Iterator[str]:
    issuer, value = canonical(number.issuer).decode(), canonical(number.value).decode()
    yield f'"identifier":{value},"issuer":{issuer},'
    yield f'"issuer":{issuer},"value":{value}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A table that keeps something of patients.

    Args:
        title: what its rows are, for the patient who reads them.
        where: the condition that a row is of one patient.
    """

    title: Text
    where: Callable[[Scope], ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeld:
    """A table that keeps nothing of a patient, and why."""

    why: str


def _case(table: Any) -> Callable[[Scope], ColumnElement[bool]]:
    return lambda scope: table.c.case_id.in_(scope.cases(tables.cases.c.id))


def _study(table: Any) -> Callable[[Scope], ColumnElement[bool]]:
    cases = tables.cases.c
    return lambda scope: tuple_(table.c.kind, table.c.case_uid).in_(scope.cases(cases.kind, cases.uid))


def _result(table: Any) -> Callable[[Scope], ColumnElement[bool]]:
    return lambda scope: table.c.result_id.in_(scope.results())


def _of(column: Any, parent: Any, key: Any) -> Callable[[Scope], ColumnElement[bool]]:
    """Return the condition of a table that names, in ``column``, the ``key`` of a row about a result."""
    return lambda scope: column.in_(scope.of_result(parent, key))


def _messages(scope: Scope) -> Select[Any]:
    """Return the digests of the messages that something of the patient came in."""
    inputs, orders, mentions = tables.inputs, tables.orders, tables.mentions
    found = union(
        select(inputs.c.digest).where(_study(inputs)(scope)),
        select(orders.c.message).where(scope.spelled(orders.c.body)),
        select(mentions.c.message).where(scope.under(mentions.c.issuer, mentions.c.value)),
    ).subquery()
    return select(found.c.digest)


def _fetched(scope: Scope) -> ColumnElement[bool]:
    cases = tables.cases.c
    named = union(scope.cases(cases.patient_reference), scope.cases(cases.encounter)).subquery()
    return and_(tables.fetches.c.what != "", tables.fetches.c.what.in_(select(*named.c)))


def _wanted(scope: Scope) -> ColumnElement[bool]:
    wanted = tables.launches.c.wanted
    return or_(
        *(wanted.contains(f'"patient":{canonical(one.value).decode()}', autoescape=True) for one in scope.numbers)
    )


def _subjects(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a link of the journal is about a row of the patient."""
    t = tables
    named = (
        scope.cases(t.cases.c.id),
        scope.results(),
        *(scope.of_result(table, table.c.id) for table in (t.releases, t.deliveries, t.decisions, t.opinions)),
        *(
            scope.of_result(table, table.c.id)
            for table in (t.withdrawals, t.impressions, t.exposures, t.exports, t.preparations)
        ),
        select(t.openings.c.id).where(_case(t.openings)(scope)),
        select(t.orders.c.id).where(scope.spelled(t.orders.c.body)),
        select(t.objections.c.id).where(scope.under(t.objections.c.authority, t.objections.c.identifier)),
        select(t.accesses.c.id).where(scope.under(t.accesses.c.issuer, t.accesses.c.value)),
    )
    found = union(*named).subquery()
    return t.journal.c.subject.in_(select(*found.c))


def _say(fr: str, en: str) -> Text:
    return Text(fr=fr, en=en)


_STAFF: Final = NotHeld(why="people who work here, how they sign in and what they may do; rows of results name them")
_MODELS: Final = NotHeld(why="models, and what they may do; rows of results name them")
_SITE: Final = NotHeld(why="the site: what was stopped, paused or asked of a machine, and of no patient")

HOLDINGS: Final[Mapping[str, Held | NotHeld]] = {
    "transitions": NotHeld(why="the lives of cases and results, alike for everybody"),
    **dict.fromkeys(("users", "sessions", "sign_ins", "handovers", "viewings", "habilitations", "revocations"), _STAFF),
    **dict.fromkeys(("passkeys", "passkey_ends", "challenges", "authentication_requests", "local_openings"), _STAFF),
    **dict.fromkeys(("models", "stages", "retirements", "appointments", "trials", "trial_ends"), _MODELS),
    **dict.fromkeys(("policies", "draws"), _MODELS),
    **dict.fromkeys(("stops", "pauses", "destinations", "examinations", "turned_away"), _SITE),
    "recalls": NotHeld(why="orders to take many results back; their items name the results"),
    "commitments": NotHeld(why="who waits for an answer about a list of images; whose they are is said by inputs"),
    "outbox": NotHeld(why="rings: the identifier of a row and nothing else; the row is here"),
    "inbox": NotHeld(why="rings that were heard: an identifier of the ring"),
    "cases": Held(
        title=_say("Examens et séjours reçus", "Exams and stays received"),
        where=lambda scope: tables.cases.c.id.in_(scope.cases(tables.cases.c.id)),
    ),
    "inputs": Held(title=_say("Images et données reçues", "Images and data received"), where=_study(tables.inputs)),
    "doubts": Held(title=_say("Doutes sur l’identité", "Doubts about the identity"), where=_case(tables.doubts)),
    "admissions": Held(
        title=_say("Décisions sur ces doutes", "What people said of these doubts"), where=_case(tables.admissions)
    ),
    "conversations": Held(title=_say("Transferts", "Transfers"), where=_study(tables.conversations)),
    "expectations": Held(title=_say("Images annoncées", "Images announced"), where=_study(tables.expectations)),
    "rejections": Held(title=_say("Images écartées", "Images taken out of use"), where=_study(tables.rejections)),
    "judgements": Held(
        title=_say("Examens jugés complets", "When exams were complete"), where=_case(tables.judgements)
    ),
    "orders": Held(
        title=_say("Demandes d’examen", "Orders of exams"), where=lambda scope: scope.spelled(tables.orders.c.body)
    ),
    "mentions": Held(
        title=_say("Messages sur l’identité", "Messages about the identity"),
        where=lambda scope: scope.under(tables.mentions.c.issuer, tables.mentions.c.value),
    ),
    "feed": Held(
        title=_say("Messages du dossier patient", "Messages of the record"),
        where=lambda scope: tables.feed.c.digest.in_(_messages(scope)),
    ),
    "fetches": Held(title=_say("Recherches dans le dossier", "What was looked up in the record"), where=_fetched),
    "launches": Held(title=_say("Ouvertures demandées", "Openings asked for"), where=_wanted),
    "openings": Held(
        title=_say("Qui est venu d’un autre logiciel", "Who came from another system"), where=_case(tables.openings)
    ),
    "objections": Held(
        title=_say("Oppositions à l’IA", "Objections to AI"),
        where=lambda scope: scope.under(tables.objections.c.authority, tables.objections.c.identifier),
    ),
    "accesses": Held(
        title=_say("Extractions comme celle-ci", "Extracts like this one"),
        where=lambda scope: scope.under(tables.accesses.c.issuer, tables.accesses.c.value),
    ),
    "results": Held(title=_say("Résultats d’IA", "Results of AI"), where=_case(tables.results)),
    "leases": Held(title=_say("Calculs en cours", "Computations under way"), where=_result(tables.leases)),
    "runs": Held(title=_say("Calculs effectués", "Computations done"), where=_result(tables.runs)),
    "features": Held(
        title=_say("Mesures pour surveiller le système", "Figures by which the system is watched"),
        where=_result(tables.features),
    ),
    "refusals": Held(title=_say("Décisions refusées", "Decisions refused"), where=_result(tables.refusals)),
    "questions": Held(
        title=_say("À qui le brouillon a été montré", "Who was shown the draft"), where=_result(tables.questions)
    ),
    "first_reads": Held(title=_say("Premières lectures", "First reads"), where=_result(tables.first_reads)),
    "impressions": Held(title=_say("Premières impressions", "First impressions"), where=_result(tables.impressions)),
    "exposures": Held(title=_say("Qui a vu quoi", "Who saw what"), where=_result(tables.exposures)),
    "preparations": Held(
        title=_say("Préparations par des internes", "Prepared by learners"), where=_result(tables.preparations)
    ),
    "opinions": Held(title=_say("Avis signés", "Opinions signed"), where=_result(tables.opinions)),
    "gestures": Held(
        title=_say("Signatures par clé d’accès", "Signatures by passkey"),
        where=_of(tables.gestures.c.opinion_id, tables.opinions, tables.opinions.c.id),
    ),
    "decisions": Held(title=_say("Décisions", "Decisions"), where=_result(tables.decisions)),
    "releases": Held(title=_say("Mises à disposition", "Releases"), where=_result(tables.releases)),
    "renderings": Held(
        title=_say("Documents rédigés", "Documents rendered"),
        where=_of(tables.renderings.c.release_id, tables.releases, tables.releases.c.id),
    ),
    "deliveries": Held(title=_say("Envois", "Deliveries"), where=_result(tables.deliveries)),
    "resends": Held(
        title=_say("Renvois demandés", "Resends asked for"),
        where=_of(tables.resends.c.release_id, tables.releases, tables.releases.c.id),
    ),
    "attempts": Held(
        title=_say("Essais d’envoi", "Attempts to send"),
        where=_of(tables.attempts.c.delivery_id, tables.deliveries, tables.deliveries.c.id),
    ),
    "receipts": Held(
        title=_say("Accusés de réception", "Receipts"),
        where=_of(tables.receipts.c.delivery_id, tables.deliveries, tables.deliveries.c.id),
    ),
    "withdrawals": Held(title=_say("Retraits", "Withdrawals"), where=_result(tables.withdrawals)),
    "recall_items": Held(title=_say("Retraits groupés", "Taken back with others"), where=_result(tables.recall_items)),
    "acknowledgements": Held(
        title=_say("Qui a lu qu’un résultat a été retiré", "Who has read that a result was taken back"),
        where=_result(tables.acknowledgements),
    ),
    "incidents": Held(title=_say("Discordances signalées", "Discordances reported"), where=_result(tables.incidents)),
    "incident_lines": Held(
        title=_say("Suites des discordances", "What became of discordances"),
        where=_of(tables.incident_lines.c.incident_id, tables.incidents, tables.incidents.c.id),
    ),
    "freezes": Held(title=_say("Gels de preuves", "Evidence freezes"), where=_study(tables.freezes)),
    "freeze_ends": Held(
        title=_say("Fins de gels de preuves", "Ends of evidence freezes"),
        where=lambda scope: tables.freeze_ends.c.freeze_id.in_(
            select(tables.freezes.c.id).where(_study(tables.freezes)(scope))
        ),
    ),
    "exports": Held(
        title=_say("Extractions sous pseudonyme", "Taken out under a pseudonym"), where=_result(tables.exports)
    ),
    "journal": Held(title=_say("Journal", "Journal"), where=_subjects),
}
"""Every table of the schema."""


def numbers_of(connection: Connection, asked: Named, names: Callable[[str], Sequence[str]]) -> tuple[Named, ...]:
    """Return every number of the patient who has ``asked``, by the merges that the record told of; ``asked`` first.

    Args:
        names: what else the authority of a number is called.

    Raises:
        ValueError: more than NUMBERS_MAX.
    """
    found, edge = {asked: None}, [asked]
    while edge:
        called = [Named(issuer=name, value=one.value) for one in edge for name in names(one.issuer)]
        others = [*called, *(other for one in edge for other in _joined_to(connection, one))]
        edge = [other for other in dict.fromkeys(others) if other not in found]
        found |= dict.fromkeys(edge)
        if len(found) > NUMBERS_MAX:
            raise ValueError(f"merges lead from this number to more than {NUMBERS_MAX} others")
    return tuple(found)


def _joined_to(connection: Connection, one: Named) -> list[Named]:
    mine, theirs = tables.mentions, tables.mentions.alias("theirs")
    same = and_(theirs.c.message == mine.c.message, theirs.c.who == mine.c.who)
    query = (
        select(theirs.c.issuer, theirs.c.value)
        .join(mine, same)
        .where(mine.c.joined == 1, mine.c.issuer == one.issuer, mine.c.value == one.value)
        .order_by(theirs.c.issuer, theirs.c.value)
    )
    return [Named(issuer=row.issuer, value=row.value) for row in connection.execute(query)]
