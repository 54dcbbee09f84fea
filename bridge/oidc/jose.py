"""Signed tokens: compact JWS (RFC 7515) with RS256 or ES256, and the JWK sets that verify them (RFC 7517, 7518).

Made of what the `cryptography` library, which is here for the seals, already does. That is all a relying party needs:
a general JOSE library also brings encryption, symmetric keys, keys inside tokens and a switch for each, and every known
attack on token verification goes through one of those. The algorithm is never taken from the token alone: it must be
one of two, and the key must be of its type.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bridge.oidc.errors import TokenRefused

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ALGORITHMS: Final = ("RS256", "ES256")
"""What is taken. Never "none"; never HS256, with which a public key would be taken for a shared secret."""

TOKEN_CHARACTERS_MAX: Final = 32_768
"""Longest token. Those of Pro Santé Connect have about 2,000 characters, with every group of a directory 10,000."""

RSA_BITS: Final = range(2048, 8193)
"""Sizes of RSA keys: shorter ones are broken, longer ones only cost time."""

KEYS_MAX: Final = 50
"""Keys looked at in a set; providers have two to ten."""

_P256_BYTES: Final = 32
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_FIELDS: Final = {"alg", "kid", "typ", "x5t", "x5t#S256"}
"""What may stand in a header. Others would change what is verified ("b64", "crit"), or bring keys along ("jwk", "jku",
"x5u", "x5c")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a set.

    Args:
        id: "kid"; "" where it has none.
        algorithm: the only one that it verifies.
    """

    id: str
    algorithm: str
    public: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as read, not yet verified."""

    algorithm: str
    key_id: str
    payload: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read_token(text: str) -> Token:
    """Return the parts of a compact JWS. Nothing of it may be believed before ``verify``.

    Raises:
        TokenRefused: not one, too long, or with an algorithm or a header field that is not taken.
    """
    if len(text) > TOKEN_CHARACTERS_MAX or text.count(".") != 2:
        raise TokenRefused("form")
    head, body, signature = text.split(".")
    header = _object(head)
    if header.keys() - _FIELDS:
        raise TokenRefused("header")
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    if algorithm not in ALGORITHMS or not isinstance(key_id, str):
        raise TokenRefused("algorithm")
    return Token(
        algorithm=algorithm,
        key_id=key_id,
        payload=_object(body),
        signed=f"{head}.{body}".encode(),
        signature=_decoded(signature),
    )


def read_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the keys of a JWK set that verify signatures here; others are left out, as RFC 7517 (5) says."""
    listed = document.get("keys")
    entries = listed[:KEYS_MAX] if isinstance(listed, list) else []
    keys = (_key(entry) for entry in entries if isinstance(entry, dict))
    return tuple(key for key in keys if key is not None)


def key_for(token: Token, keys: Sequence[Key]) -> Key | None:
    """Return the key that a token names; the only one of its algorithm when it names none."""
    fitting = [key for key in keys if key.algorithm == token.algorithm and token.key_id in ("", key.id)]
    return fitting[0] if len(fitting) == 1 else None


def verify(token: Token, key: Key) -> Mapping[str, Any]:
    """Return what ``token`` says.

    Raises:
        TokenRefused: ``key`` did not sign it.
    """
    try:
        if isinstance(key.public, rsa.RSAPublicKey):
            key.public.verify(token.signature, token.signed, padding.PKCS1v15(), SHA256())
        else:
            key.public.verify(_der(token.signature), token.signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise TokenRefused("signature") from None
    return token.payload


def load_key(pem: bytes) -> PrivateKey:
    """Return a private key that signs with RS256 or ES256.

    Raises:
        ValueError: it is none, has a password, or is of another type or size.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError("the key has a password") from error
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size in RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("the key is neither RSA of 2048 to 8192 bits nor ECDSA P-256")


def sign(claims: Mapping[str, Any], key: PrivateKey, key_id: str) -> str:
    """Return a compact JWS over ``claims``."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    header = {"alg": algorithm, "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    if isinstance(key, rsa.RSAPrivateKey):
        return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{encoded(r.to_bytes(_P256_BYTES, 'big') + s.to_bytes(_P256_BYTES, 'big'))}"


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _key(entry: Mapping[str, Any]) -> Key | None:
    key_id = entry.get("kid", "")
    if not isinstance(key_id, str) or entry.get("use", "sig") != "sig":
        return None
    try:
        made = _rsa(entry) if entry.get("kty") == "RSA" else _p256(entry) if entry.get("kty") == "EC" else None
    except (TokenRefused, ValueError):
        return None
    if made is None or entry.get("alg", made[0]) != made[0]:
        return None
    return Key(id=key_id, algorithm=made[0], public=made[1])


def _rsa(entry: Mapping[str, Any]) -> tuple[str, PublicKey] | None:
    n, e = (int.from_bytes(_decoded(entry.get(name)), "big") for name in ("n", "e"))
    return ("RS256", rsa.RSAPublicNumbers(e, n).public_key()) if n.bit_length() in RSA_BITS else None


def _p256(entry: Mapping[str, Any]) -> tuple[str, PublicKey] | None:
    if entry.get("crv") != "P-256":
        return None
    x, y = (int.from_bytes(_decoded(entry.get(name)), "big") for name in ("x", "y"))
    return "ES256", ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _der(signature: bytes) -> bytes:
    if len(signature) != 2 * _P256_BYTES:
        raise TokenRefused("signature")
    return encode_dss_signature(
        int.from_bytes(signature[:_P256_BYTES], "big"), int.from_bytes(signature[_P256_BYTES:], "big")
    )


def _object(part: str) -> Mapping[str, Any]:
    try:
        value = json.loads(_decoded(part), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise TokenRefused("form") from None
    if not isinstance(value, dict):
        raise TokenRefused("form")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands there twice is read in two ways by two readers."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name twice")
    return value


def _no_number(text: str) -> float:
    """An expiry of Infinity would never come."""
    raise ValueError(text)


def _decoded(text: object) -> bytes:
    """Return what base64url without padding writes; any other character is a fault, not left out."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise TokenRefused("form")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise TokenRefused("form") from None
