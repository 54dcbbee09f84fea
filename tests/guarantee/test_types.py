"""Wrong uses of the guarantee stay type errors: the first wall is the one a programmer meets while typing."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

WRONG = """
    from guarantee.content import Content
    from guarantee.decision import Decision
    from guarantee.ids import CaseId, Digest, ReleaseId, ResultId, derive, digest
    from guarantee.opinion import Opinion
    from guarantee.ports import Destination, Endorsed, Rendered, Renderer, Store
    from guarantee.release import Grounds, Package, Receipt, Release, Terms, mint
    from guarantee.result import Result
    from guarantee.states import CASE_LIFE, CaseVerb, ResultState, ResultVerb, step
    from guarantee.deliveries import Delivery

    def leak(place: Destination, result: Result, content: Content, terms: Terms, package: Package) -> None:
        place.send(result)  # E: arg-type
        place.send(content)  # E: arg-type
        place.send(content.to_bytes())  # E: arg-type
        place.send(terms)  # E: arg-type
        place.send(package)  # E: arg-type
        place.send(content.digest)  # E: arg-type
        place.send(None)  # E: arg-type
        place.send()  # E: call-arg

    def leak_more(place: Destination, opinion: Opinion, decision: Decision, delivery: Delivery, made: Endorsed) -> None:
        place.send(opinion)  # E: arg-type
        place.send(decision)  # E: arg-type
        place.send(delivery)  # E: arg-type
        place.send(made)  # E: arg-type

    def leak_a_rendering(place: Destination, renderer: Renderer, made: Endorsed) -> None:
        for rendered in renderer.render(made):
            place.send(rendered)  # E: arg-type

    class Sneaky(Release):  # E: misc
        pass

    def forge(terms: Terms, release: Release, grounds: Grounds) -> None:
        Release(terms=terms)  # E: call-arg
        release.terms = terms  # E: misc
        mint(terms=terms, grounds=grounds)  # E: call-arg

    class Careless:
        name = "portal"

        def send(self, content: Content) -> Receipt:
            raise NotImplementedError

    place: Destination = Careless()  # E: assignment

    def mix_up(result: ResultId, release: ReleaseId, case: CaseId, text: str) -> None:
        wrong: ResultId = release  # E: assignment
        also: Digest = text  # E: assignment
        more: CaseId = derive("case", text)  # E: assignment

    def wrong_verb(result: Result, store: Store) -> None:
        result.after(CaseVerb.COMPLETE)  # E: arg-type
        result.after("validate")  # E: arg-type
        result.state = ResultState.DELIVERED  # E: misc
        with store.transaction("desk") as unit:
            unit.gate.add_release(result)  # E: call-arg arg-type
            unit.gate.delete_opinion(result.id)  # E: attr-defined
"""

RIGHT = """
    from guarantee.opinion import Seal
    from guarantee.ports import Destination, Sealer
    from guarantee.release import Grounds, Receipt, Release, Terms, Witness, mint

    def deliver(place: Destination, terms: Terms, sealer: Sealer, grounds: Grounds, witness: Witness) -> Receipt:
        seal: Seal = sealer.seal(terms.to_bytes())
        release: Release = mint(terms=terms, seal=seal, grounds=grounds, witness=witness)
        return place.send(release)
"""

MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--show-error-codes", "--no-error-summary"]
MARK = re.compile(r"# E: (.+)$")
FOUND = re.compile(r"snippet\.py:(\d+): error: .*\[([a-z-]+)\]$")


def errors_in(source: str, folder: Path) -> dict[int, set[str]]:
    """Return the codes of mypy's errors by line."""
    path = folder / "snippet.py"
    path.write_text(dedent(source))
    done = subprocess.run([*MYPY, f"--cache-dir={folder}", str(path)], capture_output=True, text=True, check=False)
    assert not done.stderr
    errors: dict[int, set[str]] = {}
    for line in done.stdout.splitlines():
        if ": note: " in line:
            continue
        found = FOUND.search(line)
        assert found, f"mypy said something else: {line}"
        errors.setdefault(int(found[1]), set()).add(found[2])
    return errors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("types")


def test_each_wrong_use_is_a_type_error_and_nothing_else_is(folder: Path) -> None:
    expected = {
        number: set(mark[1].split())
        for number, line in enumerate(dedent(WRONG).splitlines(), start=1)
        if (mark := MARK.search(line))
    }
    assert errors_in(WRONG, folder) == expected


def test_the_right_use_is_not(folder: Path) -> None:
    assert errors_in(RIGHT, folder) == {}
