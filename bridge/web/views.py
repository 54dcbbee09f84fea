"""From the desk's values to what one caller may see of them.

Two rules live here and nowhere else: a role that needs no name gets none (ACC-07), and nothing of a draft leaves this
process except as the answer to a question, or once a decision exists.
"""

from collections.abc import Iterable
from typing import Final

from bridge.web.access import NAMED, REVIEWERS
from bridge.web.schemas.content import ContentOut, TextOut
from bridge.web.schemas.results import (
    CaseOut,
    CauseOut,
    DecisionOut,
    LineOut,
    OpenedOut,
    OpinionOut,
    PatientOut,
    SentOut,
    ViewOut,
)
from bridge.web.services import Line, Opened, Session, View
from guarantee.codec import time_text
from guarantee.content import Content
from guarantee.errors import Absent
from guarantee.opinion import Opinion
from guarantee.result import Cause
from guarantee.states import ResultState

DECIDED: Final = frozenset(
    {
        ResultState.VALIDATED,
        ResultState.AMENDED,
        ResultState.DELIVERED,
        ResultState.REJECTED,
        ResultState.RETRACTED,
    }
)
"""States behind which a decision stands. An expired or outdated draft was never judged: nobody is shown it."""

WITHDRAWABLE: Final = frozenset({ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED})


def is_named(session: Session) -> bool:
    """Return whether this person may see whose exam it is."""
    return session.reader.role in NAMED


def is_vouched(session: Session) -> bool:
    """Return whether this person signed in at the identity provider (bridge/accounts.py: AT_PROVIDER)."""
    return session.auth.startswith("oidc:")


def level_of(session: Session) -> str:
    """Return at which level they did, e.g. "eidas1"."""
    return session.auth.removeprefix("oidc:")


def is_reviewer(session: Session) -> bool:
    """Return whether this person may see drafts and images, and may decide."""
    return session.reader.role in REVIEWERS


def line_out(line: Line, session: Session) -> LineOut:
    """Return a row as ``session`` may see it."""
    return LineOut(
        id=line.result.id,
        state=line.result.state,
        priority=line.result.priority,
        mode=line.result.mode,
        model=line.result.model.id,
        label=TextOut.model_validate(line.card.label) if line.card else None,
        focus=line.result.focus if is_reviewer(session) else None,
        held=line.held,
        cause=_cause(line.result.cause),
        undelivered=_cause(line.undelivered),
        case=_case_out(line, session),
        queued_at=time_text(line.queued_at),
        moved_at=time_text(line.moved_at),
    )


def view_out(view: View, session: Session) -> ViewOut:
    """Return a result as ``session`` may see it."""
    shows = (is_reviewer(session) or view.prepares) and view.line.result.state in DECIDED
    return ViewOut(
        line=line_out(view.line, session),
        draft=_content(view.draft) if shows else None,
        content=_content(view.content) if shows else None,
        opinions=tuple(OpinionOut.model_validate(opinion) for opinion in shown_opinions(view, session)),
        preparation=OpinionOut.model_validate(view.preparation) if view.preparation else None,
        decision=DecisionOut.model_validate(view.decision) if view.decision else None,
        sent=tuple(SentOut.model_validate(sent) for sent in view.sent),
        obstacles=tuple(CauseOut.model_validate(cause) for cause in view.obstacles),
    )


def opened_out(opened: Opened, session: Session) -> OpenedOut:
    """Return a draft that was put in front of ``session``.

    Raises:
        Absent: there is no draft.
    """
    draft = opened.view.draft
    if draft is None:
        raise Absent("the question came without its draft")
    return OpenedOut(
        view=view_out(opened.view, session),
        draft=ContentOut.model_validate(draft),
        nonce=opened.nonce,
        shown=opened.shown,
        expires_at=time_text(opened.expires_at),
        prepares=opened.view.prepares,
        preparation=OpinionOut.model_validate(opened.preparation) if opened.preparation else None,
        prepared=_content(opened.prepared),
    )


def shown_opinions(view: View, session: Session) -> tuple[Opinion, ...]:
    """Return the opinions ``session`` may read: all once there is a decision, before it their own only.

    The second reader of a blind double reading must not see what the first one said (REV-05). Comments are free text
    about a patient, so who sees no images reads none. A learner reads those on what they prepared, once it is decided.
    """
    if not (is_reviewer(session) or view.prepares):
        return ()
    if view.decision is not None:
        return view.opinions
    return own_opinions(view.opinions, session)


def own_opinions(opinions: Iterable[Opinion], session: Session) -> tuple[Opinion, ...]:
    """Return what this person has already said."""
    return tuple(opinion for opinion in opinions if opinion.statement.reader.login == session.reader.login)


def _case_out(line: Line, session: Session) -> CaseOut:
    named = is_named(session)
    return CaseOut(
        id=line.case.id,
        kind=line.case.kind,
        revision=line.case.revision,
        site=line.case.site,
        modality=line.case.modality,
        started=line.case.started,
        patient=PatientOut.model_validate(line.case.patient) if named else None,
        order=line.case.order if named else None,
        description=line.case.description if named else None,
    )


def _content(content: Content | None) -> ContentOut | None:
    return None if content is None else ContentOut.model_validate(content)


def _cause(cause: Cause | None) -> CauseOut | None:
    return None if cause is None else CauseOut.model_validate(cause)
