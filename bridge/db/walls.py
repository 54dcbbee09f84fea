"""The walls of the gate that a constraint cannot say, as data.

One list, two dialects: ``ddl.py`` writes the triggers of SQLite and of PostgreSQL from it, into
migrations/sql/0002_walls.*.sql, which is what a database administrator reads and what a migration runs. A test asserts
that the files are what this list gives.
"""

from typing import Final

from bridge.db.wall import MOVED, Wall, append_only, frozen, never_deleted
from bridge.db.walls_on_first_reads import FIRST_READS
from bridge.db.walls_on_gestures import GESTURES
from bridge.db.walls_on_incidents import INCIDENTS
from bridge.db.walls_on_objections import OBJECTIONS
from bridge.db.walls_on_preparations import PREPARATIONS
from bridge.db.walls_on_recalls import RECALLS
from bridge.db.walls_on_rights import RIGHTS
from bridge.db.walls_on_rollout import ROLLOUT
from bridge.db.walls_on_sending import SENDING
from bridge.db.walls_on_sign_ins import SIGN_INS
from bridge.db.walls_on_stages import STAGES
from bridge.db.walls_on_stops import STOPS

_IDENTITY: Final = (
    "patient_identifier",
    "patient_issuer",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
    "patient_reference",
)


def _life(table: str, machine: str, start: str) -> list[Wall]:
    return [
        Wall(
            name=f"{table}_start",
            on=table,
            event="INSERT",
            unless=f"NEW.state = '{start}' AND NEW.version = 0",
            says=f"a {machine} starts as {start}",
        ),
        Wall(
            name=f"{table}_follow_life",
            on=table,
            event="UPDATE",
            when=MOVED,
            unless="EXISTS (SELECT 1 FROM transitions t "
            f"WHERE t.machine = '{machine}' AND t.source = OLD.state AND t.target = NEW.state)",
            says=f"the life of a {machine} has no such step",
        ),
        Wall(
            name=f"{table}_one_step_at_a_time",
            on=table,
            event="UPDATE",
            unless="NEW.version = OLD.version + (CASE WHEN NEW.state <> OLD.state THEN 1 ELSE 0 END)",
            says=f"somebody else moved this {machine} meanwhile",
        ),
    ]


_OPEN: Final = "EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')"
_CURRENT: Final = "EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id)"
_NOT_HELD: Final = "NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)"

