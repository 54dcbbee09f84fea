"""Exhibits of words: names of instances, names of people in their character sets, numbers, dates."""

from typing import Final

from tests.dicom.samples import element, encoded, raw_file, series
from tests.museum.piece import SHOWN, VOLUME, Piece, changed, put, written


def _named(uid: bytes, tag: int = 0x00080018) -> list[bytes]:
    """A file one of whose four UIDs is ``uid``."""
    uids = {0x00080016: b"1.2.840.10008.5.1.4.1.1.2\0", 0x00080018: b"1.2.3.41", 0x0020000D: b"1.2.3.42"}
    uids |= {0x0020000E: b"1.2.3.43", tag: uid}
    return [raw_file(b"".join(element(each, "UI", uids[each]) for each in sorted(uids)))]


def _person(declared: str, name: bytes) -> list[bytes]:
    body = element(0x00080005, "CS", declared.encode()) if declared else b""
    head = element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2\0") + element(0x00080018, "UI", b"1.2.3.41")
    tail = element(0x0020000D, "UI", b"1.2.3.42") + element(0x0020000E, "UI", b"1.2.3.43")
    return [raw_file(body + head + element(0x00100010, "PN", name) + tail)]


UIDS: Final = tuple(
    Piece(name=f"uid-{name}", why=why, files=lambda uid=uid: _named(uid), read=code)  # type: ignore[misc]
    for name, why, uid, code in (
        ("path", "a path where a file name is made of it", b"../../etc/x", "uid-form"),
        ("absolute-path", "the same, absolute", b"/etc/cron.d/x", "uid-form"),
        ("65-characters", "one more than PS3.5, 9.1 allows", b"1." + b"2" * 63, "uid-form"),
        ("empty", "no name", b"", "uid-missing"),
        ("only-padding", "a name of NULs", b"\0\0\0\0", "uid-missing"),
        ("newline", "a line of its own in a log", b"1.2\n3.4", "uid-form"),
        ("crlf-at-the-end", "invisible, and another name", b"1.2.3.41\r\n", "uid-form"),
        ("nul-inside", "shorter for a reader in C", b"1.2\x003.4", "uid-form"),
        ("nul-padding", "as PS3.5, 9.1 pads it", b"1.2.3.4\0", "kept"),
        ("space-padding", "as some devices pad it", b"1.2.3.4 ", "kept"),
        ("64-characters", "the longest there may be", b"1." + b"2" * 62, "kept"),
        ("two-values", "two names", b"1.2\\1.3", "uid-form"),
        ("digits-of-another-script", "digits for Python, none for DICOM", "1.٣".encode(), "uid-form"),
        ("statement", "a database's statement", b"1.2';DROP TABLE x--", "uid-form"),
    )
)

OTHER_UIDS: Final = (
    Piece(
        name="study-uid-path",
        why="a path in the study's name",
        files=lambda: _named(b"..\\..\\x ", 0x0020000D),
        read="uid-form",
    ),
    Piece(
        name="class-uid-of-another-object",
        why="a report under the name of a CT",
        read="kept",
        sent="class-mismatch",
        files=lambda: _named(b"1.2.840.10008.5.1.4.1.1.88.11", 0x00080016),
    ),
    Piece(
        name="private-elements-only",
        why="nothing that names an instance",
        read="uid-missing",
        files=lambda: [raw_file(element(0x00090010, "LO", b"NOBODY") + element(0x00091001, "UN", bytes(64)))],
    ),
)

