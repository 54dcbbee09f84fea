"""Names, identifiers, UIDs and days that a secret derives: the same for the same cause, and only with the secret.

Whoever has the secret can find the pseudonym of a patient they know; nobody can go back from a pseudonym, nor forward
without the secret. Two exports under one secret fit together; under two secrets they do not.

Source: RFC 2104 (HMAC); PS3.5, B.2 (UUID derived UID); PS3.15, E.3.6 (dates moved by the same offset).
"""

import base64
import hmac
import uuid
from datetime import date, timedelta
from typing import Final

from dicom_adapters.errors import NotExportable

SECRET_BYTES_MIN: Final = 32
"""Shortest secret, 32 bytes: as long as the hash, so that guessing the secret is no easier than guessing the hash."""

DAYS_MAX: Final = 3650
"""Furthest that dates are moved into the past, in days: ten years hide the year and leave it plausible."""

NAME_CHARS: Final = 16
"""Length of a pseudonym: 80 bits, so that two patients of one hospital never share one."""


class Pseudonyms:
    """What one secret derives.

    Args:
        secret: at least SECRET_BYTES_MIN bytes.

    Raises:
        NotExportable: "secret-short".
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            detail = f"the secret has {len(secret)} bytes; at least {SECRET_BYTES_MIN} (head -c 32 /dev/urandom)"
            raise NotExportable("secret-short", detail)
        self._secret = secret

    def uid(self, original: str) -> str:
        """Return the UID that stands for ``original``."""
        return f"2.25.{uuid.UUID(bytes=self._mac('uid', original)[:16], version=5).int}"

    def patient(self, issuer: str, identifier: str) -> str:
        """Return the identifier that stands for a patient."""
        return base64.b32encode(self._mac("patient", issuer, identifier))[:NAME_CHARS].decode("ascii")

    def days(self, issuer: str, identifier: str) -> int:
        """Return by how many days the dates of a patient are moved back, from 1 to DAYS_MAX."""
        return 1 + int.from_bytes(self._mac("days", issuer, identifier)[:8]) % DAYS_MAX

    def _mac(self, kind: str, *parts: str) -> bytes:
        text = "".join(f"{len(part)}:{part}" for part in (kind, *parts))
        return hmac.digest(self._secret, text.encode("utf-8"), "sha256")


def moved(day: date, days: int) -> date | None:
    """Return ``day`` moved back; None when the calendar does not go that far."""
    try:
        return day - timedelta(days=days)
    except OverflowError:
        return None
