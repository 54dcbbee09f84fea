"""The page that explains one endorsed result to its patient: one file of HTML that needs nothing else, and prints."""

from collections.abc import Mapping
from html import escape
from typing import Final

from bridge.web.i18n import N_, Language
from bridge.web.pages import environment_of
from guarantee.content import Presence
from guarantee.ports import Endorsed

TITLE: Final = N_("What artificial intelligence contributed to your result")

_STYLE: Final = (
    "body{font:17px/1.45 sans-serif;color:#111;background:#fff;max-width:44rem;margin:1.5rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1rem 0 .2rem}p,ul{margin:.2rem 0}"
    "footer{font-size:.8rem;margin-top:1rem}@page{size:A4;margin:14mm}"
    "@media print{body{font-size:11pt;margin:0;max-width:none}}"
)
"""Here and not with the desk's styles: the file leaves, and is printed."""

_TOLD: Final[Mapping[Presence, str]] = {
    Presence.PRESENT: N_("reported"),
    Presence.ABSENT: N_("not reported, which is no proof that nothing is there"),
    Presence.UNDETERMINED: N_("could not be told"),
}
"""A finding in words that reassure nobody: what was not reported may still be there."""


def explanation(explained: Endorsed, language: Language, organisation: str) -> str:
    """Return the page.

    Args:
        organisation: who is asked, beside the clinician.
    """
    template = environment_of(language).get_template("explanation.html")
    body = template.render(told=explained, told_of=_TOLD, organisation=organisation)
    title = escape(language.text(TITLE))
    head = f'<head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
    return f'<!doctype html>\n<html lang="{language.code}">{head}\n<body>\n{body}\n</body></html>\n'
