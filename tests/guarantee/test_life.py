"""Random lives of cases and results, over values alone: whatever happens in whatever order, nothing leaves unendorsed.

The glue below does what the flows do, in memory, and leaves every refusal to the guarantee. What readers really said is
kept apart, in `said`, so that the invariants do not ask the code under test whether it was right.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge.seal import KeyRing
from guarantee.case import Case, CaseKind, case_id
from guarantee.decision import decide, decision_id
from guarantee.errors import GuaranteeError, NotAllowed
from guarantee.ids import Digest
from guarantee.opinion import Opinion, Reader, Verdict
from guarantee.policy import Policy, Role
from guarantee.release import Grounds, Kind, Release, Terms, mint, release_id
from guarantee.result import Cause, Mode, Result
from guarantee.states import CASE_LIFE, RESULT_LIFE, CaseState, CaseVerb, ResultState, ResultVerb
from guarantee.stops import Action, Scope, Stop, in_force
from guarantee.world import require_unchanged
from tests.guarantee.samples import (
    DESK,
    MODEL,
    PACS,
    STRANGER,
    a_case,
    a_notice,
    a_policy,
    a_reader,
    a_result,
    a_statement,
    a_withdrawal,
    at,
    digest_of,
    sealed,
    terms_for,
)

R = ResultState
CAUSE = Cause(code="because")
PEOPLE = [
    a_reader("dr.a"),
    a_reader("dr.b"),
    a_reader("dr.c", Role.CLINICIAN),
    a_reader("learner", Role.LEARNER),
    a_reader("engineer", Role.ENGINEER),
]
POLICIES = [a_policy(1), a_policy(2), a_policy(2, Role.RADIOLOGIST), a_policy(3)]
DRAFTS = [digest_of("draft"), digest_of("another draft")]
CONTENTS = [None, *DRAFTS, digest_of("correction"), digest_of("another correction")]
UIDS = ["1.2.0", "1.2.1", "1.2.2"]
TARGETS = {Scope.ALL: "", Scope.MODEL: "brain", Scope.VERSION: "lung@1.0.0", Scope.SITE: "chu", Scope.DEVICE: "mr-1"}


@dataclass(slots=True)
class Lived:
    """One result, and what happened around it."""

    policy: Policy
    states: list[ResultState]
    opinions: list[Opinion] = field(default_factory=list)
    said: list[tuple[str, Role, Digest | None]] = field(default_factory=list)
    release: Release | None = None
    receipts: set[str] = field(default_factory=set)
    attempts: int = 0


def a_verdict(shown: Digest, content: Digest | None) -> Verdict:
    if content is None:
        return Verdict.REJECT
    return Verdict.ACCEPT if content == shown else Verdict.AMEND


class Lives(RuleBasedStateMachine):
    """Anybody tries anything at any time."""

    @initialize()
    def open(self) -> None:
        self.cases: dict[str, Case] = {}
        self.results: dict[str, Result] = {}
        self.lived: dict[str, Lived] = {}
        self.stops: list[Stop] = []
        self.moments = 0

    # ------------------------------------------------------------------------------------------------- the glue

    def move(self, result: Result, verb: ResultVerb, draft: Digest | None = None) -> None:
        after = result.after(verb, draft=draft, cause=CAUSE)
        assert (result.state, verb) in RESULT_LIFE
        assert after.version == result.version + 1
        self.results[result.id] = after
        self.lived[result.id].states.append(after.state)

    def check_world(self, result: Result) -> None:
        case = self.cases[result.case]
        over = [stop for stop in in_force(self.stops) if stop.covers(result.model, case.site, {"mr-1"})]
        require_unchanged(result, case, over, ())

    def drawn(self, data: st.DataObject) -> Result:
        """Return one of the results, most often the newest."""
        results = list(self.results)
        return self.results[data.draw(st.sampled_from([*results, *results[-1:] * 3]))]

    def grounds(self, result: Result) -> Grounds:
        lived = self.lived[result.id]
        return Grounds(policy=lived.policy, draft=result.draft or DRAFTS[0], opinions=tuple(lived.opinions))

    # -------------------------------------------------------------------------------------------------- what happens

    @rule(uid=st.sampled_from(UIDS), verb=st.sampled_from(CaseVerb))
    def case_moves(self, uid: str, verb: CaseVerb) -> None:
        case = self.cases.setdefault(case_id(CaseKind.STUDY, uid, 1), a_case(uid))
        try:
            self.cases[case.id] = case.after(verb, manifest=digest_of("inputs"), cause="because")
        except NotAllowed:
            assert (case.state, verb) not in CASE_LIFE

    @rule(uid=st.sampled_from(UIDS))
    def identity_changes(self, uid: str) -> None:
        case = self.cases.get(case_id(CaseKind.STUDY, uid, 1))
        if case:
            self.cases[case.id] = replace(case, identity_version=case.identity_version + 1)

    @rule(
        uid=st.sampled_from(UIDS),
        policy=st.sampled_from(POLICIES),
        name=st.sampled_from(["brain", "lung"]),
        mode=st.sampled_from(Mode),
    )
    def result_is_queued(self, uid: str, policy: Policy, name: str, mode: Mode) -> None:
        case = self.cases.get(case_id(CaseKind.STUDY, uid, 1))
        if case is None or case.state is not CaseState.COMPLETE:
            return
        result = a_result(
            case,
            model=replace(MODEL, name=name),
            policy=policy.ref,
            mode=mode,
            identity_version=case.identity_version,
        )
        if result.id not in self.results:
            self.results[result.id] = result
            self.lived[result.id] = Lived(policy=policy, states=[R.QUEUED])

    @rule(
        policy=st.sampled_from(POLICIES),
        name=st.sampled_from(["brain", "lung"]),
        mode=st.sampled_from([Mode.CARE, Mode.CARE, Mode.SHADOW]),
    )
    def a_draft_is_made(self, policy: Policy, name: str, mode: Mode) -> None:
        """The ordinary way, in one go, so that lives get far."""
        uid = f"1.2.{len(self.cases)}"
        self.case_moves(uid, CaseVerb.COMPLETE)
        self.result_is_queued(uid, policy, name, mode)
        for result in list(self.results.values()):
            if result.state is R.QUEUED:
                self.move(result, ResultVerb.DRAFT, DRAFTS[0])

    @precondition(lambda self: self.results)
    @rule(data=st.data(), verb=st.sampled_from(ResultVerb), draft=st.none() | st.sampled_from(DRAFTS))
    def somebody_moves_a_result(self, data: st.DataObject, verb: ResultVerb, draft: Digest | None) -> None:
        """Any process tries any verb; verdicts and delivery have rules of their own and are not tried here."""
        result = self.drawn(data)
        guarded = {ResultVerb.VALIDATE, ResultVerb.AMEND, ResultVerb.REJECT, ResultVerb.DELIVER, ResultVerb.RETRACT}
        if verb in guarded or (verb is ResultVerb.OVERTAKE and self.lived[result.id].attempts):
            return
        try:
            self.move(result, verb, draft)
        except GuaranteeError:
            assert (result.state, verb) not in RESULT_LIFE or (verb is ResultVerb.DRAFT) != (draft is not None)

    @rule(scope=st.sampled_from(Scope), action=st.sampled_from([Action.STOP, Action.RESUME, Action.RESUME]))
    def somebody_stops_or_two_resume(self, scope: Scope, action: Action) -> None:
        target = TARGETS[scope]
        second = "dr.b" if action is Action.RESUME else ""
        self.stops.append(
            Stop(scope=scope, target=target, action=action, by="dr.a", second=second, reason="essai", at=at(0))
        )

    @precondition(lambda self: self.results)
    @rule(
        data=st.data(),
        reader=st.sampled_from(PEOPLE),
        shown=st.sampled_from(DRAFTS),
        content=st.sampled_from(CONTENTS),
        policy=st.none() | st.sampled_from(POLICIES),
        honest=st.booleans(),
    )
    def somebody_signs(
        self,
        data: st.DataObject,
        reader: Reader,
        shown: Digest,
        content: Digest | None,
        policy: Policy | None,
        honest: bool,
    ) -> None:
        """Anybody, shown anything, endorsing anything, under any policy, sealed by anybody."""
        self.sign(self.drawn(data), reader, shown, content, policy, ring=DESK if honest else STRANGER)

    @precondition(lambda self: self.results)
    @rule(data=st.data(), content=st.sampled_from(CONTENTS), people=st.permutations(PEOPLE))
    def some_read_the_draft(self, data: st.DataObject, content: Digest | None, people: list[Reader]) -> None:
        """The ordinary way, so that lives get far: several people are shown the draft and agree."""
        result = self.drawn(data)
        for reader in people[: data.draw(st.integers(1, 3))]:
            self.sign(self.results[result.id], reader, DRAFTS[0], content or DRAFTS[0], None, ring=DESK)

    def sign(
        self,
        result: Result,
        reader: Reader,
        shown: Digest,
        content: Digest | None,
        policy: Policy | None,
        ring: KeyRing,
    ) -> None:
        lived = self.lived[result.id]
        if result.state is not R.AWAITING_REVIEW:
            return
        self.moments += 1
        statement = a_statement(
            a_verdict(shown, content),
            nonce=f"nonce {self.moments}",
            result=result.id,
            reader=reader,
            policy=(policy or lived.policy).ref,
            shown=shown,
            content=content,
            signed_at=at(self.moments),
        )
        opinion = sealed(statement, ring)
        try:
            self.check_world(result)
            DESK.verify(statement.to_bytes(), opinion.seal)
            decision = decide(policy=lived.policy, draft=result.draft or shown, opinions=(*lived.opinions, opinion))
        except GuaranteeError:
            return
        assert self.nothing_forbids(result)
        lived.opinions.append(opinion)
        lived.said.append((reader.login, reader.role, content))
        if decision is None:
            return
        self.move(result, decision.verdict.verb)
        if decision.content is not None:
            grounds = self.grounds(self.results[result.id])
            terms = terms_for(grounds)
            lived.release = mint(terms=terms, seal=DESK.seal(terms.to_bytes()), grounds=grounds, witness=DESK)

    @rule(content=st.sampled_from(CONTENTS[1:]))
    def somebody_forges_releases(self, content: Digest) -> None:
        """With the desk's own key, over any content, at any time: only what was endorsed comes out."""
        for result in self.results.values():
            ground = decision_id(result.id)
            terms = Terms(
                release=release_id(ground),
                kind=Kind.RESULT,
                result=result.id,
                ground=ground,
                content=content,
                renderings=(PACS,),
                at=at(0),
            )
            try:
                mint(terms=terms, seal=DESK.seal(terms.to_bytes()), grounds=self.grounds(result), witness=DESK)
            except GuaranteeError:
                continue
            assert self.endorsed(self.lived[result.id], content)

    @precondition(lambda self: any(lived.release for lived in self.lived.values()))
    @rule(data=st.data(), places=st.sets(st.sampled_from(["pacs", "record", "portal"]), min_size=1))
    def somebody_sends(self, data: st.DataObject, places: set[str]) -> None:
        released = sorted(name for name, lived in self.lived.items() if lived.release)
        result = self.results[data.draw(st.sampled_from(released))]
        lived = self.lived[result.id]
        for place in sorted(places):
            if lived.release is None or self.results[result.id].state not in {R.VALIDATED, R.AMENDED}:
                return
            try:
                self.check_world(result)
                lived.release.package_for(place)
            except GuaranteeError:
                continue
            assert self.nothing_forbids(result)
            lived.attempts += 1
            lived.receipts.add(place)
            if lived.receipts == {rendering.destination for rendering in lived.release.terms.renderings}:
                self.move(result, ResultVerb.DELIVER)

    @precondition(lambda self: self.results)
    @rule(data=st.data(), honest=st.booleans())
    def somebody_withdraws(self, data: st.DataObject, honest: bool) -> None:
        result = self.drawn(data)
        withdrawal = a_withdrawal(a_notice(result.id), DESK if honest else STRANGER)
        grounds = replace(self.grounds(result), withdrawal=withdrawal)
        try:
            terms = terms_for(grounds)
            mint(terms=terms, seal=DESK.seal(terms.to_bytes()), grounds=grounds, witness=DESK)
            self.move(result, ResultVerb.RETRACT)
        except (GuaranteeError, AssertionError):
            return
        assert honest
        assert self.lived[result.id].release is not None

    # ------------------------------------------------------------------------------------------------ what must hold

    def nothing_forbids(self, result: Result) -> bool:
        """Whether a decision or a send may begin, worked out again in another way."""
        case = self.cases[result.case]
        held = False
        for scope in Scope:
            said = [line.action for line in self.stops if line.scope is scope]
            covered = (
                scope in {Scope.ALL, Scope.SITE, Scope.DEVICE} or TARGETS[scope].partition("@")[0] == result.model.name
            )
            held = held or (covered and said[-1:] == [Action.STOP])
        same = (case.state, case.manifest, case.identity_version) == (
            CaseState.COMPLETE,
            result.manifest,
            result.identity_version,
        )
        return same and not held and result.mode is Mode.CARE

    @staticmethod
    def endorsed(lived: Lived, content: Digest) -> bool:
        """Whether enough different people with the right profession said yes to exactly this, and nobody said no."""
        right = {login for login, role, said in lived.said if said == content and role in lived.policy.roles}
        return len(right) >= lived.policy.readers and all(said is not None for _, _, said in lived.said)

    @invariant()
    def what_is_delivered_was_released_and_decided_by_valid_persons(self) -> None:
        for result in self.results.values():
            lived = self.lived[result.id]
            if R.DELIVERED in lived.states or lived.attempts:
                assert lived.release is not None
            if lived.release is not None:
                assert self.endorsed(lived, lived.release.terms.content)
                assert lived.release.terms.result == result.id

    @invariant()
    def nobody_counts_twice_and_only_clinicians_count(self) -> None:
        for lived in self.lived.values():
            people = Counter(login for login, _, _ in lived.said)
            assert max(people.values(), default=1) == 1
            assert not {role for _, role, _ in lived.said} & {Role.LEARNER, Role.ENGINEER}

    @invariant()
    def what_was_refused_expired_or_overtaken_never_leaves(self) -> None:
        for lived in self.lived.values():
            if {R.EXPIRED, R.REJECTED, R.STALE, R.EXCLUDED} & set(lived.states):
                assert lived.states[-1] in {R.EXPIRED, R.REJECTED, R.STALE, R.EXCLUDED}, "a final state was left"
                assert not lived.attempts

    @invariant()
    def each_life_is_a_path_of_the_table(self) -> None:
        steps = {(source, target) for (source, _), target in RESULT_LIFE.items()}
        for lived in self.lived.values():
            assert set(zip(lived.states, lived.states[1:], strict=False)) <= steps


SETTINGS = settings(
    max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
Lives.TestCase.settings = SETTINGS
TestLives = Lives.TestCase

CONTROL = settings(SETTINGS, max_examples=400, phases=[Phase.generate], database=None, derandomize=True)


@pytest.mark.parametrize(
    ("patched", "instead", "broken"),
    [
        (f"{__name__}.require_unchanged", lambda *_: None, "^sign$|somebody_sends"),
        ("guarantee.decision._check", lambda *_: None, "released_and_decided|only_clinicians_count"),
        ("guarantee.release._require", lambda *_: None, "somebody_forges_releases"),
    ],
    ids=["world", "readers", "terms"],
)
def test_the_lives_notice_when_a_check_is_missing(
    monkeypatch: pytest.MonkeyPatch, patched: str, instead: object, broken: str
) -> None:
    """A control: with one check taken out of the guarantee, the same lives must go wrong, and in the expected place."""
    monkeypatch.setattr(patched, instead)
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(Lives, settings=CONTROL)
    assert any(re.search(broken, entry.name) for entry in caught.traceback)
