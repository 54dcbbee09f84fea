"""An export names who and why."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from guarantee.errors import Malformed
from guarantee.exports import Export
from guarantee.ids import DecisionId, ResultId

EXPORT = Export(
    result=ResultId("r"),
    decision=DecisionId("d"),
    by="operator:root",
    reason="étude 12",
    profile="basic",
    objects=3,
    at=datetime(2026, 11, 27, tzinfo=UTC),
)


def test_an_export_has_one_name() -> None:
    assert EXPORT.id == replace(EXPORT).id
    assert EXPORT.id != replace(EXPORT, by="operator:anna").id


@pytest.mark.parametrize("without", [{"by": ""}, {"reason": ""}, {"reason": " "}])
def test_nobody_exports_without_a_name_and_a_reason(without: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        replace(EXPORT, **without)  # type: ignore[arg-type]
