"""An identity provider that says whatever a test wants, signed or not: what an honest one never sends.

It is a real server on loopback. The honest one is tests/peers/oidc_provider.py.
"""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.oidc.jose import PrivateKey, encoded, sign
from tests.flows.fakes import FakeClock
from tests.peers.certificates import Pair

RSA: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256: Final = ec.generate_private_key(ec.SECP256R1())
STRANGER: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: PrivateKey, key_id: str, **more: Any) -> dict[str, Any]:
    """Return the public half of ``key`` as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        parts = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    else:
        point = key.public_key().public_numbers()
        parts = {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
    return parts | {"kid": key_id, "use": "sig"} | more


def token_of(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    """Return a token with a signature that somebody else made, or none."""
    return ".".join(encoded(part) for part in (_json(header), _json(claims), signature))


def hs256_with_the_public_key(claims: Mapping[str, Any]) -> str:
    """Return a token whose shared secret is the provider's public key, which everybody has."""
    secret = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": "r"}
    signed = f"{encoded(_json(header))}.{encoded(_json(claims))}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


class Forger:
    """A provider that does not hold its word; over TLS with a certificate.

    Attributes:
        claims: over what an honest token would say; None takes a claim away.
        forge: makes the token of its claims; an honest signature when None.
        given: beside the tokens, e.g. a launch context.
        told: user information; nothing when empty.
        document: over the discovery document.
        keys: that it publishes.
        bodies: raw answers by path, over everything.
        clock: that its tokens go by.
        asked: paths that were asked, in order.
        posted: the last form at the token endpoint, and its Authorization.
    """

    def __init__(self, certificate: Pair | None = None) -> None:
        self.claims: dict[str, Any] = {}
        self.forge: Callable[[dict[str, Any]], str] | None = None
        self.told: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.keys = [jwk(RSA, "r"), jwk(P256, "e")]
        self.bodies: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []
        self.posted: tuple[dict[str, str], str] = ({}, "")
        self.nonce = ""
        self.clock = FakeClock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.issuer = self.issuer.replace("http:", "https:")
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def honest_claims(self) -> dict[str, Any]:
        now = int(self.clock.time.timestamp())
        said = {"iss": self.issuer, "aud": "aval", "sub": "f:1", "nonce": self.nonce, "acr": "eidas1"}
        said |= {"iat": now, "exp": now + 300, "SubjectNameID": "810001234567"} | self.claims
        return {name: value for name, value in said.items() if value is not None}

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        if path in self.bodies:
            return self.bodies[path]
        match path:
            case "/.well-known/openid-configuration":
                return 200, _json(self._document()), {}
            case "/jwks":
                return 200, _json({"keys": self.keys}), {}
            case "/token":
                claims = self.honest_claims()
                token = self.forge(claims) if self.forge else sign(claims, RSA, "r")
                return 200, _json({"id_token": token, "access_token": "opaque-access-token"} | self.given), {}
            case "/userinfo":
                return 200, _json(self.told), {}
        return 404, b"{}", {}

    def _document(self) -> dict[str, Any]:
        home = self.issuer
        return {
            "issuer": home,
            "authorization_endpoint": f"{home}/authorize",
            "token_endpoint": f"{home}/token",
            "userinfo_endpoint": f"{home}/userinfo",
            "jwks_uri": f"{home}/jwks",
            "end_session_endpoint": f"{home}/logout",
        } | self.document


def _handler(forger: Forger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            credentials = self.headers.get("authorization", "")
            forger.posted = ({name: value[0] for name, value in form.items()}, credentials)
            self._answer()

        def _answer(self) -> None:
            path = self.path.partition("?")[0]
            forger.asked.append(path)
            status, body, headers = forger.answer(path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def basic(credentials: str) -> str:
    """Return what HTTP Basic says."""
    return base64.b64decode(credentials.removeprefix("Basic ")).decode()


def _number(value: int, size: int = 0) -> str:
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
