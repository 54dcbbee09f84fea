"""What a part of the benchmark found: words for a person, targets, and everything else for the results file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench.figures import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part.

    Args:
        loaded: runs during which others used the machine.
    """

    name: str
    shown: str
    targets: tuple[Target, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    loaded: tuple[str, ...] = ()
