"""The storage peer of pynetdicom's documentation, unchanged but for its port. ``… plain_receiver PORT FOLDER``."""

import os
import sys
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, evt


def handle_store(event: Any) -> int:
    """Keep an instance as the documented example does: decoded, written again, never flushed."""
    dataset = event.dataset
    dataset.file_meta = event.file_meta
    dataset.save_as(dataset.SOPInstanceUID, enforce_file_format=True)
    return 0x0000


def main() -> None:
    """Serve until the process is ended."""
    os.chdir(sys.argv[2])
    entity = AE()
    entity.supported_contexts = AllStoragePresentationContexts
    entity.start_server(("127.0.0.1", int(sys.argv[1])), block=True, evt_handlers=[(evt.EVT_C_STORE, handle_store)])


if __name__ == "__main__":
    main()
