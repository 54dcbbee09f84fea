"""The worklist's filters: which states a person looks for together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.web.i18n import N_
from bridge.web.services import Desk, Line
from guarantee.case import Case
from guarantee.states import ResultState as S

ROWS_MAX: Final = 200
"""Rows shown at most. A reader works from the top; whoever needs the two-hundredth is looking for one exam."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One filter.

    Args:
        name: in the address.
        label: message.
        states: asked of the desk.
        keeps: which of those rows belong here.
        calls: whether somebody must act; such tabs show their number.
        newest_first: for what is finished.
        sees_more: whether it also shows what no state says: held cases, and results that may be wrong outside.
        empty: what an empty list says.
    """

    name: str
    label: str
    states: tuple[S, ...]
    keeps: Callable[[Line], bool]
    calls: bool = False
    newest_first: bool = False
    sees_more: bool = False
    empty: str


def _needs_a_look(line: Line) -> bool:
    return line.held or line.undelivered is not None or line.result.state in _TO_UNDERSTAND


def _is_quiet(line: Line) -> bool:
    return not _needs_a_look(line)


_TO_UNDERSTAND = frozenset({S.FAILED, S.EXCLUDED, S.EXPIRED, S.STALE})

TABS: Final = (
    Tab(
        name="to-review",
        label=N_("To review"),
        states=(S.AWAITING_REVIEW,),
        keeps=_is_quiet,
        calls=True,
        empty=N_("Nothing to review. New drafts appear here by themselves."),
    ),
    Tab(
        name="to-cosign",
        label=N_("To co-sign"),
        states=(S.AWAITING_REVIEW,),
        keeps=lambda line: bool(line.prepared_by) and _is_quiet(line),
        calls=True,
        empty=N_("No learner waits for a co-signature."),
    ),
    Tab(
        name="to-understand",
        label=N_("To look into"),
        states=(S.FAILED, S.EXCLUDED, S.EXPIRED, S.STALE, S.AWAITING_REVIEW, S.VALIDATED, S.AMENDED),
        keeps=_needs_a_look,
        calls=True,
        newest_first=True,
        sees_more=True,
        empty=N_("Nothing went wrong: no failure, no exclusion, nothing out of date or suspended."),
    ),
    Tab(
        name="computing",
        label=N_("Being computed"),
        states=(S.QUEUED,),
        keeps=lambda _: True,
        empty=N_("No computation is waiting."),
    ),
    Tab(
        name="sending",
        label=N_("Being sent"),
        states=(S.VALIDATED, S.AMENDED),
        keeps=_is_quiet,
        empty=N_("Nothing is on its way: every endorsed result has been confirmed."),
    ),
    Tab(
        name="delivered",
        label=N_("Delivered"),
        states=(S.DELIVERED,),
        keeps=lambda _: True,
        newest_first=True,
        empty=N_("Nothing has been delivered yet."),
    ),
    Tab(
        name="rejected",
        label=N_("Rejected or withdrawn"),
        states=(S.REJECTED, S.RETRACTED),
        keeps=lambda _: True,
        newest_first=True,
        empty=N_("Nothing was rejected or withdrawn."),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One tab with its rows.

    Args:
        count: how many need a person; None where nobody must act.
        held: cases that no model looks at until a person says something of them.
        more_held: whether there are more of them.
    """

    tab: Tab
    lines: Sequence[Line]
    more: bool
    count: str | None
    held: Sequence[Case] = ()
    more_held: bool = False


def tab_named(name: str) -> Tab:
    """Return the tab of that name, or the first."""
    return next((tab for tab in TABS if tab.name == name), TABS[0])


def shelves(desk: Desk, chosen: Tab) -> tuple[Shelf, ...]:
    """Return every tab, with rows in ``chosen`` and numbers where somebody must act."""
    return tuple(_shelf(desk, tab, is_chosen=tab is chosen) for tab in TABS)


def _shelf(desk: Desk, tab: Tab, *, is_chosen: bool) -> Shelf:
    if not (is_chosen or tab.calls):
        return Shelf(tab=tab, lines=(), more=False, count=None)
    found = desk.lines([str(state) for state in tab.states], limit=ROWS_MAX + 1, newest_first=tab.newest_first)
    outside = desk.outside(limit=ROWS_MAX + 1) if tab.sees_more else ()
    held = desk.held(limit=ROWS_MAX + 1) if tab.sees_more else ()
    lines = [*outside, *(line for line in found if tab.keeps(line))]
    more = max(len(found), len(lines)) > ROWS_MAX
    more_held = len(held) > ROWS_MAX
    called = min(len(lines), ROWS_MAX) + min(len(held), ROWS_MAX)
    return Shelf(
        tab=tab,
        lines=lines[:ROWS_MAX],
        more=more,
        count=f"{called}{'+' if more or more_held else ''}" if tab.calls else None,
        held=held[:ROWS_MAX],
        more_held=more_held,
    )
