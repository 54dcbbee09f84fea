"""Golden cases on the host that works for patients: what says something of the model, and what does not."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from guarantee.errors import Unavailable
from inference.card import Package
from inference.golden import failure
from inference.options import Options
from inference.registry import Registry
from tests.inference.bench import Bench
from tests.inference.builders import examined_package

ONE = Options(threads=1)


@contextmanager
def hosted(folder: Path) -> Iterator[tuple[Package, Bench]]:
    one = Bench(folder, ONE)
    package = one.registry.package(one.card.model.id)
    assert package is not None
    try:
        yield package, one
    finally:
        one.host.close()


def test_a_case_that_comes_out_says_nothing_and_one_that_does_not_is_named(tmp_path: Path) -> None:
    with hosted(examined_package(tmp_path / "good", says=12, expects=12)) as (package, one):
        assert failure(package, one.host) is None
        assert one.child.pid, "the child that works for patients was asked"
    with hosted(examined_package(tmp_path / "bad", says=12, expects=13)) as (package, one):
        assert failure(package, one.host) == "golden case 'known': gives ['12.0'], 13 ± 0 was expected"


def test_a_child_that_somebody_killed_is_no_failure_of_the_model(tmp_path: Path) -> None:
    with hosted(examined_package(tmp_path / "good", says=12, expects=12)) as (package, one):
        one.run(1)
        os.kill(one.child.pid, signal.SIGKILL)
        assert failure(package, one.host) is None


def test_what_cannot_be_run_says_nothing_of_the_model(tmp_path: Path) -> None:
    with hosted(examined_package(tmp_path / "good", says=12, expects=12)) as (package, one):
        one.host.close()
        with pytest.raises(Unavailable, match="closed"):
            failure(package, one.host)


def test_verifying_on_a_provider_that_is_not_there_says_so_of_every_model(tmp_path: Path) -> None:
    folders = [examined_package(tmp_path / name, says=12, expects=12, name=name) for name in ("one", "two")]
    said = Registry.load(folders).verify(golden=Options(threads=1, providers=("TensorrtExecutionProvider",)))
    assert [line.split(": ")[1] for line in said] == ["one@1.0.0", "two@1.0.0"]
    assert all(line.startswith("provider-missing") for line in said)
