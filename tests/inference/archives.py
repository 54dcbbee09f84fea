"""Archives that must be refused, each with what is said of it: an honest one, and the one thing that is wrong."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from typing import Final

from inference import archive

Made = Callable[[Mapping[str, bytes]], bytes]

END: Final = bytes(2 * archive.BLOCK)


def entry(name: str, data: bytes = b"") -> bytes:
    """Return one file of an archive, as `aval models pack` writes it."""
    return archive.header(name, len(data)) + data + bytes(-len(data) % archive.BLOCK)


def tar(*entries: bytes) -> bytes:
    return b"".join(entries) + END


def plain(files: Mapping[str, bytes]) -> bytes:
    """Return the honest archive of ``files``, which are in order."""
    return tar(*(entry(name, data) for name, data in files.items()))


def odd(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return an entry as the standard library writes it, of any kind."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info.tobuf(form)


def beside(*more: bytes) -> Made:
    """Put entries where the first listed file would be."""
    return lambda files: tar(entry("card.yaml", files["card.yaml"]), *more)


def resized(size: int) -> Made:
    """Say that the model has ``size`` bytes, and give none."""
    return lambda files: entry("card.yaml", files["card.yaml"]) + archive.header("model.onnx", size)


def sized_in_base_256(files: Mapping[str, bytes]) -> bytes:
    block = bytearray(archive.header("model.onnx", 0))
    block[124:136] = b"\x80" + bytes(10) + b"\xff"
    return entry("card.yaml", files["card.yaml"]) + bytes(block)


def written_by_tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def padded(files: Mapping[str, bytes]) -> bytes:
    made = bytearray(plain(files))
    made[archive.BLOCK + len(files["card.yaml"])] = 1
    return bytes(made)


HOSTILE: Final[Mapping[str, tuple[Made, str]]] = {
    "absolute": (beside(odd("/etc/cron.d/x")), r"/etc/cron\.d/x at byte \d+: a name that leaves its folder"),
    "upwards": (beside(odd("../model.onnx")), r"\.\./model\.onnx at byte \d+: a name that leaves its folder"),
    "upwards later": (beside(odd("a/../../model.onnx")), r"a name that leaves its folder"),
    "upwards, as ours": (beside(entry("../x")), r"\.\./x at byte \d+: is not in the card"),
    "in a folder": (beside(odd("sub/model.onnx")), r"sub/model\.onnx at byte \d+: a name with a folder in it"),
    "link": (beside(odd("model.onnx", tarfile.SYMTYPE, "/etc/passwd")), r"model\.onnx at byte \d+: a symbolic link"),
    "hard link": (beside(odd("model.onnx", tarfile.LNKTYPE, "card.yaml")), r"model\.onnx at byte \d+: a hard link"),
    "device": (beside(odd("model.onnx", tarfile.CHRTYPE)), r"model\.onnx at byte \d+: a device"),
    "disk": (beside(odd("model.onnx", tarfile.BLKTYPE)), r"model\.onnx at byte \d+: a device"),
    "pipe": (beside(odd("model.onnx", tarfile.FIFOTYPE)), r"model\.onnx at byte \d+: a pipe"),
    "folder": (beside(odd("model.onnx", tarfile.DIRTYPE)), r"a folder, where only files may be"),
    "sparse": (beside(odd("model.onnx", tarfile.GNUTYPE_SPARSE)), r"a sparse file, where only files may be"),
    "long name": (beside(odd("x" * 200, form=tarfile.GNU_FORMAT)), r"@LongLink at byte \d+: a GNU long name"),
    "pax": (beside(odd("é" * 99, form=tarfile.PAX_FORMAT)), r"at byte \d+: a pax header"),
    "twice": (
        lambda files: tar(*(entry(name, data) for name, data in [*files.items(), ("model.onnx", b"")])),
        r"model\.onnx at byte \d+: is in the archive twice",
    ),
    "the card twice": (beside(entry("card.yaml", b"x")), r"card\.yaml at byte \d+: is in the archive twice"),
    "unlisted": (beside(entry("preprocess.onnx", b"x")), r"preprocess\.onnx at byte \d+: is not in the card"),
    "stranger": (beside(entry("run.sh", b"x")), r"run\.sh at byte \d+: is not in the card"),
    "control": (beside(entry("\x1b[2J\n", b"x")), r"\\x1b\[2J\\n at byte \d+: is not in the card"),
    "licence too early": (
        beside(entry("LICENSE.txt", b"MIT"), entry("model.onnx", b"x")),
        r"model\.onnx at byte \d+: is not in its place",
    ),
    "no card first": (lambda _: tar(entry("model.onnx", b"x")), r"the first file of an archive is card\.yaml"),
    "empty": (lambda _: END, r"it ends without \['card\.yaml'\]"),
    "nothing": (lambda _: b"", r"cut off"),
    "no model": (lambda files: tar(entry("card.yaml", files["card.yaml"])), r"it ends without \['model\.onnx'\]"),
    "no end": (lambda files: plain(files)[: -len(END)], r"the archive is cut off"),
    "half an end": (lambda files: plain(files)[: -archive.BLOCK], r"ends with two empty blocks"),
    "more behind": (lambda files: plain(files) + b"\0", r"nothing follows them"),
    "hidden in padding": (padded, r"card\.yaml at byte 0: something is hidden behind its end"),
    "too large": (resized(2**30 + 1), r"model\.onnx at byte \d+: 1073741825 bytes; at most 1073741824"),
    "cut off": (resized(2**29), r"model\.onnx at byte \d+: the archive is cut off"),
    "other digits": (sized_in_base_256, r"model\.onnx at byte \d+: not a header as"),
    "large card": (lambda _: archive.header("card.yaml", 2**18 + 1), r"card\.yaml at byte 0: 262145 bytes"),
    "not a card": (lambda _: tar(entry("card.yaml", b"x: [")), r"card\.yaml: not YAML"),
    "not a signature": (beside(entry("signature.json", b"{}")), r"signature\.json at byte \d+: not a signature"),
    "another tar": (written_by_tar, r"card\.yaml at byte 0: not a header as `aval models pack` writes it"),
    "compressed": (lambda files: gzip.compress(plain(files) * 20), r"not a plain tar"),
    "a bomb": (lambda _: gzip.compress(bytes(10**8)), r"not a plain tar"),
    "other weights": (
        lambda files: plain({**files, "model.onnx": files["model.onnx"] + b"\0"}),
        r"model\.onnx at byte \d+: SHA-256 is [0-9a-f]{64}, the card says otherwise",
    ),
}
"""Name: what makes the bytes of the archive from the files of an honest package, and what the refusal says."""
