"""An authenticator in software, for what no browser can be made to do: sign for another host, count backwards, lie."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor

from bridge.passkeys import encoded
from guarantee.gesture import Gesture

VERIFIED = 0x05
ATTESTED = 0x40


def _numbers(size: int, *values: int) -> list[bytes]:
    return [value.to_bytes(size, "big") for value in values]


@dataclass(slots=True)
class Authenticator:
    """One credential.

    Args:
        algorithm: "ES256", "EdDSA" or "RS256".
        counter: the last one that was signed.
        step: what is added at each signature; 0 for an authenticator that does not count.
    """

    algorithm: str = "ES256"
    origin: str = "https://aval.chu.example"
    host: str = "aval.chu.example"
    counter: int = 0
    step: int = 1
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: Any = None

    def __post_init__(self) -> None:
        self.key = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "RS256": lambda: rsa.generate_private_key(65_537, 2_048),
        }[self.algorithm]()

    @property
    def id(self) -> str:
        return encoded(self.credential)

    @property
    def cose(self) -> dict[int, Any]:
        """The public key as authenticators write it (RFC 9053)."""
        public = self.key.public_key()
        if self.algorithm == "EdDSA":
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        if self.algorithm == "RS256":
            return {1: 3, 3: -257, -1: _numbers(256, numbers.n)[0], -2: b"\x01\x00\x01"}
        x, y = _numbers(32, numbers.x, numbers.y)
        return {1: 2, 3: -7, -1: 1, -2: x, -3: y}

    def client_data(self, kind: str, challenge: str, **more: Any) -> str:
        said = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | more, separators=(",", ":"))

    def data(self, flags: int = VERIFIED, attested: bytes = b"") -> bytes:
        party = hashlib.sha256(self.host.encode()).digest()
        return party + bytes([flags]) + self.counter.to_bytes(4, "big") + attested

    def create(self, challenge: str, *, flags: int = VERIFIED, cose: dict[int, Any] | None = None) -> tuple[str, str]:
        """Return client data and attestation object, as a browser hands them over."""
        size = len(self.credential).to_bytes(2, "big")
        attested = b"\0" * 16 + size + self.credential + cbor.encode(self.cose if cose is None else cose)
        said = {"fmt": "none", "attStmt": {}, "authData": self.data(flags | ATTESTED, attested)}
        return self.client_data("create", challenge), encoded(cbor.encode(said))

    def sign(self, challenge: str, *, flags: int = VERIFIED, **said: Any) -> Gesture:
        """Return an assertion; ``said`` changes what the browser says."""
        self.counter += self.step
        data, client_data = self.data(flags), self.client_data("get", challenge, **said)
        message = data + hashlib.sha256(client_data.encode()).digest()
        return Gesture(
            passkey=self.id,
            authenticator_data=data.hex(),
            client_data=client_data,
            signature=self._signature(message).hex(),
        )

    def _signature(self, message: bytes) -> bytes:
        made: bytes = {
            "ES256": lambda: self.key.sign(message, ec.ECDSA(SHA256())),
            "EdDSA": lambda: self.key.sign(message),
            "RS256": lambda: self.key.sign(message, padding.PKCS1v15(), SHA256()),
        }[self.algorithm]()
        return made
