"""What a sender is answered (HL7 2.5, 2.9): AA, AE or AR; in the enhanced mode CA, CE or CR as well.

AA and CA are said when everything is durable. AE and CE: not now, send it again. AR and CR: never, as it is.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from fhir_adapters.hl7v2.er7 import Delimiters
from fhir_adapters.hl7v2.errors import INTERNAL, BadMessage
from fhir_adapters.hl7v2.header import CHARSETS, Header


class Answer(StrEnum):
    """How it went; the second letter of MSA-1."""

    ACCEPTED = "A"
    ERROR = "E"
    REJECTED = "R"


NOT_NOW: Final = BadMessage("not-now", INTERNAL, "", "nothing can be kept now; send it again later")

USUAL: Final = Header(
    marks=Delimiters(field="|", component="^", repetition="~", escape="\\", subcomponent="&"),
    fields=("MSH", "|", "^~\\&", *[""] * 8, "P", "2.5", *[""] * 10),
)
"""Stands for the header of a message that has none."""

_TEXTS: Final = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    207: "Application internal error",
}
"""HL7 table 0357."""


def answers(header: Header, answer: Answer, *, why: BadMessage | None, at: datetime, number: str) -> list[bytes]:
    """Return the messages that answer one message: one as a rule, none or two when MSH-15 and MSH-16 ask for that.

    Args:
        why: what the ERR segment says; None when it was accepted.
        number: control number of the first answer; unique.
    """
    accept, application = header.fields[15], header.fields[16]
    if not accept and not application:
        return [_answer(header, f"A{answer}", why, at, number)]
    modes = [mode for mode, wish in (("C", accept), ("A", application)) if _wanted(wish, answer)]
    return [_answer(header, f"{mode}{answer}", why, at, f"{number}{mode}") for mode in modes]


def _wanted(wish: str, answer: Answer) -> bool:
    """Return whether an answer is wanted (HL7 table 0155); one that is not wanted in so many words is given."""
    match wish.upper():
        case "" | "NE":
            return False
        case "ER":
            return answer is not Answer.ACCEPTED
        case "SU":
            return answer is Answer.ACCEPTED
    return True


def _answer(header: Header, code: str, why: BadMessage | None, at: datetime, number: str) -> bytes:
    separator = header.marks.field
    segments = [_msh(header, at, number), ["MSA", code, header.control]]
    if why is not None:
        segments.append(_err(header, why))
    text = "".join(separator.join(segment).rstrip(separator) + "\r" for segment in segments)
    # The header was read as Latin-1, one character a byte: so are its echoes written, whatever they mean.
    return text.encode("latin-1")


def _msh(header: Header, at: datetime, number: str) -> list[str]:
    f, component = header.fields, header.marks.component
    kind = ["ACK", header.kind[1], "ACK"] if header.version >= "2.4" and header.kind[1] else ["ACK"]
    msh = ["MSH", f[2], f[5], f[6], f[3], f[4], at.strftime("%Y%m%d%H%M%S+0000"), "", component.join(kind)]
    msh += [number, f[11], f[12], "", "", "", "", f[17], f[18] if _is_known(f[18]) else "", f[19]]
    return msh


def _is_known(charset: str) -> bool:
    return charset.strip().upper() in CHARSETS


def _err(header: Header, why: BadMessage) -> list[str]:
    """ERR: since 2.5 where, what and how bad in fields of their own; before, one field with all of it."""
    component, sub = header.marks.component, header.marks.subcomponent
    segment, _, field = why.place.partition("-")
    where = [segment, "1", field] if field else [segment]
    if header.version >= "2.5":
        code = component.join([str(why.condition), _TEXTS[why.condition], "HL70357"])
        place = component.join(where) if segment else ""
        return ["ERR", "", place, code, "E", component.join([why.code]), "", "", _plain(why.says, header.marks)]
    code = sub.join([str(why.condition), _TEXTS[why.condition], "HL70357"])
    return ["ERR", component.join([*[*where, "", ""][:3], code])]


def _plain(text: str, marks: Delimiters) -> str:
    """Return a sentence of ours without anything that this message uses as a delimiter."""
    used = {marks.field, marks.component, marks.repetition, marks.escape, marks.subcomponent}
    return "".join(" " if c in used else c for c in text)
