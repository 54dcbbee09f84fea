"""One transaction for all that wait for one: a flush of the database is shared by every association and every request.

Nobody waits for a timer. Whoever arrives while nothing is being committed commits at once; those who arrive meanwhile
are committed together by the first of them. One association alone pays for no thread and no hand-over.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from guarantee.errors import Unavailable

_T = TypeVar("_T")

TOGETHER_MAX: Final = 128
"""Most arrivals, or a record's messages, of one transaction: 30 ms of the database's time, which others wait for."""


@dataclass(slots=True)
class _Waiting(Generic[_T]):
    """What somebody waits for, and how it ended."""

    item: _T
    is_done: bool = False
    error: Exception | None = None


class GroupCommit(Generic[_T]):
    """Commits what several threads bring together, and lets each go when its own is committed.

    Args:
        receive: commits several items in one transaction, or none of them.
    """

    def __init__(self, receive: Callable[[Sequence[_T]], object]) -> None:
        self._receive = receive
        self._waiting: list[_Waiting[_T]] = []
        self._list = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, item: _T) -> None:
        """Return when ``item`` is committed.

        Raises:
            Unavailable: the database does not answer.
            Exception: what else committing this one raised; what another one's raised is no matter of it.
        """
        mine = _Waiting(item)
        with self._list:
            self._waiting.append(mine)
        while not mine.is_done:
            with self._turn:
                if not mine.is_done:
                    self._commit(self._next())
        if mine.error is not None:
            raise mine.error

    def _next(self) -> list[_Waiting[_T]]:
        with self._list:
            batch = self._waiting[:TOGETHER_MAX]
            del self._waiting[:TOGETHER_MAX]
        return batch

    def _commit(self, batch: Sequence[_Waiting[_T]]) -> None:
        """Commit ``batch``; when that fails, each alone, so that one of them harms no other."""
        error, down = self._try(batch), None
        for each in batch:
            if error is None or len(batch) == 1:
                each.error = error
            else:
                each.error = down or self._try([each])
                down = each.error if _is_down(each.error) else None
            each.is_done = True

    def _try(self, batch: Sequence[_Waiting[_T]]) -> Exception | None:
        try:
            self._receive([each.item for each in batch])
        except Exception as error:  # noqa: BLE001 - boundary: it belongs to those who wait, and is raised where they do
            return error
        return None


def _is_down(error: Exception | None) -> bool:
    """Return whether the database does not answer at all: then nobody need ask it again."""
    return isinstance(error, Unavailable) and error.code == "database"


def flat(commit: Callable[[Sequence[_T]], object]) -> Callable[[Sequence[Sequence[_T]]], object]:
    """Return what commits what several messages bring: all of a message, and several messages, in one transaction."""
    return lambda messages: commit([one for message in messages for one in message])