WALLS: Final[tuple[Wall, ...]] = (
    # ------------------------------------------------------------------------------------------ cases and results
    *_life("cases", "case", "receiving"),
    frozen("cases", "id", "kind", "uid", "revision", "site", "admitted"),
    Wall(
        name="cases_identity_counts_its_versions",
        on="cases",
        event="UPDATE",
        when=" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in (*_IDENTITY, "identity_version")),
        unless="NEW.identity_version = OLD.identity_version + 1",
        says="another identity behind a case is another identity version: drafts made before it are stale",
    ),
    Wall(
        name="cases_manifest_written_once",
        on="cases",
        event="UPDATE",
        when="OLD.manifest IS NOT NULL",
        unless="NEW.manifest = OLD.manifest",
        says="the inputs of a complete case never change: late inputs open a new revision",
    ),
    Wall(
        name="cases_complete_without_a_doubt",
        on="cases",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'complete'",
        unless="NOT EXISTS (SELECT 1 FROM doubts d JOIN cases c ON c.id = d.case_id WHERE c.kind = NEW.kind "
        "AND c.uid = NEW.uid AND d.holds = 1 AND NOT EXISTS (SELECT 1 FROM admissions a JOIN cases b "
        "ON b.id = a.case_id WHERE b.kind = c.kind AND b.uid = c.uid AND b.revision >= c.revision "
        "AND a.verdict = 'admit'))",
        says="a person must first say whether these inputs belong together: aval cases",
    ),
    Wall(
        name="cases_go_on_after_a_hold_by_admission",
        on="cases",
        event="INSERT",
        when="NEW.revision > 1",
        unless="EXISTS (SELECT 1 FROM cases c WHERE c.kind = NEW.kind AND c.uid = NEW.uid "
        "AND c.revision = NEW.revision - 1 AND (c.state = 'superseded' OR EXISTS (SELECT 1 FROM admissions a "
        "WHERE a.case_id = c.id AND a.verdict = 'admit')))",
        says="a revision follows one that late inputs superseded, or that a person admitted",
    ),
    Wall(
        name="cases_admitted_by_somebody",
        on="cases",
        event="INSERT",
        when="NEW.admitted <> ''",
        unless="EXISTS (SELECT 1 FROM admissions a JOIN cases c ON c.id = a.case_id WHERE c.kind = NEW.kind "
        "AND c.uid = NEW.uid AND c.revision < NEW.revision AND a.verdict = 'admit')",
        says="nobody admitted this case",
    ),
    Wall(
        name="admissions_of_held_cases",
        on="admissions",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = 'quarantined')",
        says="only a held case is admitted, or kept apart",
    ),
    *_life("results", "result", "queued"),
    frozen(
        "results", "id", "case_id", "manifest", "model_id", "focus", "mode", "priority", "policy", "identity_version"
    ),
    Wall(
        name="results_draft_written_once",
        on="results",
        event="UPDATE",
        when="NEW.draft IS NOT NULL OR OLD.draft IS NOT NULL",
        unless="NEW.draft = OLD.draft "
        "OR (OLD.draft IS NULL AND OLD.state = 'queued' AND NEW.state = 'awaiting_review')",
        says="a draft is written once, when a model answers",
    ),
    Wall(
        name="results_drafted_by_versions_in_use",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'awaiting_review'",
        unless="NOT EXISTS (SELECT 1 FROM retirements t WHERE t.model_id = NEW.model_id)",
        says="this model version is retired: it makes no more drafts",
        alone=True,
    ),
    Wall(
        name="results_decided_by_a_decision",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state IN ('validated', 'amended', 'rejected')",
        unless="EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.id AND d.shown = NEW.draft AND d.verdict = "
        "CASE NEW.state WHEN 'validated' THEN 'accept' WHEN 'amended' THEN 'amend' ELSE 'reject' END)",
        says="only a recorded decision decides",
    ),
    Wall(
        name="results_delivered_with_receipts",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'delivered'",
        unless="EXISTS (SELECT 1 FROM releases r WHERE r.result_id = NEW.id AND r.kind = 'result') "
        "AND NOT EXISTS (SELECT 1 FROM releases r JOIN renderings g ON g.release_id = r.id WHERE r.result_id = NEW.id "
        "AND r.kind = 'result' AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.release_id = r.id "
        "AND d.destination = g.destination AND d.state = 'confirmed'))",
        says="delivered means confirmed by every destination of the release",
    ),
    Wall(
        name="results_overtaken_before_anything_left",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'stale'",
        unless="NOT EXISTS (SELECT 1 FROM deliveries d JOIN attempts a ON a.delivery_id = d.id "
        "WHERE d.result_id = NEW.id)",
        says="a copy may already be outside: withdraw the result instead",
        alone=True,
    ),
    Wall(
        name="results_retracted_by_a_withdrawal",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'retracted'",
        unless="EXISTS (SELECT 1 FROM withdrawals w WHERE w.result_id = NEW.id)",
        says="only a recorded withdrawal retracts",
    ),
    *never_deleted("cases", "inputs", "results", "users", "deliveries", "recall_items"),
    Wall(
        name="inputs_never_updated",
        on="inputs",
        event="UPDATE",
        unless="1 = 0",
        says="what was received is never edited",
    ),
    # ----------------------------------------------------------------------------------------------- review
    Wall(
        name="questions_on_open_drafts",
        on="questions",
        event="INSERT",
        unless=_OPEN,
        says="nobody is asked about a result that is not awaiting review",
    ),
    Wall(
        name="opinions_on_open_drafts",
        on="opinions",
        event="INSERT",
        unless=_OPEN,
        says="the result is no longer awaiting review",
        alone=True,
    ),
    Wall(
        name="opinions_in_an_unchanged_world",
        on="opinions",
        event="INSERT",
        unless=_CURRENT,
        says="inputs or identity changed since the draft was made",
        alone=True,
    ),
    Wall(
        name="opinions_not_while_held",
        on="opinions",
        event="INSERT",
        unless=_NOT_HELD,
        says="the model is stopped: the result is held",
        alone=True,
    ),
    Wall(
        name="opinions_in_time",
        on="opinions",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM questions q WHERE q.nonce = NEW.nonce "
        "AND q.asked_at <= NEW.signed_at AND NEW.signed_at <= q.expires_at)",
        says="the question is out of date: open the draft again",
    ),
    Wall(
        name="opinions_by_active_people",
        on="opinions",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.reader AND u.active = 1)",
        says="this person's account is closed",
        alone=True,
    ),
    Wall(
        name="decisions_on_open_drafts",
        on="decisions",
        event="INSERT",
        unless=_OPEN,
        says="the result is no longer awaiting review",
        alone=True,
    ),
    Wall(
        name="decisions_in_an_unchanged_world",
        on="decisions",
        event="INSERT",
        unless=_CURRENT,
        says="inputs or identity changed since the opinions were given",
        alone=True,
    ),
    Wall(
        name="decisions_not_while_held",
        on="decisions",
        event="INSERT",
        unless=_NOT_HELD,
        says="the model is stopped: the result is held",
        alone=True,
    ),
    Wall(
        name="decisions_satisfy_the_policy",
        on="decisions",
        event="INSERT",
        when="NEW.verdict <> 'reject'",
        unless="(SELECT count(DISTINCT o.reader) FROM opinions o WHERE o.result_id = NEW.result_id "
        "AND o.content = NEW.content) >= (SELECT p.readers FROM policies p WHERE p.ref = NEW.policy)",
        says="the policy asks for more readers of the same content",
    ),
    Wall(
        name="decisions_heed_every_refusal",
        on="decisions",
        event="INSERT",
        when="NEW.verdict <> 'reject'",
        unless="NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id AND o.verdict = 'reject')",
        says="a reader said no",
        alone=True,
    ),
    Wall(
        name="withdrawals_of_what_was_released",
        on="withdrawals",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM releases r WHERE r.decision_id = NEW.decision_id)",
        says="what was never released cannot be withdrawn",
    ),
    Wall(
        name="renderings_as_sealed",
        on="renderings",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM releases r WHERE r.id = NEW.release_id AND r.terms <> replace(r.terms, "
        """'{"destination":"' || NEW.destination || '","package":"' || NEW.package || '"}', ''))""",
        says="the sealed terms of the release name no such package for no such destination",
    ),
    *SENDING,
    *ROLLOUT,
    *STAGES,
    *RIGHTS,
    *FIRST_READS,
    *GESTURES,
    *PREPARATIONS,
    *STOPS,
    *RECALLS,
    *SIGN_INS,
    *INCIDENTS,
    *OBJECTIONS,
    Wall(
        name="stops_by_a_worker_suspend_one_version",
        on="stops",
        event="INSERT",
        when="aval_role() = 'aval_infer'",
        unless="NEW.action = 'stop' AND NEW.scope = 'version' AND NEW.by_whom = 'infer'",
        says="a worker suspends one version in its own name; people resume",
    ),
    # ----------------------------------------------------------------------------------------------- evidence
    Wall(
        name="journal_follows",
        on="journal",
        event="INSERT",
        unless="NEW.seq = (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) "
        "AND NEW.prev = coalesce((SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1), "
        f"'{'0' * 64}') AND NEW.hash = aval_link(NEW.seq, NEW.at, NEW.actor, NEW.role, NEW.action, NEW.subject, "
        "NEW.body, NEW.prev)",
        says="this is not the next link of the journal",
    ),
    Wall(
        name="transitions_never_inserted",
        on="transitions",
        event="INSERT",
        unless="1 = 0",
        says="the lives of cases and results change with a migration only",
    ),
    *append_only(
        "rejections",
        "judgements",
        "runs",
        "features",
        "transitions",
        "policies",
        "models",
        "retirements",
        "appointments",
        "trials",
        "trial_ends",
        "stages",
        "doubts",
        "admissions",
        "draws",
        "first_reads",
        "impressions",
        "exposures",
        "questions",
        "opinions",
        "decisions",
        "withdrawals",
        "releases",
        "renderings",
        "attempts",
        "receipts",
        "resends",
        "exports",
        "pauses",
        "stops",
        "examinations",
        "recalls",
        "acknowledgements",
        "sign_ins",
        "openings",
        "orders",
        "mentions",
        "accesses",
        "journal",
    ),
)
