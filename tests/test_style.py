"""The measures of our style, enforced: short files, short functions, words for every public name, no silent failure."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("guarantee", "bridge", "dicom_adapters", "fhir_adapters", "inference")

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_P90_MAX = 35
BROAD_PER_1000_LINES_MAX = 0.6

BOUNDARIES = {
    "bridge.broker.line.connect": "a connection that failed half-way is closed here: raised again",
    "bridge.broker.local.LocalBell._handle": "a handler's fault must not end the bell: recorded, and rung again",
    "bridge.broker.rabbit.RabbitBell._connect_publisher": "whatever ends it, the connection is hung up: raised again",
    "bridge.broker.rabbit.RabbitBell._verdict": "as LocalBell._handle, over RabbitMQ",
    "bridge.runner.Loop._repeat": "a fault of one round must not end the loop: recorded, and tried again",
    "bridge.web.metrics_door._Boundary.__call__": "a fault is no scrape: recorded by its place",
    "bridge.web.fhir_door.Boundary.__call__": "a fault becomes an OperationOutcome: recorded without its message",
    "bridge.web.security.Guard.__call__": "a fault becomes a page with a reference: recorded without its message",
    "bridge.wiring.group_commit.GroupCommit._try": "the fault is the answer of those who wait: raised again, there",
    "dicom_adapters.listen.commitment_scp.CommitmentService._answer": "one fault must not end the others: recorded",
    "dicom_adapters.image.decode.coded_frame": "pydicom raises anything on hostile bytes: NotEligible",
    "dicom_adapters.image.decode._open": "the same",
    "dicom_adapters.image.decode.decode_frame": "the same",
    "dicom_adapters.image.decoding._holds_more_rows": "the fault is the answer: this frame does not decode so",
    "dicom_adapters.image.decoding._serve": "decoders raise anything on hostile bytes: the parent is told, we live on",
    "dicom_adapters.listen.keeping.Storing._attempt": "never success, never a crash: answered and recorded",
    "dicom_adapters.image.pixels._painted": "pydicom raises anything on a hostile palette: NotEligible",
    "dicom_adapters.listen.scp.Listener._admit": "pynetdicom would answer for us: refused and recorded instead",
    "dicom_adapters.listen.scp.Listener._store": "the same",
    "dicom_adapters.listen.scp.Listener._turn_away": "the refusal stands even when it cannot be recorded: logged",
    "dicom_adapters.listen.services.answered": "as Listener._admit: refused and recorded",
    "dicom_adapters.image.series._looked_up": "pydicom raises anything on a hostile table: NotEligible",
    "dicom_adapters.listen.stow._why_not": "hostile bytes raise anything: that instance is refused, and recorded",
    "fhir_adapters.hl7v2.mllp.Listener._accept": "a fault of ours ends one connection, and it is sent again: logged",
    "inference.child.answer": "a recipe's fault is the model's failure: the parent is told",
}
"""Functions that may catch anything, and why: each records, raises again, or answers."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in FILES}


def named(tree: ast.Module, name: str) -> Iterator[tuple[str, ast.AST, bool]]:
    """Yield each class and function with its dotted name, and whether it is public."""

    def inside(node: ast.AST, prefix: str, public: bool) -> Iterator[tuple[str, ast.AST, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                dotted, seen = f"{prefix}.{child.name}", public and not child.name.startswith("_")
                yield dotted, child, seen
                yield from inside(child, dotted, seen and isinstance(child, ast.ClassDef))
            else:
                yield from inside(child, prefix, public)

    yield from inside(tree, name.removesuffix(".py").replace("/", "."), public=True)


def functions() -> list[tuple[str, int]]:
    return [
        (dotted, (node.end_lineno or 0) - node.lineno + 1)
        for name, tree in TREES.items()
        for dotted, node, _ in named(tree, name)
        if isinstance(node, Function)
    ]


def broad_handlers() -> Iterator[tuple[str, ast.ExceptHandler]]:
    for name, tree in TREES.items():
        for dotted, node, _ in named(tree, name):
            if isinstance(node, Function):
                yield from ((dotted, handler) for handler in ast.walk(node) if is_broad(handler))


def is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in caught
    )


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT)) for path in (*FILES, *TESTS)])
def test_a_file_is_short(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= FILE_LINES_MAX


def test_functions_are_short() -> None:
    lengths = sorted(lines for _, lines in functions())
    assert [dotted for dotted, lines in functions() if lines > FUNCTION_LINES_MAX] == []
    assert lengths[int(len(lengths) * 0.9)] <= FUNCTION_LINES_P90_MAX


@pytest.mark.parametrize("name", TREES)
def test_every_public_name_says_what_it_is(name: str) -> None:
    tree = TREES[name]
    assert ast.get_docstring(tree), "the module"
    silent = [dotted for dotted, node, public in named(tree, name) if public and not ast.get_docstring(node)]  # type: ignore[arg-type]
    assert [dotted for dotted in silent if not is_overload_or_magic(dotted)] == []


def is_overload_or_magic(dotted: str) -> bool:
    return dotted.rpartition(".")[2].startswith("__")


def test_only_named_boundaries_catch_everything_and_none_keeps_silent() -> None:
    found = list(broad_handlers())
    assert {dotted for dotted, _ in found} == BOUNDARIES.keys()
    lines = sum(len(path.read_text().splitlines()) for path in FILES)
    assert len(found) <= max(1, BROAD_PER_1000_LINES_MAX * lines / 1000)
    for dotted, handler in found:
        speaks = any(isinstance(node, ast.Raise | ast.Call | ast.Return) for node in ast.walk(handler))
        assert speaks, f"{dotted} neither records nor raises again nor answers"


@pytest.mark.parametrize("name", TREES)
def test_no_failure_is_passed_over(name: str) -> None:
    handlers = [node for node in ast.walk(TREES[name]) if isinstance(node, ast.ExceptHandler)]
    assert [h.lineno for h in handlers if all(isinstance(line, ast.Pass) for line in h.body)] == []


@pytest.mark.parametrize("name", TREES)
def test_nothing_is_global_or_left_to_do(name: str) -> None:
    assert [node.lineno for node in ast.walk(TREES[name]) if isinstance(node, ast.Global)] == []
    assert re.findall(r"#.*\b(?:TODO|FIXME|XXX|HACK)\b", (ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", [name for name in TREES if not Path(name).name.startswith("build_")])
def test_nothing_is_printed(name: str) -> None:
    """A program that somebody runs to build a file may print; a package that runs in a hospital may not."""
    calls = [node for node in ast.walk(TREES[name]) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"] == []


@pytest.mark.parametrize("caught", ["", " Exception", " BaseException as error", " (ValueError, Exception)"])
def test_a_broad_handler_is_recognised(caught: str) -> None:
    tree = ast.parse(f"try: g()\nexcept{caught}: raise\n")
    assert any(is_broad(node) for node in ast.walk(tree))
    assert not any(is_broad(node) for node in ast.walk(ast.parse("try: g()\nexcept (ValueError, KeyError): raise\n")))
