"""QIDO-RS as a client: what an archive lists at one level, page by page, within limits (PS3.18, 10.6)."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydicom.datadict import tag_for_keyword

from dicom_adapters.ask.dicomweb import Web, parse
from guarantee.errors import Unavailable

PAGE: Final = 1000
"""Matches asked for at once; a server may answer with fewer."""

PAGE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Most of one page that is read, 32 MiB: a server may add attributes that were not asked for, about 2 kB a match."""

MATCHES_MAX: Final = 100_000
"""Most matches read of one question, as for C-FIND."""

JSON_MEDIA: Final = "application/dicom+json"


def search(web: Web, path: str, key: str, wanted: Sequence[str], *, whole_s: float) -> list[dict[str, str]]:
    """Return the ``wanted`` values of every match, by keyword; "" for what a match does not say.

    Args:
        path: e.g. "/studies/1.2.3/series".
        key: keyword of the UID that tells matches apart: a server that ignores "offset" sends the same page again.
        whole_s: longest answer as a whole.

    Raises:
        Unavailable: no answer, one that is not a search result, or too much of one.
    """
    deadline = time.monotonic() + whole_s
    found: dict[str, dict[str, str]] = {}
    while True:
        fields = [("includefield", f"{tag_for_keyword(keyword):08X}") for keyword in wanted]
        asked = urlencode([*fields, ("limit", str(PAGE)), ("offset", str(len(found)))])
        page = _page(web.get(f"{path}?{asked}", JSON_MEDIA, PAGE_BYTES_MAX), wanted)
        new = {match[key]: match for match in page if match[key] not in found}
        found |= new
        if not new:
            return list(found.values())
        if len(found) > MATCHES_MAX or time.monotonic() > deadline:
            raise Unavailable("answer-too-large", f"the search had no end after {len(found)} matches")


def place(*uids: str) -> str:
    """Return the path of a study, a series or an instance."""
    names = ("studies", "series", "instances")
    return "".join(f"/{name}/{quote(uid, safe='')}" for name, uid in zip(names, uids, strict=False))


def _page(answer: tuple[str, bytes] | None, wanted: Sequence[str]) -> list[dict[str, str]]:
    if answer is None or not answer[1]:
        return []
    matches = parse(answer[1])
    try:
        return [{keyword: _value(match, keyword) for keyword in wanted} for match in matches]
    except (TypeError, AttributeError, LookupError) as error:
        raise Unavailable("unreadable-answer", "the archive answered a search with something else") from error


def _value(match: Mapping[str, Any], keyword: str) -> str:
    """Return the first value of an attribute (PS3.18, F.2)."""
    values = match.get(f"{tag_for_keyword(keyword):08X}", {}).get("Value") or [""]
    return str(values[0] if values[0] is not None else "")
