"""Names of things, and the digest that stands for bytes.

Identifiers are derived (`derive`), not drawn: the same cause gives the same name, so anything done twice is done once.
"""

import hashlib
import re
import uuid
from typing import Final, NewType

from guarantee.errors import Malformed

CaseId = NewType("CaseId", str)
ResultId = NewType("ResultId", str)
ImpressionId = NewType("ImpressionId", str)
PreparationId = NewType("PreparationId", str)
OpinionId = NewType("OpinionId", str)
GrantId = NewType("GrantId", str)
DecisionId = NewType("DecisionId", str)
WithdrawalId = NewType("WithdrawalId", str)
ReleaseId = NewType("ReleaseId", str)
DeliveryId = NewType("DeliveryId", str)
Digest = NewType("Digest", str)
"""SHA-256 of some bytes: 64 lower-case hexadecimal characters."""

NAMESPACE: Final = uuid.UUID("5a1d0c2e-6f7b-5c1e-9d53-0a7a1e000001")
"""Root of every derived identifier. Fixed for ever: changing it would give known things new names."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def digest(data: bytes) -> Digest:
    """Return the SHA-256 of ``data``."""
    return Digest(hashlib.sha256(data).hexdigest())


def parse_digest(text: str) -> Digest:
    """Return ``text`` as a digest.

    Raises:
        Malformed: it is not 64 lower-case hexadecimal characters.
    """
    if not _DIGEST.fullmatch(text):
        raise Malformed(f"{text[:80]!r} is not a SHA-256 digest (64 lower-case hexadecimal characters)")
    return Digest(text)


def derive(kind: str, *parts: str) -> str:
    """Return the identifier that ``kind`` and ``parts`` always have.

    Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.

    Source: RFC 9562, 5.5 (UUID version 5).
    """
    return str(uuid.uuid5(NAMESPACE, "".join(f"{len(part)}:{part}" for part in (kind, *parts))))
