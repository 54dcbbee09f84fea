"""Each threat of the model has tests that exist, or says what it lacks."""

import ast
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI

from bridge.web.app import make_app
from bridge.web.options import Options
from tests.desk.fake_desk import FakeDesk
from tests.threats.table import THREATS, Threat

TESTS = Path(__file__).parent.parent


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.id)
def test_every_test_that_a_threat_names_exists(threat: Threat) -> None:
    assert threat.tests or threat.lacks
    for name in threat.tests:
        file, _, function = name.partition("::")
        assert function in functions(file), name


def test_all_threats_are_there_in_their_order() -> None:
    assert [threat.id for threat in THREATS] == [f"T-{number:02}" for number in range(1, 26)]


def test_t04_no_operation_takes_opinions_on_two_results() -> None:
    """One request is one opinion on one result, which its address names."""
    options = Options(public_url="https://desk.test", site_name="CHU", organisation="Imagerie")
    app: FastAPI = make_app(FakeDesk(), options)
    document = app.openapi()
    signing = {
        path: operation["requestBody"]["content"]["application/json"]["schema"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "get" and "opinion" in path
    }
    assert set(signing) == {"/api/results/{result}/opinions"}
    (schema,) = signing.values()
    assert schema["$ref"].endswith("/SignedOpinionIn")
    body = document["components"]["schemas"]["SignedOpinionIn"]
    assert body["additionalProperties"] is False
    assert not {"result", "results", "opinions"} & body["properties"].keys()
