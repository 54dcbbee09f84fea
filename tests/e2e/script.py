"""The command line in the hands of a script: what it was asked, how it ended, what it said."""

import subprocess
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from bridge.cli import main

DONE, FAULT, MISUSE, SAID_NO, NO_ANSWER = 0, 1, 2, 3, 4
"""Exit codes, as bridge/cli says."""

Done = subprocess.CompletedProcess[str]

_RUNNER: Final = CliRunner()


def called(*words: str, folder: Path | None = None, **environment: str) -> Done:
    """Run a verb in this process: the program's own code and exit code, without the seconds that imports take.

    For verbs that come back; processes (``run``, ``demo``) are started as such, by Installation.aval.
    """
    where = () if folder is None else ("--dir", str(folder))
    done = _RUNNER.invoke(main, [*words, *where], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done([*words], done.exit_code, done.stdout, done.stderr)


def require(done: Done, status: int, *words: str) -> Done:
    """Fail unless a verb ended with ``status`` and said ``words``: in sentences, never in a traceback."""
    assert done.returncode == status, (done.args, done.returncode, done.stdout[-800:], done.stderr[-2000:])
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    for word in words:
        assert word in done.stdout + done.stderr, (word, done.stdout, done.stderr)
    return done
