"""What a process flushed, and what it answered after that: its system calls, in their order, as strace tells them."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers.base import PeerMissing, program

CALLS: Final = (
    *("fsync", "fdatasync", "sync_file_range", "msync", "fsetxattr"),
    *("write", "writev", "send", "sendto", "sendmsg"),
)
"""Calls that are told: flushes, notes that are written beside bytes, and everything an answer could leave by."""

_LINE: Final = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_RESUMED: Final = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)")
_PLACE: Final = re.compile(r"\d+<(?P<place>.*?)>(?:,|\)| <unfinished)")
_TCP: Final = re.compile(r"TCP:\[[^]]*?:(?P<ours>\d+)->[^]]*?:(?P<theirs>\d+)\]")
_DATA_PDU: Final = r'"\4"'
"""How strace shows the first byte of a P-DATA-TF (PS3.8, 9.3.5); of a listener, that is an answer."""


@dataclass(frozen=True, slots=True)
class Event:
    """One call.

    Args:
        answered: port of the peer that was answered; 0 for a flush.
        flushed: file or folder that is on the disk now; "note " and a file that was given one now, which the next flush
            of that file takes; "" for an answer.
    """

    answered: int = 0
    flushed: str = ""


class Strace:
    """strace, where it is installed and allowed to watch a child."""

    def __init__(self) -> None:
        self._program = program("strace")
        done = subprocess.run([self._program, "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerMissing(f"strace may not watch processes on this machine: {done.stderr.strip()[:200]}")

    def command(self, log: Path, command: Sequence[str]) -> list[str]:
        """Return a command that runs ``command``, whose process it is, and writes what it and its children call."""
        shown = ["-f", "-yy", "-s", "1", "-e", f"trace={','.join(CALLS)}", "-o", str(log)]
        return [self._program, "-D", *shown, *command]

    def stop(self) -> None:
        """Nothing runs."""


def events(log: Path, port: int) -> Iterator[Event]:
    """Yield flushes when they are done, and answers of the listener on ``port`` when they begin."""
    begun: dict[tuple[str, str], str] = {}
    for line in log.read_text(errors="replace").splitlines():
        if resumed := _RESUMED.match(line):
            rest = begun.pop((resumed["thread"], resumed["call"]), "") + resumed["rest"]
            yield from _flush(resumed["call"], rest)
        elif call := _LINE.match(line):
            yield from _answer(call["call"], call["rest"], port)
            if call["rest"].endswith("<unfinished ...>"):
                begun[call["thread"], call["call"]] = call["rest"]
            else:
                yield from _flush(call["call"], call["rest"])


def _flush(call: str, rest: str) -> Iterator[Event]:
    place = _PLACE.match(rest)
    if not place or not rest.rstrip().endswith("= 0"):
        return
    if call in {"fsync", "fdatasync"}:
        yield Event(flushed=place["place"])
    elif call == "fsetxattr":
        yield Event(flushed=f"note {place['place']}")


def _answer(call: str, rest: str, port: int) -> Iterator[Event]:
    peer = _TCP.search(rest)
    if call.startswith(("send", "write")) and peer and int(peer["ours"]) == port and _DATA_PDU in rest:
        yield Event(answered=int(peer["theirs"]))


def unproved(found: Sequence[Event], needed: Sequence[str]) -> tuple[int, list[str]]:
    """Return how many answers were given, and what is wrong with those that nothing proves durable.

    Args:
        needed: patterns of paths. Between two answers on one connection, something like each must have been flushed, in
            this order: the peer sends an instance only when the one before it was answered.
    """
    step: dict[int, int] = {}
    answers, wrong = 0, []
    for event in found:
        for peer, done in step.items():
            if done < len(needed) and re.search(needed[done], event.flushed):
                step[peer] = done + 1
        if event.answered:
            answers += 1
            done = step.get(event.answered, 0)
            if event.answered in step and done < len(needed):
                wrong.append(f"answer {answers} before {needed[done]!r} was flushed")
            step[event.answered] = 0
    return answers, wrong


def is_over(log: Path) -> bool:
    """Return whether the watched process ended and everything is written."""
    return log.exists() and bool(re.search(r"\+\+\+ (exited|killed)", log.read_text(errors="replace")[-400:]))
