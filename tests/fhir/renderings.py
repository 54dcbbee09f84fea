"""Looks into rendered bundles."""

import json
from decimal import Decimal
from typing import Any

from guarantee.ports import Rendered


def resources(sent: Rendered) -> dict[str, dict[str, Any]]:
    """Return the entries' resources by fullUrl, numbers as Decimal."""
    bundle = json.loads(sent.data, parse_float=Decimal)
    return {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}


def of_type(sent: Rendered, kind: str) -> list[dict[str, Any]]:
    return [resource for resource in resources(sent).values() if resource["resourceType"] == kind]
