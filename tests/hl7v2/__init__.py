"""The HL7v2 door."""
