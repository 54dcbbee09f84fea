"""The Vault port: bytes by digest, as files of their own or in segments; README.md says how they differ."""

from bridge.vault.files import FileVault
from bridge.vault.segments import SegmentVault

__all__ = ["FileVault", "SegmentVault"]
