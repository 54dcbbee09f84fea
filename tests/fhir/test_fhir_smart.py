"""Tokens from a record's own server: a real one, and what a server may answer."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from bridge.wiring.processes import intake_server
from fhir_adapters import jose, rest, smart
from guarantee.errors import Unavailable
from tests.installation import Installation
from tests.peers.base import free_port
from tests.peers.fixtures import started
from tests.peers.sekmet import PROGRAM, Sekmet

KEY = jose.read_private_key(jose.new_private_key())
MINE = smart.Options(client_id="aval", key=KEY, scope="system/*.rs")
BASE = "https://dpi.example/fhir"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Sekmet]:
    """A record that gives tokens to whoever has our key."""
    client = {"client_id": "aval", "jwks": {"keys": [jose.public_jwk(KEY)]}, "scopes": "system/*.*"}
    auth = {"types": ["smart"], "smart_clients": [client]}
    yield from started(lambda: Sekmet(f"server_auth: {json.dumps(auth)}\n"))


def test_a_real_server_gives_a_token_and_takes_it(guarded: Sekmet) -> None:
    with rest.Server(rest.Options(base_url=guarded.url)) as server:
        assert server.get("Patient").status == 401
    with rest.Server(rest.Options(base_url=guarded.url, smart=MINE)) as server:
        assert server.get("Patient").status == 200
        assert server.get("Patient?_count=1").status == 200


def test_a_real_server_gives_none_to_another_key_or_name(guarded: Sekmet) -> None:
    other = jose.read_private_key(jose.new_private_key())
    for wrong in (replace(MINE, key=other), replace(MINE, client_id="somebody")):
        with (
            rest.Server(rest.Options(base_url=guarded.url, smart=wrong)) as server,
            pytest.raises(Unavailable, match="client_id, key and scope") as failed,
        ):
            server.get("Patient")
        assert failed.value.code == "no-token"
        assert "eyJ" not in repr(failed.value), "no assertion in an error"


class Place:
    """A server that answers as a test says, and remembers what it was asked."""

    def __init__(self, *, endpoint: str = f"{BASE}/token", life_s: object = 300, takes: bool = True) -> None:
        self.endpoint = endpoint
        self.life_s = life_s
        self.takes = takes
        self.given = 0
        self.jtis: set[str] = set()
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.rpartition("/")[2]
        self.asked.append(path)
        if path == "smart-configuration":
            return httpx2.Response(200, json={"token_endpoint": self.endpoint})
        if path == "token":
            return self._token(request)
        is_taken = request.headers.get("authorization") == f"Bearer t{self.given}" and self.takes
        return httpx2.Response(200 if is_taken else 401, json={"resourceType": "Bundle"})

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        form = dict(part.split("=", 1) for part in request.content.decode().split("&"))
        claims = jose.verify(form["client_assertion"], jose.read_jwks(json.dumps({"keys": [jose.public_jwk(KEY)]})))
        assert claims["aud"] == f"{BASE}/token"
        assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("aval", "aval", 240)
        assert claims["jti"] not in self.jtis
        self.jtis.add(claims["jti"])
        self.given += 1
        return httpx2.Response(200, json={"access_token": f"t{self.given}", "expires_in": self.life_s})

    def server(self, token_url: str = "", token: str = "") -> rest.Server:
        options = rest.Options(base_url=BASE, token=token, smart=replace(MINE, token_url=token_url))
        return rest.Server(options, httpx2.MockTransport(self))


def test_a_token_is_kept_until_it_nears_its_end_and_asked_for_again_after_a_401() -> None:
    place = Place()
    server = place.server(token="a-fixed-one-that-is-not-sent")
    assert [server.get("Patient").status for _ in range(3)] == [200, 200, 200]
    assert (place.given, place.asked.count("token")) == (1, 1)
    place.given = 9  # the server forgot t1
    assert server.get("Patient").status == 200
    place.takes = False
    assert server.get("Patient").status == 401
    assert place.asked[-3:] == ["smart-configuration", "token", "Patient"], "asked for once more, not for ever"


def test_a_token_near_its_end_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(life_s=31)
    server = place.server()
    server.get("Patient")
    now = smart.time.monotonic()
    monkeypatch.setattr(smart.time, "monotonic", lambda: now + 2)
    assert server.get("Patient").status == 200
    assert place.given == 2


@pytest.mark.parametrize("life_s", [None, "300", -1, True])
def test_a_life_that_is_none_is_a_short_one(life_s: object) -> None:
    place = Place(life_s=life_s)
    server = place.server()
    assert {server.get("Patient").status for _ in range(2)} == {200}
    assert place.given == 1


def test_a_token_endpoint_on_another_server_must_be_named_by_us() -> None:
    elsewhere = "https://evil.example/token"
    place = Place(endpoint=elsewhere)
    with pytest.raises(Unavailable) as failed:
        place.server().get("Patient")
    assert failed.value.code == "token-elsewhere"
    assert place.asked == ["smart-configuration"]
    assert place.server(token_url=f"{BASE}/token").get("Patient").status == 200


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", b'{"access_token": 7}', b'{"access_token": "a b"}', b"[" * 9000])
def test_an_answer_without_a_token_is_no_token(answer: bytes) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=answer))
    options = rest.Options(base_url=BASE, smart=replace(MINE, token_url=f"{BASE}/token"))
    with rest.Server(options, transport) as server, pytest.raises(Unavailable) as failed:
        server.get("Patient")
    assert failed.value.code == "no-token"
    with rest.Server(replace(options, smart=MINE), transport) as server, pytest.raises(Unavailable) as failed:
        server.get("Patient")
    assert failed.value.code == "no-token-endpoint"


ANOTHER_CLIENT = """
import sys
from sekmet.auth.outbound import SmartBackendAuth
from sekmet.config import Peer
auth = {"type": "smart", "client_id": "dpi", "private_key_path": sys.argv[2], "alg": "ES384", "scope": "system/*.c"}
provider = SmartBackendAuth(Peer(base_url=sys.argv[1], auth=auth))
print(provider.headers()["Authorization"])
"""


def test_the_client_of_another_hand_gets_a_token_from_us_and_pushes_with_it(tmp_path: Path) -> None:
    """sekmet's SMART client (PyJWT) discovers our token endpoint, signs for it, and its token opens the door."""
    port = free_port()
    (tmp_path / "dpi.pem").write_bytes(jose.new_private_key())
    key = jose.read_private_key((tmp_path / "dpi.pem").read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dpi.jwks").write_text(json.dumps({"keys": [jose.public_jwk(key)]}))
    sender = {"jwks": "dpi.jwks", "search": "Observation"}
    installation = Installation(tmp_path / "data", {"intake": {"port": port, "senders": {"dpi": sender}}})
    with installation.parts_of_the_owner() as parts:
        server = intake_server(parts)
        server.start()
        try:
            words = [str(PROGRAM.with_name("python")), "-c", ANOTHER_CLIENT, f"{server.url}/fhir", "dpi.pem"]
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr
            headers = {"Authorization": done.stdout.strip(), "Content-Type": "application/fhir+json"}
            with httpx2.Client(base_url=server.url, trust_env=False) as web:
                assert web.post("/fhir/notify/dpi", headers=headers).status_code == 200
                assert web.post("/fhir/notify/dpi").status_code == 401
                large = web.post("/fhir/auth/token", content=b"a=" + b"x" * 20_000)
                assert (large.status_code, web.post("/fhir/auth/token", content=b"a=b").status_code) == (413, 400)
        finally:
            server.stop()
