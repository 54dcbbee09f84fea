"""Execute the Dockerfile without Docker: each stage in a Debian of its own, made by debootstrap, entered by chroot.

``python3 deploy/dev/image.py FOLDER [--arg NAME=VALUE]`` as root; FOLDER gets one folder for each stage. It proves
the recipe, not the image: layers, the registry and the ignore file are not used, and what is copied is what git tracks.
Debian's package mirror and the Python index are asked as this machine asks them.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "deploy" / "container" / "Dockerfile"
MIRROR: Final = "http://deb.debian.org/debian"
PASSED_ON: Final = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "PIP_INDEX_URL")
"""How this machine reaches its package indexes; nothing of it is in the recipe."""
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine believes, e.g. a proxy of the hospital; inside under a name that no package overwrites."""


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction and its words, comments and line ends taken away."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n", " ", lines).splitlines():
        if line.strip():
            name, _, words = line.strip().partition(" ")
            yield name.upper(), words.strip()


def expanded(words: str, known: dict[str, str]) -> str:
    """Return the words with ${NAME} replaced."""
    return re.sub(r"\$\{(\w+)\}", lambda match: known.get(match[1], ""), words)


class Stage:
    """One FROM and what follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.place = "/"
        self.user = "0:0"
        self.shell = ["/bin/sh", "-c"]
        self.entrypoint: list[str] = []

    def begin(self) -> None:
        """Make an empty Debian, with this machine's way to the network."""
        run("debootstrap", "--variant=minbase", "bookworm", str(self.folder), MIRROR)
        shutil.copy("/etc/resolv.conf", self.folder / "etc" / "resolv.conf")
        shutil.copy(CERTIFICATES, self.folder / "certificates-of-the-builder.crt")

    def run(self, command: list[str], *, user: str = "", known: dict[str, str] | None = None) -> None:
        """Run a command inside."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        passed["PIP_CERT"] = "/certificates-of-the-builder.crt"
        chroot = ["chroot", f"--userspec={user or self.user}", str(self.folder)]
        inside = [
            "/usr/bin/env",
            "-i",
            *(f"{n}={v}" for n, v in {**passed, **self.environment, **(known or {})}.items()),
        ]
        run(*chroot, *inside, "/bin/sh", "-c", f'cd {self.place} && exec "$@"', "-", *command)

    def copy(self, words: list[str], stages: dict[str, "Stage"]) -> None:
        """Copy from the repository, or from another stage."""
        source = ROOT
        if words[0].startswith("--from="):
            source = stages[words.pop(0).removeprefix("--from=")].folder
        target = self.folder / Path(self.place, words[-1]).relative_to("/")
        for word in words[:-1]:
            path = source / word.lstrip("/")
            names = tracked(path) if source == ROOT else [path]
            for name in names:
                inner = (
                    name.relative_to(path)
                    if path.is_dir() and source == ROOT
                    else Path(path.name if words[-1].endswith("/") else "")
                )
                (target / inner).parent.mkdir(parents=True, exist_ok=True)
                run("cp", "-a", str(name), str(target / inner))


def tracked(path: Path) -> list[Path]:
    """Return the files of the repository below a path."""
    said = subprocess.run(  # noqa: S603 - git, with a path of ours
        ["git", "-C", str(ROOT), "ls-files", "-z", str(path)],  # noqa: S607 - whichever git there is
        capture_output=True,
        check=True,
    ).stdout
    return [ROOT / name for name in said.decode().split("\0") if name]


def run(*command: str) -> None:
    """Run a command; end with its status when it fails."""
    print("+", " ".join(command)[:200], flush=True)
    subprocess.run(command, check=True)  # noqa: S603 - the recipe's own commands


def build(folder: Path, arguments: dict[str, str]) -> Stage:
    """Execute every instruction and return the last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    known: dict[str, str] = {}
    for name, words in instructions(DOCKERFILE.read_text(encoding="utf-8")):
        match name:
            case "ARG":
                key, _, value = words.partition("=")
                known[key] = arguments.get(key, known.get(key, value))
            case "FROM":
                called = words.split(" AS ")[1] if " AS " in words else "final"
                stage = stages[called] = Stage(folder / called)
                stage.begin()
            case "SHELL":
                stage.shell = json.loads(words)
            case "RUN":
                stage.run([*stage.shell, words], known=known)
            case "WORKDIR":
                stage.place = words
                (stage.folder / words.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "COPY":
                stage.copy(words.split(), stages)
            case "ENV":
                stage.environment |= dict(re.findall(r"(\w+)=(\S+)", expanded(words, known)))
            case "USER":
                stage.user = words
            case "ENTRYPOINT":
                stage.entrypoint = json.loads(words)
            case "LABEL" | "VOLUME" | "STOPSIGNAL" | "HEALTHCHECK" | "CMD":
                continue
            case _:
                raise SystemExit(f"{name} is an instruction that this script does not know")
    return stage


def main() -> None:
    """Build, then ask the result who it is, as its own user."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    made = build(given.folder, dict(word.split("=", 1) for word in given.arg))
    made.run([*made.entrypoint, "--version"])


if __name__ == "__main__":
    sys.exit(main())
