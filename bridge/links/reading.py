"""The query of a launch, as other systems write it: our own form, and that of IHE RAD-106."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

from bridge.links.errors import BadLink
from bridge.links.wanted import Wanted, moment_of

QUERY_BYTES_MAX: Final = 4096
"""Longest query, in bytes. Twenty UIDs with everything else are under 2,000."""

PARAMETERS_MAX: Final = 32
"""Most parameters; the longest known form has sixteen."""

STUDIES_MAX: Final = 20
"""Most studies of one launch: a comparison opens three or four."""

NEWEST_MAX: Final = 100
"""Largest ``mostRecentResults``."""

_UID: Final = re.compile(r"(?=.{1,64}\Z)[0-9]+(\.[0-9]+)*")
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SIGNATURE: Final = re.compile(r"[0-9A-Fa-f]{64}")
_TIME: Final = re.compile(r"[0-9]{1,11}")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_MODALITY: Final = re.compile(r"[A-Z0-9_]{1,16}")
_LAUNCHER: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)

_ABOUT_THE_LINK: Final = frozenset({"launcher", "user", "ts", "nonce", "sig"})
LAUNCH_PARAMETERS: Final = _ABOUT_THE_LINK | {"study", "accession", "issuer", "patient"}
"""Parameters of ``/launch``; any other is refused, because a misspelt one would open another exam than was meant."""

_NAMED: Final = LAUNCH_PARAMETERS | {
    *("requestType", "studyUID", "accessionNumber", "patientID"),
    *("mostRecentResults", "modalitiesInStudy", "lowerDateTime", "upperDateTime"),
}
"""Names that an answer may repeat: ours, never one that came from outside."""

_WORDS_MAX: Final = {"user": 200, "accession": 64, "issuer": 128, "patient": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A launch as it arrived.

    Args:
        launcher: the name that it gives itself; "" when it gives none.
        user: login that the launcher believes in; it proves nothing.
        at: when it was made, in seconds since 1970; None when it is not signed.
        signature: 64 hexadecimal characters; "" when it is not signed.
        signed: what the signature must cover.
    """

    wanted: Wanted
    launcher: str
    user: str
    at: int | None
    nonce: str
    signature: str
    signed: bytes


def read_launch(query: bytes) -> Link:
    """Return what the query of ``/launch`` asks for.

    Raises:
        BadLink: it is not understood.
    """
    given = _parameters(query, LAUNCH_PARAMETERS)
    study, accession, patient = given.get("study", ""), given.get("accession", ""), given.get("patient", "")
    if not (study or accession or patient):
        raise BadLink("study")
    issuer = given.get("issuer", "")
    wanted = Wanted(
        studies=_studies("study", study), accession=accession, patient=patient, issuers=(issuer,) if issuer else ()
    )
    return _link(wanted, given)


def read_invocation(query: bytes) -> Link:
    """Return what the query of ``/IHEInvokeImageDisplay`` asks for (IHE RAD-106); what we do not know is ignored.

    Raises:
        BadLink: it is not understood.
    """
    given = _parameters(query, None)
    match given.get("requestType", ""):
        case "STUDY" if given.get("studyUID") or given.get("accessionNumber"):
            wanted = _study(given)
        case "STUDY":
            raise BadLink("studyUID")
        case "PATIENT" if given.get("patientID"):
            wanted = _patient(given)
        case "PATIENT":
            raise BadLink("patientID")
        case _:
            raise BadLink("requestType")
    return _link(wanted, given)


def signed_bytes(parameters: Mapping[str, str]) -> bytes:
    """Return what the signature of a link covers."""
    return "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(parameters.items()) if name != "sig"
    ).encode()


# --------------------------------------------------------------------------------------------------------- inside


def _parameters(query: bytes, known: frozenset[str] | None) -> dict[str, str]:
    """Return the parameters, each once; empty ones as if they were not there, though a signature covers them.

    Raises:
        BadLink: too long, not UTF-8, given twice, or unknown where every name is known.
    """
    if len(query) > QUERY_BYTES_MAX:
        raise BadLink("")
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise BadLink("") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if known is not None and name not in known:
            raise BadLink("")
        if name in found:
            raise BadLink(name if name in _NAMED else "")
        found[name] = value
    return found


def _link(wanted: Wanted, given: Mapping[str, str]) -> Link:
    for name, most in _WORDS_MAX.items():
        _words(name, given.get(name, ""), most)
    _words("accession", wanted.accession, _WORDS_MAX["accession"])
    _words("patient", wanted.patient, _WORDS_MAX["patient"])
    signature = _formed("sig", given, _SIGNATURE)
    at, nonce = _formed("ts", given, _TIME), _formed("nonce", given, _NONCE)
    if signature and not at:
        raise BadLink("ts")
    if signature and not nonce:
        raise BadLink("nonce")
    return Link(
        wanted=wanted,
        launcher=_formed("launcher", given, _LAUNCHER),
        user=given.get("user", ""),
        at=int(at) if signature else None,
        nonce=nonce if signature else "",
        signature=signature,
        signed=signed_bytes(given),
    )


def _study(given: Mapping[str, str]) -> Wanted:
    patient, issuers = _identifier(given.get("patientID", ""))
    return Wanted(
        studies=_studies("studyUID", given.get("studyUID", "")),
        accession=given.get("accessionNumber", ""),
        patient=patient,
        issuers=issuers,
    )


def _patient(given: Mapping[str, str]) -> Wanted:
    patient, issuers = _identifier(given["patientID"])
    if not patient:
        raise BadLink("patientID")
    modalities = given.get("modalitiesInStudy", "").replace("\\", ",")
    newest = _formed("mostRecentResults", given, _COUNT)
    if newest and not 1 <= int(newest) <= NEWEST_MAX:
        raise BadLink("mostRecentResults")
    return Wanted(
        patient=patient,
        issuers=issuers,
        modalities=_listed("modalitiesInStudy", modalities, _MODALITY),
        since=_bound("lowerDateTime", given),
        until=_bound("upperDateTime", given),
        newest=int(newest) if newest else None,
    )


def _identifier(text: str) -> tuple[str, tuple[str, ...]]:
    """Return number and issuers of ``123^^^CHU&1.2.250.1&ISO`` (HL7 v2.5, CX); a bare number has no issuer."""
    parts = text.split("^")
    authority = parts[3].split("&") if len(parts) > 3 else []
    return _words("patientID", parts[0].strip(), 64), tuple(
        _words("patientID", part.strip(), 128) for part in authority[:2] if part.strip()
    )


def _studies(name: str, text: str) -> tuple[str, ...]:
    found = _listed(name, text, _UID)
    if len(found) > STUDIES_MAX:
        raise BadLink(name)
    return found


def _listed(name: str, text: str, form: re.Pattern[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    if not all(form.fullmatch(part) for part in found):
        raise BadLink(name)
    return found


def _formed(name: str, given: Mapping[str, str], form: re.Pattern[str]) -> str:
    value = given.get(name, "")
    if value and not form.fullmatch(value):
        raise BadLink(name)
    return value


def _words(name: str, value: str, most: int) -> str:
    if len(value) > most or not value.isprintable():
        raise BadLink(name)
    return value


def _bound(name: str, given: Mapping[str, str]) -> str:
    """Return a bound as written; a plus sign that nobody encoded has become a space (HTML, form encoding)."""
    value = given.get(name, "")
    value = value[:11] + value[11:].replace(" ", "+")
    if value and (not _MOMENT.fullmatch(value) or moment_of(value, ZoneInfo("UTC")) is None):
        raise BadLink(name)
    return value
