"""Renders endorsed contents, and looks into the bundles."""

import json
from decimal import Decimal
from typing import Any

from fhir_adapters.report import FhirRenderer, Options
from guarantee.ports import Endorsed, Rendered
from tests.fhir.samples import OPTIONS


def render(original: Endorsed, options: Options = OPTIONS) -> Rendered:
    (sent,) = FhirRenderer(options, lambda _: b"").render(original)
    return sent


def resources(sent: Rendered) -> dict[str, dict[str, Any]]:
    """Return the entries' resources by fullUrl, numbers as Decimal."""
    bundle = json.loads(sent.data, parse_float=Decimal)
    return {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}


def of_type(sent: Rendered, kind: str) -> list[dict[str, Any]]:
    return [resource for resource in resources(sent).values() if resource["resourceType"] == kind]


def one(sent: Rendered, kind: str) -> dict[str, Any]:
    (found,) = of_type(sent, kind)
    return found
