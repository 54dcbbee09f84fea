"""Two versions side by side: what counts as the same, what a number's difference is, what is listed to be looked at."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bridge.discordance import LISTED_MAX, UNSAID, Comparison, Pair, Ran, comparison, difference
from bridge.figures import N_MIN
from guarantee.content import Content, Finding, Origin, Presence, Quantity, Text
from guarantee.ids import CaseId
from guarantee.inputs import Coded
from tests.guarantee.samples import a_content

SAME = Text(fr="même", en="same")
LEFT = Coded(code="7771000", scheme="SCT", meaning="Left")


def coded(code: str) -> Coded:
    return Coded(code=code, scheme="99TEST", meaning=code)


def volume(value: str, concept: str = "volume") -> Quantity:
    unit = Coded(code="mL", scheme="UCUM", meaning="milliliter")
    return Quantity(concept=coded(concept), label=SAME, value=Decimal(value), unit=unit, origin=Origin.MODEL)


def finding(code: str, presence: Presence = Presence.PRESENT, *quantities: Quantity, **changes: Any) -> Finding:
    values: dict[str, Any] = {
        "key": code,
        "type": coded(code),
        "presence": presence,
        "site": None,
        "laterality": None,
        "score": None,
        "threshold": None,
        "quantities": quantities,
    }
    fixed: dict[str, Any] = {"label": SAME, "category": coded("thing"), "segment": None, "regions": ()}
    return Finding(origin=Origin.MODEL, **{**values, **fixed, **changes})


def draft(*findings: Finding) -> Content:
    return replace(a_content(), findings=findings, segments=(), key_images=())


def ran(content: Content | None = None, **changes: Any) -> Ran:
    values: dict[str, Any] = {
        "state": "awaiting_review" if content else "failed",
        "cause": "" if content else "crashed",
    }
    return Ran(**{**values, "focus": "1.2", "content": content, "seconds": 0.5, **changes})


def pair(first: Ran, second: Ran, case: str = "case-1") -> Pair:
    return Pair(case=CaseId(case), first=first, second=second)


def drafts(first: Sequence[Finding], second: Sequence[Finding], case: str = "case-1") -> Pair:
    return pair(ran(draft(*first)), ran(draft(*second)), case)


def compared(*pairs: Pair) -> Comparison:
    return comparison(difference(one) for one in pairs)


# ------------------------------------------------------------------------------------------------------- one case


def test_a_finding_that_one_draft_does_not_name_is_unsaid_and_not_absent() -> None:
    found = difference(drafts([finding("nodule", Presence.ABSENT)], [finding("mass")]))
    assert found.said == {
        ("99TEST:nodule", "", ""): ("absent", UNSAID),
        ("99TEST:mass", "", ""): (UNSAID, "present"),
    }
    assert found.apart == 2


def test_left_and_right_are_two_findings_and_one_present_of_several_is_present() -> None:
    left = finding("nodule", Presence.ABSENT, key="left", laterality=LEFT)
    several = [finding("nodule", Presence.UNDETERMINED, key="a"), finding("nodule", key="b")]
    found = difference(drafts([left, *several], [left, finding("nodule")]))
    assert found.said == {
        ("99TEST:nodule", "", "SCT:7771000"): ("absent", "absent"),
        ("99TEST:nodule", "", ""): ("present", "present"),
    }
    assert found.apart == 0


def test_numbers_are_compared_where_both_give_one_and_in_the_same_unit() -> None:
    here = finding("brain", Presence.PRESENT, volume("100"), volume("7", "other"))
    there = finding("brain", Presence.PRESENT, volume("90"))
    found = difference(drafts([here], [there]))
    assert found.numbers == {("99TEST:brain", "", "", "99TEST:volume", "mL"): (100.0, 90.0)}
    assert found.furthest == pytest.approx(0.1)
    twice = [finding("brain", Presence.PRESENT, volume("1"), key="a"), finding("brain", Presence.PRESENT, volume("2"))]
    assert difference(drafts(twice, [there])).numbers == {}


def test_a_score_is_a_number_and_nothing_is_no_distance_from_nothing() -> None:
    here = finding("mass", score=Decimal("0"), threshold=Decimal("0.5"))
    found = difference(drafts([here], [here]))
    assert found.numbers == {("99TEST:mass", "", "", "score", "1"): (0.0, 0.0)}
    assert found.furthest == 0.0


def test_drafts_of_two_series_are_not_compared() -> None:
    found = difference(pair(ran(draft(finding("a"))), ran(draft(finding("b")), focus="1.3")))
    assert (found.elsewhere, found.drafted, found.said, found.numbers) == (True, False, {}, {})


@pytest.mark.parametrize(
    ("first", "second", "alone"),
    [
        (ran(draft(finding("a"))), ran(), ("first", "crashed")),
        (ran(state="excluded", cause="modality"), ran(draft(finding("a"))), ("second", "modality")),
        (ran(draft(finding("a"))), ran(state="queued", cause=""), ("first", "queued")),
        (ran(), ran(), None),
    ],
)
def test_who_made_a_draft_alone_is_told_with_why_the_other_did_not(
    first: Ran, second: Ran, alone: tuple[str, str] | None
) -> None:
    assert difference(pair(first, second)).alone == alone


# ------------------------------------------------------------------------------------------------------ all of them


def test_every_case_is_counted_once() -> None:
    found = compared(
        drafts([finding("a")], [finding("a")]),
        pair(ran(draft(finding("a"))), ran()),
        pair(ran(), ran(draft(finding("a")), seconds=None)),
        pair(ran(), ran()),
        pair(ran(draft(finding("a"))), ran(draft(finding("a")), focus="9")),
    )
    assert (found.n, found.drafted, found.neither, found.elsewhere) == (5, 1, 1, 1)
    assert found.alone == {("first", "crashed"): 1, ("second", "crashed"): 1}
    assert [taken.n for taken in found.seconds] == [5, 4]


def test_below_the_minimum_there_is_no_rate_and_no_median() -> None:
    same = [finding("a", Presence.PRESENT, volume("1"))]
    few = compared(*(drafts(same, same, f"case-{n}") for n in range(N_MIN - 1)))
    assert few.same is None
    assert [(one.n, one.same) for one in few.findings] == [(N_MIN - 1, None)]
    assert [(one.n, one.quantiles, one.limits) for one in few.numbers] == [(N_MIN - 1, None, None)]
    assert few.seconds[0].p50_s is None
    enough = compared(*(drafts(same, same, f"case-{n}") for n in range(N_MIN)))
    assert enough.same is not None
    assert (enough.same.count, enough.same.n) == (N_MIN, N_MIN)
    assert enough.numbers[0].limits == (0.0, 0.0, 0.0)
    assert enough.furthest == ()


def test_agreement_has_wilsons_interval() -> None:
    """Golden: 45 of 50 is 78.6 to 95.7 %."""
    yes, no = [finding("a")], [finding("a", Presence.ABSENT)]
    found = compared(*(drafts(yes, yes if n < 45 else no, f"case-{n:02}") for n in range(50)))
    assert found.same is not None
    assert (round(found.same.low, 3), round(found.same.high, 3)) == (0.786, 0.957)
    (one,) = found.findings
    assert one.counts == {("present", "present"): 45, ("present", "absent"): 5}
    assert one.same == found.same


def test_a_shift_has_its_quantiles_and_limits_of_agreement() -> None:
    """Against the standard library, on differences from -20 to 79."""
    differences = [float(n - 20) for n in range(100)]

    def at(value: float) -> list[Finding]:
        return [finding("a", Presence.PRESENT, volume(str(value)))]

    found = compared(*(drafts(at(1000), at(1000 + d), f"case-{d}") for d in differences))
    (shift,) = found.numbers
    assert shift.n == 100
    assert shift.quantiles == (-16.0, 4.0, 29.0, 54.0, 74.0)
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    assert shift.limits is not None
    expected = (mean, mean - 1.959963984540054 * deviation, mean + 1.959963984540054 * deviation)
    assert all(math.isclose(one, other) for one, other in zip(shift.limits, expected, strict=True))


def test_the_most_discordant_cases_are_listed_first_and_no_more_than_a_sitting() -> None:
    def at(value: str, *more: Finding) -> list[Finding]:
        return [finding("a", Presence.PRESENT, volume(value)), *more]

    apart = drafts(at("10", finding("b")), at("10", finding("b", Presence.ABSENT)), "apart")
    alone = pair(ran(draft(finding("a"))), ran(), "alone")
    far, near = drafts(at("10"), at("20"), "far"), drafts(at("10"), at("11"), "near")
    elsewhere = pair(ran(draft(finding("a"))), ran(draft(finding("a")), focus="9"), "elsewhere")
    found = compared(near, far, drafts(at("10"), at("10"), "same"), alone, elsewhere, apart)
    assert [one.case for one in found.furthest] == ["apart", "alone", "elsewhere", "far", "near"]
    many = compared(*(drafts(at("10"), at("20"), f"case-{n:02}") for n in range(LISTED_MAX + 5)))
    assert len(many.furthest) == LISTED_MAX
