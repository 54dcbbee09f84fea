"""Models: packages with their cards, and their runs in limited child processes. Read README.md first."""
