"""Does what will leave say what was endorsed? Every rendering is parsed back and compared before it is sealed."""

from decimal import Decimal, InvalidOperation

from guarantee.content import Content
from guarantee.ports import ReadBack
from guarantee.respelling import respelled


def disagreement(read: ReadBack, content: Content) -> str | None:
    """Return how ``read`` differs from ``content``, in one sentence, or None when it says the same.

    Numbers are compared as decimals: a format may drop a trailing zero, never change a value. What the format does not
    carry (None) is not compared; the digest of the content always is. A text may be respelled, by the one table.
    """
    if read.content != content.digest:
        return f"it names content {read.content[:12]}…, not {content.digest[:12]}…"
    findings = tuple((f.key, f.type.code, str(f.presence)) for f in content.findings)
    if read.findings is not None and read.findings != findings:
        return f"its findings are {read.findings}, not {findings}"
    numbers = tuple((f.key, q.concept.code, q.value, q.unit.code) for f in content.findings for q in f.quantities)
    if read.quantities is not None and _numbers(read) != numbers:
        return "one of its numbers is not the one that was endorsed"
    masks = tuple((segment.number, segment.mask) for segment in content.segments)
    if read.masks is not None and read.masks != masks:
        return "one of its segments is not the one that was endorsed, voxel by voxel"
    if read.text is not None and read.text != _written(content.full_text, read.repertoire):
        return "its text is not the one that was endorsed"
    return None


def _written(text: str, repertoire: str) -> str | None:
    return respelled(text, repertoire) if repertoire else text


def _numbers(read: ReadBack) -> tuple[tuple[str, str, Decimal | None, str], ...]:
    return tuple((key, concept, _number(value), unit) for key, concept, value, unit in read.quantities or ())


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None  # equal to no number that was endorsed
    return value if value.is_finite() else None
