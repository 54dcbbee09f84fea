"""What the HL7v2 door answers when it cannot take what was sent.

    Hl7Error
    ├── BadMessage      becomes AR (or CR) and an ERR segment: this message will never be taken as it is
    └── BrokenFraming   the connection ends: where the next message begins is not known any more

What we cannot do now (database, disk) is a PortError (guarantee/errors.py) and becomes AE or CE: send it again.
"""

from typing import Final

SEQUENCE: Final = 100
REQUIRED: Final = 101
DATA_TYPE: Final = 102
TABLE_VALUE: Final = 103
UNSUPPORTED_TYPE: Final = 200
UNSUPPORTED_EVENT: Final = 201
UNSUPPORTED_PROCESSING: Final = 202
UNSUPPORTED_VERSION: Final = 203
UNKNOWN_KEY: Final = 204
INTERNAL: Final = 207
"""HL7 table 0357, message error condition codes."""


class Hl7Error(Exception):
    """Something was wrong with what was sent."""


class BadMessage(Hl7Error):
    """One message cannot be taken.

    Args:
        code: stable word for the record of refusals, e.g. "charset".
        condition: code of HL7 table 0357.
        place: where, e.g. "PID-3"; "" for the whole message.
        says: one sentence: what is wrong, what to do. Never a value that was sent.
    """

    def __init__(self, code: str, condition: int, place: str, says: str) -> None:
        super().__init__(f"{code} {place}: {says}")
        self.code = code
        self.condition = condition
        self.place = place
        self.says = says


class BrokenFraming(Hl7Error):
    """Bytes that are no MLLP frame.

    Args:
        code: stable word for the record of refusals.
        says: one sentence. Never bytes that were sent.
    """

    def __init__(self, code: str, says: str) -> None:
        super().__init__(f"{code}: {says}")
        self.code = code
        self.says = says
