"""What a child that runs a foreign model may use: set by the child on itself, before it touches the model.

Limits of the process, not a sandbox of the kernel's making: no namespace, no seccomp filter, so that it works in any
container and without rights. What they buy: a model that grows or spins ends itself alone; it can open no file and no
socket, whatever it asks ONNX Runtime for; and it never outlives the process that started it.
"""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal to get when the thread that started us ends."""

PR_SET_NO_NEW_PRIVS: Final = 38
"""prctl(2): no rights to be gained from now on."""

CPU_SLACK_S: Final = 5
"""CPU seconds beyond deadline x threads. The parent's clock ends a run; this ends it when the parent cannot."""

NICENESS: Final = 10
"""How much a child gives way, nice(2): while both want the processors, images come in at ten times its share. Models
examine themselves at every start, and compute while studies arrive; no modality may wait for that."""


def give_way() -> None:
    """Let the listener and the desk go first, where they share the processors with this process.

    Where the kernel is told to refuse it (a system-call filter), whoever set that up gives each process its share.
    """
    with suppress(PermissionError):
        os.nice(NICENESS)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends, for whatever reason.

    A parent that died before this line is noticed too: it closed our standard input, and there is nothing to read.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_PDEATHSIG, signal.SIGKILL), (PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, int(value), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl failed")


def limit_memory(memory_mb: int) -> None:
    """Allow ``memory_mb`` MiB of address space beyond what is in use now.

    Called when every library is loaded and the model is not: libraries, interpreter and thread stacks map 230 MiB or
    more without using them, so a limit on the whole would have to be guessed, and a limit on resident memory does not
    exist on Linux. What is counted from here is what the model asks for.
    """
    allowed = _at_most(resource.RLIMIT_AS, _address_space() + memory_mb * 1024 * 1024)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def close_the_doors() -> None:
    """Make this the last moment at which a file or a socket could be opened, and forbid core dumps and written files.

    A core dump would put a patient's images on disk. Open pipes stay usable: the limit is on new descriptors.
    """
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (0, 0))


def limit_cpu(seconds: float) -> None:
    """Allow ``seconds`` of CPU time from now on; the kernel then ends the process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = _at_most(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + CPU_SLACK_S)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _at_most(what: int, wanted: int) -> int:
    """Return ``wanted``, or the hard limit that somebody set before us when it is lower."""
    _, hard = resource.getrlimit(what)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _address_space() -> int:
    """Return the bytes of address space in use (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
