"""The first page of an extract: what it holds, in plain French, for somebody who never saw this product."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from bridge.db.about_patients import Scope
from guarantee.accesses import Access
from guarantee.codec import parse_time
from guarantee.content import Text

STATES: Final[Mapping[str, str]] = {
    "queued": "calcul demandé",
    "excluded": "système non utilisé",
    "failed": "calcul échoué : cela ne dit rien de votre état",
    "awaiting_review": "brouillon, que personne n’a encore validé",
    "validated": "validé par un médecin, en cours d’envoi",
    "amended": "corrigé et validé par un médecin, en cours d’envoi",
    "rejected": "refusé par un médecin : rien n’a été envoyé",
    "expired": "non relu à temps : rien n’a été envoyé",
    "stale": "périmé : l’examen avait changé",
    "delivered": "validé par un médecin et envoyé",
    "retracted": "validé, puis retiré partout",
}

_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.3rem .5rem;text-align:left}"
    "code{font-size:.8rem;overflow-wrap:anywhere}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What the page tells of.

    Args:
        titles: what the rows of each table are.
        left_out: objects that are not in the folder, and why.
        unissued: how many cases have the number, do not say who gave it, and are not here.
    """

    access: Access
    scope: Scope
    titles: Mapping[str, Text]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    left_out: Mapping[str, Text]
    unissued: Sequence[str]


def page(dossier: Dossier) -> str:
    """Return the page: one file of HTML that needs nothing else."""
    parts = (_head, _results, _rows, _left_out)
    body = "\n".join(part(dossier) for part in parts)
    return (
        '<!doctype html>\n<html lang="fr"><head><meta charset="utf-8"><title>Données conservées par Aval</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _head(dossier: Dossier) -> str:
    access = dossier.access
    numbers = ", ".join(f"{escape(one.value)} ({escape(one.issuer)})" for one in dossier.scope.numbers)
    merged = " Les numéros que le dossier patient a fusionnés avec le vôtre sont compris." if _many(dossier) else ""
    return (
        "<h1>Ce qu’Aval conserve à votre sujet</h1>\n"
        "<p>Aval est le logiciel qui soumet les examens à des systèmes d’intelligence artificielle et qui montre ce "
        "qu’ils proposent à un médecin. Rien ne part dans votre dossier sans l’accord d’un médecin nommé.</p>\n"
        f"<p>Numéro de patient : {numbers}.{merged}</p>\n"
        f"<p>Extrait le {access.at:%d/%m/%Y à %H:%M} UTC par {escape(access.by.login)}, délégué à la protection des "
        f"données. Motif : {escape(access.reason)}. Cet extrait est lui-même inscrit au journal.</p>\n"
        "<p>Le dossier <code>rows</code> contient chaque ligne conservée, le dossier <code>objects</code> ce qui a été "
        "reçu, proposé, décidé et envoyé ; chaque fichier y porte son empreinte SHA-256. <code>manifest.json</code> "
        "liste tous les fichiers.</p>"
    )


def _many(dossier: Dossier) -> bool:
    return len(dossier.scope.numbers) > 1


def _results(dossier: Dossier) -> str:
    """Return the results, with who was shown them, who decided and where they went."""
    cells = [_cells(result, dossier.rows) for result in dossier.rows["results"]]
    head = ("Résultat", "Système d’IA", "Demandé le", "Où il en est", "Montré à", "Décidé par", "Envoyé à")
    return "<h2>Résultats d’intelligence artificielle</h2>\n" + (_table(head, cells) if cells else "<p>Aucun.</p>")


def _cells(result: Mapping[str, Any], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[str, ...]:
    def of(table: str, column: str, keep: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> str:
        mine = (row for row in rows[table] if row["result_id"] == result["id"] and keep(row))
        return ", ".join(sorted({str(row[column]) for row in mine}))

    return (
        result["id"],
        result["model_id"],
        _day(result["queued_at"]),
        STATES[result["state"]],
        of("questions", "reader"),
        of("opinions", "reader"),
        of("deliveries", "destination", lambda row: row["state"] == "confirmed" and row["kind"] == "result"),
    )


def _day(text: str) -> str:
    return f"{parse_time(text):%d/%m/%Y}"


def _rows(dossier: Dossier) -> str:
    cells = [
        (title.fr, str(len(dossier.rows[name])), f"rows/{name}.json")
        for name, title in dossier.titles.items()
        if dossier.rows[name]
    ]
    return "<h2>Tout ce qui est conservé</h2>\n" + _table(("Quoi", "Lignes", "Fichier"), cells)


def _left_out(dossier: Dossier) -> str:
    told = []
    if dossier.left_out:
        cells = [(name, why.fr) for name, why in dossier.left_out.items()]
        told.append("<h2>Ce qui n’est pas dans ce dossier</h2>\n" + _table(("Empreinte", "Pourquoi"), cells))
    if dossier.unissued:
        told.append(
            f"<p>{len(dossier.unissued)} examen(s) portent ce numéro sans dire qui l’a donné : ils peuvent être ceux "
            "d’une autre personne et ne sont pas ici. Une personne doit regarder.</p>"
        )
    return "\n".join(told)


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>\n{lines}\n</table>"
