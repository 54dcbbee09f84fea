"""What the tests of forgeries say does not happen is seen when it does."""

from pathlib import Path

import pytest

from tests.e2e.control import drafted, keep_looking, require_honest_work, world_of
from tests.e2e.outside import Outside
from tests.e2e.reader import AtDesk
from tests.installation import Installation

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet"), pytest.mark.peer("dcmtk")]


def test_what_somebody_honest_signs_is_seen_to_arrive(embedded: Installation, outside: Outside, tmp_path: Path) -> None:
    """The control of every test of forgeries: the same watch sees an arrival, and the same comparison a change."""
    with AtDesk(embedded, embedded.people["dr.martin"]) as martin:
        study, result = drafted(martin, tmp_path)
        before = world_of(embedded)
        with outside.watched() as watch:
            require_honest_work(martin, outside, study, result)
            keep_looking(watch)
    with pytest.raises(AssertionError, match="found something"):
        watch.require_nothing()
    after = world_of(embedded)
    assert all(after[table] != before[table] for table in before.keys() - {"withdrawals"})
