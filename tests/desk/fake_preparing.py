"""What learners prepare at the desk in memory, with the core's own values."""

from dataclasses import replace
from typing import Any

from bridge.web.services import Answer, Session, View
from guarantee.amend import amended
from guarantee.case import Case
from guarantee.content import Content
from guarantee.errors import DraftChanged, Malformed
from guarantee.habilitation import Act, Grant
from guarantee.opinion import Reader, Seal, Verdict
from guarantee.policy import Role
from guarantee.preparation import SCHEMA, Preparation, preparation_id
from guarantee.result import Result
from guarantee.states import ResultState
from tests.guarantee.samples import a_right


class FakePreparing:
    """Part of FakeDesk. Every learner has a right to prepare; whether that is asked follows from its policy."""

    def __init__(self) -> None:
        super().__init__()
        self.prepared: dict[str, Preparation] = {}
        self.proposed: dict[str, Content | None] = {}

    def prepares(self, result: str, reader: Reader) -> bool:
        desk: Any = self
        case, made = desk._case(result), self.prepared.get(result)
        if made is not None:
            return made.learner == reader.login
        waits = case.result.state is ResultState.AWAITING_REVIEW
        return waits and reader.role is Role.LEARNER and desk.policy.lets_prepare

    def with_prepared(self, view: View, result: str, reader: Reader) -> View:
        """Return ``view`` as the real desk gives it where somebody prepared, or may."""
        desk: Any = self
        made, prepares = self.prepared.get(result), self.prepares(result, reader)
        own = made is not None and prepares
        shown = own or (view.decision is not None and reader.role in desk.policy.roles)
        others = tuple(one for one in desk.people.values() if one.role in desk.policy.roles)
        return replace(
            view,
            line=replace(view.line, prepared_by=made.statement.reader.name if made else ""),
            preparation=made if shown else None,
            prepares=prepares,
            seniors=others if own and view.decision is None else (),
        )

    def keep_prepared(self, result: str, session: Session, answer: Answer) -> None:
        desk: Any = self
        case, login = desk._case(result), session.reader.login
        content = desk.endorsed(case, answer)
        said = replace(desk.statement(case, session, answer, content, desk.now()), schema=SCHEMA)
        made = Preparation(id=preparation_id(said), statement=said, seal=Seal(key="test", signature="00" * 64))
        self.prepared[result], self.proposed[result] = made, content
        desk._note(case, f"desk:{login}", f"preparation.{answer.verdict}", {"preparation": made.id})

    def right_used(self, reader: Reader, result: Result, case: Case) -> Grant:
        """Return the right by which ``reader`` answers: a learner's is to prepare."""
        desk: Any = self
        if self.prepares(result.id, reader):
            return a_right(reader.login, result.model, case.site, by="z.colin", act=Act.PREPARE)
        right: Grant = desk.right_of(reader, result, case)
        return right

    def endorsed(self, case: Any, answer: Answer) -> Content | None:
        """Return what an answer would release."""
        if answer.cosigns:
            return self.proposed[case.result.id]
        if answer.verdict is Verdict.REJECT:
            return None
        draft: Content = case.draft
        if answer.verdict is Verdict.ACCEPT:
            return draft
        if answer.edits is None:
            raise Malformed("an amendment says what it changes")
        return amended(draft, answer.edits)

    def require_shown(self, result: str, answer: Answer) -> None:
        made = self.prepared.get(result)
        if answer.prepared != (made.id if made else None):
            raise DraftChanged("a learner prepared it meanwhile")
