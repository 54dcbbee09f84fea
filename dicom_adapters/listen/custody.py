"""An instance that came as a file, or on an association of our own, taken into custody: the same limits, refusals and
bytes as at the listener, whichever door it came through.
"""

from dataclasses import dataclass

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import Header, read_header, to_arrival
from dicom_adapters.read.part10 import FileMeta, file_head, read_file_meta
from guarantee.ports import Incoming, Vault
from guarantee.unit import Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """Where instances go, and how large they may be.

    Args:
        vault: durable when bytes are kept.
        instance_bytes_max: as scp.Options.
    """

    vault: Vault
    site: str
    instance_bytes_max: int = 1024**3
    allow_deflated: bool = False

    def file(self) -> "Taking":
        """Begin to take a whole file (PS3.10)."""
        return Taking(self, None)

    def data_set(self, *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> "Taking":
        """Begin to take a data set that comes without file meta information; the UIDs are known to be UIDs."""
        meta = FileMeta(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            end=0,
        )
        return Taking(self, meta)


class Taking:
    """One instance on its way in.

    Args:
        meta: what was announced; None when the bytes begin with it.
    """

    def __init__(self, custody: Custody, meta: FileMeta | None) -> None:
        self._custody = custody
        self._beginning = bytearray()
        self.size = 0
        """How many bytes were taken."""
        self._incoming: Incoming | None = None
        self._header: Header | None = None
        self.meta = meta
        """What the file says it is; None until so much of it has come."""
        if meta is not None:
            self._begin(meta)

    def write(self, piece: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            MalformedInstance: no DICOM file, or too large; what was taken is forgotten.
            Unavailable: the vault takes nothing now.
        """
        self.size += len(piece)
        rest = piece if self._incoming is not None else self._read_meta(piece)
        if self.size > self._custody.instance_bytes_max:  # after the file meta: the refusal can name the instance
            raise MalformedInstance("instance-too-large", f"more than {self._custody.instance_bytes_max} bytes")
        if self._incoming is None and self.meta is not None:
            self._begin(self.meta)
        if self._incoming is not None:
            self._incoming.write(rest)

    def finish(self, *, sender: str, conversation: str, study_uid: str = "") -> Arrival:
        """Check and keep the instance; return its arrival.

        Args:
            study_uid: that it must belong to; "" for any.

        Raises:
            MalformedInstance: not an instance that may be kept, or of another study; nothing was kept.
            Unavailable: the vault takes nothing now.
        """
        self.check(study_uid)
        return self.keep(sender=sender, conversation=conversation)

    def check(self, study_uid: str = "") -> None:
        """Read the header of the instance, which has come whole.

        Raises:
            MalformedInstance: not an instance that may be kept, or of another study than ``study_uid``.
        """
        if self.meta is None or self._incoming is None:
            if self._beginning[128:132] != b"DICM":
                raise MalformedInstance("not-dicom", "no DICOM file: it is shorter than a preamble and its prefix")
            raise MalformedInstance("truncated", "the file ends inside its file meta information")
        with self._incoming.view() as data:
            self._header = read_header(
                data,
                sop_class_uid=self.meta.sop_class_uid,
                sop_instance_uid=self.meta.sop_instance_uid,
                allow_deflated=self._custody.allow_deflated,
            )
        if study_uid not in {"", self._header.study_instance_uid}:
            raise MalformedInstance("study-mismatch", "the instance belongs to another study than the request names")

    def keep(self, *, sender: str, conversation: str, site: str = "") -> Arrival:
        """Make the bytes of an instance that was checked durable; return its arrival. Any thread may call it.

        Args:
            site: of the sender; "" for that of the custody.

        Raises:
            Unavailable: the vault takes nothing now.
        """
        if self._incoming is None or self._header is None:
            raise MalformedInstance("broken", "an instance is checked before it is kept")
        return to_arrival(
            self._header,
            digest=self._incoming.keep(),
            site=site or self._custody.site,
            sender=sender,
            conversation=conversation,
        )

    def discard(self) -> None:
        """Forget what was taken; harmless when it was kept."""
        if self._incoming is not None:
            self._incoming.discard()

    def _read_meta(self, piece: bytes | memoryview) -> bytes | memoryview:
        """Look for the file meta information; return what stands behind it."""
        beginning = bytes(self._beginning) + piece if self._beginning else bytes(piece)
        self.meta = read_file_meta(beginning)
        if self.meta is None:
            self._beginning += piece
            return b""
        self._beginning.clear()
        return memoryview(beginning)[self.meta.end :]

    def _begin(self, meta: FileMeta) -> None:
        self._incoming = self._custody.vault.begin()
        head = file_head(
            sop_class_uid=meta.sop_class_uid,
            sop_instance_uid=meta.sop_instance_uid,
            transfer_syntax_uid=meta.transfer_syntax_uid,
        )
        self._incoming.write(head)
