"""Sequences, UIDs and codes of a small data set that pydicom reads; what cannot be read is refused."""

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset

from dicom_adapters.errors import MalformedInstance, RequestRefused
from dicom_adapters.read.values import parse_uid

REFERENCES_MAX: Final = 40_000
"""Most instances that one message or note names. The largest studies seen have some 20,000; structure.walk stops at
250,000 elements, and a reference has up to six of them."""

INVALID_VALUE: Final = 0x0106
"""Invalid attribute value (PS3.7, C.5.10)."""


def items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """Return the items of a sequence; none when it is absent or no sequence.

    Raises:
        RequestRefused: pydicom cannot read it.
    """
    try:
        found = dataset.get(keyword) or ()
        return [item for item in found if isinstance(item, Dataset)] if not isinstance(found, str) else ()
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError, EOFError) as error:
        raise RequestRefused(INVALID_VALUE, "broken", f"{keyword} cannot be read") from error


def uid(dataset: Dataset, keyword: str) -> str:
    """Return a UID of ``dataset``.

    Raises:
        RequestRefused: absent, or not a UID.
    """
    try:
        return parse_uid(str(dataset.get(keyword) or ""), keyword)
    except (MalformedInstance, AttributeError, KeyError, TypeError, ValueError, EOFError) as error:
        raise RequestRefused(INVALID_VALUE, "uid-form", f"{keyword} is absent or not a UID") from error


def code(dataset: Dataset, keyword: str) -> str:
    """Return a coded value in capitals; "" when it is absent or cannot be read."""
    try:
        return str(dataset.get(keyword) or "").strip().upper()
    except (AttributeError, KeyError, TypeError, ValueError, EOFError):
        return ""
