"""Questions, opinions, decisions, releases and withdrawals, in both databases; and rows that say something else."""

from typing import Any

import pytest
from sqlalchemy import text

from bridge.db.rows import opinion_from_row, policy_from_row, terms_from_row, withdrawal_from_row
from bridge.db.store import SqlStore
from guarantee.codec import time_text
from guarantee.decision import decide, decision_id
from guarantee.errors import Malformed, Refused
from guarantee.opinion import Verdict
from guarantee.release import Kind, mint, release_id
from guarantee.stops import Scope
from tests.db.databases import READERS, TWO_READERS, policy_row
from tests.db.steps import Steps, correction_of, draft_of
from tests.guarantee.samples import DESK, POLICY, a_notice, a_withdrawal, at


def test_policies_come_back_as_they_were_written(store: SqlStore) -> None:
    with store.reading() as unit:
        assert unit.gate.policy(POLICY.ref) == POLICY
        assert unit.gate.policies() == (TWO_READERS, POLICY)


def test_a_question_comes_back_and_the_first_exposure_is_known(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    first, again, other = steps.ask(result), steps.ask(result), steps.ask(result, READERS[1])
    with store.reading() as unit:
        assert unit.gate.question(again.nonce) == again
        assert unit.gate.question("never asked") is None
        assert unit.gate.first_shown(result.id, READERS[0].login) == first
        assert unit.gate.first_shown(result.id, READERS[1].login) == other
        assert unit.gate.first_shown(result.id, READERS[2].login) is None
        assert not unit.gate.is_answered(first.nonce)


def test_an_opinion_answers_its_question(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2", policy=TWO_READERS.ref)
    question = steps.ask(result)
    opinion = steps.opinion(question, result, READERS[0], Verdict.AMEND, comment="œdème ’ ≥ 3 mm 🧠")
    with store.transaction("desk") as unit:
        unit.gate.add_opinion(opinion)
    with store.reading() as unit:
        assert unit.gate.opinions(result.id) == (opinion,)
        assert unit.gate.is_answered(question.nonce)
        assert unit.gate.decision(result.id) is None
        assert unit.gate.release_of(result.id, Kind.RESULT) is None
        assert unit.gate.withdrawal(result.id) is None


def test_opinions_come_back_oldest_first(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2", policy=TWO_READERS.ref)
    steps.sign(result, READERS[2], Verdict.AMEND)
    steps.sign(result, READERS[0], Verdict.ACCEPT)
    with store.reading() as unit:
        assert [o.statement.reader.login for o in unit.gate.opinions(result.id)] == ["dr.petit", "dr.martin"]
        assert unit.results.get(result.id).draft == draft_of(result)
        assert unit.gate.decision(result.id) is None


@pytest.mark.parametrize("verdict", [Verdict.ACCEPT, Verdict.AMEND])
def test_a_release_can_be_minted_again_from_what_is_stored(store: SqlStore, steps: Steps, verdict: Verdict) -> None:
    result = steps.sign(steps.drafted("1.2"), verdict=verdict)
    with store.reading() as unit:
        decision = unit.gate.decision(result.id)
        release = unit.gate.release_of(result.id, Kind.RESULT)
        assert decision is not None
        assert release == release_id(decision.id)
        terms, seal = unit.gate.terms(release)
        minted = mint(terms=terms, seal=seal, grounds=unit.gate.grounds(release), witness=DESK)
    assert minted.terms == terms
    assert terms.content == (draft_of(result) if verdict is Verdict.ACCEPT else correction_of(result))


def test_two_readers_of_the_same_content_make_a_release_and_one_does_not(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2", policy=TWO_READERS.ref), READERS[0])
    assert str(result.state) == "awaiting_review"
    result = steps.sign(result, READERS[1])
    assert str(result.state) == "validated"
    with store.reading() as unit:
        assert len(unit.gate.grounds(release_id(decision_id(result.id))).opinions) == 2


def test_a_rejection_has_a_decision_and_no_release(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2"), verdict=Verdict.REJECT)
    with store.reading() as unit:
        decision = unit.gate.decision(result.id)
        assert decision is not None
        assert (decision.verdict, decision.content) == (Verdict.REJECT, None)
        assert unit.gate.release_of(result.id, Kind.RESULT) is None


def test_a_withdrawal_comes_back_and_has_its_own_release(store: SqlStore, steps: Steps) -> None:
    result, withdrawal = steps.withdraw(steps.deliver(steps.sign(steps.drafted("1.2"))))
    with store.reading() as unit:
        assert unit.gate.withdrawal(result.id) == withdrawal
        release = unit.gate.release_of(result.id, Kind.WITHDRAWAL)
        assert release == release_id(withdrawal.id)
        terms, seal = unit.gate.terms(release)
        grounds = unit.gate.grounds(release)
        assert unit.gate.grounds(release_id(decision_id(result.id))).withdrawal is None
    assert mint(terms=terms, seal=seal, grounds=grounds, witness=DESK).terms.content == withdrawal.content


def test_what_was_never_decided_is_not_withdrawn(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with pytest.raises(Malformed, match="never decided"), store.transaction("desk") as unit:
        unit.gate.add_withdrawal(a_withdrawal(a_notice(result.id)))


def test_the_gate_refuses_in_words_a_person_can_read(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    question = steps.ask(result)
    steps.stop(Scope.ALL, "")
    with pytest.raises(Refused, match="the model is stopped: the result is held"), store.transaction("desk") as unit:
        unit.gate.add_opinion(steps.opinion(question, result, READERS[0], Verdict.ACCEPT))


def test_a_decision_that_waited_while_a_stop_came_is_refused(store: SqlStore, steps: Steps) -> None:
    """An opinion completes a decision in its own transaction; a decision written later meets the world of then."""
    result = steps.drafted("1.2")
    opinion = steps.opinion(steps.ask(result), result, READERS[0], Verdict.ACCEPT)
    with store.transaction("desk") as unit:
        unit.gate.add_opinion(opinion)
    steps.stop(Scope.MODEL, result.model.name)
    decision = decide(policy=POLICY, draft=draft_of(result), opinions=(opinion,))
    assert decision is not None
    with pytest.raises(Refused, match="held"), store.transaction("desk") as unit:
        unit.gate.add_decision(decision)


# ------------------------------------------------------------------------------------- rows that say something else


def row_of(store: SqlStore, table: str, key: str) -> dict[str, Any]:
    with store.reading() as unit:
        column = "ref" if table == "policies" else "result_id"
        query = text(f"SELECT * FROM {table} WHERE {column} = :key")
        return dict(unit.connection.execute(query, {"key": key}).mappings().one())


def test_an_opinion_whose_columns_are_not_what_was_signed_is_not_read(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2"))
    row: Any = row_of(store, "opinions", result.id)
    assert opinion_from_row(row).statement.result == result.id
    others = {
        "result_id": "another",
        "nonce": "another",
        "reader": "dr.leroy",
        "reader_role": "clinician",
        "policy": "softer@1",
        "verdict": "reject",
        "shown": "0" * 64,
        "content": None,
        "signed_at": time_text(at(1)),
        "first_read": "another",
    }
    for column, value in others.items():
        with pytest.raises(Malformed, match="does not say what was signed"):
            opinion_from_row(row | {column: value})


def test_a_release_whose_columns_are_not_what_was_sealed_is_not_read(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2"))
    row: Any = row_of(store, "releases", result.id)
    assert terms_from_row(row)[0].result == result.id
    others = {
        "id": "another",
        "kind": "withdrawal",
        "result_id": "another",
        "decision_id": "another",
        "content": "0" * 64,
    }
    for column, value in others.items():
        with pytest.raises(Malformed, match="does not say what was sealed"):
            terms_from_row(row | {column: value})


def test_a_release_of_another_withdrawal_is_not_read(store: SqlStore, steps: Steps) -> None:
    result, _ = steps.withdraw(steps.sign(steps.drafted("1.2")))
    with store.reading() as unit:
        query = text("SELECT * FROM releases WHERE result_id = :key AND kind = 'withdrawal'")
        row: Any = dict(unit.connection.execute(query, {"key": result.id}).mappings().one())
    assert terms_from_row(row)[0].kind is Kind.WITHDRAWAL
    with pytest.raises(Malformed, match="does not say what was sealed"):
        terms_from_row(row | {"withdrawal_id": "another"})


def test_a_withdrawal_whose_columns_are_not_what_was_sealed_is_not_read(store: SqlStore, steps: Steps) -> None:
    result, withdrawal = steps.withdraw(steps.sign(steps.drafted("1.2")))
    row: Any = row_of(store, "withdrawals", result.id)
    assert withdrawal_from_row(row) == withdrawal
    for column, value in {"result_id": "another", "content": "0" * 64}.items():
        with pytest.raises(Malformed, match="does not say what was sealed"):
            withdrawal_from_row(row | {column: value})


@pytest.mark.parametrize(("column", "value"), [("readers", 1), ("ref", "softer@1"), ("gesture", "passkey")])
def test_a_policy_that_counts_otherwise_than_it_says_is_not_read(column: str, value: Any) -> None:
    row: Any = policy_row(TWO_READERS)
    assert policy_from_row(row) == TWO_READERS
    with pytest.raises(Malformed, match="policy"):
        policy_from_row(row | {column: value})
