"""The story of a case through the flows, on honest fakes of the outside and the real store."""
