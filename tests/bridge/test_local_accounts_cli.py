"""``aval users``: people without a password, and cut-off mode."""

from pathlib import Path

import orjson
from click.testing import CliRunner

from bridge.cli import main
from bridge.config import FILE

OIDC = """
[desk.oidc]
issuer = "https://idp.example"
client_id = "aval"
client_secret = "hush"
"""


def test_cut_off_mode_is_opened_with_a_reason_and_an_end(tmp_path: Path) -> None:
    folder = tmp_path / "aval"

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(main, [*words, "--dir", str(folder)])
        assert done.exit_code == status, done.output
        return done.output

    run("init")
    assert "always open here" in run("users", "local", "open", "--hours", "1", "--reason", "x", status=3)
    with (folder / FILE).open("a") as settings:
        settings.write(OIDC)
    assert run("users", "local", "show") == "cut-off: closed\n"
    run("users", "local", "open", "--hours", "1", status=2)
    run("users", "local", "open", "--hours", "200", "--reason", "x", status=2)
    assert "may sign in until" in run("users", "local", "open", "--hours", "1", "--reason", "réseau coupé")
    shown = orjson.loads(run("users", "local", "show", "--json"))
    assert (shown["open"], shown["reason"]) == (True, "réseau coupé")
    run("users", "local", "close", "--reason", "rétabli")
    assert run("users", "local", "show") == "cut-off: closed\n"


def test_somebody_without_a_password_has_a_secret_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "aval"
    run = CliRunner().invoke
    run(main, ["init", "--dir", str(folder)])
    words = ["users", "add", "dr.x", "--name", "X^Y", "--role", "learner", "--professional-id", "81"]
    both = run(main, [*words, "--no-password", "--password", "x", "--dir", str(folder)])
    assert both.exit_code == 2
    assert "secret (shown once)" in run(main, [*words, "--no-password", "--dir", str(folder)]).output
    asked = run(main, [*words[:2], "dr.y", *words[3:], "--dir", str(folder)], input="long words\nlong words\n")
    assert asked.exit_code == 0, asked.output
