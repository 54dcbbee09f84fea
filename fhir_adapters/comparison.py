"""Does the record hold what was sent? Compared on what the record answers, which may be anything."""

from typing import Any, Final

from fhir_adapters.read_back import said
from fhir_adapters.wire import Resource, objects_in
from guarantee.codec import parse_decimal
from guarantee.errors import Malformed
from guarantee.ports import ReadBack

_VALUES: Final = ("status", "statusReason", "activity", "conclusion")
"""Elements besides the findings that must come back as they were sent, where a resource has them."""


def carries(resource: Resource, name: str, token: str) -> bool:
    """Return whether ``resource`` has what was searched for: some servers ignore a parameter they do not know.

    Args:
        name: "identifier" or "_tag".
        token: "system|value".
    """
    if name == "_tag":
        tags = objects_in(_object(resource.get("meta")).get("tag"))
        return token in {f"{tag.get('system')}|{tag.get('code')}" for tag in tags}
    return token in identifiers(resource)


def identifiers(resource: Resource) -> set[str]:
    """Return the identifiers of ``resource``, each as "system|value"."""
    return {f"{item.get('system')}|{item.get('value')}" for item in objects_in(resource.get("identifier"))}


def difference(sent: Resource, held: Resource) -> str:
    """Return the first element of ``held`` that is not as it was sent, or ""."""
    if held.get("resourceType") != sent["resourceType"]:
        return "resourceType"
    if isinstance(sent.get("identifier"), list) and not identifiers(sent) <= identifiers(held):
        return "identifier"
    if not _same_subject(held, sent):
        return "subject"
    return next((name for name in _VALUES if name in sent and not _covers(held.get(name), sent[name])), "")


def findings(resources: list[Resource]) -> ReadBack | None:
    """Return what the resources say, numbers in one form; None for a withdrawal, which says nothing any more."""
    try:
        found = said(resources)
    except Malformed:
        return None
    numbers = tuple(
        (key, code, f"{parse_decimal(text).normalize():f}", unit) for key, code, text, unit in found.quantities or ()
    )
    return ReadBack(content=found.content, findings=found.findings, quantities=numbers, text=found.text)


def version(resource: Resource) -> str:
    """Return Resource.meta.versionId, or ""."""
    return str(_object(resource.get("meta")).get("versionId", ""))


def _same_subject(held: Resource, sent: Resource) -> bool:
    """Return whether both are about the same patient; some servers make the reference absolute."""
    reference = _object(sent.get("subject")).get("reference")
    if reference is None:
        return True
    theirs = str(_object(held.get("subject")).get("reference", "")).partition("/_history")[0]
    return theirs == reference or theirs.endswith(f"/{reference}")


def _covers(held: Any, sent: Any) -> bool:
    """Return whether ``held`` has everything of ``sent``; a server may add a display or drop a trailing zero."""
    if isinstance(sent, dict):
        return isinstance(held, dict) and all(_covers(held.get(name), value) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(held, list) and len(held) >= len(sent) and all(map(_covers, held, sent))
    return bool(held == sent)


def _object(value: object) -> Resource:
    return value if isinstance(value, dict) else {}
