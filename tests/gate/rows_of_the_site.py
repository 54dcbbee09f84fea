"""Honest rows of no case, or of any: who may do what, what is stopped, what may become what, what is fetched."""

from typing import Any

from guarantee.policy import Role
from tests.db.databases import model_row, policy_row, user_row
from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import MODEL, a_policy, a_reader


class SiteRows:
    """Rows about the site."""

    __slots__ = ()

    def stop(self, scope: str = "all", target: str = "", **changes: Any) -> Sql:
        values = {
            "seq": 900,
            "scope": scope,
            "target": target,
            "action": "stop",
            "by_whom": "dr.martin",
            "second": "",
            "reason": "essai",
            "at": SIGNED,
        }
        return insert("stops", values | changes)

    def retirement(self, model: str = "unused@1.0.0", **changes: Any) -> Sql:
        values = {"model_id": model, "by_whom": "operator:root", "reason": "remplacé", "at": SIGNED}
        return insert("retirements", values | changes)

    def features(self, result: str, **changes: Any) -> Sql:
        """What a model was given and answered, of the result with this identifier."""
        values = {"model_id": MODEL.id, "mode": "care", "kind": "study", "case_uid": "1.2", "result_id": result}
        values |= {"site": "chu", "sender": "mr1", "scanner": "", "answered": 1, "at": SIGNED, "body": "{}"}
        return insert("features", values | changes)

    def stage(self, model: str = "unused@1.0.0", **changes: Any) -> Sql:
        values = {"model_id": model, "n": 1, "stage": "framing", "by_whom": "dr.martin"}
        return insert("stages", values | {"reason": "essai", "at": SIGNED} | changes)

    def user(self, **changes: Any) -> Sql:
        return insert("users", user_row(a_reader("dr.new", Role.RADIOLOGIST)) | changes)

    def policy(self, **changes: Any) -> Sql:
        return insert("policies", policy_row(a_policy(3)) | changes)

    def model(self, **changes: Any) -> Sql:
        return insert("models", model_row(MODEL) | {"id": "new@1", "name": "new", "version": "1"} | changes)

    def sign_in(self, **changes: Any) -> Sql:
        return insert(
            "sign_ins", {"id": "s", "login": "dr.martin", "outcome": "ok", "auth": "x", "at": SIGNED} | changes
        )

    def authentication_request(self, **changes: Any) -> Sql:
        return insert("authentication_requests", {"state": "s", "browser": "b", "sealed": "x", "at": SIGNED} | changes)

    def local_opening(self, **changes: Any) -> Sql:
        values = {"seq": 1, "until": "2026-12-01", "by_whom": "root", "reason": "coupure", "at": SIGNED}
        return insert("local_openings", values | changes)

    def launch(self, **changes: Any) -> Sql:
        values = {"ticket": "t", "launcher": "pacs", "nonce": "n", "expected": "", "wanted": "{}", "at": SIGNED}
        return insert("launches", values | changes)

    def opening(self, **changes: Any) -> Sql:
        values = {"id": "o", "login": "dr.martin", "launcher": "pacs", "case_id": None, "at": SIGNED}
        return insert("openings", values | changes)

    def transition(self, **changes: Any) -> Sql:
        values = {"machine": "result", "source": "rejected", "verb": "revive", "target": "delivered"}
        return insert("transitions", values | changes)

    def fed(self, **changes: Any) -> Sql:
        values = {"sender": "lab", "control": "0" * 64, "digest": "1" * 64, "kind": "ORU^R01", "outcome": "used"}
        return insert("feed", values | {"at": SIGNED} | changes)

    def order(self, **changes: Any) -> Sql:
        values = {"id": "ordered", "sender": "ris", "message": "1" * 64, "placer": "RX|1", "filler": ""}
        values |= {"accession": "A1", "study": "", "status": "wanted", "body": "{}", "said_at": SIGNED, "at": SIGNED}
        return insert("orders", values | changes)

    def commitment(self, **changes: Any) -> Sql:
        values = {
            "id": "c",
            "sender": "mr-2",
            "aet": "MR2",
            "transaction_uid": "1.2.3",
            "listed": "0" * 64,
            "state": "due",
            "attempts": 0,
            "next_attempt_at": SIGNED,
            "asked_at": SIGNED,
        }
        return insert("commitments", values | changes)

    def fetch(self, **changes: Any) -> Sql:
        values = {
            "id": "f",
            "sender": "record",
            "site": "chu",
            "what": "Observation/17",
            "state": "due",
            "attempts": 0,
            "next_attempt_at": SIGNED,
            "cause_code": "",
            "added_at": SIGNED,
        }
        return insert("fetches", values | changes)
