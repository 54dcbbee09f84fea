"""The only key to the outside: what makes one, and everything that does not."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from guarantee.decision import decision_id
from guarantee.errors import DraftChanged, Forged, Malformed, NotEntitled, PolicyUnmet, Refused
from guarantee.ids import ReleaseId, digest
from guarantee.opinion import Opinion, Seal, Verdict
from guarantee.policy import Role
from guarantee.release import (
    Grounds,
    Kind,
    Notice,
    Package,
    Part,
    Release,
    Rendering,
    Terms,
    Withdrawal,
    mint,
    release_id,
    withdrawal_id,
)
from tests.guarantee.samples import (
    AMENDED,
    DESK,
    DRAFT,
    PACS,
    RECORD,
    STRANGER,
    a_notice,
    a_policy,
    a_statement,
    a_withdrawal,
    an_opinion,
    digest_of,
    sealed,
    some_grounds,
    terms_for,
)


def minted(terms: Terms, grounds: Grounds, seal: Seal | None = None) -> Release:
    return mint(terms=terms, seal=seal or DESK.seal(terms.to_bytes()), grounds=grounds, witness=DESK)


ACCEPTED = some_grounds()
WITHDRAWN = replace(ACCEPTED, withdrawal=a_withdrawal())
TWO = a_policy(2)


# -------------------------------------------------------------------------------------------------- what makes one


@pytest.mark.parametrize(
    "grounds",
    [
        ACCEPTED,
        some_grounds(an_opinion(verdict=Verdict.AMEND)),
        some_grounds(*(an_opinion(login, policy=TWO.ref) for login in ("dr.a", "dr.b")), policy=TWO),
        WITHDRAWN,
    ],
    ids=["accepted", "amended", "two readers", "withdrawn"],
)
def test_what_was_endorsed_may_leave(grounds: Grounds) -> None:
    terms = terms_for(grounds)
    release = minted(terms, grounds)
    assert release.terms == terms
    assert release.id == terms.release
    assert release.package_for("pacs") == PACS.package
    assert release.package_for("record") == RECORD.package


def test_a_release_allows_nothing_to_go_elsewhere() -> None:
    with pytest.raises(Malformed, match="'patient portal'"):
        minted(terms_for(ACCEPTED), ACCEPTED).package_for("patient portal")


# --------------------------------------------------------------------------------------------------- forged terms


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.WITHDRAWAL},
        {"result": "another result"},
        {"ground": decision_id(terms_for(ACCEPTED).result + "x")},
        {"content": AMENDED},
        {"release": ReleaseId("another release")},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("grounds", [ACCEPTED, WITHDRAWN], ids=["result", "withdrawal"])
def test_terms_that_ask_for_something_else_are_refused_even_sealed(grounds: Grounds, change: dict[str, Any]) -> None:
    terms = terms_for(grounds)
    if change == {"kind": Kind.WITHDRAWAL} and terms.kind is Kind.WITHDRAWAL:
        change = {"kind": Kind.RESULT}
    with pytest.raises(PolicyUnmet, match="something else"):
        minted(replace(terms, **change), grounds)


@pytest.mark.parametrize(
    "change",
    [
        {"renderings": (replace(PACS, package=digest_of("other bytes")), RECORD)},
        {"renderings": (PACS, RECORD, Rendering(destination="portal", package=PACS.package))},
        {"renderings": (replace(PACS, destination="portal"), RECORD)},
        {"renderings": (PACS,)},
        {"at": terms_for(ACCEPTED).at.replace(year=2027)},
    ],
)
def test_terms_changed_after_they_were_sealed_are_refused(change: dict[str, Any]) -> None:
    terms = terms_for(ACCEPTED)
    with pytest.raises(Forged):
        minted(replace(terms, **change), ACCEPTED, seal=DESK.seal(terms.to_bytes()))


@pytest.mark.parametrize(
    "seal",
    [
        STRANGER.seal(terms_for(ACCEPTED).to_bytes()),
        replace(DESK.seal(terms_for(ACCEPTED).to_bytes()), key=STRANGER.seal(b"").key),
        replace(DESK.seal(terms_for(ACCEPTED).to_bytes()), signature="0" * 128),
        replace(DESK.seal(terms_for(ACCEPTED).to_bytes()), signature="not hexadecimal"),
        replace(DESK.seal(terms_for(ACCEPTED).to_bytes()), signature=""),
        DESK.seal(an_opinion().statement.to_bytes()),
    ],
    ids=["stranger's", "wrong key", "wrong", "nonsense", "none", "of an opinion"],
)
def test_terms_without_the_desks_seal_are_refused(seal: Seal) -> None:
    with pytest.raises(Forged):
        minted(terms_for(ACCEPTED), ACCEPTED, seal=seal)


# --------------------------------------------------------------------------------------------- forged or bad grounds


@pytest.mark.parametrize("which", [0, 1])
def test_each_opinion_is_checked_by_its_own_seal(which: int) -> None:
    opinions = [an_opinion(login, policy=TWO.ref) for login in ("dr.a", "dr.b")]
    terms = terms_for(some_grounds(*opinions, policy=TWO))
    opinions[which] = sealed(opinions[which].statement, STRANGER)
    with pytest.raises(Forged):
        minted(terms, some_grounds(*opinions, policy=TWO))


def test_an_opinion_edited_after_it_was_sealed_is_refused() -> None:
    signed = an_opinion(verdict=Verdict.AMEND)
    edited = replace(signed, statement=replace(signed.statement, content=digest_of("what somebody else wants")))
    grounds = some_grounds(edited)
    with pytest.raises(Forged):
        minted(terms_for(grounds), grounds)


REFUSING = some_grounds(
    an_opinion("dr.a", policy=TWO.ref), an_opinion("dr.b", Verdict.REJECT, policy=TWO.ref), policy=TWO
)


@pytest.mark.parametrize(
    ("grounds", "error"),
    [
        (some_grounds(an_opinion(verdict=Verdict.REJECT)), PolicyUnmet),
        (Grounds(policy=ACCEPTED.policy, draft=DRAFT, opinions=()), PolicyUnmet),
        (some_grounds(an_opinion("dr.a", policy=TWO.ref), policy=TWO), PolicyUnmet),
        (
            some_grounds(
                an_opinion("dr.a", policy=TWO.ref), an_opinion("dr.b", Verdict.AMEND, policy=TWO.ref), policy=TWO
            ),
            PolicyUnmet,
        ),
        (REFUSING, PolicyUnmet),
        (replace(REFUSING, withdrawal=a_withdrawal()), PolicyUnmet),
        (replace(ACCEPTED, draft=AMENDED), DraftChanged),
        (replace(ACCEPTED, policy=a_policy(1, Role.CLINICIAN)), Malformed),
        (
            some_grounds(an_opinion(policy=a_policy(1, Role.CLINICIAN).ref), policy=a_policy(1, Role.CLINICIAN)),
            NotEntitled,
        ),
        (some_grounds(an_opinion(), an_opinion(nonce="again")), Malformed),
    ],
    ids=[
        "rejected",
        "nobody",
        "one of two",
        "they disagree",
        "one refused",
        "withdrawal of what was refused",
        "other draft",
        "other policy",
        "wrong role",
        "same person twice",
    ],
)
def test_grounds_that_do_not_satisfy_the_policy_open_nothing(grounds: Grounds, error: type[Exception]) -> None:
    with pytest.raises(error):
        minted(terms_for(ACCEPTED), grounds)


@pytest.mark.parametrize(
    "withdrawal",
    [
        a_withdrawal(ring=STRANGER),
        replace(a_withdrawal(), notice=a_notice(comment="another reason")),
    ],
    ids=["stranger's seal", "edited"],
)
def test_a_withdrawal_is_checked_by_its_seal(withdrawal: Withdrawal) -> None:
    grounds = replace(ACCEPTED, withdrawal=withdrawal)
    with pytest.raises(Forged):
        minted(terms_for(grounds), grounds)


@pytest.mark.parametrize(
    "notice",
    [a_notice(release=release_id(decision_id(terms_for(ACCEPTED).result + "x"))), a_notice(result="another result")],
    ids=["other release", "other result"],
)
def test_a_withdrawal_of_another_release_is_refused(notice: Notice) -> None:
    grounds = replace(ACCEPTED, withdrawal=a_withdrawal(notice))
    with pytest.raises(PolicyUnmet, match="another release"):
        minted(terms_for(grounds), grounds)


def test_every_refusal_is_one_the_flows_know() -> None:
    assert issubclass(Forged, Refused)
    assert issubclass(PolicyUnmet, Refused)


# ------------------------------------------------------------------------------------------------- made by hand


def a_release() -> Release:
    return minted(terms_for(ACCEPTED), ACCEPTED)


def test_a_release_is_not_made_by_hand() -> None:
    with pytest.raises(TypeError, match="by hand"):
        Release(terms=terms_for(ACCEPTED), minted_by=object())
    with pytest.raises(TypeError, match="minted_by"):
        Release(terms=terms_for(ACCEPTED))  # type: ignore[call-arg]


def test_a_release_is_not_made_from_another_one() -> None:
    elsewhere = replace(terms_for(ACCEPTED), renderings=(Rendering(destination="portal", package=PACS.package),))
    with pytest.raises(ValueError, match="minted_by"):
        replace(a_release(), terms=elsewhere)
    with pytest.raises(TypeError, match="by hand"):
        replace(a_release(), terms=elsewhere, minted_by=object())


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_release_is_neither_copied_nor_pickled(made: Any) -> None:
    with pytest.raises(TypeError, match="mint it again"):
        made(a_release())


def test_a_release_is_not_made_from_a_state() -> None:
    empty = Release.__new__(Release)
    with pytest.raises(TypeError, match="not from a state"):
        empty.__setstate__([terms_for(ACCEPTED)])


def test_a_release_is_not_edited() -> None:
    with pytest.raises(FrozenInstanceError):
        a_release().terms = terms_for(ACCEPTED)  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        a_release().destinations = ("portal",)  # type: ignore[attr-defined]


def test_a_release_holds_its_terms_and_not_what_minted_it() -> None:
    assert [field.name for field in dataclasses.fields(Release)] == ["terms"]
    assert not hasattr(a_release(), "minted_by")


# ---------------------------------------------------------------------------------------------------- its values


@pytest.mark.parametrize("renderings", [(), (PACS, PACS), (PACS, replace(RECORD, destination="pacs"))])
def test_terms_name_at_least_one_place_and_each_once(renderings: tuple[Rendering, ...]) -> None:
    with pytest.raises(Malformed, match="destination"):
        terms_for(ACCEPTED, renderings=renderings)


def test_a_package_is_its_parts_in_order() -> None:
    parts = tuple(Part(name=n, media_type="application/dicom", uid=n, digest=digest_of(n)) for n in ("seg", "sr"))
    package = Package(parts=parts)
    assert Package.from_bytes(package.to_bytes()) == package
    assert package.digest == digest(package.to_bytes())
    assert Package(parts=parts[::-1]).digest != package.digest


def test_an_empty_package_does_not_exist() -> None:
    with pytest.raises(Malformed, match="empty package"):
        Package(parts=())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Part(name="sr", media_type="application/dicom", uid="1", digest="abc"),
        lambda: Rendering(destination="pacs", package="abc"),
    ],
)
def test_bytes_are_named_by_digest(make: Any) -> None:
    with pytest.raises(Malformed, match="SHA-256"):
        make()


@pytest.mark.parametrize("change", [{"by": ""}, {"comment": "  "}])
def test_a_withdrawal_says_who_and_why(change: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="who and why"):
        a_notice(**change)


def test_a_withdrawal_carries_the_identifier_and_the_digest_of_its_notice() -> None:
    withdrawal = a_withdrawal()
    assert withdrawal.id == withdrawal_id(withdrawal.notice.release)
    assert withdrawal.content == digest(withdrawal.notice.to_bytes())
    with pytest.raises(Malformed, match="identifier"):
        replace(withdrawal, id="another")


def test_a_decision_has_one_release_and_a_release_one_withdrawal() -> None:
    one, other = (decision_id(terms_for(ACCEPTED).result), decision_id(terms_for(ACCEPTED).result + "x"))
    assert release_id(one) == release_id(one) != release_id(other)
    assert withdrawal_id(release_id(one)) != release_id(one)


def test_an_opinion_of_the_statement_alone_is_enough_to_decide_again() -> None:
    """Nothing but sealed statements, the policy and the draft's digest goes into a release."""
    assert {field.name for field in dataclasses.fields(Grounds)} == {
        *("policy", "draft", "opinions", "preparation", "withdrawal")
    }
    assert {field.name for field in dataclasses.fields(Opinion)} == {"id", "statement", "seal", "gesture"}
    assert a_statement().to_bytes()
