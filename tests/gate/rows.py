"""The honest row for each table of the gate, as direct SQL; an attack changes what it is about.

Identifiers are derived as the flows derive them, so a row here follows from the rows that honest steps stored.
"""

from dataclasses import dataclass, field
from typing import Any

from guarantee.codec import time_text
from guarantee.decision import decision_id
from guarantee.ids import CaseId, Digest, ReleaseId, ResultId, derive
from guarantee.opinion import Opinion, Seal
from guarantee.release import Kind, Rendering, Terms, release_id, withdrawal_id
from guarantee.result import Result
from tests.db.steps import correction_of, draft_of
from tests.gate.rows_of_the_site import SiteRows
from tests.gate.statements import ASKED, EVIL, EXPIRES, PACKAGES, ROLES_OF, SEAL, SIGNED, Sql, insert, update
from tests.guarantee.samples import MANIFEST, PACS, RECORD, a_right, at, digest_of


def opinion_row(opinion: Opinion) -> dict[str, Any]:
    """Return the row in which the desk keeps ``opinion``."""
    said = opinion.statement
    return {
        "id": opinion.id,
        "result_id": said.result,
        "nonce": said.nonce,
        "reader": said.reader.login,
        "reader_role": str(said.reader.role),
        "grant_id": said.right.id,
        "policy": said.policy,
        "verdict": str(said.verdict),
        "shown": said.shown,
        "content": said.content,
        "statement": said.to_bytes().decode(),
        "seal_key": opinion.seal.key,
        "signature": opinion.seal.signature,
        "signed_at": time_text(said.signed_at),
    }


def release_row(terms: Terms, seal: Seal) -> dict[str, Any]:
    """Return the row in which the desk keeps the release of an accepted draft, under ``terms`` that were sealed."""
    return {
        "id": terms.release,
        "kind": str(terms.kind),
        "result_id": terms.result,
        "decision_id": terms.ground,
        "withdrawal_id": None,
        "verdict": "accept",
        "content": terms.content,
        "terms": terms.to_bytes().decode(),
        "seal_key": seal.key,
        "signature": seal.signature,
        "at": time_text(terms.at),
    }


