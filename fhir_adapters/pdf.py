"""A text as PDF 1.4, for records that show documents and nothing else. Deterministic: the same text, the same bytes.

Fixed pitch in one of the fonts that every reader has (ISO 32000-1, 9.6.2.2), so that nothing is embedded and a line is
broken by counting. Its letters are those of Windows-1252; what is beyond them is respelled by the fixed table, and the
document says so in its keywords. Streams are not compressed: whoever checks what leaves can read them.

The report stands between ``/Report BMC`` and ``EMC``; what is above it on the first page (whose it is, who signed) is
not part of it. ``T*`` ends a line of the report, ``Td`` breaks one that is too long for the page.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from guarantee.errors import Malformed
from guarantee.respelling import respelled

COLUMNS: Final = 82
"""Characters in a line: 495 points between the margins, 6 points each (Courier, 10 points)."""

ROWS: Final = 56
"""Lines on a page: 842 points high, margins of 50, 13 points a line."""

RESPELLED: Final = "respelled for latin-1"
"""How a document says that its letters were too few."""

_ENCODING: Final = "cp1252"
_BREAK: Final = "0 -13 Td"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SHOWN: Final = re.compile(rb"\(((?:[^\\()]|\\.)*)\) Tj (T\*|0 -13 Td)\n", re.DOTALL)
_REPORT: Final = re.compile(rb"/Report BMC\n(.*?)EMC\n", re.DOTALL)


def write_pdf(heading: Sequence[str], text: str, *, title: str, language: str) -> bytes:
    """Return a document of ``heading``, on its first page, and ``text``.

    Raises:
        Malformed: letters that the fonts do not have and the table cannot respell.
    """
    body = _fitting(text)
    rows = [*(row for line in heading for row in _rows(_fitting(line))), ("", True)]
    shown = [(*row, False) for row in rows] + [(*row, True) for line in body.split("\n") for row in _rows(line)]
    pages = [shown[at : at + ROWS] for at in range(0, len(shown), ROWS)]
    keywords = RESPELLED if body != text else ""
    info = f"<< /Title {_string(_fitting(title))} /Producer (Aval) /Keywords ({keywords}) >>"
    return _file(pages, info, language)


def read_pdf(data: bytes) -> tuple[str, str]:
    """Return the report of a document of ours, and what it was respelled for ("" for nothing).

    Raises:
        Malformed: not in the form that is written here.
    """
    reports = _REPORT.findall(data)
    if not data.startswith(b"%PDF-1.4\n") or not reports:
        raise Malformed("the document is not a PDF of ours")
    rows = [row for report in reports for row in _SHOWN.findall(report)]
    if b"".join(b"(%s) Tj %s\n" % row for row in rows) != b"".join(reports):
        raise Malformed("the document shows more than the lines of its report")
    text = b"".join(re.sub(rb"\\(.)", rb"\1", said) + (b"\n" if end == b"T*" else b"") for said, end in rows)
    mark = f"/Keywords ({RESPELLED})".encode()
    return text.decode(_ENCODING).removesuffix("\n"), "latin-1" if mark in data else ""


def _fitting(text: str) -> str:
    choices = (text, respelled(text, "latin-1"))
    found = next((choice for choice in choices if choice is not None and _shows(choice)), None)
    if found is None:
        says = "a character that a PDF without fonts of its own cannot show: change it, or have the report as text"
        raise Malformed(says)
    return found


def _shows(text: str) -> bool:
    try:
        text.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return not _CONTROL.search(text)


def _rows(line: str) -> Iterator[tuple[str, bool]]:
    """Yield (what one row shows, whether the line ends there): broken after a space where there is one."""
    while len(line) > COLUMNS:
        at = line.rfind(" ", 0, COLUMNS) + 1 or COLUMNS
        yield line[:at], False
        line = line[at:]
    yield line, True


def _string(text: str) -> str:
    return "(" + re.sub(r"([\\()])", r"\\\1", text) + ")"


def _content(page: Sequence[tuple[str, bool, bool]]) -> bytes:
    out = ["BT", "/F1 10 Tf", "13 TL", "50 779 Td"]
    inside = False
    for text, ends, is_report in page:
        if is_report and not inside:
            out.append("/Report BMC")
            inside = True
        out.append(f"{_string(text)} Tj {'T*' if ends else _BREAK}")
    out += ["EMC"] if inside else []
    return "\n".join([*out, "ET", ""]).encode(_ENCODING)


def _file(pages: Sequence[Sequence[tuple[str, bool, bool]]], info: str, language: str) -> bytes:
    """Objects: catalogue, pages, font, information; then each page and its content."""
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /Lang {_string(language)} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} /MediaBox [0 0 595 842] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
        info.encode(_ENCODING),
    ]
    for n, page in enumerate(pages):
        fonts = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R {fonts} /Contents {6 + 2 * n} 0 R >>".encode())
        content = _content(page)
        objects.append(b"<< /Length %d >>\nstream\n%sendstream" % (len(content), content))
    return _with_table(objects)


def _with_table(objects: Sequence[bytes]) -> bytes:
    """Number the objects and say where each begins (ISO 32000-1, 7.5.4)."""
    out, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, value in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + trailer
