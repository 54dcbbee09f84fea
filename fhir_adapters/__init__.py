"""FHIR in and out: the door, reading the record, drafting its objects, sending them. Read README.md first."""
