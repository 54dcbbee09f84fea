"""Who may endorse what, as a page: one's own rights, and everybody's for those who look after them."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from bridge.web import rights_words
from bridge.web.access import Signed, ThisDesk
from bridge.web.pages import frame_of
from bridge.web.routes.pages import ThesePages
from guarantee.policy import Role

router = APIRouter(include_in_schema=False)

OVERSEERS: Final = frozenset({Role.COMMITTEE, Role.DPO, Role.SECURITY, Role.ENGINEER})
"""Who sees everybody's rights. The others see their own: who has trained for what is about a person."""


@router.get("/rights")
def page(request: Request, parts: ThisDesk, pages: ThesePages, session: Signed) -> HTMLResponse:
    """Show the rights to endorse."""
    everybody = session.reader.role in OVERSEERS
    person = "" if everybody else session.reader.login
    shown = rights_words.shown(parts.desk.habilitated(), parts.now(), person=person)
    soon = sum(one.word is rights_words.ENDS_SOON for one in shown)
    return pages.render(request, "rights.html", shown=shown, everybody=everybody, soon=soon, **frame_of(parts, session))
