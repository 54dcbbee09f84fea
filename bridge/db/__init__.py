"""The store: one schema, two dialects, the gate as constraints. README.md gives the reading order."""
