"""Attacks on what stays for ever: the links of the journal, and every row that nobody edits or deletes."""

from collections.abc import Callable, Iterator
from typing import Final

from tests.gate.accesses import access, mention
from tests.gate.attacks import DESK, INTAKE, Attack, attack, pure
from tests.gate.objections import objection
from tests.gate.sessions import OWNER
from tests.gate.statements import Sql
from tests.gate.world import World


def link(seq: str, actor: str, prev: str) -> str:
    """SQL that appends a link beside the last one, with the right hash for whatever it says."""
    return (
        f"INSERT INTO journal SELECT {seq}, at, {actor}, role, action, subject, body, {prev}, "
        f"aval_link({seq}, at, {actor}, role, action, subject, body, {prev}) FROM journal j ORDER BY seq DESC LIMIT 1"
    )


LINKS: Final = (
    attack(OWNER, "forge a link with a wrong hash", "journal_follows",
           pure(link("j.seq + 1", "actor", "j.hash").replace("aval_link(j.seq + 1", "aval_link(j.seq"))),
    attack(OWNER, "forge a link that leaves a gap", "journal_follows", pure(link("j.seq + 2", "actor", "j.hash"))),
    attack(OWNER, "start the journal over", "journal_follows", pure(link("j.seq + 1", "actor", f"'{'0' * 64}'"))),
)  # fmt: skip

# ------------------------------------------------------------------------------------------ rows that stay for ever

UNREFERENCED: Final = {
    "transitions": ("verb = 'deliver'", "target = 'retracted'"),
    "policies": ("ref = 'readers-3@1'", "added_at = 'x'"),
    "models": ("name = 'unused'", "added_at = 'x'"),
    "draws": ("1 = 1", "at = 'x'"),
    "first_reads": ("result_id NOT IN (SELECT result_id FROM impressions)", "opened_at = 'x'"),
    "impressions": ("1 = 1", "note = 'x'"),
    "exposures": ("1 = 1", "at = 'x'"),
    "preparations": ("1 = 1", "seal_key = 'x'"),
    "questions": ("nonce = 'late'", "expires_at = 'x'"),
    "opinions": ("id = 'opinion signed:dr.martin'", "seal_key = 'x'"),
    "decisions": ("verdict = 'reject'", "at = 'x'"),
    "withdrawals": ("id NOT IN (SELECT withdrawal_id FROM releases WHERE withdrawal_id IS NOT NULL)", "notice = 'x'"),
    "releases": ("id NOT IN (SELECT release_id FROM renderings)", "at = 'x'"),
    "renderings": ("release_id NOT IN (SELECT release_id FROM deliveries)", "destination = destination"),
    "attempts": ("delivery_id NOT IN (SELECT delivery_id FROM receipts)", "at = 'x'"),
    "receipts": ("1 = 1", "method = 'x'"),
    "exports": ("1 = 1", "reason = 'x'"),
    "resends": ("1 = 1", "reason = 'x'"),
    "pauses": ("1 = 1", "reason = 'x'"),
    "stops": ("1 = 1", "reason = 'x'"),
    "retirements": ("1 = 1", "reason = 'x'"),
    "appointments": ("name = 'once'", "reason = 'x'"),
    "trials": ("id NOT IN (SELECT trial_id FROM trial_ends)", "share = 99, drawn_below = 'fd70a3d7'"),
    "trial_ends": ("1 = 1", "reason = 'x'"),
    "stages": ("1 = 1", "reason = 'x'"),
    "habilitations": ("evidence = 'module 1; supervised 5'", "evidence = 'x'"),
    "revocations": ("1 = 1", "reason = 'x'"),
    "refusals": ("1 = 1", "cause = 'x'"),
    "passkeys": ("id = 'l'", "public_key = 'x'"),
    "passkey_ends": ("1 = 1", "reason = 'x'"),
    "gestures": ("1 = 1", "client_data = 'x'"),
    "examinations": ("1 = 1", "failure = 'x'"),
    "recalls": ("id = 'empty'", "comment = 'x'"),
    "recall_items": ("1 = 1", ""),
    "acknowledgements": ("1 = 1", "at = 'x'"),
    "incidents": ("id = 'bare'", "at = 'x'"),
    "incident_lines": ("1 = 1", "note = 'x'"),
    "freezes": ("id = 'frozen'", "at = 'x'"),
    "freeze_ends": ("1 = 1", "reason = 'x'"),
    "sign_ins": ("1 = 1", "login = 'x'"),
    "openings": ("1 = 1", "launcher = 'x'"),
    "local_openings": ("1 = 1", "until = '9999'"),
    "orders": ("1 = 1", "status = 'cancelled'"),
    "objections": ("1 = 1", "reason = 'x'"),
    "mentions": ("1 = 1", "joined = 0"),
    "accesses": ("1 = 1", "reason = 'x'"),
    "journal": ("seq = 3", "actor = 'x'"),
    "inputs": ("1 = 1", "sender = 'x'"),
    "doubts": ("1 = 1", "holds = 0"),
    "admissions": ("1 = 1", "verdict = 'admit'"),
    "rejections": ("1 = 1", "title = '113037'"),
    "judgements": ("1 = 1", "how = 'x'"),
    "runs": ("1 = 1", "outcome = 'failed', cause_code = 'crashed'"),
    "features": ("1 = 1", "body = '{}'"),
    "cases": ("uid NOT IN (SELECT case_uid FROM inputs) AND id NOT IN (SELECT case_id FROM results)", ""),
    "results": ("state = 'failed'", ""),
    "users": ("login = 'dr.idle'", ""),
    "deliveries": ("id NOT IN (SELECT delivery_id FROM attempts)", ""),
}
"""Table: rows that nothing else refers to, and a change that nothing but its wall minds."""


_FIRST: Final[dict[str, tuple[str, Callable[[World], list[Sql]]]]] = {
    "sign_ins": (DESK, lambda w: [w.sign_in()]),
    "openings": (DESK, lambda w: [w.opening()]),
    "local_openings": (OWNER, lambda w: [w.local_opening()]),
    "orders": (INTAKE, lambda w: [w.order()]),
    "objections": (INTAKE, lambda _: [objection()]),
    "mentions": (INTAKE, lambda _: [mention()]),
    "accesses": (DESK, lambda _: [access()]),
}
"""Rows that the world does not hold, put in first; and who may."""


def _forever() -> Iterator[Attack]:
    for table, (rows, change) in UNREFERENCED.items():
        first = _FIRST.get(table)
        before = {"setup": first} if first else {}
        if change:
            edit = pure(f"UPDATE {table} SET {change} WHERE {rows}")
            yield attack(OWNER, f"edit {table}", f"{table}_never_updated", edit, **before)
        yield attack(
            OWNER, f"delete {table}", f"{table}_never_deleted", pure(f"DELETE FROM {table} WHERE {rows}"), **before
        )


FOREVER: Final = tuple(_forever())
