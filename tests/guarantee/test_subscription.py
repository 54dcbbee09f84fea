"""What may be wrong with our subscription at a record."""

import pytest

from guarantee.subscription import FAULTS, Held, fault_of


@pytest.mark.parametrize(
    ("held", "fault"),
    [
        (None, "missing"),
        (Held(place="Subscription/1", status="active"), ""),
        (Held(place="Subscription/1", status="active", is_as_wanted=False), "changed"),
        (Held(place="Subscription/1", status="off", is_as_wanted=False), "off"),
        (Held(place="Subscription/1", status="requested"), "requested"),
        (Held(place="Subscription/1", status="error"), "error"),
        (Held(place="Subscription/1", status="entered-in-error"), "unknown"),
    ],
)
def test_only_an_active_subscription_for_what_we_ask_is_well(held: Held | None, fault: str) -> None:
    assert fault_of(held) == fault
    assert not fault or fault in FAULTS
