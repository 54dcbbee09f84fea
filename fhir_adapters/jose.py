"""Signed tokens (JWS, RFC 7515) and public keys (JWK, RFC 7517), as far as SMART Backend Services needs them.

Two algorithms, those that SMART 2.2 names: RS384 and ES384. Which one verifies is decided by the key that was given to
us beforehand, never by the token: "none", HMAC with a public key, and keys that a token brings along are not possible.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fhir_adapters.errors import TokenRefused

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

TOKEN_CHARACTERS_MAX: Final = 8_192
"""Longest token that is read; an assertion has some 700 characters."""

KEYS_MAX: Final = 20
"""Most keys of one set; a client has one or two."""

RSA_BITS: Final = range(2048, 8193)
"""Sizes of RSA keys: shorter ones are broken, longer ones only cost time."""

_NUMBER_BYTES: Final = 48
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEADER: Final = frozenset({"alg", "kid", "typ", "jku"})
"""What may stand in a header. "jku" may, SMART wants it; it is never followed: keys are those of the settings."""


def new_private_key() -> bytes:
    """Return a new key for ES384 as PEM."""
    return ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_private_key(pem: bytes) -> PrivateKey:
    """Return the private key that ``pem`` holds, without a password.

    Raises:
        TokenRefused: "key": none, or none for RS384 or ES384.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise TokenRefused("key") from error
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        _require_usable(key.public_key())
        return key
    raise TokenRefused("key")


def public_jwk(key: PrivateKey) -> dict[str, str]:
    """Return the public half, named by its thumbprint (RFC 7638)."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        jwk = {"e": _number(numbers.e, 0), "kty": "RSA", "n": _number(numbers.n, 0)}
    else:
        point = public.public_numbers()
        jwk = {"crv": "P-384", "kty": "EC", "x": _number(point.x, _NUMBER_BYTES), "y": _number(point.y, _NUMBER_BYTES)}
    thumbprint = hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**jwk, "kid": _text(thumbprint), "alg": _algorithm(public), "use": "sig"}


def read_jwks(text: str) -> tuple[tuple[str, PublicKey], ...]:
    """Return the keys of a JWK set with their names; those of other kinds are passed over.

    Raises:
        TokenRefused: "key": not a set, or none in it for RS384 or ES384.
    """
    try:
        given = json.loads(text)["keys"][:KEYS_MAX]
        found = tuple((str(jwk.get("kid", "")), key) for jwk in given if (key := _public(jwk)) is not None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TokenRefused("key") from error
    if not found:
        raise TokenRefused("key")
    return found


def sign(claims: Mapping[str, Any], key: PrivateKey) -> str:
    """Return ``claims`` as a signed token."""
    jwk = public_jwk(key)
    header = {"alg": jwk["alg"], "kid": jwk["kid"], "typ": "JWT"}
    signed = f"{_text(json.dumps(header).encode())}.{_text(json.dumps(claims).encode())}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), SHA384())
    else:
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA384())))
        signature = r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")
    return f"{signed}.{_text(signature)}"


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, **not verified**: only to find out whose keys verify it.

    Raises:
        TokenRefused: "form".
    """
    return _json(_pieces(token)[1])


def verify(token: str, keys: Sequence[tuple[str, PublicKey]]) -> dict[str, Any]:
    """Return the claims of a token that one of ``keys`` signed.

    Raises:
        TokenRefused: "form", "algorithm" or "signature".
    """
    header, body, signature = _pieces(token)
    said = _json(header)
    if not said.keys() <= _HEADER:
        raise TokenRefused("form")
    fitting = [key for _, key in keys if _algorithm(key) == said.get("alg")]
    if not fitting:
        raise TokenRefused("algorithm")
    signed = f"{header}.{body}".encode()
    if not any(_is_signed(signed, _bytes(signature), key) for key in fitting):
        raise TokenRefused("signature")
    return _json(body)


def _is_signed(signed: bytes, signature: bytes, key: PublicKey) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), SHA384())
            return True
        if len(signature) != 2 * _NUMBER_BYTES:
            return False
        r, s = (int.from_bytes(half, "big") for half in (signature[:_NUMBER_BYTES], signature[_NUMBER_BYTES:]))
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA384()))
    except InvalidSignature:
        return False
    return True


def _public(jwk: Mapping[str, Any]) -> PublicKey | None:
    key: PublicKey
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            key = rsa.RSAPublicNumbers(_integer(jwk["e"]), _integer(jwk["n"])).public_key()
        case "EC", "P-384":
            key = ec.EllipticCurvePublicNumbers(_integer(jwk["x"]), _integer(jwk["y"]), ec.SECP384R1()).public_key()
        case _:
            return None
    _require_usable(key)
    return key


def _require_usable(key: PublicKey) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            raise TokenRefused("key")
    elif not isinstance(key.curve, ec.SECP384R1):
        raise TokenRefused("key")


def _algorithm(key: PublicKey) -> str:
    return "RS384" if isinstance(key, rsa.RSAPublicKey) else "ES384"


def _pieces(token: str) -> tuple[str, str, str]:
    pieces = token.split(".")
    if len(token) > TOKEN_CHARACTERS_MAX or len(pieces) != 3 or not all(map(_BASE64URL.fullmatch, pieces)):
        raise TokenRefused("form")
    return pieces[0], pieces[1], pieces[2]


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(text))
    except (ValueError, RecursionError) as error:
        raise TokenRefused("form") from error
    if not isinstance(value, dict):
        raise TokenRefused("form")
    return value


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise TokenRefused("form") from error


def _integer(text: Any) -> int:
    return int.from_bytes(_bytes(str(text)), "big")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int, size: int) -> str:
    return _text(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))
