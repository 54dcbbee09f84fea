"""A command under what deploy/systemd/aval@.service asks for, by the same kernel calls: ``UNIT WRITABLE COMMAND…``.

For machines where systemd does not run. Done: the seccomp filter from the unit's SystemCallFilter, no new rights, no
capability (root without one), memory never both writable and executable (the kernel's own switch for what
MemoryDenyWriteExecute does by seccomp), no core dumps, a file system where only WRITABLE can be written. Not done:
another user, address families, namespaces that may not be made, devices, /proc.
"""

import ctypes
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_MDWE = 38, 24, 65
CAPABILITIES: Final = range(41)
SCMP_ACT_ALLOW, SCMP_ACT_EPERM = 0x7FFF0000, 0x00050001
LIBC: Final = ctypes.CDLL(None, use_errno=True)


def unit(path: Path) -> dict[str, list[str]]:
    """Return the settings of a unit, each with every value that it was given."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def members(name: str) -> Iterator[str]:
    """Yield the system calls of a set, as systemd has it."""
    if not name.startswith("@"):
        yield name
        return
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    for line in said.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            yield from members(word)


def allowed(filters: list[str]) -> set[str]:
    """Return what the unit's SystemCallFilter= lines, read in order, let through."""
    found: set[str] = set()
    for line in filters:
        names = {call for word in line.removeprefix("~").split() for call in members(word)}
        found = found - names if line.startswith("~") else found | names
    return found


def call(name: str, *arguments: object) -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name} {arguments}")


def lock_files(writable: str) -> None:
    """See the file system as ProtectSystem=strict shows it: nothing can be written but below ``writable``."""
    call("unshare", CLONE_NEWNS | CLONE_NEWIPC)
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    call("mount", writable.encode(), writable.encode(), None, MS_BIND, None)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        place, kind = line.split()[1:3]
        if place != writable and kind in {"ext4", "xfs", "btrfs", "overlay", "tmpfs"}:
            call("mount", None, place.encode(), None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)


def give_up_rights(settings: dict[str, list[str]]) -> None:
    assert settings["CapabilityBoundingSet"] == [""]
    assert settings["NoNewPrivileges"] == settings["MemoryDenyWriteExecute"] == ["yes"]
    resource.setrlimit(resource.RLIMIT_CORE, (int(settings["LimitCORE"][0]),) * 2)
    for number in CAPABILITIES:
        call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", PR_SET_MDWE, 1, 0, 0, 0)


def filter_calls(calls: set[str]) -> None:
    """Let these system calls through, and answer EPERM to all others, also in what is started from here."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(SCMP_ACT_EPERM))
    for name in sorted(calls):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # below: a call of another architecture
            assert library.seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0) == 0, name
    assert library.seccomp_load(context) == 0


def main(arguments: list[str]) -> None:
    """Become the command, under the restrictions of the unit."""
    file, writable, *command = arguments
    settings = unit(Path(file))
    assert settings["ProtectSystem"] == ["strict"]
    calls = allowed(settings["SystemCallFilter"])
    lock_files(writable)
    give_up_rights(settings)
    filter_calls(calls)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
