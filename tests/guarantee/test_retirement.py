"""A retirement names one version, somebody and a reason."""

import pytest

from guarantee.errors import Malformed
from guarantee.retirement import Retirement
from tests.guarantee.samples import at


def test_a_retirement_says_what_who_and_why() -> None:
    made = Retirement(model="lung@1.0.0", by="operator:root", reason="remplacé", at=at(1))
    assert (made.model, made.by, made.reason) == ("lung@1.0.0", "operator:root", "remplacé")


@pytest.mark.parametrize(("model", "by", "reason"), [("lung", "a", "b"), ("lung@1", "", "b"), ("lung@1", "a", "  ")])
def test_a_name_without_its_version_nobody_or_no_reason_is_none(model: str, by: str, reason: str) -> None:
    with pytest.raises(Malformed):
        Retirement(model=model, by=by, reason=reason, at=at(1))
