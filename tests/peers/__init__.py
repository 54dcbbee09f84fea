"""Real peers for the tests: each is started on private ports with a private data folder, and stopped again."""
