"""The Vault port: bytes by digest, as files, in segments, or in an object store; README.md says how they differ."""

from typing import Protocol

from bridge.vault.bucket import Bucket
from bridge.vault.bucket import Options as BucketOptions
from bridge.vault.files import FileVault
from bridge.vault.objects import ObjectVault
from bridge.vault.probe import examine
from bridge.vault.segments import SegmentVault
from bridge.vault.signature import Login
from guarantee.ports import Vault

__all__ = [
    "Bucket",
    "BucketOptions",
    "FileVault",
    "KeptVault",
    "Login",
    "ObjectVault",
    "SegmentVault",
    "examine",
]


class KeptVault(Vault, Protocol):
    """The port, and what keeps a vault in order."""

    def recover(self) -> None:
        """Settle what a crash left; before anything is looked for."""

    def sweep(self, older_than_s: float, now_s: float) -> int:
        """Remove what a crash left and what is not needed any more; return how much went."""

    def free_bytes(self) -> int:
        """Return how much more the local disk holds."""

    def close(self) -> None:
        """Let go of what is open."""
