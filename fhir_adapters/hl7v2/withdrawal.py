"""Taking released messages back: each result that was sent is sent again without its value, marked as wrong or deleted.

The message is made of what was really sent, not rendered again: the same patient, the same numbers, so that the
receiver finds what it holds. OBX-11 is W for what was said of the wrong patient and D for the rest (table 0085); OBR-25
is C, for X would say that the order itself is cancelled. A document becomes obsolete (MDM^T04, TXA-19 is OB).
"""

from typing import Final

from fhir_adapters import texts
from fhir_adapters.hl7v2.context import OURS, Context, Options, header, number, numbered
from fhir_adapters.hl7v2.er7 import Segment
from fhir_adapters.hl7v2.read_back import parsed
from fhir_adapters.hl7v2.writing import REPERTOIRES, Spelling, components, escape, segment
from guarantee.errors import Malformed
from guarantee.ports import Withdrawn
from guarantee.release import WithdrawalReason
from guarantee.respelling import respelled

WITHDRAWAL: Final = "withdrawal"
_KINDS: Final = {"oru": "ORU^R01^ORU_R01", "mdm": "MDM^T04^MDM_T02"}
"""By the name of the part that was sent."""


def withdraw(options: Options, withdrawn: Withdrawn, name: str, sent: bytes) -> tuple[str, bytes]:
    """Return the control number and the message that takes ``sent`` back.

    Args:
        name: of the part that was sent.

    Raises:
        Malformed: ``sent`` is not a message of ours.
    """
    message = parsed(sent)
    spelling = Spelling(charset=message.segments[0].raw(18))
    context = Context(options=options, endorsed=withdrawn.original, spelling=spelling)
    if name not in _KINDS:
        raise Malformed("the released package holds no message of ours")
    control = number("control", options.name, withdrawn.release, name)
    said = escape(_sentence(context, withdrawn))
    marked = [_marked(one, context, withdrawn) for one in message.all("OBX")]
    out = [
        header(context, _KINDS[name], control, withdrawn.notice.at),
        *(line for one in message.segments[1:] for line in _kept(one, context, withdrawn, said)),
        *(segment("OBX", row) for row in numbered([_word(context, withdrawn, said), *marked])),
    ]
    return control, "".join(f"{line}\r" for line in out).encode(spelling.codec)


def _kept(one: Segment, context: Context, withdrawn: Withdrawn, said: str) -> list[str]:
    """Return what becomes of a segment that is no result."""
    fields = _fields(one)
    at = context.time(withdrawn.notice.at)
    match one.name:
        case "OBX" | "NTE":
            return []
        case "OBR":
            return [segment("OBR", fields | {22: at, 25: "C"}), segment("NTE", {1: "1", 2: "L", 3: said})]
        case "EVN":
            return [segment("EVN", {1: "T04", 2: at})]
        case "TXA":
            return [segment("TXA", fields | {19: "OB"})]
    return [segment(one.name, fields)]


def _marked(one: Segment, context: Context, withdrawn: Withdrawn) -> dict[int, str]:
    """Return a result without its value; OBX-3 and OBX-4 name it, its Set ID does not."""
    status = "W" if withdrawn.notice.reason is WithdrawalReason.WRONG_PATIENT else "D"
    return _fields(one) | {5: "", 6: "", 11: status, 14: context.time(withdrawn.notice.at)}


def _fields(one: Segment) -> dict[int, str]:
    return {number: value for number, value in enumerate(one.fields) if number}


def _word(context: Context, withdrawn: Withdrawn, said: str) -> dict[int, str]:
    """Return the word of the withdrawal as a line of its own, for records that show results and no notes."""
    name = components(WITHDRAWAL, context.say(texts.WITHDRAWN), OURS)
    return {2: "TX", 3: name, 5: said, 11: "P", 14: context.time(withdrawn.notice.at)}


def _sentence(context: Context, withdrawn: Withdrawn) -> str:
    """Return why, in the letters of what was sent; without the comment where those do not hold it."""
    notice = withdrawn.notice
    reason = f"{context.plain(texts.WITHDRAWN)} {context.plain(texts.REASONS[notice.reason])}"
    comment = "".join(sign for sign in " ".join(notice.comment.split()) if sign.isprintable())
    for text in (f"{reason} : {comment} ({notice.by}, {notice.at:%Y-%m-%d})", reason):
        repertoire = REPERTOIRES.get(context.spelling.charset, "")
        said = respelled(text, repertoire) if repertoire else text
        if said is not None:
            return said
    return reason
