"""Does what will leave say what was endorsed?"""

from dataclasses import replace
from typing import Any

import pytest

from guarantee.agreement import disagreement
from guarantee.decision import decide
from guarantee.opinion import Verdict
from guarantee.ports import Endorsed, ReadBack
from guarantee.result import Mode
from tests.guarantee.samples import (
    AMENDED,
    DRAFT,
    a_complete_case,
    a_content,
    a_policy,
    a_preparation,
    a_result,
    a_segment,
    an_opinion,
    digest_of,
)
from tests.guarantee.test_rules import a_card

CONTENT = a_content()
SAME = ReadBack(
    content=CONTENT.digest,
    findings=(("brain", "12738006", "present"),),
    quantities=(("brain", "118565006", "412.50", "mL"),),
    masks=((1, a_segment().mask),),
    text=CONTENT.full_text,
)


def test_a_rendering_that_says_the_same_agrees() -> None:
    assert disagreement(SAME, CONTENT) is None


def test_a_trailing_zero_may_be_lost_and_nothing_else() -> None:
    assert disagreement(replace(SAME, quantities=(("brain", "118565006", "412.5", "mL"),)), CONTENT) is None


def test_what_a_format_does_not_carry_is_not_compared() -> None:
    assert disagreement(ReadBack(content=CONTENT.digest), CONTENT) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"content": AMENDED}, "names content"),
        ({"findings": ()}, "findings"),
        ({"findings": (("brain", "12738006", "absent"),)}, "findings"),
        ({"findings": (("other", "12738006", "present"),)}, "findings"),
        ({"findings": (*SAME.findings, *SAME.findings)}, "findings"),  # type: ignore[misc]
        ({"quantities": ()}, "numbers"),
        ({"quantities": (("brain", "118565006", "412.51", "mL"),)}, "numbers"),
        ({"quantities": (("brain", "118565006", "412.50", "L"),)}, "numbers"),
        ({"quantities": (("brain", "other", "412.50", "mL"),)}, "numbers"),
        ({"quantities": (("brain", "118565006", "about 400", "mL"),)}, "numbers"),
        ({"quantities": (("brain", "118565006", "NaN", "mL"),)}, "numbers"),
        ({"masks": ()}, "segments"),
        ({"masks": ((1, digest_of("one voxel less")),)}, "segments"),
        ({"masks": ((2, a_segment().mask),)}, "segments"),
        ({"text": CONTENT.report}, "text"),
        ({"text": CONTENT.full_text + " "}, "text"),
    ],
)
def test_each_difference_is_told(change: dict[str, Any], why: str) -> None:
    told = disagreement(replace(SAME, **change), CONTENT)
    assert told is not None
    assert why in told


def test_the_reader_who_answers_is_the_one_whose_opinion_decided() -> None:
    policy = a_policy(2)
    opinions = tuple(an_opinion(login, policy=policy.ref) for login in ("dr.first", "dr.second"))
    decision = decide(policy=policy, draft=DRAFT, opinions=opinions)
    assert decision is not None
    case = a_complete_case()
    endorsed = Endorsed(
        release=decision.id,  # type: ignore[arg-type]
        result=a_result(case, mode=Mode.CARE),
        case=case,
        card=a_card(),
        content=CONTENT,
        decision=decision,
        opinions=opinions,
        sources=(),
    )
    assert endorsed.reader.login == "dr.second"
    assert endorsed.preparer is None
    cosigned = a_preparation()
    assert replace(endorsed, preparation=cosigned).preparer == cosigned.statement.reader
    overruled = a_preparation(verdict=Verdict.AMEND)
    assert replace(endorsed, preparation=overruled).preparer is None
