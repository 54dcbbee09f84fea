"""Whose packages run here: the keys that this installation trusts, and what each package says of its origin."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bridge.config import ConfigError, Settings
from bridge.seal import KeyRing, key_id
from guarantee.errors import Forged
from inference.card import Package
from inference.errors import PackageRefused
from inference.registry import SHIPPED
from inference.signature import payload, read_signature

_KEY: Final = re.compile(r"[0-9a-f]{64}")

KEY_FILE_BYTES_MAX: Final = 1024
"""Most of a key file that is read. A key is 64 characters and an end of line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a package comes from.

    Args:
        word: "shipped" (it lies inside the program), "signed", "unknown-key" or "unsigned".
        publisher: name of whoever signed it, as the settings call them; "" unless signed.
        key: name of the key that signed; "" without a signature.
    """

    word: str
    publisher: str = ""
    key: str = ""

    @property
    def is_trusted(self) -> bool:
        """Whether somebody answers for these bytes whom the settings name, or the program itself does."""
        return self.word in {"shipped", "signed"}

    @property
    def said(self) -> str:
        """In words, on a terminal."""
        return {
            "shipped": "is shipped with Aval",
            "signed": f"is signed by {self.publisher}",
            "unknown-key": f"is signed by key {self.key}, which is nobody's here",
            "unsigned": "is not signed",
        }[self.word]


def is_inline(text: str) -> bool:
    """Return whether a publisher of the settings is a key, and not the name of a file."""
    return _KEY.fullmatch(text) is not None


class Publishers:
    """The publishers that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _keys(self) -> dict[str, tuple[str, Ed25519PublicKey]]:
        found: dict[str, tuple[str, Ed25519PublicKey]] = {}
        for name, text in self._settings.models.publishers.items():
            key = self._key(name, text)
            other, _ = found.setdefault(key_id(key), (name, key))
            if other != name:
                raise ConfigError(f"models.publishers: {other} and {name} are one key; a signature would name either")
        return found

    @cached_property
    def _ring(self) -> KeyRing:
        return KeyRing(None, {named: key for named, (_, key) in self._keys.items()})

    def origin(self, package: Package) -> Origin:
        """Return where ``package`` comes from; its signature is checked over the bytes on disk.

        Raises:
            PackageRefused: it bears the name of a trusted key, and is not what that key signed.
            ConfigError: a key of the settings cannot be read.
        """
        if package.folder.resolve().parent == SHIPPED.resolve():
            return Origin(word="shipped")
        seal = read_signature(package)
        if seal is None:
            return Origin(word="unsigned")
        if seal.key not in self._keys:
            return Origin(word="unknown-key", key=seal.key)
        name = self._keys[seal.key][0]
        try:
            self._ring.verify(payload(package), seal)
        except Forged as error:
            raise PackageRefused(f"{package.folder.name}: not what {name} signed: {error}") from error
        return Origin(word="signed", publisher=name, key=seal.key)

    def require(self, package: Package) -> Origin:
        """Return where ``package`` comes from, when it may run here.

        Raises:
            PackageRefused: models.require_signature, and nobody whom the settings name signed it; or as :meth:`origin`.
        """
        found = self.origin(package)
        if self._settings.models.require_signature and not found.is_trusted:
            why = f"is signed by key {found.key}, which is nobody's" if found.key else "is not signed"
            raise PackageRefused(
                f"{package.folder.name}: {package.card.model.id} {why} of models.publishers, and "
                "models.require_signature is true"
            )
        return found

    def _key(self, name: str, text: str) -> Ed25519PublicKey:
        path = self._settings.path(Path(text))
        # Every .pub of that folder is trusted to seal opinions and releases: a publisher must never be.
        if not is_inline(text) and path.resolve().parent == self._settings.path(self._settings.storage.keys).resolve():
            raise ConfigError(f"models.publishers.{name}: {path} lies among this installation's own keys; move it")
        hexadecimal = text if is_inline(text) else _read(path, name)
        if not is_inline(hexadecimal):
            raise ConfigError(f"models.publishers.{name}: not an Ed25519 public key of 64 hexadecimal characters")
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(hexadecimal))


def _read(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(KEY_FILE_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigError(f"models.publishers.{name}: {path}: {error.strerror}") from error
