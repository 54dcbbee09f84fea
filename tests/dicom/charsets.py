"""A name in every character set that DICOM defines (PS3.3, C.12.1.1.2), and PS3.5's own examples."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One name.

    Args:
        declared: Specific Character Set (0008,0005).
        written: the bytes of Patient's Name.
        read: what they say.
    """

    declared: str
    written: bytes
    read: str

    @property
    def pydicom(self) -> bool:
        """Whether pydicom 3.0 reads it: it does not know Latin-9, and keeps the escapes of a repeated ISO-IR 58."""
        return "203" not in self.declared and not self.declared.endswith(" 58")

    @property
    def dcmtk(self) -> bool:
        """Whether DCMTK 3.6.7 reads it with the C library's tables.

        It does not know Latin-9, nor code extensions with a single set, and needs tables for Japanese that Debian
        ships apart.
        """
        alone = self.declared.startswith("ISO 2022") and "\\" not in self.declared
        return not alone and not any(f"IR {n}" in self.declared for n in ("203", "87", "159"))


SINGLE: Final = {
    "100": ("latin_1", b"-A", "LEFÈVRE^Ægir"),
    "101": ("iso8859_2", b"-B", "Wałęsa^Łucja"),
    "109": ("iso8859_3", b"-C", "Ĝibĥo^Ĉirkaŭ"),
    "110": ("iso8859_4", b"-D", "Ķeģis^Ņina"),
    "144": ("iso8859_5", b"-L", "Люкceмбypг^Иван"),
    "127": ("iso8859_6", b"-G", "قباني^لنزار"),
    "126": ("iso8859_7", b"-F", "Διονυσιος^Ωμεγα"),
    "138": ("iso8859_8", b"-H", "שרון^דבורה"),
    "148": ("iso8859_9", b"-M", "Çavuşoğlu^İğdem"),
    "203": ("iso8859_15", b"-b", "ŒUVRÉ^Š€ž"),
    "166": ("iso8859_11", b"-T", "นามสกุล^ชื่อต้น"),
}
"""By ISO registration number: Python's codec, the escape sequence to its G1 set, and a name that Latin-1 cannot say."""

_JIS_X_0201: Final = "ﾔﾏﾀﾞ^ﾀﾛｳ"


def _extended(escape: bytes, text: str, codec: str) -> bytes:
    """Return ``text`` with the escape sequence before each component: a delimiter resets the set (PS3.5, 6.1.2.5.3)."""
    return b"^".join(b"\x1b" + escape + part.encode(codec) for part in text.split("^"))


TERMS: Final = (
    Sample(declared="", written=b"DUPONT^Jean", read="DUPONT^Jean"),
    Sample(declared="ISO_IR 6", written=b"DUPONT^Jean", read="DUPONT^Jean"),
    *(Sample(declared=f"ISO_IR {n}", written=name.encode(codec), read=name) for n, (codec, _, name) in SINGLE.items()),
    Sample(declared="ISO_IR 13", written=_JIS_X_0201.encode("shift_jis"), read=_JIS_X_0201),
    Sample(declared="ISO 2022 IR 6", written=b"DUPONT^Jean", read="DUPONT^Jean"),
    *(
        Sample(declared=f"ISO 2022 IR {n}", written=name.encode(codec), read=name)
        for n, (codec, _, name) in SINGLE.items()
    ),
    *(
        Sample(
            declared=f"ISO 2022 IR 6\\ISO 2022 IR {n}",
            written=b"Roman=" + _extended(escape, name, codec),
            read=f"Roman={name}",
        )
        for n, (codec, escape, name) in SINGLE.items()
    ),
    Sample(declared="ISO 2022 IR 13", written=_JIS_X_0201.encode("shift_jis"), read=_JIS_X_0201),
    Sample(
        declared="\\ISO 2022 IR 87",
        written=b"Tanaka=\x1b$BEDCf\x1b(B^\x1b$B2H;R\x1b(B",
        read="Tanaka=田中^家子",
    ),
    Sample(
        declared="\\ISO 2022 IR 87\\ISO 2022 IR 159",
        written=b"Ito=" + "丂丄^鸝".encode("iso2022_jp_2"),
        read="Ito=丂丄^鸝",
    ),
    Sample(
        declared="\\ISO 2022 IR 149",
        written=b"Hong^Gildong=\x1b$)C" + "洪".encode("euc_kr") + b"^\x1b$)C" + "吉洞".encode("euc_kr"),
        read="Hong^Gildong=洪^吉洞",
    ),
    Sample(
        declared="\\ISO 2022 IR 58",
        written=b"Zhang^XiaoDong=\x1b$)A" + "张".encode("gb2312") + b"^\x1b$)A" + "小东".encode("gb2312"),
        read="Zhang^XiaoDong=张^小东",
    ),
    Sample(declared="ISO_IR 192", written="Wang^XiaoDong=王^小東".encode(), read="Wang^XiaoDong=王^小東"),
    Sample(declared="GB18030", written="Wang^XiaoDong=王^小东㐀".encode("gb18030"), read="Wang^XiaoDong=王^小东㐀"),
    Sample(declared="GBK", written="Wang^XiaoDong=王^小東".encode("gbk"), read="Wang^XiaoDong=王^小東"),
)
"""Every defined term."""

ANNEXES: Final = (
    Sample(  # PS3.5, H.3.1
        declared="\\ISO 2022 IR 87",
        written=b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        read="Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    Sample(  # PS3.5, H.3.2
        declared="ISO 2022 IR 13\\ISO 2022 IR 87",
        written=b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        read="ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    Sample(  # PS3.5, I.2
        declared="\\ISO 2022 IR 149",
        written=b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        read="Hong^Gildong=洪^吉洞=홍^길동",
    ),
    Sample(  # PS3.5, J.1
        declared="ISO_IR 192",
        written=b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1",
        read="Wang^XiaoDong=王^小東",
    ),
    Sample(  # PS3.5, J.2
        declared="GB18030",
        written=b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab",
        read="Wang^XiaoDong=王^小东",
    ),
    Sample(  # PS3.5, K.2
        declared="\\ISO 2022 IR 58",
        written=b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        read="Zhang^XiaoDong=张^小东",
    ),
)
"""The standard's examples, byte for byte."""
