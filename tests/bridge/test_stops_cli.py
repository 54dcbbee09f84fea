"""``aval stop`` and ``aval resume``: names that mean nothing are said, and who may not resume resumes nothing."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from bridge.accounts import add_person, current_code
from bridge.cli import main
from bridge.config import load
from bridge.wiring.install import install
from bridge.wiring.parts import Parts
from guarantee.policy import Role
from guarantee.stops import in_force
from tests.guarantee.samples import a_reader

PEOPLE = {
    "dr.house": Role.RADIOLOGIST,
    "ing.one": Role.ENGINEER,
    "ing.two": Role.ENGINEER,
    "dpo": Role.DPO,
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("stops") / "data"
    install(folder)
    with (folder / "aval.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[scp.senders.irm-2]\naet = "IRM2"\naddresses = ["10.1.2.3"]\n')
    opened = Parts(load(folder, {}))
    for login, role in PEOPLE.items():
        add_person(a_reader(login, role), "a long password", opened.sign_in)
    yield opened
    opened.close()


def said(parts: Parts, *words: str) -> Result:
    once = {"AVAL_DESK__CODES_WORK_ONCE": "false"}
    return CliRunner().invoke(main, [*words, "--dir", str(parts.settings.folder), "--reason", "essai"], env=once)


def resumed(parts: Parts, first: str, second: str) -> Result:
    people = {"--as": first, "--code": current_code(first, parts.sign_in)}
    people |= {"--second": second, "--second-code": current_code(second, parts.sign_in)}
    return said(parts, "resume", "--device", "irm-2", *(word for pair in people.items() for word in pair))


def held(parts: Parts) -> set[str]:
    with parts.store("desk").reading() as unit:
        return {stop.target for stop in in_force(unit.stops.lines())}


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        (("--device", "irm2"), "irm-2"),
        (("--model", "brain-extracter"), "brain-extractor"),
        (("--version", "brain-extractor@9.0.0"), "brain-extractor@1"),
    ],
)
def test_a_name_that_nobody_has_is_stopped_and_said(parts: Parts, words: tuple[str, str], suggested: str) -> None:
    done = said(parts, "stop", *words)
    assert done.exit_code == 0
    assert f"did you mean {suggested}" in done.stderr
    assert words[1] in held(parts)


def test_a_name_that_is_known_is_stopped_without_a_word_more(parts: Parts) -> None:
    done = said(parts, "stop", "--device", "irm-2")
    assert (done.exit_code, done.stderr) == (0, "")
    for first, second in (("ing.one", "ing.two"), ("dr.house", "dpo"), ("dpo", "dr.house")):
        refused = resumed(parts, first, second)
        assert refused.exit_code == 3
        assert "not engineers alone" in refused.stderr
        assert "irm-2" in held(parts)
