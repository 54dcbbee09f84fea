"""Sources that do not answer hold nobody else up, and nothing piles up before them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

from bridge.flows.asking import ANSWER_S, ASK_AGAIN_S, About, Asking
from guarantee.ids import CaseId
from guarantee.judging import Expectation
from tests.guarantee.samples import at


def about(number: int) -> About:
    return About(
        case=CaseId(f"case {number}"), uid=f"1.2.{number}", series=frozenset(), sender="pacs", last_input_at=at(0)
    )


def test_a_question_that_nobody_waits_for_any_more_is_not_asked() -> None:
    asked: list[str] = []
    goes_on, has_begun = Event(), Event()

    def ask(uid: str, _series: frozenset[str]) -> tuple[Expectation, ...]:
        asked.append(uid)
        has_begun.set()
        assert goes_on.wait(30)
        return ()

    with ThreadPoolExecutor(1) as executor:
        asking = Asking({"pacs": ask}, executor)
        for number in range(4):
            assert asking.reply(about(number), at(0)).is_pending
        assert has_begun.wait(30)
        late = at(0) + timedelta(seconds=ANSWER_S)
        assert not asking.reply(about(1), late).is_pending, "it waited in vain"
        assert asking.reply(about(2), at(0) + timedelta(seconds=ASK_AGAIN_S)).is_pending, "asked again, instead"
        asking.forget(frozenset({CaseId("case 0"), CaseId("case 2")}))
        goes_on.set()
    assert asked == ["1.2.0", "1.2.2"]
