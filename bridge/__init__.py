"""Everything that runs: flows, store, broker, desk, command line. README.md gives the reading order."""
