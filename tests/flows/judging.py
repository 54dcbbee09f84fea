"""A study that arrives and is judged: its images, what is announced of it, and what the judgement was."""

from dataclasses import replace
from typing import Any

from bridge.flows import completeness, notices
from bridge.flows.completeness import Completion
from guarantee.completeness import Basis, Incomplete, Judgement, Status
from guarantee.content import Content
from guarantee.judging import Expectation, Rejection, to_list
from guarantee.unit import Arrival
from tests.flows.fakes import arrival, card
from tests.flows.world import World

STUDY = "1.2.3"


def image(world: World, n: int = 1, *, series: str = "0", modality: str = "MR", **facts: str) -> Arrival:
    one = arrival(world.vault, image=n)
    source = replace(one.source, uid=f"{STUDY}.{series}.{n}", group=f"{STUDY}.{series}")
    known = {**one.facts, "Modality": frozenset({modality})} | {k: frozenset({v}) for k, v in facts.items()}
    return replace(one, source=source, modality=modality, facts=known)


def note(world: World, title: str, *images: Arrival) -> Arrival:
    uids = frozenset(one.source.uid for one in images)
    rejects = (Rejection(study=STUDY, uids=uids, note=f"{STUDY}.9.{title}", title=title),)
    one = image(world, 900, series="9", modality="KO")
    kept = replace(one.source, uid=f"{STUDY}.9.{title}", digest=world.vault.put(title.encode()))
    return replace(one, source=kept, rejects=rejects)


def announce(world: World, *said: Expectation) -> None:
    notices.announce(STUDY, said, store=world.store, clock=world.clock, actor="scp")


def listing(world: World, *images: Arrival, source: str = "ian:pacs", status: Status = Status.SAID) -> Expectation:
    uids = [one.source.uid for one in images]
    group = images[0].source.group if images else ""
    listed = world.vault.put(to_list(uids))
    return Expectation(source=source, group=group, basis=Basis.LIST, status=status, instances=len(uids), listed=listed)


def count(images: int, group: str = "") -> Expectation:
    return Expectation(source="query:pacs", group=group, basis=Basis.QUERY, status=Status.SAID, instances=images)


def look(world: World, completion: Completion | None = None, *, after_s: float = 0) -> Judgement | None:
    """Let time pass, judge, and return the judgement of the newest revision."""
    world.clock.advance(seconds=after_s)
    completeness.complete_due(completion or world.completion)
    with world.sql.reading() as unit:
        (newest, *_) = unit.views.cases(1)
        return unit.judging.judgement(newest.id)


def with_card(world: World, incomplete: Incomplete) -> None:
    world.catalogue.cards = (card_with(incomplete),)


def card_with(incomplete: Incomplete) -> Any:
    return replace(card(), incomplete=incomplete)


def draft(world: World) -> Content:
    digest = world.results()[-1].draft
    assert digest is not None
    return Content.from_bytes(world.vault.get(digest))
