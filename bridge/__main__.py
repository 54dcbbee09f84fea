"""``python -m bridge`` is ``aval``."""

from bridge.cli import main

main()
