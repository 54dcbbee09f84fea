"""Bring the .po files up to date with the texts in the code: ``python -m bridge.web.build_catalogues``.

New messages appear untranslated in French (a test then fails), gone ones disappear. English is filled in by itself.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from bridge.web.i18n import DOMAIN, FOLDER

HERE: Final = Path(__file__).parent

_FIXED: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Instead of the time: two people who change nothing write the same file."""

_METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "plural": (1, 2)}


def messages() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Yield every message of the desk with the file it is in."""
    options = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true", "silent": "false"}}
    found = extract_from_dir(HERE, method_map=_METHODS, options_map=options, keywords=_KEYWORDS)
    for path, _line, message, _comments, _context in found:
        yield message, path


def template(language: str) -> Catalog:
    """Return an empty catalogue of all messages."""
    catalogue = Catalog(
        locale=language,
        domain=DOMAIN,
        header_comment="# Texts of the desk. Updated by: python -m bridge.web.build_catalogues",
        project="Aval",
        version="1",
        msgid_bugs_address="",
        last_translator="The Aval developers",
        language_team="",
        creation_date=_FIXED,
        revision_date=_FIXED,
        fuzzy=False,
    )
    for message, path in sorted(messages(), key=lambda entry: (str(entry[1]), str(entry[0]))):
        catalogue.add(message, locations=[(path, 0)])
    return catalogue


def updated(language: str) -> Catalog:
    """Return the catalogue of ``language``: what is translated already, and what is missing."""
    path = _path(language)
    fresh = template(language)
    if path.exists():
        with path.open("rb") as source:
            known = read_po(source, locale=language, domain=DOMAIN)
        for message in fresh:
            before = known.get(message.id) if message.id else None
            if before is not None:
                message.string = before.string
    if language == "en":
        for message in fresh:
            if message.id and not _is_filled(message.string):
                message.string = message.id
    return fresh


def main() -> None:
    """Write both catalogues."""
    for language in ("fr", "en"):
        catalogue = updated(language)
        path = _path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            write_po(target, catalogue, width=120, sort_output=True, omit_header=False, include_lineno=False)
        missing = [message.id for message in catalogue if message.id and not _is_filled(message.string)]
        print(f"{path.relative_to(HERE)}: {len(catalogue)} messages, {len(missing)} to translate")


def _is_filled(translation: object) -> bool:
    return all(translation) if isinstance(translation, tuple | list) else bool(translation)


def _path(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


if __name__ == "__main__":
    main()
