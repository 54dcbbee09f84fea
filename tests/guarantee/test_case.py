"""A case and its manifest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.case import CaseKind, Manifest, case_id
from guarantee.errors import Malformed, NotAllowed
from guarantee.states import CaseState, CaseVerb
from tests.guarantee.samples import MANIFEST, a_case, a_complete_case, a_manifest, a_source


def test_a_case_is_completed_with_its_inputs_fixed() -> None:
    case = a_case().after(CaseVerb.COMPLETE, manifest=MANIFEST)
    assert (case.state, case.version, case.manifest) == (CaseState.COMPLETE, 1, MANIFEST)


def test_a_superseded_case_keeps_its_manifest() -> None:
    assert a_complete_case().after(CaseVerb.SUPERSEDE).manifest == MANIFEST


def test_a_quarantined_case_says_why() -> None:
    case = a_case().after(CaseVerb.QUARANTINE, cause="two-patients")
    assert (case.state, case.cause) == (CaseState.QUARANTINED, "two-patients")


def test_a_complete_case_is_not_completed_again() -> None:
    with pytest.raises(NotAllowed, match="revision 1 of case"):
        a_complete_case().after(CaseVerb.COMPLETE, manifest=MANIFEST)


def test_the_same_revision_always_has_the_same_identifier() -> None:
    assert case_id(CaseKind.STUDY, "1.2", 1) == case_id(CaseKind.STUDY, "1.2", 1)
    others = {case_id(kind, uid, n) for kind in CaseKind for uid in ("1.2", "1.21") for n in (1, 2, 11)}
    assert len(others) == 12


def test_the_following_revision_receives_for_the_same_patient_and_fixes_nothing() -> None:
    held = a_case(state=CaseState.QUARANTINED, version=3, cause="two-patients", admitted="sender-unknown")
    for case in (held, a_complete_case(admitted="sender-unknown")):
        fresh = {"id": case_id(CaseKind.STUDY, "1.2", 2), "revision": 2, "admitted": "sender-unknown"}
        assert case.following() == a_case(**fresh)


@given(st.lists(st.text("0123456789.", min_size=1), unique=True))
def test_a_manifest_lists_inputs_in_one_order(uids: list[str]) -> None:
    manifest = Manifest(uid="1.2", revision=1, sources=tuple(a_source(uid) for uid in sorted(uids)))
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    if len(uids) > 1:
        with pytest.raises(Malformed, match="sorted by uid"):
            replace(manifest, sources=manifest.sources[::-1])


def test_an_input_is_listed_once() -> None:
    with pytest.raises(Malformed, match="each input once"):
        replace(a_manifest(), sources=(a_source(), a_source()))


def test_an_input_has_a_digest() -> None:
    with pytest.raises(Malformed, match="SHA-256"):
        replace(a_source(), digest="abc")
