"""Who may take out everything that is kept of a patient, and what they say."""

from dataclasses import replace

import pytest

from guarantee.accesses import Access
from guarantee.errors import Malformed, NotEntitled
from guarantee.policy import Role
from tests.guarantee.samples import a_reader, at

OFFICER = a_reader("dpo", Role.DPO)
ACCESS = Access(issuer="CHU", value="IPP-1", by=OFFICER, reason="demande 12", lines=3, objects=1, at=at(1))


@pytest.mark.parametrize("changes", [{"issuer": ""}, {"value": ""}, {"reason": " "}])
def test_it_names_a_number_and_says_why(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        replace(ACCESS, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.DPO])
def test_nobody_but_the_data_protection_officer_takes_it_out(role: Role) -> None:
    with pytest.raises(NotEntitled):
        replace(ACCESS, by=a_reader("somebody", role))


def test_each_extract_has_its_own_name() -> None:
    assert ACCESS.id != replace(ACCESS, at=at(2)).id
    assert ACCESS.value not in ACCESS.id
