"""What a rendered or a stored report says, from its resources alone.

Used twice: before a release is sealed, on our own bytes; and after a send, on what the record answers.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final
from urllib.parse import unquote

from fhir_adapters.errors import BadRequest
from fhir_adapters.findings import METRICS, PRESENCE, PRESENCE_CODE
from fhir_adapters.wire import Resource, objects_in, read_exact
from guarantee.codec import decimal_text
from guarantee.errors import Malformed
from guarantee.ids import parse_digest
from guarantee.ports import ReadBack

_PRESENCES: Final = {said["code"]: str(presence) for presence, said in PRESENCE.items()}


def read_back(data: bytes) -> ReadBack:
    """Return what the transaction ``data`` says.

    Raises:
        Malformed: not a bundle with exactly one report, or a report that says two things.
    """
    try:
        bundle = read_exact(data)
    except BadRequest as error:
        raise Malformed(f"not a bundle: {error.diagnostics}") from error
    return said(objects_in([entry.get("resource") for entry in objects_in(bundle.get("entry"))]))


def said(resources: Sequence[Resource]) -> ReadBack:
    """Return what ``resources`` say: one DiagnosticReport and, in order, the Observations of its findings.

    Values are given as the resource writes them; a server may drop a trailing zero, so they are compared as decimals.

    Raises:
        Malformed: no report or several, or one that says two things.
    """
    reports = [resource for resource in resources if resource.get("resourceType") == "DiagnosticReport"]
    if len(reports) != 1:
        raise Malformed(f"{len(reports)} reports; a release has one")
    observations = [resource for resource in resources if resource.get("resourceType") == "Observation"]
    try:
        return ReadBack(
            content=parse_digest(own_identifier(reports[0], "content-sha256")),
            findings=tuple(_finding(observation) for observation in observations),
            quantities=tuple(number for observation in observations for number in _quantities(observation)),
            text=_text(reports[0]),
        )
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise Malformed(f"the report is not in the form we write: {type(error).__name__}") from error


def own_identifier(resource: Resource, name: str) -> str:
    """Return the value of our own identifier ``name``, or ""."""
    for item in objects_in(resource.get("identifier")):
        if str(item.get("system", "")).endswith(f"/sid/{name}"):
            return str(item.get("value", ""))
    return ""


def _finding(observation: Resource) -> tuple[str, str, str]:
    said_apart = [item for item in _components(observation) if _code(item) == PRESENCE_CODE["code"]]
    value = observation.get("valueCodeableConcept") or said_apart[0]["valueCodeableConcept"]
    return _key(observation), _code(observation), _PRESENCES[value["coding"][0]["code"]]


def _quantities(observation: Resource) -> Iterator[tuple[str, str, str, str]]:
    for item in _components(observation):
        if "valueQuantity" in item and not item["code"]["coding"][0]["system"].endswith(f"/CodeSystem/{METRICS}"):
            amount = item["valueQuantity"]
            yield _key(observation), _code(item), decimal_text(Decimal(amount["value"])), amount["code"]


def _components(observation: Resource) -> list[Resource]:
    return objects_in(observation.get("component"))


def _key(observation: Resource) -> str:
    return unquote(own_identifier(observation, "finding").partition(".")[2])


def _code(holder: Resource) -> str:
    return str(holder["code"]["coding"][0]["code"])


def _text(report: Resource) -> str:
    """Return the text, which is in the report twice: as its conclusion and as a document."""
    conclusion = str(report["conclusion"])
    try:
        document = base64.b64decode(report["presentedForm"][0]["data"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Malformed("the document of the report cannot be read") from error
    if document != conclusion:
        raise Malformed("the document of the report is not its conclusion")
    return conclusion
