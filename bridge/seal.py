"""Seals: Ed25519 signatures of this installation's processes (RFC 8032).

A seal proves what the *service* recorded after a strong sign-in (level L1). It is not the reader's own signature; a
gesture on a personal authenticator (L2) and a professional certificate (L3) are stronger and named as such.
"""

import hashlib
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.files import write_secret, write_whole
from guarantee.errors import Forged
from guarantee.opinion import Seal

KEY_NAMES: Final = ("desk", "journal")
"""The desk seals opinions, releases and withdrawals; the journal key signs anchors."""


class KeyRing:
    """Signs with one key, and trusts a set of public ones.

    Args:
        private: None for a process that only checks, such as the deliverer.
        trusted: public keys by identifier.
    """

    def __init__(self, private: Ed25519PrivateKey | None, trusted: dict[str, Ed25519PublicKey]) -> None:
        self._private = private
        self._trusted = trusted
        self._id = key_id(private.public_key()) if private else ""

    def seal(self, payload: bytes) -> Seal:
        """Return the seal over ``payload``.

        Raises:
            Forged: this process holds no private key, and must not pretend.
        """
        if self._private is None:
            raise Forged("this process may check seals, not make them")
        return Seal(key=self._id, signature=self._private.sign(payload).hex())

    def verify(self, payload: bytes, seal: Seal) -> None:
        """Return when ``seal`` is over ``payload`` by a trusted key.

        Raises:
            Forged: it is not.
        """
        public = self._trusted.get(seal.key)
        if public is None:
            raise Forged(f"sealed by key {seal.key[:16]!r}, which this installation does not trust")
        try:
            public.verify(bytes.fromhex(seal.signature), payload)
        except (InvalidSignature, ValueError) as error:
            raise Forged(
                f"the seal of key {seal.key} does not verify: these are not the bytes that were sealed"
            ) from error


def key_id(public: Ed25519PublicKey) -> str:
    """Return the name of a public key: the first 16 hexadecimal characters of its SHA-256."""
    return hashlib.sha256(raw(public)).hexdigest()[:16]


def raw(public: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def create_keys(folder: Path) -> None:
    """Create the missing key pairs: ``<name>.key`` (private, mode 0600) and ``<name>.pub`` (hexadecimal)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in KEY_NAMES:
        create_key(folder / name)


def create_key(path: Path) -> str:
    """Create the key pair ``path``.key and ``path``.pub, unless the first is there; return the public key in hex."""
    private_path, public_path = path.with_name(f"{path.name}.key"), path.with_name(f"{path.name}.pub")
    if not private_path.exists():
        write_secret(private_path, Ed25519PrivateKey.generate().private_bytes_raw().hex().encode())
    public = raw(_private(private_path).public_key()).hex()
    write_whole(public_path, public.encode() + b"\n")
    return public


def signing_ring(folder: Path, name: str) -> KeyRing:
    """Return the ring of a process that signs as ``name``."""
    return KeyRing(_private(folder / f"{name}.key"), _trusted(folder))


def lone_ring(path: Path) -> KeyRing:
    """Return the ring of whoever signs with the private key in ``path``, and trusts nobody.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a private key of 64 hexadecimal characters.
    """
    return KeyRing(_private(path), {})


def checking_ring(folder: Path) -> KeyRing:
    """Return the ring of a process that only checks."""
    return KeyRing(None, _trusted(folder))


def _private(path: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))


def _trusted(folder: Path) -> dict[str, Ed25519PublicKey]:
    keys = (Ed25519PublicKey.from_public_bytes(bytes.fromhex(p.read_text().strip())) for p in folder.glob("*.pub"))
    return {key_id(key): key for key in keys}


def public_keys(folder: Path) -> dict[str, str]:
    """Return the public keys of a folder: identifier to 64 hexadecimal characters."""
    return {name: raw(key).hex() for name, key in _trusted(folder).items()}
