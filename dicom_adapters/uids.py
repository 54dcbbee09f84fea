"""UIDs that the same cause always has: a thing sent twice is one thing to a PACS."""

import uuid
from typing import Final

from guarantee.ids import NAMESPACE

IMPLEMENTATION_CLASS_UID: Final = f"2.25.{uuid.uuid5(NAMESPACE, 'implementation').int}"
"""Implementation Class UID (0002,0012) of everything this software writes. Fixed for ever."""

IMPLEMENTATION_VERSION_NAME: Final = "AVAL_1"
"""Implementation Version Name (0002,0013). It counts the ways we encode, not releases of the software: the same object
written by two releases is the same bytes."""


def derive_uid(site_namespace: uuid.UUID, kind: str, *parts: str) -> str:
    """Return the UID that ``kind`` and ``parts`` always have at one site.

    Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.

    Args:
        site_namespace: drawn once for each installation, backed up, never changed: two sites never share a UID.
        kind: what is named, e.g. "sr", "seg-series", "tracking".

    Returns:
        At most 44 characters.

    Source: PS3.5, B.2 (UUID derived UID); RFC 9562, 5.5.
    """
    text = "".join(f"{len(part)}:{part}" for part in (kind, *parts))
    return f"2.25.{uuid.uuid5(site_namespace, text).int}"
