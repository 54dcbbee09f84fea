"""The desk's pages and API, and the door for the record's events. README.md gives the reading order."""
