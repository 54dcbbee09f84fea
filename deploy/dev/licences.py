"""Refuse a runtime package whose licence we did not accept; say nothing when all is well.

Names come from the runtime lock, licences from the metadata of what is installed (``make check``). A licence that is
not on the list fails, so that somebody reads it before a hospital gets it.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

LOCK: Final = Path(__file__).parent.parent / "locks" / "runtime.txt"

ACCEPTED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",  # copyleft for its own files only, which we do not change
        "PSF-2.0",
        "Zlib",
    }
)

EXCEPTIONS: Final = {
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
}
"""LGPL: used unmodified, as a library of its own that anybody can replace in the environment."""

WORDS: Final = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD license": "BSD",
    "BSD License": "BSD",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What older metadata says instead of an SPDX identifier."""


def required(lock: str) -> Iterator[str]:
    """Yield the names of a lock that this platform installs, each once."""
    seen = set()
    for line in re.sub(r"\\\n", " ", lock).splitlines():
        text = line.partition("--hash")[0].strip()
        if not text or text.startswith("#"):
            continue
        requirement = Requirement(text)
        if requirement.name not in seen and (requirement.marker is None or requirement.marker.evaluate()):
            seen.add(requirement.name)
            yield requirement.name


def licence_of(package: PackageMetadata) -> str:
    """Return an SPDX expression for what the metadata says; "" when it says nothing that can be read."""
    if "License-Expression" in package:
        return package["License-Expression"]
    classifiers = [line for line in package.get_all("Classifier") or [] if line.startswith("License :: OSI Approved")]
    if classifiers:
        return " AND ".join(_spdx(line.rpartition(" :: ")[2]) for line in classifiers)
    return _spdx(package["License"].strip().partition("\n")[0] if "License" in package else "")


def _spdx(words: str) -> str:
    known = WORDS.get(words, words)
    return known if re.fullmatch(r"[\w.+-]*", known) else f"unreadable-{re.sub(r'[^A-Za-z0-9]+', '-', words)[:40]}"


def is_accepted(expression: str, accepted: frozenset[str] = ACCEPTED) -> bool:
    """Return whether an SPDX expression can be satisfied by accepted licences (SPDX 2.3, annex D)."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    if not tokens:
        return False
    answer = _any(tokens, accepted)
    return answer and not tokens


def _any(tokens: list[str], accepted: frozenset[str]) -> bool:
    answer = _all(tokens, accepted)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        answer = _all(tokens, accepted) or answer
    return answer


def _all(tokens: list[str], accepted: frozenset[str]) -> bool:
    answer = _one(tokens, accepted)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        answer = _one(tokens, accepted) and answer
    return answer


def _one(tokens: list[str], accepted: frozenset[str]) -> bool:
    word = tokens.pop(0) if tokens else ""
    if word == "(":
        answer = _any(tokens, accepted)
        return answer and bool(tokens) and tokens.pop(0) == ")"
    if tokens and tokens[0] == "WITH":
        del tokens[:2]  # an exception only permits more
    return word in accepted


def problems(names: Iterator[str]) -> Iterator[str]:
    """Yield one sentence for each package that must not be shipped."""
    for name in names:
        try:
            licence = licence_of(metadata(name))
        except PackageNotFoundError:
            yield f"{name} is in the lock but not installed; run deploy/dev/venv"
            continue
        if EXCEPTIONS.get(name) != licence and not is_accepted(licence):
            yield f"{name}: {licence or 'no licence in its metadata'}; read it, then accept or remove the package"


def main() -> int:
    """Return 0 and say nothing, or say what is wrong."""
    found = list(problems(required(LOCK.read_text())))
    for sentence in found:
        sys.stderr.write(sentence + "\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
