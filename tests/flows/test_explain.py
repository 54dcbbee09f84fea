"""One endorsed result in plain words: what the page says, whom it names, and what is explained to nobody."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.flows.explain import Explaining, explained
from bridge.flows.retract import withdraw
from bridge.web.explained import explanation
from bridge.web.i18n import Language
from guarantee.amend import Edits, FindingEdit
from guarantee.content import Presence
from guarantee.errors import BlobMissing, Forged, NotAllowed, Refused
from guarantee.opinion import Opinion, Reason, Verdict
from guarantee.ports import Endorsed
from guarantee.release import WithdrawalReason
from guarantee.result import Result
from tests.flows.fakes import READER, FakeCatalogue, FakeVault, another_card, arrival
from tests.flows.world import World

LANGUAGES = {code: Language(code, ZoneInfo("Europe/Paris")) for code in ("fr", "en")}
REASSURING = re.compile(r"\b(normal|rassurant|rien à signaler|sain|healthy|reassuring|all clear|fine)\b", re.IGNORECASE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.engine.dispose()


def tools(world: World) -> Explaining:
    def verify(opinion: Opinion) -> None:
        world.ring.verify(opinion.statement.to_bytes(), opinion.seal)

    return Explaining(store=world.store, vault=world.vault, catalogue=world.catalogue, verify=verify)


def endorsed(world: World) -> Endorsed:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    return explained(result.id, tools(world))


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL))


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_page_has_everything_a_patient_is_told(world: World, code: str) -> None:
    told = endorsed(world)
    page = explanation(told, LANGUAGES[code], "CHU d'essai")
    said = text_of(page)
    facts = {"Dr Élodie MARTIN", "CHU d&#39;essai", "1.0.0", told.content.mention.replace("'", "&#39;"), told.result.id}
    facts |= {told.card.manufacturer, "mL"}
    facts |= {
        "fr": {
            "essais",
            "Jouet",
            "ne voit rien",
            "Cerveau",
            "signalé",
            "1498,90",
            "Radiologue",
            "22/11/2026",
            "gardée",
        },
        "en": {"tests", "Toy", "sees nothing", "Brain", "reported", "1498.90", "Radiologist", "22 Nov 2026", "kept"},
    }[code]
    assert {fact for fact in facts if fact not in said} == set()
    assert f'<html lang="{code}">' in page
    assert not REASSURING.search(said)
    assert not re.search(r'(src|href)="', page), "the file needs nothing else"
    assert len(said) < 4_000, "one page"


@pytest.mark.parametrize("presence", [Presence.ABSENT, Presence.UNDETERMINED])
@pytest.mark.parametrize("code", LANGUAGES)
def test_what_was_not_found_reassures_nobody(world: World, code: str, presence: Presence) -> None:
    told = endorsed(world)
    (finding,) = told.content.findings
    quiet = replace(told, content=replace(told.content, findings=(replace(finding, presence=presence),)))
    said = text_of(explanation(quiet, LANGUAGES[code], "CHU"))
    assert {"fr": "ne prouve pas qu’il n’y a rien", "en": "no proof that nothing is there"}[code] in said
    assert not REASSURING.search(said)
    none = text_of(explanation(replace(told, content=replace(told.content, findings=())), LANGUAGES[code], "CHU"))
    assert {"fr": "Aucun constat n’a été retenu", "en": "No finding was kept"}[code] in none
    assert {"fr": "ne prouve pas", "en": "no proof"}[code] in none


def test_it_says_what_was_kept_after_a_correction_and_that_there_was_one(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    edits = Edits(report="Relu.", findings=(FindingEdit(key="brain", keep=False),))
    world.answer(result, Verdict.AMEND, reason=Reason.FALSE_POSITIVE, edits=edits)
    said = text_of(explanation(explained(result.id, tools(world)), LANGUAGES["fr"], "CHU"))
    assert "La proposition du système a été corrigée" in said
    assert "Cerveau" not in said


def _draft(world: World, result: Result) -> None:
    """Nobody has decided."""


def _rejected(world: World, result: Result) -> None:
    world.answer(result, Verdict.REJECT, reason=Reason.OTHER, comment="non")


def _taken_back(world: World, result: Result) -> None:
    world.answer(result)
    world.deliver_all()
    withdraw(result.id, by=READER.login, reason=WithdrawalReason.WRONG_RESULT, comment="faux", tools=world.review)


@pytest.mark.parametrize("become", [_draft, _rejected, _taken_back])
def test_only_what_a_clinician_stands_behind_is_explained(world: World, become: object) -> None:
    result = world.drafted(arrival(world.vault))
    become(world, result)  # type: ignore[operator]
    with pytest.raises(NotAllowed, match="only what a clinician endorsed"):
        explained(result.id, tools(world))


def test_a_forged_opinion_a_missing_card_and_lost_bytes_explain_nothing(world: World) -> None:
    told = endorsed(world)

    def refuse(_: Opinion) -> None:
        raise Forged("no seal of ours")

    with pytest.raises(Forged):
        explained(told.result.id, replace(tools(world), verify=refuse))
    with pytest.raises(Refused, match="not installed here"):
        explained(told.result.id, replace(tools(world), catalogue=FakeCatalogue(another_card("other"))))

    with pytest.raises(BlobMissing):
        explained(told.result.id, replace(tools(world), vault=FakeVault()))


def test_a_number_is_written_as_people_write_it(world: World) -> None:
    told = endorsed(world)
    (finding,) = told.content.findings
    (volume,) = finding.quantities
    long = replace(finding, quantities=(replace(volume, value=Decimal("123456.5")),))
    page = explanation(replace(told, content=replace(told.content, findings=(long,))), LANGUAGES["fr"], "CHU")
    assert "123\u202f456,5 mL" in page
