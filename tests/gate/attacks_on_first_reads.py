"""Attacks on reading first: who is drawn, what they think, what they were shown when."""

from typing import Final

from tests.gate.attacks import DESK, SWEEP, attack
from tests.gate.first_reads import READ_FIRST, UNDRAWN, draw, exposure, impression, impression_of, opening, opinion
from tests.gate.sessions import OWNER
from tests.gate.statements import EVIL
from tests.guarantee.samples import POLICY

EARLIER: Final = "2026-01-01T00:00:00.000000Z"

# fmt: off
FIRST_READS: Final = (
    attack(OWNER, "have more than everything read first", "policy_draws_a_share",
           lambda w: w.policy(ref="new@1", first_read=1001)),
    attack(OWNER, "draw readers from no seed", "draw_by_lot", lambda _: draw(seed="")),
    attack(OWNER, "draw readers below nothing that compares", "draw_by_lot", lambda _: draw(drawn_below="z")),
    attack(OWNER, "commit the seed of first reads once there are results", "draws_before_the_first_result",
           lambda _: draw(policy=POLICY.ref)),
    attack(SWEEP, "compute a result whose draw nobody committed", "results_under_a_committed_draw",
           lambda w: w.result("open", policy=UNDRAWN.ref)),

    attack(DESK, "read first what was not drawn", "first_reads_where_drawn", lambda w: opening(w, "open")),
    attack(DESK, "let a learner give the first impression", "first_reads_by_who_may_endorse",
           lambda w: opening(w, "first", "learner")),
    attack(DESK, "let a clinician give it where radiologists read", "first_reads_by_who_may_endorse",
           lambda w: opening(w, "first", "dr.petit")),
    attack(DESK, "let a learner give it under a role they do not have", "first_read_by_its_reader",
           lambda w: opening(w, "first", "learner", reader_role="radiologist")),
    attack(DESK, "read first what has expired", "first_reads_on_open_drafts",
           lambda w: opening(w, "first, expired")),

    attack(DESK, "give an impression of images that were not opened", "impression_of_a_first_read",
           lambda w: impression(w, "first")),
    attack(DESK, "give an impression for a colleague", "impression_of_a_first_read",
           lambda w: impression(w, "first opened", "dr.leroy")),
    attack(DESK, "give a second impression", "impression_one_per_reader",
           lambda w: impression(w, "first said", id="another")),
    attack(DESK, "give an impression after the reveal",
           "impression_one_per_reader impressions_before_any_exposure",
           lambda w: impression(w, "first revealed", id="another")),
    attack(DESK, "give an impression in words that nobody defined", "impression_in_words",
           lambda w: impression(w, "first opened", word="normal")),
    attack(DESK, "give an impression of images in the words for values", "impression_in_words",
           lambda w: impression(w, "first opened", word="high")),
    attack(DESK, "give an impression of images as if they were values", "impressions_of_the_kind_of_case",
           lambda w: impression(w, "first opened", kind="record", word="high")),
    attack(DESK, "give a report for an impression", "impression_is_short",
           lambda w: impression(w, "first opened", note="x" * 501)),
    attack(DESK, "date an impression before the images were opened", "impressions_after_their_opening",
           lambda w: impression(w, "first opened", at=EARLIER)),
    attack(DESK, "give an impression of what has expired", "impressions_on_open_drafts",
           lambda w: impression(w, "first opened, expired")),

    attack(DESK, "reveal the draft before the impression", "exposures_after_the_impression",
           lambda w: exposure(w, "first asked")),
    attack(DESK, "date a reveal before the impression", "exposures_after_the_impression",
           lambda w: exposure(w, "first said", at=EARLIER)),
    attack(DESK, "reveal a draft that nobody was asked about", "exposure_as_it_was_asked",
           lambda w: exposure(w, "first said", nonce="invented")),
    attack(DESK, "record another draft than the one that was revealed", "exposure_as_it_was_asked",
           lambda w: exposure(w, "first said", shown=EVIL)),
    attack(DESK, "show something by a way that nobody defined", "exposure_by_a_known_way",
           lambda w: exposure(w, "first said", surface="rumour", nonce=None)),
    attack(DESK, "record a decision as shown that nobody took", "exposures_of_what_was_decided",
           lambda w: exposure(w, "first said", surface="result", nonce=None)),

    attack(DESK, "sign what one was asked without saying first what one thinks", "opinions_after_the_first_read",
           lambda w: w.opinion("first asked")),
    attack(DESK, "sign what was never revealed", "opinions_after_the_first_read", lambda w: opinion(w, "first said")),
    attack(DESK, "sign and keep silent of the impression", "opinions_after_the_first_read",
           lambda w: w.opinion("first revealed")),
    attack(DESK, "sign after the impression of another result", "opinion_after_its_own_impression",
           lambda w: opinion(w, "open", first_read=impression_of(w, "first said").id,
                             statement=f'{{"first_read":"{impression_of(w, "first said").id}"}}')),
    attack(DESK, "sign a statement that does not name the impression", "opinions_say_their_first_read",
           lambda w: opinion(w, "first revealed", statement='{"first_read":null}')),
    attack(DESK, "sign a statement whose comment names the impression", "opinions_say_their_first_read",
           lambda w: opinion(w, "first revealed",
                             statement='{"comment":"\\"first_read\\":\\"'
                             f'{impression_of(w, "first revealed").id}\\"","first_read":null}}')),
)

HONEST: Final = (
    attack(SWEEP, "compute a result whose draw was committed", "", lambda w: w.result("open", policy=READ_FIRST.ref)),
    attack(DESK, "open, say, ask, reveal, sign", "",
           lambda w: opening(w, "first"), lambda w: impression(w, "first"), lambda w: w.question("first"),
           lambda w: exposure(w, "first"), lambda w: opinion(w, "first")),
    attack(DESK, "sign what was revealed", "", lambda w: opinion(w, "first revealed")),
    attack(DESK, "say nothing where nobody was drawn", "", lambda w: w.opinion("open")),
    attack(DESK, "show what was decided", "",
           lambda w: exposure(w, "delivered", surface="result", nonce=None)),
)
# fmt: on
"""What goes through in the same world: the walls are no tighter than they say."""
