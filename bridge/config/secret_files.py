"""Settings given as files, one each, in a folder that AVAL_SECRETS names: what containers and systemd call secrets.

A variable is seen by whoever may look at the process, and is passed on to its children; a file is not. Each file has
the name that the variable would have, e.g. AVAL_DATABASE__URLS__INFER, and holds the value.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bridge.config.base import ConfigError

FOLDER: Final = "AVAL_SECRETS"
"""The variable that names the folder."""

BYTES_MAX: Final = 64 * 1024
"""Longest secret. The longest there are, URLs and tokens, have a few hundred bytes."""

FILES_MAX: Final = 1000
"""Most files in the folder; more is a folder of something else."""


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the files say, by name; nothing when AVAL_SECRETS is not set.

    Raises:
        ConfigError: no such folder, a file that is no setting of ours, too large, unreadable, or given twice.
    """
    named = environment.get(FOLDER, "")
    if not named:
        return {}
    folder = Path(named)
    try:
        # What begins with a dot is how Kubernetes swaps all the files of a folder at once.
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"{FOLDER} names {folder}, which cannot be read: {error.strerror}") from error
    if len(paths) > FILES_MAX:
        raise ConfigError(f"{folder} holds {len(paths)} files; {FOLDER} must name a folder of secrets alone")
    twice = sorted({path.name for path in paths} & environment.keys())
    if twice:
        raise ConfigError(f"{twice[0]} is both a variable and a file of {folder}; remove one of them")
    return {path.name: _value(path) for path in paths}


def _value(path: Path) -> str:
    """Return what one file holds, without the end of its last line."""
    if not path.name.startswith("AVAL_"):
        raise ConfigError(f"{path} is not called like a setting (AVAL_SECTION__NAME); remove it from this folder")
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text ({type(error).__name__})") from None
    if len(data) > BYTES_MAX:
        raise ConfigError(f"{path} is longer than {BYTES_MAX} bytes; a secret is not")
    return text.removesuffix("\n").removesuffix("\r")
