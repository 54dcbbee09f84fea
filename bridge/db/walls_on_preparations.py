"""The walls of co-signature: what a learner prepares is never an opinion, and no opinion passes it over."""

from typing import Final

from bridge.db.wall import Wall, append_only

_RIGHT: Final = (
    "SELECT 1 FROM habilitations g JOIN results r ON r.id = NEW.result_id JOIN models m ON m.id = r.model_id "
    "JOIN cases c ON c.id = r.case_id WHERE g.id = NEW.grant_id AND g.act = 'prepare' AND g.site = c.site "
    "AND g.model = m.name AND (m.version = g.major OR substr(m.version, 1, length(g.major) + 1) = g.major || '.') "
    "AND g.since <= NEW.signed_at AND NEW.signed_at < g.until "
    "AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.grant_id = g.id)"
)
"""The right that a new preparation names, when it is one to prepare its result."""

_PREPARED: Final = "(SELECT p.id FROM preparations p WHERE p.result_id = NEW.result_id)"

_DECIDABLE: Final = (
    "EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review') "
    "AND EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = NEW.result_id) "
    "AND NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = NEW.result_id)"
)

PREPARATIONS: Final[tuple[Wall, ...]] = (
    Wall(
        name="preparations_of_what_may_be_decided",
        on="preparations",
        event="INSERT",
        unless=_DECIDABLE,
        says="this result may not be decided now: it is held, out of date, or awaits no review",
        alone=True,
    ),
    Wall(
        name="preparations_in_time",
        on="preparations",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM questions q WHERE q.nonce = NEW.nonce "
        "AND q.asked_at <= NEW.signed_at AND NEW.signed_at <= q.expires_at)",
        says="the question is out of date: open the draft again",
    ),
    Wall(
        name="preparations_by_active_people",
        on="preparations",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM users u WHERE u.login = NEW.reader AND u.active = 1)",
        says="this person's account is closed",
        alone=True,
    ),
    Wall(
        name="preparations_of_what_was_revealed",
        on="preparations",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM exposures e WHERE e.nonce = NEW.nonce)",
        says="nobody prepares what was not shown to them",
    ),
    # Not the reader: preparation_by_a_right_of_its_learner, a foreign key, says that.
    Wall(
        name="preparations_under_a_right_in_force",
        on="preparations",
        event="INSERT",
        unless=f"EXISTS ({_RIGHT})",
        says="this person has no right in force to prepare this model at this site: aval rights",
        alone=True,
    ),
    Wall(
        name="preparations_where_the_policy_lets",
        on="preparations",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.learners = 'cosign')",
        says="the policy of this result lets nobody prepare",
    ),
    Wall(
        name="preparations_before_any_opinion",
        on="preparations",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id)",
        says="somebody has signed already: there is nothing left to prepare",
        alone=True,
    ),
    # One that is committed at this moment is waited for: an opinion that passed it over would hide what a learner saw.
    Wall(
        name="opinions_with_what_was_prepared",
        on="opinions",
        event="INSERT",
        unless=f"NEW.prepared IS NOT DISTINCT FROM {_PREPARED}",
        says="a learner prepared this result: open it again and look at what they say",
        alone=True,
    ),
    Wall(
        name="opinions_by_another_than_who_prepared",
        on="opinions",
        event="INSERT",
        when="NEW.prepared IS NOT NULL",
        unless="NOT EXISTS (SELECT 1 FROM preparations p WHERE p.id = NEW.prepared AND p.reader = NEW.reader)",
        says="nobody answers for what they prepared themselves",
    ),
    # The statement is canonical JSON, in which a quote inside a text is escaped: the name can only be the key.
    Wall(
        name="opinions_say_what_was_prepared",
        on="opinions",
        event="INSERT",
        when="NEW.prepared IS NOT NULL",
        unless="""NEW.statement <> replace(NEW.statement, '"prepared":"' || NEW.prepared || '"', '')""",
        says="what was signed names another preparation, or none",
    ),
    *append_only("preparations"),
)
