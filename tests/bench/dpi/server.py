"""Aval's doors for the record and its relay, in one process: what ``make bench-dpi`` measures.

They are the processes of ``aval run intake`` and ``aval run relay``, without what looks up what was named: that goes at
the pace of the record, later, and would measure the record.
"""

import os
import sys
from pathlib import Path

from bridge.config import load
from bridge.runner import Simple, run
from bridge.wiring import processes
from bridge.wiring.parts import Parts


def main() -> None:
    """Serve until told to stop."""
    parts = Parts(load(Path(sys.argv[1]), os.environ))
    parts.open("all")
    bell = Simple("bell", lambda: None, parts.bell.close)
    try:
        run([bell, processes.relay(parts), processes.intake_server(parts), *processes.hl7_listeners(parts)])
    finally:
        parts.close()


if __name__ == "__main__":
    main()
