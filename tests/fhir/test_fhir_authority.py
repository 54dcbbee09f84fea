"""Tokens for senders: who gets one, what it opens, and every assertion that gets none."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from fhir_adapters import jose
from fhir_adapters.authority import SCOPE, Authority
from fhir_adapters.capability import Options
from fhir_adapters.door import Door, Reply, Sender
from fhir_adapters.smart import ASSERTION_TYPE
from guarantee.errors import Unavailable
from tests.fhir.samples import StoppedClock
from tests.flows.fakes import FakeVault

KEYS = {name: jose.read_private_key(jose.new_private_key()) for name in ("dpi", "lab", "nobody")}
BASE = "https://ia.chu.example/fhir"
THERE, ELSEWHERE = "10.1.2.3", "192.0.2.1"


class Place:
    """A door with two registered senders, and one that is known by its address."""

    def __init__(self) -> None:
        self.now = StoppedClock().now()
        self.used: set[str] = set()
        self.refused: list[tuple[str, str, str]] = []
        self.authority = Authority(
            base_url=BASE,
            clients={name: jose.read_jwks(jwks(name)) for name in ("dpi", "lab")},
            secret=b"s" * 32,
            once=self.once,
            now=lambda: self.now,
        )
        network = ("10.0.0.0/8",)
        self.door = Door(
            vault=FakeVault(),
            receive=lambda _: None,
            note=lambda _: None,
            turn_away=lambda *said: self.refused.append(said),
            senders=[
                Sender(name="dpi", addresses=network, is_registered=True),
                Sender(name="lab", is_registered=True),
            ],
            site="essai",
            object_to=lambda _: None,
            objection_codes=frozenset(),
            statement=Options(base_url=BASE, version="1", date="2026-11-28"),
            now=lambda: self.now,
            authority=self.authority,
        )

    def once(self, used: str) -> bool:
        is_new = used not in self.used
        self.used.add(used)
        return is_new

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.now.timestamp())
        usual = {"iss": "dpi", "sub": "dpi", "aud": f"{BASE}/auth/token", "iat": now, "exp": now + 240, "jti": "j1"}
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def ask(self, assertion: str, address: str = THERE, **changes: str) -> Reply:
        return self.door.token(urlencode({**FORM, "client_assertion": assertion, **changes}).encode(), address)

    def token(self, name: str = "dpi", jti: str = "j1") -> str:
        answer = self.ask(jose.sign(self.claims(iss=name, sub=name, jti=jti), KEYS[name]))
        assert answer.status == 200
        return str(json.loads(answer.body)["access_token"])

    def rings(self, token: str, name: str = "dpi", address: str = THERE) -> int:
        return self.door.notification("POST", name, "", b"", {"authorization": f"Bearer {token}"}, address).status


FORM = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "scope": SCOPE}


def jwks(*names: str) -> str:
    return json.dumps({"keys": [jose.public_jwk(KEYS[name]) for name in names]})


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_token_opens_the_door_as_its_sender_for_five_minutes(place: Place) -> None:
    assert json.loads(place.door.smart_configuration().body)["token_endpoint"] == f"{BASE}/auth/token"
    answer = json.loads(place.ask(jose.sign(place.claims(), KEYS["dpi"])).body)
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("bearer", 300, SCOPE)
    token = answer["access_token"]
    assert place.rings(token) == 200
    assert place.rings(token, name="lab") == 404, "it is the sender's, not the address's"
    assert place.rings(token, address=ELSEWHERE) == 401
    assert place.rings(token[:-4] + "AAA=") == 401
    assert place.rings("") == 401, "the address alone is not enough for a registered sender"
    place.now = place.now.replace(minute=place.now.minute + 6)
    assert place.rings(token) == 401


def test_a_token_of_another_installation_opens_nothing(place: Place) -> None:
    other = replace(place.authority, secret=b"o" * 32)
    assert other.holder(place.token()) == ""
    gone = replace(place.authority, clients={"lab": place.authority.clients["lab"]})
    assert gone.holder(place.token(jti="j2")) == "", "a sender that was taken out of the settings"


def test_an_assertion_works_once(place: Place) -> None:
    assertion = jose.sign(place.claims(), KEYS["dpi"])
    assert place.ask(assertion).status == 200
    again = place.ask(assertion)
    assert (again.status, json.loads(again.body)) == (401, {"error": "invalid_client"})
    assert place.refused == [("dpi", "token-refused", "no token was given: again")]
    assert place.token("lab", "j1"), "another sender may choose the same name"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "https://elsewhere.example/token"}, "claims"),
        ({"aud": None}, "claims"),
        ({"aud": BASE}, "claims"),
        ({"sub": "lab"}, "claims"),
        ({"jti": None}, "claims"),
        ({"jti": ""}, "claims"),
        ({"jti": "x" * 257}, "claims"),
        ({"exp": 1}, "time"),
        ({"exp": None}, "time"),
        ({"exp": "soon"}, "time"),
        ({"exp": True}, "time"),
        ({"exp": 1e300}, "time"),
        ({"exp": 4_000_000_000}, "time"),
        ({"nbf": 4_000_000_000}, "time"),
        ({"iss": "nobody", "sub": "nobody"}, "client"),
        ({"iss": 7}, "client"),
        ({"iss": "lab", "sub": "lab"}, "signature"),
    ],
)
def test_claims_that_are_not_so_get_no_token(place: Place, changes: dict[str, Any], why: str) -> None:
    """The last one is the key of one registered sender under the name of another."""
    answer = place.ask(jose.sign(place.claims(**changes), KEYS["dpi"]))
    assert (answer.status, json.loads(answer.body)) == (401, {"error": "invalid_client"})
    assert [said.rpartition(" ")[2] for _, _, said in place.refused] == [why]
    assert not place.used, "what is refused uses up no name"


@pytest.mark.parametrize("name", ["dpi", "nobody"])
def test_a_signature_of_another_key_or_none_gets_no_token(place: Place, name: str) -> None:
    good = jose.sign(place.claims(), KEYS["dpi"])
    forged = jose.sign(place.claims(), KEYS["nobody"]) if name == "nobody" else good.rpartition(".")[0] + "."
    assert place.ask(forged).status == 401
    assert place.ask("x" * 9_000).status == 401


def test_a_token_is_given_only_where_the_sender_may_come_from(place: Place) -> None:
    assertion = jose.sign(place.claims(), KEYS["dpi"])
    assert place.ask(assertion, ELSEWHERE).status == 401
    assert place.ask(assertion).status == 200, "the refusal used nothing up"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_assertion_type": "other"}, "invalid_request"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_another_form_is_refused_by_its_name(place: Place, changes: dict[str, str], error: str) -> None:
    answer = place.ask(jose.sign(place.claims(), KEYS["dpi"]), **changes)
    assert (answer.status, json.loads(answer.body)) == (400, {"error": error})


@pytest.mark.parametrize("form", [b"", b"\xff", b"grant_type", urlencode(FORM).encode() * 2, b"a=1&" * 50])
def test_what_is_no_form_is_an_invalid_request(place: Place, form: bytes) -> None:
    assert place.door.token(form, THERE).status == 400


def test_a_use_that_cannot_be_noted_gives_no_token(place: Place) -> None:
    def down(_: str) -> bool:
        raise Unavailable("database", "does not answer")

    door = replace(place.door, authority=replace(place.authority, once=down))
    form = urlencode({**FORM, "client_assertion": jose.sign(place.claims(), KEYS["dpi"])}).encode()
    assert door.token(form, THERE).status == 503


def test_a_door_without_registered_senders_gives_none(place: Place) -> None:
    door = replace(place.door, authority=None)
    assert (door.token(b"", THERE).status, door.smart_configuration().status) == (404, 404)
