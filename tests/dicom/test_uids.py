"""UIDs are derived, valid, and different for different things."""

import subprocess
import sys
import uuid

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, derive_uid

SITE = uuid.UUID("11111111-2222-4333-8444-555555555555")


@given(st.uuids(), st.text(), st.lists(st.text()))
def test_a_derived_uid_is_valid_and_the_same_every_time(site: uuid.UUID, kind: str, parts: list[str]) -> None:
    uid = derive_uid(site, kind, *parts)
    assert UID(uid).is_valid
    assert len(uid) <= 44
    assert uid == derive_uid(site, kind, *parts)


def test_a_derived_uid_is_fixed_across_processes_and_releases() -> None:
    expected = derive_uid(SITE, "sr", "release-1")
    assert expected == "2.25.262573348212086767692182671647019034503"
    code = (
        "import uuid; from dicom_adapters.uids import derive_uid\n"
        f"print(derive_uid(uuid.UUID('{SITE}'), 'sr', 'release-1'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_different_parts_give_different_uids(one: list[str], other: list[str]) -> None:
    assert (one == other) == (derive_uid(SITE, *one) == derive_uid(SITE, *other))


def test_two_sites_never_share_a_uid() -> None:
    assert derive_uid(SITE, "sr", "1") != derive_uid(uuid.uuid5(SITE, "other"), "sr", "1")


def test_our_implementation_identifiers_are_valid() -> None:
    assert UID(IMPLEMENTATION_CLASS_UID).is_valid
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16
