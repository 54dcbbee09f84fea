"""The walls of first reads: what a reader thinks is said before AI is shown, and by nobody's choice."""

from typing import Final

from bridge.db.wall import Wall

_DRAWN: Final = (
    "EXISTS (SELECT 1 FROM results r JOIN draws d ON d.policy = r.policy WHERE r.id = NEW.result_id "
    "AND aval_sha256(d.seed || ':' || NEW.result_id || ':' || NEW.reader) < d.drawn_below)"
)
"""Whether this reader reads this result first (guarantee/first_read.py: Draw.takes)."""

_SAID: Final = "SELECT 1 FROM impressions i WHERE i.result_id = NEW.result_id AND i.reader = NEW.reader"
"""What this reader said of this result before AI was shown."""

_REVEALED: Final = "SELECT 1 FROM exposures e WHERE e.nonce = NEW.nonce"
"""That the draft was shown, in answer to the question that an opinion answers."""

_OPEN: Final = "EXISTS (SELECT 1 FROM results r WHERE r.id = NEW.result_id AND r.state = 'awaiting_review')"

FIRST_READS: Final[tuple[Wall, ...]] = (
    # Whoever could add a policy's seed after its results exist would choose among them.
    Wall(
        name="results_under_a_committed_draw",
        on="results",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.first_read > 0) "
        "OR EXISTS (SELECT 1 FROM draws d WHERE d.policy = NEW.policy)",
        says="this policy draws who reads first, and no seed was committed for it",
    ),
    Wall(
        name="draws_before_the_first_result",
        on="draws",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM results r WHERE r.policy = NEW.policy)",
        says="a seed is committed before the first result under its policy",
    ),
    Wall(
        name="first_reads_where_drawn",
        on="first_reads",
        event="INSERT",
        unless=_DRAWN,
        says="this reader was not drawn to read this result first",
    ),
    Wall(
        name="first_reads_on_open_drafts",
        on="first_reads",
        event="INSERT",
        unless=_OPEN,
        says="a result that is not awaiting review is read first by nobody",
        alone=True,
    ),
    # The body is canonical JSON: a role stands in it in quotes, and only as one of the policy's roles, unless the
    # policy itself is called like one. The desk asks the policy first.
    Wall(
        name="first_reads_by_who_may_endorse",
        on="first_reads",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM results r JOIN policies p ON p.ref = r.policy WHERE r.id = NEW.result_id "
        "AND (p.body <> replace(p.body, '\"' || NEW.reader_role || '\"', '') "
        "OR (p.learners = 'cosign' AND NEW.reader_role = 'learner')))",
        says="who may not endorse under the policy gives no first impression",
    ),
    Wall(
        name="impressions_on_open_drafts",
        on="impressions",
        event="INSERT",
        unless=_OPEN,
        says="an impression of a result that is not awaiting review comes too late",
        alone=True,
    ),
    Wall(
        name="impressions_after_their_opening",
        on="impressions",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM first_reads f WHERE f.result_id = NEW.result_id AND f.reader = NEW.reader "
        "AND f.opened_at > NEW.at)",
        says="an impression follows the look at the images",
    ),
    Wall(
        name="impressions_of_the_kind_of_case",
        on="impressions",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM results r JOIN cases c ON c.id = r.case_id WHERE r.id = NEW.result_id "
        "AND c.kind = NEW.kind)",
        says="these are not the words for this kind of case",
    ),
    Wall(
        name="impressions_before_any_exposure",
        on="impressions",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM exposures e WHERE e.result_id = NEW.result_id AND e.reader = NEW.reader)",
        says="this reader has been shown what the model says: an impression now is not a first one",
        alone=True,
    ),
    Wall(
        name="exposures_after_the_impression",
        on="exposures",
        event="INSERT",
        when="NEW.surface = 'reveal'",
        unless=f"NOT {_DRAWN} OR EXISTS ({_SAID} AND i.at <= NEW.at)",
        says="this reader says what they think first",
        alone=True,
    ),
    Wall(
        name="exposures_of_what_was_decided",
        on="exposures",
        event="INSERT",
        when="NEW.surface = 'result'",
        unless="EXISTS (SELECT 1 FROM decisions d WHERE d.result_id = NEW.result_id "
        "AND NEW.shown IN (d.shown, d.content))",
        says="nothing was decided that could have been shown",
    ),
    # A question alone reveals nothing: it is the exposure beside it that says what was shown, and when. The statement
    # is canonical JSON, in which a quote inside a text is escaped: the name can only be the key.
    Wall(
        name="opinions_after_the_first_read",
        on="opinions",
        event="INSERT",
        unless=f"NOT {_DRAWN} OR EXISTS ({_SAID} AND i.id = NEW.first_read AND EXISTS ({_REVEALED} AND i.at <= e.at))",
        says="this reader says what they think first, and signs after the draft was revealed",
        alone=True,
    ),
    Wall(
        name="opinions_say_their_first_read",
        on="opinions",
        event="INSERT",
        when="NEW.first_read IS NOT NULL",
        unless="""NEW.statement <> replace(NEW.statement, '"first_read":"' || NEW.first_read || '"', '')""",
        says="what was signed names another first impression, or none",
    ),
)
