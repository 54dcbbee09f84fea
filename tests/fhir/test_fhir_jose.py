"""Signed tokens: those that verify, and every forgery that must not."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fhir_adapters import jose
from fhir_adapters.errors import TokenRefused

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP384R1())
OTHER = ec.generate_private_key(ec.SECP384R1())
CLAIMS = {"iss": "dpi", "jti": "1", "n": 72}


def keys_of(*keys: jose.PrivateKey) -> tuple[tuple[str, jose.PublicKey], ...]:
    return jose.read_jwks(json.dumps({"keys": [jose.public_jwk(key) for key in keys]}))


def text(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem(key: Any) -> bytes:
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data


@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY], ids=["RS384", "ES384"])
def test_what_one_half_signs_the_other_half_verifies(key: jose.PrivateKey) -> None:
    token = jose.sign(CLAIMS, jose.read_private_key(pem(key)))
    assert jose.verify(token, keys_of(OTHER, key)) == CLAIMS
    assert jose.claims_of(token) == CLAIMS
    assert jose.public_jwk(key)["kid"] == json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]


def test_a_new_key_is_for_es384() -> None:
    assert jose.public_jwk(jose.read_private_key(jose.new_private_key()))["alg"] == "ES384"


def forged(key: jose.PrivateKey, header: dict[str, Any]) -> str:
    """Return a token with another header, and the signature of the true one."""
    _, body, signature = jose.sign(CLAIMS, key).split(".")
    return f"{text(header)}.{body}.{signature}"


def with_hmac() -> str:
    """Return a token whose secret is the public key."""
    public = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{text({'alg': 'HS384'})}.{text(CLAIMS)}"
    return f"{signed}.{text(hmac.new(public, signed.encode(), hashlib.sha384).digest())}"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (f"{text({'alg': 'none'})}.{text(CLAIMS)}.", "form"),
        (f"{text({'alg': 'none'})}.{text(CLAIMS)}.AAAA", "algorithm"),
        (with_hmac(), "algorithm"),
        (jose.sign(CLAIMS, RSA_KEY), "algorithm"),
        (jose.sign(CLAIMS, OTHER), "signature"),
        (forged(EC_KEY, {"alg": "ES384", "kid": "another"}), "signature"),
        (forged(EC_KEY, {"alg": "ES384", "jwk": jose.public_jwk(OTHER)}), "form"),
        (forged(EC_KEY, {"alg": "ES384", "crit": ["b64"], "b64": False}), "form"),
        (jose.sign(CLAIMS, EC_KEY)[:-4] + "AAAA", "signature"),
        (jose.sign(CLAIMS, EC_KEY)[:-4], "signature"),
        (jose.sign({**CLAIMS, "x": "y" * jose.TOKEN_CHARACTERS_MAX}, EC_KEY), "form"),
        ("a.b", "form"),
        ("", "form"),
        (f"{text([1])}.{text(CLAIMS)}.AAAA", "form"),
        (f"{text(b'[' * 3000)}.{text(CLAIMS)}.AAAA", "form"),
        ("A.A.A", "form"),
    ],
)
def test_a_forgery_is_refused(token: str, code: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        jose.verify(token, keys_of(EC_KEY))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),
    ],
    ids=["P-256", "Ed25519", "RSA 1024"],
)
def test_a_key_for_another_algorithm_or_a_short_one_is_refused(key: Any) -> None:
    with pytest.raises(TokenRefused, match="key"):
        jose.read_private_key(pem(key))


@pytest.mark.parametrize(
    "given", ["", "[]", "{}", '{"keys": 3}', '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA"}]}', '{"keys": [1]}']
)
def test_a_set_without_a_usable_key_is_refused(given: str) -> None:
    with pytest.raises(TokenRefused, match="key"):
        jose.read_jwks(given)
    with pytest.raises(TokenRefused, match="key"):
        jose.read_private_key(given.encode())
