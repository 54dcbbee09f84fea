"""Nothing leaves on a decision that was forged through the API of the desk."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from guarantee.ids import digest
from tests.e2e.control import NOBODY, drafted, keep_looking, world_of
from tests.e2e.outside import Outside
from tests.e2e.reader import ANSWER, AtDesk
from tests.installation import Installation

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet"), pytest.mark.peer("dcmtk")]

AT_ONCE: Final = 4
"""How often two readers sign at the same moment."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A draft that somebody looks at, and everybody who would like to answer in their place.

    Args:
        opened, others: what the reader, and another reader, were shown and asked.
        elsewhere: what the reader was asked about another result.
        used: a question of another result that was answered.
    """

    result: str
    martin: AtDesk
    nguyen: AtDesk
    engineer: AtDesk
    nobody: httpx2.Client
    ended: httpx2.Client
    opened: dict[str, Any]
    others: dict[str, Any]
    elsewhere: dict[str, Any]
    used: dict[str, Any]
    released: str

    def opinion(self, **changes: Any) -> dict[str, Any]:
        """Return the honest answer, with ``changes``."""
        return {"nonce": self.opened["nonce"], "shown": self.opened["shown"], **ANSWER, **changes}

    def post(self, who: AtDesk | httpx2.Client, to: str = "opinions", /, **request: Any) -> httpx2.Response:
        """Answer as somebody."""
        web = who.web if isinstance(who, AtDesk) else who
        return web.post(f"/api/results/{self.result}/{to}", **request)


FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
EVIL: Final = {"Origin": "https://evil.example"}

API_ATTACKS: Final[dict[str, tuple[Callable[[Scene], httpx2.Response], tuple[int, str]]]] = {
    "no session": (lambda s: s.post(s.nobody, json=s.opinion()), (401, "not-signed-in")),
    "no session, to be asked": (lambda s: s.post(s.nobody, "question"), (401, "not-signed-in")),
    "a made-up session": (
        lambda s: s.post(s.nobody, json=s.opinion(), headers={"Cookie": f"aval={'A' * 43}"}),
        (401, "not-signed-in"),
    ),
    "a session that ended": (lambda s: s.post(s.ended, json=s.opinion()), (401, "not-signed-in")),
    "an engineer, with a reader's question": (
        lambda s: s.post(s.engineer, json=s.opinion()),
        (403, "role-refused"),
    ),
    "an engineer, to be asked": (lambda s: s.post(s.engineer, "question"), (403, "role-refused")),
    "another reader's question": (lambda s: s.post(s.nguyen, json=s.opinion()), (409, "nonce-refused")),
    "the question of somebody else": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.others["nonce"])),
        (409, "nonce-refused"),
    ),
    "the question about another result": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.elsewhere["nonce"])),
        (409, "nonce-refused"),
    ),
    "another result's question and draft": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.elsewhere["nonce"], shown=s.elsewhere["shown"])),
        (409, "nonce-refused"),
    ),
    "a question that was answered": (
        lambda s: s.post(s.martin, json=s.opinion(nonce=s.used["nonce"], shown=s.used["shown"])),
        (409, "nonce-refused"),
    ),
    "a question that was never asked": (
        lambda s: s.post(s.martin, json=s.opinion(nonce="n" * 32)),
        (409, "nonce-refused"),
    ),
    "no question": (lambda s: s.post(s.martin, json=s.opinion(nonce="")), (422, "malformed")),
    "another draft": (
        lambda s: s.post(s.martin, json=s.opinion(shown=digest(b"an older draft"))),
        (409, "nonce-refused"),
    ),
    "no digest": (lambda s: s.post(s.martin, json=s.opinion(shown="latest")), (422, "malformed")),
    "a verdict that is none": (lambda s: s.post(s.martin, json=s.opinion(verdict="VALIDATE")), (422, "malformed")),
    "a whole content": (
        lambda s: s.post(s.martin, json=s.opinion(content=s.opened["draft"])),
        (422, "malformed"),
    ),
    "a reader's name in the body": (
        lambda s: s.post(s.engineer, json=s.opinion(reader="dr.martin")),
        (403, "role-refused"),
    ),
    "an amendment that changes nothing": (
        lambda s: s.post(s.martin, json=s.opinion(verdict="amend", reason="wording", edits={})),
        (422, "malformed"),
    ),
    "another site's page": (lambda s: s.post(s.martin, json=s.opinion(), headers=EVIL), (403, "cross-site")),
    "another site's page, as the browser tells": (
        lambda s: s.post(s.martin, json=s.opinion(), headers={"Sec-Fetch-Site": "cross-site"}),
        (403, "cross-site"),
    ),
    "another site's form": (
        lambda s: s.post(s.martin, content=b"verdict=accept", headers=EVIL | FORM),
        (403, "cross-site"),
    ),
    "no origin": (lambda s: s.post(s.martin, json=s.opinion(), headers={"Origin": ""}), (403, "cross-site")),
    "the null origin": (lambda s: s.post(s.martin, json=s.opinion(), headers={"Origin": "null"}), (403, "cross-site")),
    "text that looks like JSON": (
        lambda s: s.post(s.martin, content=json.dumps(s.opinion()), headers={"Content-Type": "text/plain"}),
        (422, "malformed"),
    ),
    "a result that does not exist": (
        lambda s: s.martin.web.post(f"/api/results/{NOBODY}/opinions", json=s.opinion()),
        (404, "not-found"),
    ),
    "a question about a result that does not exist": (
        lambda s: s.martin.web.post(f"/api/results/{NOBODY}/question"),
        (404, "not-found"),
    ),
    "a result that is already released": (
        lambda s: s.martin.web.post(f"/api/results/{s.released}/opinions", json=s.opinion()),
        (409, "nonce-refused"),
    ),
    "a withdrawal of what was never released": (
        lambda s: s.post(s.martin, "withdrawal", json={"reason": "wrong-result", "comment": "x"}),
        (409, "not-allowed"),
    ),
    "an engineer's withdrawal": (
        lambda s: s.engineer.web.post(
            f"/api/results/{s.released}/withdrawal", json={"reason": "wrong-result", "comment": "x"}
        ),
        (403, "role-refused"),
    ),
    "another method": (
        lambda s: s.martin.web.put(f"/api/results/{s.result}/opinions", json=s.opinion()),
        (405, "wrong-method"),
    ),
}


@pytest.fixture
def scene(place: Installation, tmp_path: Path) -> Iterator[Scene]:
    people = place.people
    nobody, ended = (
        httpx2.Client(base_url=place.desk, headers={"Origin": place.desk}, trust_env=False, timeout=30)
        for _ in range(2)
    )
    with (
        AtDesk(place, people["dr.martin"]) as martin,
        AtDesk(place, people["dr.nguyen"]) as nguyen,
        AtDesk(place, people["ing.petit"]) as engineer,
        nobody,
        ended,
    ):
        with AtDesk(place, people["dr.martin"]) as gone:
            token = gone.web.cookies["aval"]
            assert gone.web.delete("/api/session").status_code == 204
        ended.cookies.set("aval", token)
        _, released = drafted(martin, tmp_path)
        used = martin.sign(released)
        martin.wait_for(released, "delivered")
        _, second = drafted(martin, tmp_path)
        _, first = drafted(martin, tmp_path)
        yield Scene(
            result=first,
            martin=martin,
            nguyen=nguyen,
            engineer=engineer,
            nobody=nobody,
            ended=ended,
            opened=martin.open(first),
            others=nguyen.open(first),
            elsewhere=martin.open(second),
            used=used,
            released=released,
        )


def test_no_answer_but_the_readers_own_decides(scene: Scene, outside: Outside, place: Installation) -> None:
    before = world_of(place)
    with outside.watched() as watch:
        for name, (attack, expected) in API_ATTACKS.items():
            answer = attack(scene)
            assert (answer.status_code, answer.json()["code"]) == expected, f"{name}: {answer.text}"
        keep_looking(watch)
    watch.require_nothing()
    assert world_of(place) == before
    assert scene.martin.answer(scene.result, scene.opened).status_code == 201, "the honest answer still counts"
    scene.martin.wait_for(scene.result, "delivered")


def both_at_once(*answers: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """Give every answer at the same moment."""
    start = threading.Barrier(len(answers))
    given: list[httpx2.Response | None] = [None] * len(answers)

    def give(number: int) -> None:
        start.wait()
        given[number] = answers[number]()

    threads = [threading.Thread(target=give, args=(number,)) for number in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for one in given if one is not None]


def test_of_two_readers_who_sign_at_once_exactly_one_decides(
    place: Installation, outside: Outside, tmp_path: Path
) -> None:
    with (
        AtDesk(place, place.people["dr.martin"]) as martin,
        AtDesk(place, place.people["dr.nguyen"]) as nguyen,
    ):
        for number in range(AT_ONCE):
            study, result = drafted(martin, tmp_path)
            first, second = martin.open(result), nguyen.open(result)
            said = {} if number % 2 else {"verdict": "reject", "reason": "false-positive"}
            answers = both_at_once(
                lambda: martin.answer(result, first),  # noqa: B023 - both are joined before the next round
                lambda: nguyen.answer(result, second, **said),  # noqa: B023
            )
            assert sorted(answer.status_code for answer in answers) == [201, 409], [a.text for a in answers]
            state = martin.wait_for(result, "delivered", "rejected")["line"]["state"]
            with place.reading() as unit:
                assert len(unit.gate.opinions(result)) == 1
                assert unit.gate.decision(result) is not None
            assert outside.objects(study.uid).keys() == ({"SR", "SEG"} if state == "delivered" else set())


def test_a_button_that_is_pressed_twice_signs_once(place: Installation, outside: Outside, tmp_path: Path) -> None:
    with AtDesk(place, place.people["dr.martin"]) as martin:
        study, result = drafted(martin, tmp_path)
        opened = martin.open(result)
        answers = both_at_once(*[lambda: martin.answer(result, opened)] * 3)
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409], [a.text for a in answers]
        martin.wait_for(result, "delivered")
        with place.reading() as unit:
            assert len(unit.gate.opinions(result)) == 1
        assert outside.objects(study.uid).keys() == {"SR", "SEG"}
