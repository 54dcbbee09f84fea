"""Releases that no record system has seen yet, and a look into a record behind the sender's back."""

import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2

from fhir_adapters.client import DpiDestination
from guarantee.case import CaseKind
from guarantee.ports import Endorsed
from tests.fhir import samples

Make = Callable[..., DpiDestination]


WEB = httpx2.Client(trust_env=False, verify=False, timeout=20)
"""Looks at the record system behind the sender's back."""


def fresh(kind: CaseKind = CaseKind.STUDY, **more: Any) -> Endorsed:
    """Return a release that no server has seen: the session's server keeps what earlier tests sent."""
    return samples.endorsed(kind, case_changes={"number": uuid.uuid4().int}, **more)


def held(url: str, kind: str, system: str, value: str) -> list[dict[str, Any]]:
    answer = WEB.get(f"{url}/{kind}", params={"identifier": f"{samples.BASE}/sid/{system}|{value}"})
    body = json.loads(answer.content, parse_float=Decimal)
    return [entry["resource"] for entry in body.get("entry", ())]


def reports(url: str, original: Endorsed) -> list[dict[str, Any]]:
    return held(url, "DiagnosticReport", "result", original.release)