@dataclass(slots=True)
class Rows(SiteRows):
    """Rows about the named results and cases of a world."""

    results: dict[str, Result] = field(default_factory=dict)
    cases: dict[str, CaseId] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)

    def id(self, name: str) -> ResultId:
        return self.results[name].id

    def draft(self, name: str) -> Digest:
        return draft_of(self.results[name])

    def correction(self, name: str) -> Digest:
        return correction_of(self.results[name])

    def release_id(self, name: str) -> ReleaseId:
        return release_id(decision_id(self.id(name)))

    def withdrawal_release_id(self, name: str) -> ReleaseId:
        return release_id(withdrawal_id(self.release_id(name)))

    def delivery_id(self, name: str, to: str = "pacs", kind: str = "result") -> str:
        release = self.release_id(name) if kind == "result" else self.withdrawal_release_id(name)
        return derive("delivery", release, to)

    # --------------------------------------------------------------------------------------------- review

    def question(self, name: str, by: str = "dr.martin", **changes: Any) -> Sql:
        values = {
            "nonce": f"{name}:{by}",
            "result_id": self.id(name),
            "shown": self.draft(name),
            "mode": "care",
            "reader": by,
            "asked_at": ASKED,
            "expires_at": EXPIRES,
        }
        return insert("questions", values | changes)

    def opinion(self, name: str, by: str = "dr.martin", verdict: str = "accept", **changes: Any) -> Sql:
        result = self.results[name]
        content = {"amend": self.correction(name), "reject": None}.get(verdict, self.draft(name))
        values = {
            "id": f"opinion {name}:{by}",
            "result_id": result.id,
            "nonce": f"{name}:{by}",
            "reader": by,
            "reader_role": ROLES_OF[by],
            "grant_id": a_right(by, result.model, self.sites.get(name, "chu")).id,
            "policy": result.policy,
            "verdict": verdict,
            "shown": self.draft(name),
            "content": content,
            "statement": "{}",
            "signed_at": SIGNED,
        }
        return insert("opinions", values | SEAL | changes)

    def decision(self, name: str, by: str = "dr.martin", verdict: str = "accept", **changes: Any) -> Sql:
        result = self.results[name]
        content = {"amend": self.correction(name), "reject": None}.get(verdict, self.draft(name))
        values = {
            "id": decision_id(result.id),
            "result_id": result.id,
            "opinion_id": f"opinion {name}:{by}",
            "policy": result.policy,
            "verdict": verdict,
            "shown": self.draft(name),
            "content": content,
            "at": SIGNED,
        }
        return insert("decisions", values | changes)

    def terms(self, name: str, *renderings: Rendering, **changes: Any) -> str:
        values: dict[str, Any] = {
            "release": self.release_id(name),
            "kind": Kind.RESULT,
            "result": self.id(name),
            "ground": decision_id(self.id(name)),
            "content": self.draft(name),
            "renderings": renderings or (PACS, RECORD),
            "at": at(150_000),
        }
        return Terms(**values | changes).to_bytes().decode()

    def release(self, name: str, **changes: Any) -> Sql:
        values = {
            "id": self.release_id(name),
            "kind": "result",
            "result_id": self.id(name),
            "decision_id": decision_id(self.id(name)),
            "withdrawal_id": None,
            "verdict": "accept",
            "content": self.draft(name),
            "terms": self.terms(name),
            "at": SIGNED,
        }
        return insert("releases", values | SEAL | changes)

    def rendering(self, name: str, to: str = "pacs", **changes: Any) -> Sql:
        values = {
            "release_id": self.release_id(name),
            "destination": to,
            "content": self.draft(name),
            "package": PACKAGES.get(to, EVIL),
        }
        return insert("renderings", values | changes)

    def withdrawal(self, name: str, **changes: Any) -> Sql:
        values = {
            "id": withdrawal_id(self.release_id(name)),
            "decision_id": decision_id(self.id(name)),
            "result_id": self.id(name),
            "reason": "wrong-result",
            "by_whom": "dr.martin",
            "content": digest_of(f"notice {name}"),
            "notice": "{}",
            "at": SIGNED,
        }
        return insert("withdrawals", values | SEAL | changes)

    def withdrawal_release(self, name: str, **changes: Any) -> Sql:
        values = {
            "id": self.withdrawal_release_id(name),
            "kind": "withdrawal",
            "decision_id": None,
            "withdrawal_id": withdrawal_id(self.release_id(name)),
            "verdict": None,
            "content": digest_of(f"notice {name}"),
        }
        return self.release(name, **values | changes)

    # -------------------------------------------------------------------------------------------- sending

    def delivery(self, name: str, to: str = "pacs", **changes: Any) -> Sql:
        values = {
            "id": self.delivery_id(name, to),
            "release_id": self.release_id(name),
            "kind": "result",
            "result_id": self.id(name),
            "destination": to,
            "package": PACKAGES.get(to, EVIL),
            "state": "due",
            "cause_code": "",
            "cause_detail": "",
            "next_attempt_at": SIGNED,
            "added_at": SIGNED,
            "moved_at": SIGNED,
        }
        return insert("deliveries", values | changes)

    def attempt(self, name: str, to: str = "pacs", kind: str = "result", **changes: Any) -> Sql:
        values = {"delivery_id": self.delivery_id(name, to, kind), "n": 9, "package": PACKAGES[to], "at": SIGNED}
        return insert("attempts", values | changes)

    def receipt(self, name: str, to: str = "pacs", **changes: Any) -> Sql:
        values = {
            "delivery_id": self.delivery_id(name, to),
            "attempt": 1,
            "package": PACKAGES[to],
            "method": "read-back",
            "reference": "{}",
            "at": SIGNED,
        }
        return insert("receipts", values | changes)

    def export(self, name: str, **changes: Any) -> Sql:
        values = {
            "id": f"export of {name}",
            "decision_id": decision_id(self.id(name)),
            "result_id": self.id(name),
            "by_whom": "engineer",
            "reason": "essai",
            "profile": "basic",
            "objects": 3,
            "at": SIGNED,
        }
        return insert("exports", values | changes)

    def resend(self, name: str, to: str = "pacs", **changes: Any) -> Sql:
        values = {"release_id": self.release_id(name), "destination": to, "round": 1}
        return insert("resends", values | {"by_whom": "engineer", "reason": "essai", "at": SIGNED} | changes)

    def pause(self, to: str = "pacs", **changes: Any) -> Sql:
        values = {"seq": 900, "destination": to, "action": "pause", "by_whom": "engineer", "reason": "essai"}
        return insert("pauses", values | {"at": SIGNED} | changes)

    def destination(self, name: str = "pacs", **changes: Any) -> Sql:
        values = {"name": name, "failures": 0, "trying": 0, "cause_code": "", "cause_detail": ""}
        return insert("destinations", values | changes)

    def move_delivery(self, name: str, to: str = "pacs", **values: Any) -> Sql:
        return update("deliveries", {"id": self.delivery_id(name, to)}, **values)

    # ------------------------------------------------------------------------------------ cases and results

    def move(self, name: str, state: str, steps: int = 1, **values: Any) -> Sql:
        """Move a result, with a cause, ``steps`` versions on."""
        sql, parameters = update("results", {"id": self.id(name)}, **{"state": state, "cause_code": "why"} | values)
        return sql.replace(" SET ", f" SET version = version + {steps}, "), parameters

    def move_case(self, name: str, state: str, steps: int = 1, **values: Any) -> Sql:
        sql, parameters = update("cases", {"id": self.cases[name]}, state=state, **values)
        return sql.replace(" SET ", f" SET version = version + {steps}, "), parameters

    def result(self, name: str, **changes: Any) -> Sql:
        """A new result, on the same inputs as ``name``, of a model that has not looked at them yet."""
        result = self.results[name]
        values = {
            "id": f"another result beside {name}",
            "case_id": result.case,
            "manifest": result.manifest,
            "model_id": "spare@1.0.0",
            "focus": "",
            "mode": "care",
            "priority": "routine",
            "policy": result.policy,
            "identity_version": 1,
            "state": "queued",
            "version": 0,
            "draft": None,
            "cause_code": "",
            "cause_detail": "",
            "attempts": 0,
            "queued_at": SIGNED,
            "drafted_at": None,
            "moved_at": SIGNED,
        }
        return insert("results", values | changes)

    def case(self, **changes: Any) -> Sql:
        values = {
            "id": "another case",
            "kind": "study",
            "uid": "9.9",
            "revision": 1,
            "state": "receiving",
            "version": 0,
            "site": "chu",
            "patient_identifier": "",
            "patient_issuer": "",
            "patient_name": "",
            "patient_birth_date": "",
            "patient_sex": "",
            "patient_reference": "",
            "order_number": "",
            "identity_version": 1,
            "modality": "MR",
            "description": "",
            "started": "",
            "encounter": "",
            "manifest": None,
            "cause": "",
            "opened_at": SIGNED,
            "last_input_at": SIGNED,
            "moved_at": SIGNED,
        }
        return insert("cases", values | changes)

    def input(self, uid: str, **changes: Any) -> Sql:
        values = {
            "kind": "study",
            "case_uid": uid,
            "uid": "9.9.9",
            "digest": EVIL,
            "group_uid": "",
            "class": "",
            "revision": 1,
            "conflict": 0,
            "modality": "MR",
            "facts": "{}",
            "sender": "mr1",
            "received_at": SIGNED,
        }
        return insert("inputs", values | changes)

    def expectation(self, **changes: Any) -> Sql:
        values = {
            "kind": "study",
            "case_uid": "9.9",
            "source": "query:pacs",
            "group_uid": "",
            "basis": "query",
            "status": "said",
            "instances": 3,
            "listed": None,
            "at": SIGNED,
        }
        return insert("expectations", values | changes)

    def rejection(self, **changes: Any) -> Sql:
        values = {
            "kind": "study",
            "case_uid": "9.9",
            "uid": "9.9.1",
            "note": "9.9.0",
            "title": "113038",
            "at": SIGNED,
        }
        return insert("rejections", values | changes)

    def judgement(self, name: str, **changes: Any) -> Sql:
        """The judgement of a complete case that has none yet."""
        values = {
            "case_id": self.cases[name],
            "manifest": MANIFEST,
            "verdict": "complete",
            "how": "quiet",
            "shortages": "[]",
            "instances": 1,
            "last_input_at": SIGNED,
            "at": SIGNED,
        }
        return insert("judgements", values | changes)

    def run(self, name: str, **changes: Any) -> Sql:
        """An attempt of the model on a result."""
        values = {
            "result_id": self.id(name),
            "started_at": SIGNED,
            "ended_at": SIGNED,
            "holder": "infer:1",
            "outcome": "drafted",
            "cause_code": "",
            "sender": "mr1",
            "scanner": "",
        }
        return insert("runs", values | changes)