CHARACTER_SETS: Final = tuple(
    Piece(
        name=f"name-{label}",
        why=f"a name in {declared or 'no declared character set'}",
        files=lambda declared=declared, name=name: _person(declared, name),  # type: ignore[misc]
        patient=read,
    )
    for label, declared, name, read in (
        ("ascii", "", b"DUPONT^Anne", "DUPONT^Anne"),
        ("latin-1", "ISO_IR 100", "LEFÈVRE^Zoé".encode("latin-1"), "LEFÈVRE^Zoé"),
        ("latin-2", "ISO_IR 101", "WAŁĘSA^Łukasz".encode("iso8859-2"), "WAŁĘSA^Łukasz"),
        ("latin-4", "ISO_IR 110", "BĒRZIŅŠ^Ģirts".encode("iso8859-4"), "BĒRZIŅŠ^Ģirts"),
        ("cyrillic", "ISO_IR 144", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
        ("arabic", "ISO_IR 127", "قباني^لنزار".encode("iso8859-6"), "قباني^لنزار"),
        ("greek", "ISO_IR 126", "Διονυσιος".encode("iso8859-7"), "Διονυσιος"),
        ("hebrew", "ISO_IR 138", "שרון^דבורה".encode("iso8859-8"), "שרון^דבורה"),
        ("latin-5", "ISO_IR 148", "ÇAVUŞOĞLU^İpek".encode("iso8859-9"), "ÇAVUŞOĞLU^İpek"),
        ("thai", "ISO_IR 166", "สมชาย".encode("tis-620"), "สมชาย"),
        ("katakana", "ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ".encode("shift_jis"), "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("utf-8", "ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
        ("gb18030", "GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("gbk", "GBK", "王^小东".encode("gbk"), "王^小东"),
        ("kanji-escapes", "\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "山田^太郎"),
        ("korean-escapes", "\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8^\x1b$)C\xc8\xf1\xc1\xdf", "김^희중"),
        ("chinese-escapes", "\\ISO 2022 IR 58", b"\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab", "王^小东"),
        ("wrong-set", "ISO_IR 192", "LEFÈVRE^Zoé".encode("latin-1"), "LEF\ufffdVRE^Zo\ufffd"),
        ("unknown-set", "ISO_IR 999", "LEFÈVRE^Zoé".encode("latin-1"), "LEFÈVRE^Zoé"),
        ("misspelt-set", "ISO-IR 192", "LEFÈVRE^Zoé".encode(), "LEFÈVRE^Zoé"),
        ("undeclared-latin-1", "", "LEFÈVRE^Zoé".encode("latin-1"), "LEFÈVRE^Zoé"),
        ("escape-cut-in-half", "\\ISO 2022 IR 87", b"YAMADA=\x1b$", "YAMADA"),
        ("escape-at-the-end", "\\ISO 2022 IR 87", b"YAMADA^Tarou\x1b", "YAMADA^Tarou"),
        ("character-cut-in-half", "ISO_IR 192", b"LEF\xc3", "LEF\ufffd"),
        ("control-characters", "ISO_IR 100", b"EVE\r\n^\x1b[31mRED\0", "EVE  ^1mRED"),
    )
)

VALUES: Final = tuple(
    Piece(name=f"value-{label}", why=why, files=written(keyword, vr, value), volume=verdict, frame=seen)
    for label, why, keyword, vr, value, verdict, seen in (
        ("comma", "a decimal comma", "PixelSpacing", "DS", b"1,5\\1,25", "not-a-volume", SHOWN),
        ("nan", "a position that is no number", "ImagePositionPatient", "DS", b"nan\\nan\\nan ", "not-a-volume", SHOWN),
        ("infinite", "a spacing of 1e400", "PixelSpacing", "DS", b"1e400\\1e400 ", "not-a-volume", SHOWN),
        (
            "negative-spacing",
            "a mirrored image, or a slip",
            "PixelSpacing",
            "DS",
            b"-1.5\\-1.25 ",
            "not-a-volume",
            SHOWN,
        ),
        (
            "17-digits",
            "one digit more than DS holds",
            "PixelSpacing",
            "DS",
            b"1.5000000000000001\\1.25 ",
            VOLUME,
            SHOWN,
        ),
        ("slope-text", "a slope that is a word", "RescaleSlope", "DS", b"steep ", "samples-unsupported", SHOWN),
        (
            "slope-unreadable",
            "a slope of VR FD with two bytes",
            "RescaleSlope",
            "FD",
            b"1 ",
            "samples-unsupported",
            SHOWN,
        ),
        ("slope-zero", "every voxel the same", "RescaleSlope", "DS", b"0 ", "samples-unsupported", SHOWN),
        ("slope-huge", "beyond 32-bit floats", "RescaleSlope", "DS", b"1e300 ", "samples-unsupported", SHOWN),
        (
            "not-orthonormal",
            "rows and columns 60 degrees apart",
            "ImageOrientationPatient",
            "DS",
            b"1\\0\\0\\0.5\\0.866\\0 ",
            "not-a-volume",
            SHOWN,
        ),
        (
            "orientation-of-five",
            "one cosine is missing",
            "ImageOrientationPatient",
            "DS",
            b"1\\0\\0\\0\\1 ",
            "not-a-volume",
            SHOWN,
        ),
        (
            "character-set-nul",
            "a character set that Python's codecs refuse",
            "SpecificCharacterSet",
            "CS",
            b"ISO\x002022",
            "pixels-unreadable",
            "pixels-unreadable",
        ),
        (
            "character-set-tag",
            "a character set of VR AT",
            "SpecificCharacterSet",
            "AT",
            b"ISO_",
            "pixels-unreadable",
            "pixels-unreadable",
        ),
        (
            "frame-of-reference-unreadable",
            "a UID of VR FD",
            "FrameOfReferenceUID",
            "FD",
            b"1.2 ",
            "pixels-unreadable",
            SHOWN,
        ),
        ("date-of-february-30", "a day that is none", "StudyDate", "DA", b"20260230", VOLUME, SHOWN),
        ("age-999-years", "an age that nobody has", "PatientBirthDate", "DA", b"10270101", VOLUME, SHOWN),
    )
)

OTHER_VALUES: Final = (
    Piece(
        name="value-window-text",
        why="a window that is a word: the desk takes its own",
        frame=SHOWN,
        volume=VOLUME,
        files=changed(put("WindowWidth", "1"), put("WindowCenter", "1")),
    ),
    Piece(
        name="value-script-in-description",
        why="a script for whoever shows it as HTML",
        frame=SHOWN,
        volume=VOLUME,
        files=changed(
            put("StudyDescription", "<script>alert(1)</script>"),
            put("SeriesDescription", '"><img src=x onerror=alert(1)>'),
        ),
    ),
)


def undecodable_identifiers() -> list[bytes]:
    """Two patients whose identifiers differ in one byte that the declared character set does not hold."""
    return [_identified(b"ID-\xe8 "), _identified(b"ID-\xe9 ")]


def _identified(identifier: bytes) -> bytes:
    dataset = series("CT", slices=1)[0]
    dataset.PatientID = "PLACEHOLDER"
    placed = encoded(dataset)
    mark = element(0x00100020, "LO", b"PLACEHOLDER ")
    assert mark in placed
    return raw_file(placed.replace(mark, element(0x00100020, "LO", identifier)))


WORDS: Final = (
    *UIDS,
    *OTHER_UIDS,
    *CHARACTER_SETS,
    *VALUES,
    *OTHER_VALUES,
    Piece(
        name="identifier-undecodable",
        why="two patients must not become one under U+FFFD",
        files=undecodable_identifiers,
    ),
)
