"""The doorbell: facts from the outbox to whoever must act. README.md says why losing it costs time, never a case."""
