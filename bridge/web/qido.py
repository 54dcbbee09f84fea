"""Queries of QIDO-RS: what is asked for, and which attributes an answer holds.

Source: PS3.18, 8.3.4 (query parameters) and 10.6 (search); tables 10.6.3-3 to 10.6.3-5.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from bridge.web.dicomweb import Attributes, Search
from guarantee.errors import Malformed

STUDIES_MAX: Final = 200
"""Most studies of one answer, one header read for each. A viewer's list shows 25 to 100."""

OFFSET_MAX: Final = 10_000
VALUE_CHARS_MAX: Final = 1_000
"""Longest value of one parameter: fifteen UIDs."""

VALUES_MAX: Final = 64
"""Most parameters, and most fields that are asked for."""

_TAGS: Final[Mapping[str, str]] = {
    "SOPClassUID": "00080016",
    "SOPInstanceUID": "00080018",
    "StudyDate": "00080020",
    "AccessionNumber": "00080050",
    "Modality": "00080060",
    "ModalitiesInStudy": "00080061",
    "PatientName": "00100010",
    "PatientID": "00100020",
    "StudyInstanceUID": "0020000D",
    "SeriesInstanceUID": "0020000E",
    "SeriesNumber": "00200011",
    "InstanceNumber": "00200013",
}
"""What may be matched, by keyword; a tag of eight digits will do too."""

_FIELDS_OF_A_STUDY: Final = (
    *("00080005", "00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00081030", "00081190"),
    *("00100010", "00100020", "00100021", "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208"),
)
_FIELDS_OF_A_SERIES: Final = (
    *("00080005", "00080021", "00080031", "00080060", "0008103E", "00081190", "00180015", "0020000D", "0020000E"),
    *("00200011", "00200060", "00201209", "00400244", "00400245", "00400275"),
)
_FIELDS_OF_AN_INSTANCE: Final = (
    *("00080005", "00080016", "00080018", "00080056", "00081190", "00083002", "0020000D", "0020000E", "00200013"),
    *("00280008", "00280010", "00280011", "00280100"),
)
FIELDS: Final = {"study": _FIELDS_OF_A_STUDY, "series": _FIELDS_OF_A_SERIES, "instance": _FIELDS_OF_AN_INSTANCE}
"""What every answer holds, by level."""

_KEYS: Final = {
    "study": frozenset(
        {"StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "AccessionNumber", "ModalitiesInStudy"}
    ),
    "series": frozenset({"SeriesInstanceUID", "Modality", "SeriesNumber"}),
    "instance": frozenset({"SOPInstanceUID", "SOPClassUID", "InstanceNumber"}),
}
_UNUSED: Final = frozenset({"fuzzymatching", "includedefaults", "lang"})
"""Taken and without effect: fuzzy matching is an offer that a server may leave (PS3.18, 8.3.4.2); the second one is
what Weasis may be told to send."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_UID: Final = re.compile(r"[0-9.]{1,64}")
_DATE: Final = re.compile(r"([0-9]{8})?(-)?([0-9]{8})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query.

    Args:
        matches: value by keyword.
        fields: what is asked for beyond what every answer holds, as tags; None for everything.
        is_limited: whether the caller names a limit. Without one all series and instances of a study are listed.
    """

    level: str
    matches: Mapping[str, str]
    fields: frozenset[str] | None
    offset: int
    limit: int
    is_limited: bool


def read_query(level: str, given: Sequence[tuple[str, str]]) -> Query:
    """Return what is asked for.

    Args:
        level: "study", "series" or "instance".
        given: names and values of the query string, in its order.

    Raises:
        Malformed: an unknown name: to leave a condition out would answer another question.
    """
    if len(given) > VALUES_MAX or any(len(value) > VALUE_CHARS_MAX for _, value in given):
        raise Malformed(f"a query has at most {VALUES_MAX} parameters of {VALUE_CHARS_MAX} characters")
    names = {tag: keyword for keyword, tag in _TAGS.items() if keyword in _KEYS[level]}
    matches: dict[str, str] = {}
    for name, value in given:
        keyword = names.get(name.upper(), name)
        if keyword in _KEYS[level]:
            if value:
                matches[keyword] = value
        elif name not in {"includefield", "limit", "offset", *_UNUSED}:
            raise Malformed(f"a {level} is not looked for by that")
    counts = {name: value for name, value in given if name in {"limit", "offset"}}
    return Query(
        level=level,
        matches=matches,
        fields=_fields([value for name, value in given if name == "includefield"]),
        offset=_count(counts.get("offset", "0"), OFFSET_MAX),
        limit=_count(counts.get("limit", str(STUDIES_MAX)), OFFSET_MAX),
        is_limited="limit" in counts,
    )


def _fields(given: Sequence[str]) -> frozenset[str] | None:
    asked = [one.strip() for value in given for one in value.split(",") if one.strip()]
    if "all" in asked:
        return None
    return frozenset(_TAGS.get(one, one.upper()) for one in asked[:VALUES_MAX])


def _count(text: str, most: int) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) > most:
        raise Malformed(f"limit and offset are numbers of at most {most}")
    return int(text)


def search_of(query: Query, only: str) -> Search:
    """Return the search for studies.

    Args:
        only: the one study that the caller may ask for; "" for all.

    Raises:
        Malformed: a date or a UID that is none.
    """
    matches = query.matches
    studies = tuple(re.split(r"[,\\]", matches["StudyInstanceUID"])) if "StudyInstanceUID" in matches else ()
    if any(not _UID.fullmatch(one) for one in studies):
        raise Malformed("StudyInstanceUID is a UID, or several with commas")
    first, last = _days(matches.get("StudyDate", ""))
    return Search(
        studies=_narrowed(studies, only),
        patient=matches.get("PatientID", ""),
        name=matches.get("PatientName", ""),
        accession=matches.get("AccessionNumber", ""),
        first_day=first,
        last_day=last,
        modality=matches.get("ModalitiesInStudy", ""),
        offset=query.offset,
        limit=min(query.limit, STUDIES_MAX),
    )


def _narrowed(studies: tuple[str, ...], only: str) -> tuple[str, ...]:
    if not only:
        return studies
    return (only,) if not studies or only in studies else ("0",)  # no study has that UID


def _days(text: str) -> tuple[str, str]:
    """Return both ends of a date or a range of dates, as YYYY-MM-DD; "" for an open end."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise Malformed("StudyDate is YYYYMMDD, or a range: YYYYMMDD-YYYYMMDD, YYYYMMDD-, -YYYYMMDD")
    first, is_range, last = match.groups(default="")
    ends = (first, last if is_range else first)
    try:
        return tuple(date(int(d[:4]), int(d[4:6]), int(d[6:])).isoformat() if d else "" for d in ends)  # type: ignore[return-value]
    except ValueError:
        raise Malformed("StudyDate names a day that does not exist") from None


def answered(found: Attributes, query: Query) -> dict[str, Any]:
    """Return what of the attributes of a study, series or instance an answer holds."""
    if query.fields is None:
        return dict(found)
    wanted = query.fields | set(FIELDS[query.level])
    return {tag: value for tag, value in found.items() if tag in wanted}


def fits(found: Attributes, query: Query) -> bool:
    """Return whether a series or instance has what is looked for."""
    return all(_has(found.get(_TAGS[keyword], {}), value) for keyword, value in query.matches.items())


def _has(attribute: Mapping[str, Any], value: str) -> bool:
    return any(str(one) in re.split(r"[,\\]", value) for one in attribute.get("Value", ()))
