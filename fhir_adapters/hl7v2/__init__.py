"""HL7v2 in over MLLP: messages of the record and of the laboratory to arrivals, news of identities, and readings."""
