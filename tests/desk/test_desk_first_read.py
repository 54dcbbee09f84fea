"""Read first, then reveal: every address of the desk, attacked by a reader who was drawn and has said nothing yet."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from bridge.web import app as application
from bridge.web.first_read import revealed
from guarantee.policy import Role
from guarantee.states import ResultState
from tests.desk import cases
from tests.desk.cases import Staged
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk

AFTER = "nothing before the reveal"
REVEAL = "the reveal itself: refused until the impression is kept"
STUDY = "the exam itself, which is always served"
FIRST = "the first read"
FORM = "shows the form, and nothing of AI"
BLIND = "lists and states, alike whatever a model found"
MERGED = "images, and of drafts what one decision lets through; tests/dicomweb attacks it with real ones"
SYSTEM = "about systems, places or people; no single result"

ADDRESSES = {
    ("GET", "/api/results/{result}"): AFTER,
    ("GET", "/api/results/{result}/timeline"): AFTER,
    ("GET", "/api/results/{result}/segments/{number}"): AFTER,
    ("POST", "/api/results/{result}/opinions"): AFTER,
    ("POST", "/api/results/{result}/withdrawal"): AFTER,
    ("GET", "/results/{result}/outcome"): AFTER,
    ("GET", "/results/{result}/timeline"): AFTER,
    ("POST", "/api/results/{result}/statement"): AFTER,
    ("POST", "/api/results/{result}/incidents"): AFTER,
    ("POST", "/api/results/{result}/viewer"): AFTER,
    ("GET", "/api/results/{result}/signing"): BLIND,
    ("POST", "/api/results/{result}/question"): REVEAL,
    ("POST", "/api/results/{result}/first-read"): FIRST,
    ("POST", "/api/results/{result}/impression"): FIRST,
    ("GET", "/api/results/{result}/series"): STUDY,
    ("GET", "/api/results/{result}/series/{series}/frames/{index}"): STUDY,
    ("GET", "/results/{result}"): FORM,
    ("GET", "/api/results"): BLIND,
    ("GET", "/worklist"): BLIND,
    ("GET", "/worklist/rows"): BLIND,
    ("GET", "/launch/{ticket}"): BLIND,
    ("GET", "/dicom-web/studies"): BLIND,
    **dict.fromkeys(
        [
            ("GET", f"/dicom-web/studies/{{study}}{below}")
            for below in (
                *("", "/metadata", "/series"),
                *("/series/{series}", "/series/{series}/metadata", "/series/{series}/instances"),
                *(f"/series/{{series}}/instances/{{uid}}{last}" for last in ("", "/metadata", "/frames/{frames}")),
            )
        ],
        MERGED,
    ),
    **dict.fromkeys(
        [
            *(("GET", path) for path in ("/", "/sign-in", "/systems", "/destinations", "/about", "/api/models")),
            *(
                ("GET", path)
                for path in ("/monitoring", "/monitoring.csv", "/monitoring/drift", "/monitoring/drift.csv")
            ),
            *(("GET", path) for path in ("/healthz", "/readyz", "/api/stops", "/api/session")),
            *(("GET", path) for path in ("/launch", "/launch/callback", "/IHEInvokeImageDisplay")),
            *(("GET", path) for path in ("/sign-in/provider", "/sign-in/callback", "/sign-out")),
            *(("POST", path) for path in ("/api/stops", "/api/session", "/api/session/handover", "/launch/handover")),
            *(("GET", path) for path in ("/rights", "/passkeys", "/api/passkeys")),
            *(("GET", path) for path in ("/incidents", "/incidents/{incident}/fei")),
            ("POST", "/api/incidents/{incident}/lines"),
            *(("POST", path) for path in ("/api/passkeys", "/api/passkeys/challenge")),
            *(("DELETE", path) for path in ("/api/session", "/api/passkeys/{passkey}")),
        ],
        SYSTEM,
    ),
}
"""Every address, and why a reader who has not said what they think may have it; a new one is written down here."""


def routes() -> Iterator[tuple[str, APIRoute]]:
    """Yield every method and route that the application is made of."""
    for module in application._ROUTERS:
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods:
                yield method, route


@pytest.fixture
def staged() -> Staged:
    """A CT with two findings, a report, a mask."""
    return cases.chest_case(1)


@pytest.fixture
def drawn(desk: FakeDesk, staged: Staged) -> str:
    """The same, to be read first."""
    result = desk.stage(staged)
    desk.drawn.add(result)
    return result


def canaries(staged: Staged) -> list[str]:
    """Return what only the draft says."""
    labels = [finding.label.fr for finding in staged.draft.findings]
    return [*labels, *labels_en(staged), "nodule-1", "9,4", "0.91", staged.draft.digest, staged.draft.segments[0].mask]


def labels_en(staged: Staged) -> list[str]:
    return [finding.label.en for finding in staged.draft.findings]


def address(path: str, result: str, staged: Staged) -> str:
    """Return the address of a route for the drawn result; a mask is asked for by its right name."""
    names = {"series": staged.pictures[0].uid, "study": staged.case.uid, "uid": "1.2.3", "frames": 1}
    made = path.format(result=result, index=0, number=1, ticket="t" * 43, incident=result, **names)
    return f"{made}?mask={staged.draft.segments[0].mask}" if "segments" in path else made


def give(client: TestClient, result: str, word: str = "present") -> None:
    """Open the images, say what they show."""
    assert client.post(f"/api/results/{result}/first-read").status_code == 201
    answer = client.post(f"/api/results/{result}/impression", json={"word": word})
    assert answer.status_code == 201, answer.text


# ------------------------------------------------------------------------------------------------------- the table


def test_every_address_is_in_the_table() -> None:
    assert {(method, route.path) for method, route in routes()} == set(ADDRESSES)


def test_what_shows_something_of_ai_asks_the_one_place_that_decides() -> None:
    for method, route in routes():
        asks = any(dependency.dependency is revealed for dependency in route.dependencies)
        assert asks == (ADDRESSES[method, route.path] is AFTER), (method, route.path)


# --------------------------------------------------------------------------------------------------------- attacks


ATTACKS = [
    pytest.param(*key, said, id=f"{key[0]} {key[1]}, {'said, not revealed' if said else 'nothing said'}")
    for said in (False, True)
    for key, why in ADDRESSES.items()
    if why is AFTER or (why is REVEAL and not said)
]


@pytest.mark.parametrize(("method", "path", "said"), ATTACKS)
def test_an_address_that_shows_something_of_ai_refuses(
    radiologist: TestClient, desk: FakeDesk, drawn: str, staged: Staged, method: str, path: str, said: bool
) -> None:
    if said:
        give(radiologist, drawn)
    body = {"nonce": "n", "shown": staged.draft.digest, "verdict": "accept", "patient_informed": "yes"}
    if path.endswith("/withdrawal"):
        body = {"reason": "other", "comment": "x"}
    answer = radiologist.request(method, address(path, drawn, staged), json=body if method == "POST" else None)
    assert answer.status_code == 403
    if path.startswith("/api/"):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "first-read-due"
    assert not desk.revealed
    assert not desk.seen


@pytest.mark.parametrize(("method", "path"), [key for key in ADDRESSES if key[0] == "GET"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_address_says_a_word_of_the_draft(
    radiologist: TestClient, drawn: str, staged: Staged, method: str, path: str, language: str
) -> None:
    address_ = address(path, drawn, staged)
    answer = radiologist.request(method, f"{address_}{'&' if '?' in address_ else '?'}lang={language}")
    assert answer.status_code < 500
    for said in canaries(staged):
        assert said not in answer.text, (path, said)


@pytest.mark.parametrize(
    "trick", [{"Accept": "application/json"}, {"X-HTTP-Method-Override": "POST"}, {"Range": "bytes=0-"}]
)
def test_no_header_opens_it(radiologist: TestClient, drawn: str, staged: Staged, trick: dict[str, str]) -> None:
    for path in (key[1] for key, why in ADDRESSES.items() if why is AFTER and key[0] == "GET"):
        made = address(path, drawn, staged)
        for variant in (made, made.replace(drawn, drawn.upper()), made.replace("/api/", "/api//")):
            answer = radiologist.get(variant, headers=trick)
            assert answer.status_code in {403, 404}, variant
            assert not any(said in answer.text for said in canaries(staged))


def test_the_exam_itself_is_always_served(radiologist: TestClient, drawn: str, staged: Staged) -> None:
    for path in (key[1] for key, why in ADDRESSES.items() if why is STUDY):
        assert radiologist.get(address(path, drawn, staged)).status_code == 200


def test_the_page_shows_the_form_and_nothing_of_ai(radiologist: TestClient, drawn: str, staged: Staged) -> None:
    page = radiologist.get(f"/results/{drawn}").text
    assert 'data-manner="first-read"' in page
    assert 'id="first-read"' in page
    assert '<section class="images"' in page
    assert not any(said in page for said in canaries(staged))


def test_a_negative_is_treated_alike_and_reads_as_nothing_reassuring(radiologist: TestClient, desk: FakeDesk) -> None:
    """The form is the same to the letter for a model that found something and for one that found nothing."""
    forms = []
    for staged in (cases.chest_case(1), cases.radiograph_case(2)):
        result = desk.stage(staged)
        desk.drawn.add(result)
        page = radiologist.get(f"/results/{result}").text
        forms.append(page[page.index('<form id="first-read"') : page.index('<div id="after-reveal"')])
        assert radiologist.get(f"/api/results/{result}").status_code == 403
    assert forms[0] == forms[1]


def test_opening_exposes_nothing_and_the_reveal_is_what_counts(
    radiologist: TestClient, desk: FakeDesk, drawn: str, staged: Staged
) -> None:
    radiologist.get(f"/results/{drawn}")
    give(radiologist, drawn)
    assert not desk.revealed
    opened = radiologist.post(f"/api/results/{drawn}/question")
    assert opened.status_code == 201
    assert list(desk.revealed) == [(drawn, "dr.martin")]
    for key, why in ADDRESSES.items():
        if why is AFTER and key[0] == "GET":
            assert radiologist.get(address(key[1], drawn, staged)).status_code == 200, key
    assert 'data-manner="ask"' in radiologist.get(f"/results/{drawn}").text


def test_an_impression_is_said_once_after_opening_and_in_its_words(radiologist: TestClient, drawn: str) -> None:
    say = f"/api/results/{drawn}/impression"
    assert radiologist.post(say, json={"word": "none"}).json()["code"] == "not-allowed"
    radiologist.post(f"/api/results/{drawn}/first-read")
    for wrong in (
        {"word": "high"},
        {"word": "fine"},
        {},
        {"word": "none", "note": "x" * 501},
        {"word": "none", "at": "x"},
    ):
        assert radiologist.post(say, json=wrong).json()["code"] == "malformed", wrong
    kept = radiologist.post(say, json={"word": "unsure", "note": " douteux "})
    assert (kept.json()["impression"]["word"], kept.json()["impression"]["note"]) == ("unsure", "douteux")
    assert (kept.json()["is_due"], kept.json()["hides"]) == (False, True)
    assert radiologist.post(say, json={"word": "present"}).json()["code"] == "not-allowed"


def test_who_was_not_drawn_is_asked_nothing(radiologist: TestClient, chest: str) -> None:
    assert 'data-manner="ask"' in radiologist.get(f"/results/{chest}").text
    assert radiologist.post(f"/api/results/{chest}/first-read").json()["code"] == "not-allowed"
    assert radiologist.post(f"/api/results/{chest}/question").status_code == 201


def test_one_reader_s_word_opens_nothing_to_another(sign_in: SignIn, drawn: str) -> None:
    first, other = sign_in(Role.RADIOLOGIST), sign_in(Role.CLINICIAN)
    give(first, drawn)
    assert first.post(f"/api/results/{drawn}/question").status_code == 201
    assert other.post(f"/api/results/{drawn}/question").json()["code"] == "first-read-due"
    assert other.get(f"/api/results/{drawn}").json()["code"] == "first-read-due"


def test_once_it_was_decided_nothing_is_hidden(radiologist: TestClient, desk: FakeDesk, drawn: str) -> None:
    """Nobody can give an opinion any more that an impression would have to precede."""
    desk.put(drawn, ResultState.VALIDATED)
    assert radiologist.get(f"/api/results/{drawn}").status_code == 200
    assert radiologist.post(f"/api/results/{drawn}/first-read").json()["code"] == "not-allowed"
