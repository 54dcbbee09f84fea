"""The recipes that a card may name, and what each is set by."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from inference.recipes.parameters import ReadingsScore, VolumeMask
from inference.recipes.series_parameters import SeriesCheck

Parameters: TypeAlias = VolumeMask | ReadingsScore | SeriesCheck

RECIPES: Final[Mapping[str, type[VolumeMask] | type[ReadingsScore] | type[SeriesCheck]]] = {
    "volume-mask": VolumeMask,
    "readings-score": ReadingsScore,
    "series-check": SeriesCheck,
}
"""Recipes a card may name. The code is in the module of the same name, in its function ``propose``."""

TOGETHER: Final = frozenset({"readings-score"})
"""Recipes that take several cases in one run, by `prepare` and `conclude`. A volume is one case: several would take as
many times the memory, and its graphs use every processor for one already."""
