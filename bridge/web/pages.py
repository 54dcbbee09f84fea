"""Pages from templates: one environment a language, built once; every value is escaped."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.datastructures import URL

from bridge.web import (
    drift_words,
    incident_words,
    model_words,
    monitoring_words,
    outward_words,
    package_words,
    rights_words,
    script_words,
    words,
)
from bridge.web.access import KEYS_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Parts, language_of, parts_of, theme_of
from bridge.web.i18n import Language
from bridge.web.impression_words import IMPRESSIONS
from bridge.web.person import born, exam_time, full_name, patient_name, sex_text, visible
from bridge.web.security import set_cookie
from bridge.web.services import Session
from bridge.web.views import is_named, is_reviewer, is_vouched, level_of
from guarantee.codec import parse_time
from guarantee.errors import Malformed

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

PREFERENCE_AGE_S: Final = 365 * 86_400
"""How long a browser keeps language and theme: a year. Preferences of a person move to the server later."""

ADDRESS_WRONG: Final = frozenset({400, 404, 405, 422})
"""Answers to an address that no page of ours made: what was typed there, a name perhaps, is not repeated in links."""


LAUNCHES: Final = frozenset({"/launch", "/IHEInvokeImageDisplay", "/launch/callback", "/sign-in/callback"})
"""Addresses that other systems write: a patient number may stand there, or a code of the identity provider, so no page
repeats it, whatever it answers."""


def assets_digest(folder: Path = STATIC) -> str:
    """Return a short digest of every static file: part of their address, so that a browser never mixes two versions."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


class Pages:
    """Renders templates."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        self._environments = {code: environment_of(language) for code, language in languages.items()}

    def render(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page ``template`` in the caller's language; remember a language or theme the address chose.

        Args:
            values: what the template needs beside what every page has.
        """
        language = language_of(request)
        here = URL("/") if status in ADDRESS_WRONG or request.url.path in LAUNCHES else request.url
        environment = self._environments[language.code]
        html = environment.get_template(template).render(**self._common(request, language, here), **values)
        response = HTMLResponse(html, status_code=status, headers={"Content-Language": language.code})
        _remember(request, response)
        return response

    def _common(self, request: Request, language: Language, here: URL) -> dict[str, Any]:
        parts = parts_of(request)
        return {
            "options": parts.options,
            "assets": f"/static/{parts.assets}",
            "now": parts.now(),
            "theme": theme_of(request),
            "path": here.path,
            "launched": request.url.path in LAUNCHES,
            "keys_on": request.cookies.get(KEYS_COOKIE) != "off",
            "with_query": lambda **query: _with_query(here, **query),
            "script_words": {key: language.text(message) for key, message in script_words.SCRIPT.items()},
            "script_units": {code: language.text(shown) if shown else "" for code, shown in words.UNITS.items()},
        }


def frame_of(parts: Parts, session: Session) -> dict[str, Any]:
    """Return what the frame of a signed-in page shows: who, and the stops in force."""
    return {
        "session": session,
        "stops": parts.desk.stops(),
        "reviewer": is_reviewer(session),
        "named": is_named(session),
    }


def environment_of(language: Language) -> Environment:
    """Return what renders templates in one language."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        language=language,
        words=words,
        vouched=is_vouched,
        level_of=level_of,
        models=model_words,
        packages=package_words,
        outward=outward_words,
        rights=rights_words,
        incidents=incident_words,
        impressions=IMPRESSIONS,
        watch=monitoring_words,
        drifting=drift_words,
        born=born,
        exam_time=exam_time,
        full_name=full_name,
        patient_name=patient_name,
        sex_text=sex_text,
    )
    environment.filters.update(
        choose=language.choose,
        moment=language.moment,
        clock=language.clock,
        span=language.span,
        duration=lambda seconds: monitoring_words.duration(seconds, language),
        scale=lambda seconds: monitoring_words.scale(seconds, language),
        percent=lambda share: monitoring_words.percent(share, language),
        axis=lambda moment: monitoring_words.day_and_clock(moment, language),
        feature=lambda name: drift_words.feature(name, language),
        bin=lambda one, name: drift_words.bin_words(one, name, language),
        figure=lambda value: drift_words.figure(value, language),
        quantile=lambda share: drift_words.quantile(share, language),
        ratio=lambda value: drift_words.ratio(value, language),
        tr=language.text,
        visible=visible,
        number=language.number,
        journal_moment=lambda text: _journal_moment(text, language),
        decimal_mark=lambda text: text.replace(".", ",") if language.code == "fr" else text,
    )
    return environment


def _with_query(here: URL, **query: str) -> str:
    url = here.include_query_params(**query)
    return f"{url.path}?{url.query}"


def _remember(request: Request, response: HTMLResponse) -> None:
    parts = parts_of(request)
    for name, cookie, known in (("lang", LANGUAGE_COOKIE, parts.languages), ("theme", THEME_COOKIE, THEMES)):
        value = request.query_params.get(name, "")
        if value in known:
            set_cookie(response, cookie, value, parts.options, max_age_s=PREFERENCE_AGE_S)


def _journal_moment(text: str, language: Language) -> str:
    """Return a journal time (UTC text) to the second, in the site's zone; as it stands when it is something else."""
    try:
        moment = parse_time(text)
    except Malformed:
        return text
    return f"{language.day(moment.astimezone(language.zone).date())} {language.clock(moment, seconds=True)}"
