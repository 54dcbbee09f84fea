"""One transaction for all the images that wait for one: a flush of the database is shared by every association.

Nobody waits for a timer. Whoever arrives while nothing is being committed commits at once; those who arrive meanwhile
are committed together by the first of them. One association alone pays for no thread and no hand-over.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from guarantee.errors import Unavailable
from guarantee.unit import Arrival

TOGETHER_MAX: Final = 128
"""Most arrivals of one transaction: about 30 ms of the database's time, which others wait for."""


@dataclass(slots=True)
class _Waiting:
    """One arrival, and how it ended."""

    arrival: Arrival
    is_done: bool = False
    error: Exception | None = None


class GroupCommit:
    """Commits arrivals together, and lets each go when its own row is committed.

    Args:
        receive: commits several arrivals in one transaction, or none of them.
    """

    def __init__(self, receive: Callable[[Sequence[Arrival]], object]) -> None:
        self._receive = receive
        self._waiting: list[_Waiting] = []
        self._list = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, arrival: Arrival) -> None:
        """Return when ``arrival`` is committed.

        Raises:
            Unavailable: the database does not answer.
            Exception: what else committing this one raised; what another one's raised is no matter of it.
        """
        mine = _Waiting(arrival)
        with self._list:
            self._waiting.append(mine)
        while not mine.is_done:
            with self._turn:
                if not mine.is_done:
                    self._commit(self._next())
        if mine.error is not None:
            raise mine.error

    def _next(self) -> list[_Waiting]:
        with self._list:
            batch = self._waiting[:TOGETHER_MAX]
            del self._waiting[:TOGETHER_MAX]
        return batch

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Commit ``batch``; when that fails, each alone, so that one of them harms no other."""
        error, down = self._try(batch), None
        for each in batch:
            if error is None or len(batch) == 1:
                each.error = error
            else:
                each.error = down or self._try([each])
                down = each.error if _is_down(each.error) else None
            each.is_done = True

    def _try(self, batch: Sequence[_Waiting]) -> Exception | None:
        try:
            self._receive([each.arrival for each in batch])
        except Exception as error:  # noqa: BLE001 - boundary: it belongs to those who wait, and is raised where they do
            return error
        return None


def _is_down(error: Exception | None) -> bool:
    """Return whether the database does not answer at all: then nobody need ask it again."""
    return isinstance(error, Unavailable) and error.code == "database"
