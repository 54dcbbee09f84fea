"""The model versions of a desk in memory: its cards, and what a test says of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from guarantee.card import Card
from guarantee.retirement import Retirement
from guarantee.rollout import Rollout
from tests.desk.cases import cards


class FakeVersions:
    """What FakeDesk adds its state to."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.ended: list[Retirement] = []
        self.rolled_out = Rollout()

    def cards(self) -> Sequence[Card]:
        return cards()

    def retired(self) -> Mapping[str, Retirement]:
        return {line.model: line for line in self.ended}

    def rollout(self) -> Rollout:
        return self.rolled_out
