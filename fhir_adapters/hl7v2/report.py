"""Endorsed content as HL7v2 messages (2.5): ORU^R01, and MDM^T02 where a site asks for it; and how they are taken back.

Everything comes from the release: control numbers are derived from it, times are the decision's, so the same release
always gives the same bytes. All of it is preliminary (OBR-25 and OBX-11 are P): the definitive report is not ours.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

from fhir_adapters.hl7v2 import observations as obx
from fhir_adapters.hl7v2.context import Context, Options, header, number, numbered
from fhir_adapters.hl7v2.er7 import MESSAGE_BYTES_MAX
from fhir_adapters.hl7v2.read_back import read_back
from fhir_adapters.hl7v2.withdrawal import withdraw
from fhir_adapters.hl7v2.writing import components, escape, segment, written
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.ids import Digest
from guarantee.ports import Endorsed, ReadBack, Rendered, Withdrawn

__all__ = ["Hl7Renderer", "Options"]

MEDIA_TYPE: Final = "application/hl7-v2"

_ASSISTED: Final = Text(
    fr="Résultat d'un système d'IA ({model}), relu et validé par {readers}. Le compte rendu définitif reste à établir.",
    en="Result of an AI system ({model}), reviewed and endorsed by {readers}. The definitive report is still to come.",
)


class Hl7Renderer:
    """The Renderer port for a record that speaks HL7v2.

    Args:
        read: bytes of the vault by digest; a withdrawal is made of what was really sent.
    """

    def __init__(self, options: Options, read: Callable[[Digest], bytes]) -> None:
        self._options = options
        self._read = read

    def render(self, endorsed: Endorsed) -> Sequence[Rendered]:
        """Return the messages to send, in order.

        Raises:
            Malformed: the patient has no number, the report holds what cannot be written, or it is too long.
        """
        kinds = {"oru": _oru, "mdm": _mdm} if self._options.mdm else {"oru": _oru}
        return tuple(self._rendered(name, build, endorsed) for name, build in kinds.items())

    def read_back(self, objects: Sequence[Rendered]) -> ReadBack:
        """Return what ``objects`` say, from their bytes alone; masks are not carried by HL7v2.

        Raises:
            Malformed: they are not messages of ours, or contradict each other.
        """
        return read_back([one.data for one in objects])

    def render_withdrawal(self, withdrawn: Withdrawn) -> Sequence[Rendered]:
        """Return a message for each that was sent, which takes it back.

        Raises:
            Malformed: the package is not one of ours.
        """
        return tuple(
            _named(part.name, *withdraw(self._options, withdrawn, part.name, self._read(part.digest)))
            for part in withdrawn.package.parts
        )

    def _rendered(self, name: str, build: Callable[[Context, str], Iterator[str]], endorsed: Endorsed) -> Rendered:
        options = self._options
        control = number("control", options.name, endorsed.release, name)
        data = written(
            lambda spelling: list(build(Context(options=options, endorsed=endorsed, spelling=spelling), control)),
            options.charset,
            transliterate=options.transliterate,
        )
        return _named(name, control, data)


def _named(name: str, control: str, data: bytes) -> Rendered:
    if len(data) > MESSAGE_BYTES_MAX:
        raise Malformed(f"the message would have {len(data)} bytes; receivers take {MESSAGE_BYTES_MAX} at most")
    return Rendered(name=name, media_type=MEDIA_TYPE, uid=control, data=data)


def _oru(context: Context, control: str) -> Iterator[str]:
    """ORU^R01 (2.5, 7.3.1)."""
    yield header(context, "ORU^R01^ORU_R01", control, context.endorsed.decision.at)
    yield segment("PID", context.patient())
    visit = context.visit()
    if 19 in visit:
        yield segment("PV1", visit)
    yield segment("ORC", {1: "RE", 2: context.placer, 3: context.filler})
    yield segment("OBR", _request(context))
    yield segment("NTE", {1: "1", 2: "L", 3: _assisted(context)})
    rows = chain(obx.findings(context), _report(context), [obx.information(context)], obx.identity(context))
    for row in numbered(rows):
        yield segment("OBX", row)


def _request(context: Context) -> dict[int, str]:
    first, *others = (opinion.statement.reader for opinion in context.endorsers)
    if context.endorsed.preparer is not None:
        others.append(context.endorsed.preparer)  # a learner whose text was co-signed assists; OBX-16 names who answers
    return {
        1: "1",
        2: context.placer,
        3: context.filler,
        4: obx.report_code(context),
        7: context.effective,
        18: escape(context.endorsed.case.order),
        22: context.at,
        24: "RAD" if context.is_study else "OTH",
        25: "P",
        32: context.interpreter(first),
        33: "~".join(context.interpreter(reader) for reader in others),
    }


def _report(context: Context) -> Iterator[dict[int, str]]:
    if context.options.report in {"text", "both"}:
        yield from obx.lines(context)
    if context.options.report in {"pdf", "both"}:
        yield obx.document(context)


def _assisted(context: Context) -> str:
    text = context.plain(_ASSISTED).format(model=context.endorsed.card.model.id, readers="\0")
    before, _, after = text.partition("\0")
    # The names are never respelled, the sentence around them may be.
    return context.spelling.words(before) + escape(context.readers) + context.spelling.words(after)


def _mdm(context: Context, control: str) -> Iterator[str]:
    """MDM^T02 (2.5, 9.6.2): the same report as a document."""
    yield header(context, "MDM^T02^MDM_T02", control, context.endorsed.decision.at)
    yield segment("EVN", {1: "T02", 2: context.at})
    yield segment("PID", context.patient())
    yield segment("PV1", context.visit())
    yield segment("TXA", _document(context))
    for row in numbered(chain(_report(context), [obx.information(context)], obx.identity(context))):
        yield segment("OBX", row)


def _document(context: Context) -> dict[int, str]:
    """TXA: signed by a person, and not the definitive report: pre-authenticated, PA (table 0271), and available."""
    return {
        1: "1",
        2: "DI" if context.is_study else "CN",
        3: "TX" if context.options.report != "pdf" else "AP",
        4: context.effective,
        5: context.practitioners,
        12: components(context.report_number, escape(context.options.application)),
        14: context.placer,
        15: context.filler,
        17: "PA",
        19: "AV",
    }
