"""Whether the file system under a test has a place for notes."""

import os
from pathlib import Path

from bridge.vault.notes import ATTRIBUTE


def notes_are_kept(folder: Path) -> bool:
    """Return whether files below ``folder`` can have attributes."""
    probe = folder / "probe-of-attributes"
    probe.touch()
    try:
        os.setxattr(probe, ATTRIBUTE, b"1")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True
