"""A data folder is made once; and settings written as TOML are the settings that are read."""

import stat
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.config import load
from bridge.wiring.install import install, to_toml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(TEXT, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))
TABLES = st.recursive(
    st.dictionaries(TEXT, VALUES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(TEXT, st.one_of(VALUES, inner), min_size=1, max_size=3),
    max_leaves=6,
)


@given(TABLES)
def test_what_is_written_is_what_is_read(value: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(value)) == value


def test_installing_twice_keeps_what_exists(tmp_path: Path) -> None:
    folder = tmp_path / "aval"
    install(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.suffix in {".toml", ".key", ".pub"}}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    install(folder)
    assert {path: path.read_bytes() for path in before} == before
    assert len(load(folder, {}).journal.anchors) == 2
