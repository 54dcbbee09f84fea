"""What every verb shares: the data folder, the parts, answers as text or JSON, errors as exit codes."""

import functools
import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import click
import orjson

from bridge.config import ConfigError, load
from bridge.wiring.parts import Parts
from guarantee.errors import GuaranteeError, JournalBroken, PortError, Unavailable
from inference.errors import PackageRefused

P = ParamSpec("P")
T = TypeVar("T")

FAULT_FOUND: Final = 1
SAID_NO: Final = 3
NO_ANSWER: Final = 4

folder_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".aval"),
    envvar="AVAL_DIR",
    show_default=True,
    show_envvar=True,
    help="data folder, which holds aval.toml",
)

json_option = click.option("--json", "as_json", is_flag=True, help="answer as JSON")


def errors_as_exit_codes(function: Callable[P, T]) -> Callable[P, T]:
    """Turn what a verb raises into one sentence and an exit code."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except JournalBroken as error:
            _leave(f"the journal does not hold: {error}", FAULT_FOUND)
        except Unavailable as error:
            _leave(f"no answer: {error}", NO_ANSWER)
        except PortError as error:
            _leave(str(error), FAULT_FOUND)
        except (ConfigError, GuaranteeError, PackageRefused, OSError) as error:
            _leave(str(error), SAID_NO)

    return wrapped


def _leave(message: str, status: int) -> NoReturn:
    click.echo(f"aval: {message}", err=True)
    sys.exit(status)


@contextmanager
def opened(folder: Path) -> Iterator[Parts]:
    """Yield the parts of an installation, beside whatever already runs on it."""
    parts = Parts(load(folder))
    try:
        yield parts
    finally:
        parts.close()


def say(value: Any, text: str, *, as_json: bool) -> None:
    """Print ``value`` as one line of JSON, or ``text``."""
    click.echo(orjson.dumps(value, default=str).decode() if as_json else text)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return aligned columns."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
    return "\n".join(lines)


def operator() -> str:
    """Return who uses the command line, for the journal."""
    return f"operator:{getpass.getuser()}"
