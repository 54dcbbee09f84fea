"""``aval launch``: a link is made, and looked at without being used up."""

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.config import ConfigError, load
from bridge.config.launchers import LauncherSettings
from bridge.links.reading import read_launch
from bridge.wiring.install import install
from bridge.wiring.outside import desk_options
from bridge.wiring.parts import Parts
from bridge.wiring.processes import launching

KEY, OLD = "k" * 32, "o" * 32
LAUNCHERS = f"""
[launchers.pacs-1]
key = "{KEY}"
key_before = "{OLD}"

[launchers.ris]
unsigned = true
"""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    install(tmp_path / "site")
    path = tmp_path / "site" / "aval.toml"
    path.write_text(path.read_text() + LAUNCHERS)
    made = Parts(load(tmp_path / "site", {}))
    made.open()
    yield made
    made.close()


def said(parts: Parts, *words: str) -> Result:
    return CliRunner().invoke(main, ["launch", *words, "--dir", str(parts.settings.folder)])


def faults(parts: Parts, link: str) -> list[str]:
    answer = said(parts, "check", link, "--json")
    value = orjson.loads(answer.stdout)
    assert (answer.exit_code == 0) is value["ok"] is (not value["faults"])
    return list(value["faults"])


def a_link(parts: Parts, *more: str) -> str:
    answer = said(parts, "url", "--launcher", "pacs-1", "--study", "1.2.3", *more)
    assert answer.exit_code == 0, answer.output
    return answer.stdout.strip()


def test_a_link_is_good_until_it_is_used(parts: Parts) -> None:
    link = a_link(parts, "--base", "https://aval.chu.example/", "--patient", "A 1", "--user", "dr.martin")
    assert link.startswith("https://aval.chu.example/launch?nonce=")
    assert "patient=A%201" in link
    assert faults(parts, link) == []
    launching(parts, "desk").receive(read_launch(link.partition("?")[2].encode()))
    assert faults(parts, link) == ["once"]


def test_what_is_wrong_with_a_link_is_named(parts: Parts) -> None:
    link = a_link(parts)
    assert faults(parts, link.replace("study=1.2.3", "study=1.2.4")) == ["signature"]
    assert faults(parts, re.sub("ts=[0-9]+", "ts=1", link)) == ["signature"]
    assert faults(parts, link.partition("&sig=")[0]) == []
    assert faults(parts, link.partition("&sig=")[0] + "&launcher=pacs-1") == ["signature"]
    assert faults(parts, link + "&launcher=nobody") == ["launcher"]
    assert faults(parts, link.replace("study=1.2.3", "study=abc")) == ["form"]
    assert faults(parts, link + "&study=1.2.3") == ["form"]
    assert "abc" not in said(parts, "check", link.replace("1.2.3", "abc")).output
    assert said(parts, "check", link.replace("/launch?", "/Launch?")).exit_code == 2


def test_a_clock_that_is_off_is_said_in_seconds(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    link = a_link(parts)
    at = int(link.partition("ts=")[2].partition("&")[0])
    for by_s, words in ((300, "made 300 s ago"), (-300, "300 s in the future")):
        monkeypatch.setattr("bridge.cli.launch.clock_s", lambda *_, by_s=by_s: by_s)
        answer = said(parts, "check", link)
        assert (answer.exit_code, words in answer.output) == (1, True), answer.output
    assert at > 1_700_000_000


def test_who_has_no_key_signs_nothing_and_a_link_to_nothing_is_not_made(parts: Parts) -> None:
    assert said(parts, "url", "--launcher", "ris", "--study", "1.2.3").exit_code == 3
    assert said(parts, "url", "--launcher", "nobody", "--study", "1.2.3").exit_code == 3
    assert said(parts, "url", "--launcher", "pacs-1").exit_code == 2
    assert said(parts, "url", "--launcher", "pacs-1", "--study", "abc").exit_code == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("key = 'short'", "32 characters"),
        ("", "give key"),
        ("unsigned = true\nframes = ['https://pacs.chu.example/viewer']", "origin"),
        ("unsigned = true\nframes = ['*']", "origin"),
        ("unsigned = true\nframes = ['https://user@pacs.chu.example']", "origin"),
    ],
)
def test_a_launcher_that_would_not_protect_stops_the_start(tmp_path: Path, settings: str, words: str) -> None:
    install(tmp_path / "site")
    path = tmp_path / "site" / "aval.toml"
    path.write_text(f"{path.read_text()}\n[launchers.pacs-1]\n{settings}\n")
    with pytest.raises(ConfigError, match=words):
        load(tmp_path / "site", {})


def test_a_frame_of_another_site_without_https_stops_the_start(parts: Parts) -> None:
    framed = LauncherSettings(unsigned=True, frames=("https://pacs.chu.example:8443",))
    settings = parts.settings.model_copy(update={"launchers": {"pacs-1": framed}})
    with pytest.raises(ConfigError, match="https"):
        desk_options(settings)
