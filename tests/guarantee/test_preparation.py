"""What a learner prepares: signed for, named by whoever answers for it, and counted by nobody."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from guarantee.decision import decide
from guarantee.errors import DraftChanged, Forged, GuaranteeError, Malformed, NotEntitled, NotHabilitated, PolicyUnmet
from guarantee.habilitation import Act
from guarantee.ids import PreparationId
from guarantee.opinion import SCHEMA, Opinion, Seal, Verdict, opinion_id
from guarantee.policy import Policy, Role
from guarantee.preparation import Outcome, Preparation, outcome
from guarantee.release import Grounds, mint
from tests.guarantee.samples import (
    AMENDED,
    COSIGNED,
    DESK,
    DRAFT,
    a_preparation,
    a_reader,
    a_right,
    an_opinion,
    at,
    digest_of,
    terms_for,
)


def answered(login: str, prepared: Preparation | None, verdict: Verdict = Verdict.ACCEPT, **changes: Any) -> Opinion:
    named = prepared.id if prepared else None
    return an_opinion(login, verdict, **{"policy": COSIGNED.ref, "prepared": named} | changes)


def test_a_policy_lets_learners_prepare_or_shows_them_nothing() -> None:
    assert COSIGNED.lets_prepare
    assert COSIGNED.shows(Role.LEARNER)
    plain = replace(COSIGNED, learners="")
    assert not plain.lets_prepare
    assert not plain.shows(Role.LEARNER)
    assert plain.shows(Role.RADIOLOGIST)
    with pytest.raises(Malformed, match="cosign"):
        replace(COSIGNED, learners="alone")


@pytest.mark.parametrize("verdict", Verdict)
def test_what_was_prepared_decides_nothing_and_forbids_nothing(verdict: Verdict) -> None:
    prepared = a_preparation(verdict=verdict)
    assert decide(policy=COSIGNED, draft=DRAFT, opinions=(), preparation=prepared) is None
    for senior in Verdict:
        opinion = answered("dr.martin", prepared, senior)
        decision = decide(policy=COSIGNED, draft=DRAFT, opinions=(opinion,), preparation=prepared)
        assert decision is not None
        assert (decision.opinion, decision.verdict) == (opinion.id, senior)
        said = Outcome.COSIGNED if senior is verdict else Outcome.OTHERWISE
        assert outcome(prepared, opinion.statement) is said


def test_another_text_is_decided_otherwise_and_no_decision_waits() -> None:
    prepared = a_preparation(verdict=Verdict.AMEND)
    other = answered("dr.martin", prepared, Verdict.AMEND, content=digest_of("another"))
    assert outcome(prepared, other.statement) is Outcome.OTHERWISE
    assert outcome(prepared, None) is Outcome.WAITS


def test_a_learner_s_words_never_pass_for_an_opinion() -> None:
    """The same statement under the desk's own seal: neither its schema nor its right make one that counts."""
    for schema in (SCHEMA, "aval.preparation/1"):
        statement = replace(a_preparation().statement, schema=schema)
        forged = Opinion(id=opinion_id(statement), statement=statement, seal=DESK.seal(statement.to_bytes()))
        with pytest.raises((NotEntitled, NotHabilitated)):
            decide(policy=COSIGNED, draft=DRAFT, opinions=(forged,))
    radiologist = a_preparation("dr.leroy", reader=a_reader("dr.leroy"), right=a_right("dr.leroy", act=Act.PREPARE))
    said = radiologist.statement
    forged = Opinion(id=opinion_id(said), statement=said, seal=DESK.seal(said.to_bytes()))
    with pytest.raises(NotHabilitated, match="endorse"):
        decide(policy=COSIGNED, draft=DRAFT, opinions=(forged,))


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"schema": SCHEMA}, "something else"), ({"prepared": PreparationId("x")}, "something else")],
)
def test_what_was_signed_as_something_else_is_no_preparation(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        a_preparation(**changes)


def test_a_preparation_carries_the_name_of_exactly_its_words() -> None:
    made = a_preparation()
    with pytest.raises(Malformed, match="identifier"):
        Preparation(id=made.id, statement=replace(made.statement, comment="autre"), seal=made.seal)


@pytest.mark.parametrize(
    ("policy", "changes", "error"),
    [
        (COSIGNED, {"shown": digest_of("other"), "content": digest_of("other")}, DraftChanged),
        (COSIGNED, {"policy": "other@1"}, Malformed),
        (replace(COSIGNED, learners=""), {}, NotEntitled),
        (COSIGNED, {"right": a_right("interne")}, NotHabilitated),
        (COSIGNED, {"right": a_right("dr.leroy", act=Act.PREPARE)}, NotHabilitated),
        (COSIGNED, {"right": a_right("interne", act=Act.PREPARE, until=at(10))}, NotHabilitated),
    ],
)
def test_a_preparation_that_cannot_be_decides_nothing_beside_it(
    policy: Policy, changes: dict[str, Any], error: type[GuaranteeError]
) -> None:
    prepared = a_preparation(**changes)
    with pytest.raises(error):
        decide(policy=policy, draft=DRAFT, opinions=(answered("dr.martin", prepared),), preparation=prepared)


PREPARED = a_preparation(verdict=Verdict.AMEND)


@pytest.mark.parametrize(
    ("prepared", "opinions", "why"),
    [
        (PREPARED, (answered("dr.martin", None),), "without what was prepared"),
        (None, (answered("dr.martin", PREPARED),), "without what was prepared"),
        (PREPARED, (answered("dr.martin", a_preparation()),), "without what was prepared"),
        (
            a_preparation("dr.martin", reader=a_reader(), right=a_right(act=Act.PREPARE)),
            (answered("dr.martin", a_preparation("dr.martin", reader=a_reader(), right=a_right(act=Act.PREPARE))),),
            "somebody else answers",
        ),
    ],
)
def test_nobody_passes_over_what_was_prepared_or_answers_for_themselves(
    prepared: Preparation | None, opinions: Sequence[Opinion], why: str
) -> None:
    with pytest.raises(Malformed, match=why):
        decide(policy=COSIGNED, draft=DRAFT, opinions=opinions, preparation=prepared)


def test_every_history_of_one_learner_and_two_seniors_keeps_the_rules() -> None:
    """Whatever a learner said and whoever names it or not: a decision is by seniors who all name what there was."""
    two = replace(COSIGNED, readers=2)
    learner = [None, *(a_preparation(verdict=verdict) for verdict in Verdict)]
    votes = [None, *product(Verdict, (True, False))]
    decided = 0
    for prepared, first, second in product(learner, votes, votes):
        opinions = []
        for n, vote in enumerate((first, second)):
            if vote is not None:
                named = prepared if vote[1] else a_preparation("autre")
                opinions.append(answered(f"dr.{n}", named, vote[0], signed_at=at(60 + n)))
        honest = all(vote is None or vote[1] for vote in (first, second))
        try:
            decision = decide(policy=two, draft=DRAFT, opinions=opinions, preparation=prepared)
        except Malformed:
            assert not honest
            continue
        assert honest
        if decision is not None:
            decided += 1
            behind = [o for o in opinions if o.statement.content == decision.content]
            assert decision.verdict is Verdict.REJECT or len({o.statement.reader.login for o in behind}) == 2
            assert all(o.statement.right.act is Act.ENDORSE for o in behind)
    assert decided


def test_a_release_stands_on_the_seal_of_what_was_prepared() -> None:
    opinion = answered("dr.martin", PREPARED, Verdict.AMEND)
    grounds = Grounds(policy=COSIGNED, draft=DRAFT, opinions=(opinion,), preparation=PREPARED)
    terms = terms_for(grounds)
    assert mint(terms=terms, seal=DESK.seal(terms.to_bytes()), grounds=grounds, witness=DESK).terms.content == AMENDED
    forged = replace(grounds, preparation=replace(PREPARED, seal=Seal(key=PREPARED.seal.key, signature="0" * 128)))
    with pytest.raises(Forged):
        mint(terms=terms, seal=DESK.seal(terms.to_bytes()), grounds=forged, witness=DESK)
    alone = replace(grounds, opinions=())
    with pytest.raises(PolicyUnmet):
        mint(terms=terms, seal=DESK.seal(terms.to_bytes()), grounds=alone, witness=DESK)
