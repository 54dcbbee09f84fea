"""A publisher's word on a package: which key signed it, in a file beside the card.

What is signed are two digests: the card's, which pins every file that the card lists, and the licence's, which the card
does not list. So nothing in a package can change and stay signed. Who may be believed is not said here: keys belong to
the installation (bridge.wiring.publishers).
"""

import re
from typing import Final

from guarantee.canonical import Json, canonical, parse_canonical
from guarantee.errors import NotCanonical
from guarantee.ids import digest
from guarantee.opinion import Seal
from inference.card import CARD_BYTES_MAX, LICENCE_FILE, SIGNATURE_BYTES_MAX, SIGNATURE_FILE, Package, read_file
from inference.errors import PackageRefused

FORM: Final = "aval.package/1"
"""First word of what is signed: a key that signs other things too never signs a package by accident."""

_KEY: Final = re.compile(r"[0-9a-f]{16}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")


def payload(package: Package) -> bytes:
    """Return the bytes that a publisher signs, and that a signature is checked over.

    Raises:
        PackageRefused: the licence cannot be read.
    """
    path = package.folder / LICENCE_FILE
    licence: Json = digest(read_file(path, CARD_BYTES_MAX)) if path.exists() else None
    return canonical({"form": FORM, "card": package.card.model.card, "licence": licence})


def write_signature(seal: Seal) -> bytes:
    """Return the bytes of the file that holds ``seal``."""
    return canonical({"form": FORM, "key": seal.key, "signature": seal.signature})


def read_signature(package: Package) -> Seal | None:
    """Return the signature that lies in the folder of ``package``; None when there is none. It is not checked here.

    Raises:
        PackageRefused: the file is not one that :func:`write_signature` writes, byte for byte.
    """
    path = package.folder / SIGNATURE_FILE
    if not path.exists():
        return None
    return parse_signature(read_file(path, SIGNATURE_BYTES_MAX), f"{package.folder.name}/{SIGNATURE_FILE}")


def parse_signature(data: bytes, where: str) -> Seal:
    """Return the signature in ``data``.

    Raises:
        PackageRefused: it is none; the message begins with ``where``.
    """
    try:
        said = parse_canonical(data)
    except NotCanonical as error:
        raise PackageRefused(f"{where}: {error}") from error
    match said:
        case {"form": str(form), "key": str(key), "signature": str(signature), **rest} if form == FORM and not rest:
            if _KEY.fullmatch(key) and _SIGNATURE.fullmatch(signature):
                return Seal(key=key, signature=signature)
    raise PackageRefused(f"{where}: not a signature of the form {FORM!r}")
