"""What a C-STORE request is answered (PS3.4, Table B.2-1), and what is recorded of a refusal.

status    code (Error Comment, turn_away)     what the sender should do
0x0000                                        forget the instance
0x0124    not-admitted                        associate first
0xA700    vault, database, listener-full,     send again later
          rate-exceeded, storage-low, …
0xA900    class-mismatch                      look at the instance
0xC0xx    see REFUSALS                        look at the instance
0xC210    refused, unexpected                 tell us: our record says where
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dicom_adapters.errors import MalformedInstance
from guarantee.errors import GuaranteeError, Unavailable

REFUSALS: Final[Mapping[str, int]] = {
    "class-mismatch": 0xA900,
    "not-dicom": 0xC001,
    "truncated": 0xC002,
    "broken": 0xC003,
    "stray-group": 0xC004,
    "repeated-element": 0xC005,
    "too-deep": 0xC006,
    "too-many-elements": 0xC007,
    "header-too-large": 0xC008,
    "deflated": 0xC009,
    "uid-missing": 0xC00A,
    "uid-form": 0xC00B,
    "instance-too-large": 0xC00C,
    "rejection-unreadable": 0xC00D,
}
"""Status of each refusal of errors.py (PS3.4, Table B.2-1: A9xx does not match SOP Class, Cxxx cannot understand)."""

COMMENT_CHARS_MAX: Final = 64
"""Longest Error Comment (0000,0902): it is an LO (PS3.7, C.4)."""

RETRY_LATER: Final = 0xA700
"""Not now: out of resources."""

_CANNOT_UNDERSTAND: Final = 0xC000
_UNEXPECTED: Final = 0xC210


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request is answered.

    Args:
        code: of a refusal; "" of success.
        detail: for the record, no patient data.
    """

    status: int
    code: str = ""
    detail: str = ""

    @property
    def comment(self) -> str:
        """The Error Comment (0000,0902)."""
        return self.code[:COMMENT_CHARS_MAX]


SUCCESS: Final = Answer(status=0x0000)
NOT_ADMITTED: Final = Answer(status=0x0124, code="not-admitted")
"""Refused: not authorised (PS3.7, C.5.17)."""


def answer_to(error: Exception | None) -> Answer:
    """Return what an instance is answered that ``error`` kept from being safe; None when it is safe."""
    match error:
        case None:
            return SUCCESS
        case MalformedInstance():
            status = REFUSALS.get(error.code, _CANNOT_UNDERSTAND)
            return Answer(status=status, code=error.code, detail=error.detail)
        case Unavailable():
            return Answer(status=RETRY_LATER, code=error.code, detail=error.detail)
        case OSError() | MemoryError():
            return Answer(status=RETRY_LATER, code="resources", detail=where(error))
        case GuaranteeError():
            return Answer(status=_UNEXPECTED, code="refused", detail=where(error))
        case _:
            return Answer(status=_UNEXPECTED, code="unexpected", detail=where(error))


def where(error: BaseException) -> str:
    """Return the type of ``error`` and where it was raised; never its text, which may quote the instance."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename.rpartition('/')[2]}"
